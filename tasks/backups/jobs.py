"""The backups queue: asked every few minutes, does what is due."""

import logging

from models.core import clock
from models.core.db import reading
from models.core.errors import StateConflict
from models.entities.house import JobRun
from tasks.app import app
from tasks.backups.drill import Drilled, is_due, run_drill
from tasks.backups.make import make_backup, summary
from tasks.backups.records import DRILL, JOB, recorded
from tasks.backups.safe import open_safe

log = logging.getLogger(__name__)


@app.task(name="backups.make")
def make() -> None:
    """Make a backup if an hour has passed since the last; a failure is tried again when asked."""
    safe = open_safe()
    try:
        made = recorded(JOB, lambda: make_backup(safe, only_if_due=True), summary)
    except StateConflict:
        log.info("a backup is being made already")
        return
    if made:
        log.info("backup made", extra={"backup": made.name, "bytes": made.seal.sealed_size})


@app.task(name="backups.drill")
def drill() -> None:
    """Prove the newest backup once a day. Nothing before there is one."""
    safe = open_safe()
    with reading() as session:
        run = session.get(JobRun, DRILL)
        due = is_due(run.last_success if run else None, now=clock.now())
    if due and safe.catalogue() != ([], []):
        recorded(DRILL, lambda: run_drill(safe), Drilled.as_json)
