"""The backups queue: scheduled every few minutes, each task does only the work that is due."""

import logging

from models.core import clock
from models.core.database.transactions import reading
from models.core.errors import StateConflict
from models.entities.running import JobRun
from tasks.app import app
from tasks.backups.drill import Drilled, is_due, run_drill
from tasks.backups.make import make_backup, summary
from tasks.backups.records import DRILL, JOB, SECOND_STORE, recorded
from tasks.backups.stores.facts import note_store
from tasks.backups.stores.safe import FIRST, open_safe
from tasks.backups.stores.second import copy_to_second

log = logging.getLogger(__name__)


@app.task(name="backups.make")
def make() -> None:
    """Make a backup if an hour has passed since the last. The next run retries a failure."""
    try:
        made = recorded(JOB, lambda: make_backup(open_safe(), only_if_due=True), summary)
    except StateConflict:
        log.info("a backup is already being made")
        return
    if made:
        note_store(FIRST, open_safe())
        log.info("backup made", extra={"backup": made.name, "bytes": made.seal.sealed_size})


@app.task(name="backups.drill")
def drill() -> None:
    """Verify the newest backup by a restore, once a day. Do nothing while there is no backup."""
    with reading() as session:
        run = session.get(JobRun, DRILL)
        due = is_due(run.last_success if run else None, now=clock.now())
    if due:
        recorded(DRILL, _drilled, Drilled.as_json)


def _drilled() -> Drilled | None:
    safe = open_safe()
    return run_drill(safe) if safe.catalogue() != ([], []) else None


@app.task(name="backups.copy")
def copy() -> None:
    """Copy to the second store the files that it lacks. The next run retries a failure."""
    try:
        recorded(SECOND_STORE, lambda: copy_to_second(open_safe()), lambda done: done)
    except StateConflict:
        log.info("the second store is already being filled")
