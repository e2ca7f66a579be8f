"""Where what a notebook makes is kept: prepared data, runs and studies."""

from __future__ import annotations

import os
from pathlib import Path

from archbench.project import Folders, NotAProject, project_root

PIPELINE, HOME = "notebook", "ARCHBENCH_HOME"
FOLDER = "archbench-notebook"
"""Below the working folder, where neither a project nor `ARCHBENCH_HOME` says otherwise."""


def folders() -> Folders:
    """Those of the pipeline `notebook`: below `ARCHBENCH_HOME`, or of the project that the working folder is in."""
    if os.environ.get(HOME):
        return Folders(Path(os.environ[HOME]).expanduser().resolve(), PIPELINE)
    try:
        return Folders(project_root(), PIPELINE)
    except NotAProject:
        return Folders(Path.cwd() / FOLDER, PIPELINE)
