"""Plumbing below the restaurant: settings, database, locks, clock, logging.

Whatever a process imports of the product, this comes first: so what has to be the same in every
process, before its first time zone and its first metric, is done here.
"""

from models.core.observe.metric_files import use_roomy_files
from models.core.zones import use_pinned_zones

use_pinned_zones()
use_roomy_files()
