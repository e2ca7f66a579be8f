"""`python -m archbench.cli._dvc_status`: what `dvc status --json dvc.yaml` prints.

DVC reads params.yaml anew for every stage, and walks all of it for every entry that the stage depends on: with as many
benchmarks as stages, that grows with their square. Here it is read once and each entry is looked up.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from dvc.cli import main
from dvc.dependency import param
from dvc.utils.serialize import load_path

_read = cache(load_path)


def read_entries(fs: Any, path: str, entries: list[str] | None = None, **_: Any) -> dict[str, Any]:
    """Entry, such as `benchmarks.lenet5`, -> its value in the file at `path`; those that it lacks are left out."""
    params = _read(path, fs)
    if not entries:
        return params
    found = {}
    for entry in entries:
        value = params
        for name in entry.split("."):
            if not isinstance(value, dict) or name not in value:
                break
            value = value[name]
        else:
            found[entry] = value
    return found


if __name__ == "__main__":
    param.read_param_file = read_entries
    sys.exit(main(["status", "--json", "dvc.yaml"]))
