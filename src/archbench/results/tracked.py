"""Where MLflow's own pages show a run: addresses that answer while `archbench ui` runs on this machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing

from archbench.errors import UserError
from archbench.tracking import _tags
from archbench.tracking.store import locate

ADDRESS = "http://127.0.0.1:5000/#/experiments/{experiment}/runs/{run}"
"""The port is that of `archbench ui` where none is given."""
FIND = """
SELECT tags.value, runs.experiment_id, runs.run_uuid FROM runs
JOIN tags ON tags.run_uuid = runs.run_uuid AND tags.key = ?
JOIN tags AS kind ON kind.run_uuid = runs.run_uuid AND kind.key = ? AND kind.value = 'seed'
JOIN tags AS old ON old.run_uuid = runs.run_uuid AND old.key = ? AND old.value = 'false'
WHERE runs.lifecycle_stage = 'active' ORDER BY runs.start_time
"""


def mlflow_pages() -> Mapping[str, str]:
    """A run's folder below the project -> the address of its page; nothing where the store is no file of the project.

    The file is read as it is, without MLflow, whose import takes seconds; what cannot be read has no links.
    """
    try:
        database = locate().database
    except UserError:
        return {}
    if database is None or not database.is_file():
        return {}
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=5)) as store:
            found = store.execute(FIND, (_tags.FOLDER, _tags.KIND, _tags.SUPERSEDED)).fetchall()
    except sqlite3.Error:
        return {}
    return {folder: ADDRESS.format(experiment=experiment, run=run) for folder, experiment, run in found}
