"""Infrastructure below the rules: settings, database, locks, clock, logging.

Every process that imports any part of the product imports this package first. So the set-up that
must be the same in every process, and precede its first time zone and its first metric, is done
here.
"""

from models.core.observe.metric_files import use_roomy_files
from models.core.zones import use_pinned_zones

use_pinned_zones()
use_roomy_files()
