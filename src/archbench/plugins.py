"""Code outside the package whose entries the catalogues find: files that params.yaml names, and installed packages.

A file `my_nets.py` is imported as `archbench_plugins.my_nets`; an installed package names modules of its own under the
entry points `archbench.plugins`. What they declare stands in the catalogues as the package's own does, and their source
counts among the code of whatever uses them.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from archbench import catalogue, code, dialect
from archbench.errors import UserError, short, shown

PACKAGE, GROUP = "archbench_plugins", "archbench.plugins"


class BrokenPlugin(UserError):
    """A file that is named as a plugin and cannot be imported as one."""


def load_all(names: Sequence[str], here: Path) -> list[str]:
    """Import the files of `plugins` of the params.yaml in `here`, and return the names of their modules."""
    return [load(name, here) for name in names]


def load(given: str | Path, here: Path = Path()) -> str:
    """Import one file, a path from `here`, and return the name of its module.

    One that has not changed since is not imported again. Raises `BrokenPlugin`, with the line where its import failed.
    """
    try:
        path = (here / Path(given).expanduser()).resolve()
        there = path.is_file()
    except (OSError, RuntimeError, ValueError) as error:  # too long a name, an unknown ~user, a NUL
        why = short(str(error))
        raise BrokenPlugin(f"{shown(str(given))} cannot be a plugin: it is no path of a file ({why}).") from error
    if path.suffix != ".py" or not path.stem.isidentifier():
        raise BrokenPlugin(
            f"{shown(str(path))} cannot be a plugin: it must be a Python file whose name is a word, as my_nets.py."
        )
    if not there:
        raise BrokenPlugin(f"There is no plugin at {path}. Correct `plugins` in params.yaml.")
    name = f"{PACKAGE}.{path.stem}"
    if code.OUTSIDE.get(name, path) != path:
        raise BrokenPlugin(f"{path} and {code.OUTSIDE[name]} are plugins of one name. Rename one of them.")
    stamp = path.read_bytes()
    known = sys.modules.get(name)
    if known is None or known.__dict__.get("__stamp__") != stamp:
        _import(name, path, stamp)
    return name


def _import(name: str, path: Path, stamp: bytes) -> None:
    parent = sys.modules.setdefault(PACKAGE, ModuleType(PACKAGE))
    parent.__path__ = []  # so that it is a package, whose modules are those that are set here
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    module.__stamp__ = stamp
    _outside(name, path)
    sys.modules[name] = module
    try:
        exec(compile(stamp, str(path), "exec"), module.__dict__)  # not a cached .pyc of a file as old
    except Exception as error:
        del sys.modules[name]
        raise BrokenPlugin(f"{path}{_line(error, path)} cannot be imported: {type(error).__name__}: {error}") from error


def _outside(module: str, path: Path) -> None:
    """Say that a module is a plugin, before it declares anything."""
    catalogue.OUTSIDE.add(module)
    code.look_outside(module, path)


def _line(error: BaseException, path: Path) -> str:
    """The last line of this file that an error came through."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines.append(error.lineno)
    return f", line {lines[-1]}," if lines else ""


def installed() -> list[str]:
    """The modules of installed packages that say that they are plugins."""
    return sorted({point.module for point in entry_points(group=GROUP)})


def load_installed() -> dict[str, str]:
    """Import the modules of installed plugins; module -> what is wrong with it, for those that cannot be imported."""
    faults = {}
    for name in installed():
        try:
            spec = importlib.util.find_spec(name)
            if spec is None or spec.origin is None:
                raise ImportError(f"there is no module {name}")
            _outside(name, Path(spec.origin))
            importlib.import_module(name)
        except Exception as error:  # whatever it is: the package's own entries are no worse for it
            faults[name] = f"The installed plugin {name} cannot be imported: {type(error).__name__}: {error}"
    return faults


def named_near(here: Path) -> list[str]:
    """The plugins that the params.yaml in `here` names, as far as there is one that can be read."""
    try:
        values = dialect.read((here / "params.yaml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, dialect.NotReadable):
        return []
    names = values.get("plugins") if isinstance(values, dict) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
