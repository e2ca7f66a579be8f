"""A project around data of the user's own: a params.yaml that fits them, the pages of the stages, and dvc.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import chdir, suppress
from dataclasses import dataclass
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Any

import yaml

from archbench import dialect, dvcfile
from archbench.config import read_config
from archbench.datasets import DATASETS
from archbench.datasets._annotations import annotated
from archbench.datasets._own import NotThere, Place
from archbench.datasets._tables import PARQUET, Table, read_table
from archbench.datasets.card import Card
from archbench.datasets.prepare import prepare
from archbench.errors import UserError, listed
from archbench.project import Folders
from archbench.tasks import TASKS

TEMPLATES = Path(__file__).parent / "cli" / "templates"
STAGES = {"sources": "", "prepare": "sys.argv[1]", "train": "sys.argv[1]", "sweep": "sys.argv[1]"}
STAGES |= {"probe": "sys.argv[1]", "report": "", "speed": ""}
"""Stage -> what its page hands over."""
TABLES = (".csv", ".tsv", *PARQUET)
STUB = "length,width,kind\n" + "".join(f"{n % 7 + 5 * (n % 2)}.{n % 10},{n % 5},{'ab'[n % 2]}\n" for n in range(60))
"""A table to replace, where the user names no data."""
MOST_BATCH = 32


LISTINGS = {"image_folder": ("file", "label"), "image_pairs": ("first", "second", "same")}
"""Data set of pictures -> the columns of a table that lists them, the first of which names a file."""
SIDE = 32
"""Pixels a side that pictures are brought to, for a first network."""
NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "table": {"architecture": {"name": "mlp", "units": [64, 64]}},
    "text_table": {"architecture": "bag_of_words", "preprocessing": "none"},
    "text_lines": {
        "architecture": {"name": "transformer_xl", "width": 64, "hidden": 128, "heads": 4, "depth": 2, "kept": 32},
        "preprocessing": "none",
    },
    "parallel_text": {
        "architecture": {"name": "transformer_base", "width": 64, "hidden": 128, "heads": 4, "depth": 2},
        "preprocessing": "none",
    },
    "image_folder": {"architecture": "lenet5"},
    "image_pairs": {"architecture": {"name": "siamese", "widths": [16, 32], "sizes": [5, 3], "dense_width": 64}},
    "masks": {"architecture": {"name": "unet", "width": 16, "depth": 3, "padding": "same"}},
    "boxes": {"architecture": {"name": "yolo_v2", "width": 8}},
}
"""Data set of the user's own -> a small network for a first benchmark on it."""
NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


class CannotGuess(UserError):
    """A file or folder that does not say what it is."""


class NotOwn(UserError):
    """A data set that is not made from files of the user's own, where one that is was asked for."""


class NotEmpty(UserError):
    """A folder that holds a project, or files in the way of one."""


@dataclass(frozen=True)
class Written:
    """A project that was begun."""

    files: list[Path]
    benchmark: str
    """The one that its params.yaml names."""


def write_project(
    folder: Path, data: Path | None, name: str | None = None, options: Mapping[str, Any] = NO_OPTIONS
) -> Written:
    """Write a project that trains on `data`, or on a stub to replace; `name` and `options` say what they are (`seen`).

    The data are prepared at once, so what is wrong with them is told here. Raises `NotEmpty`, or what is wrong.
    """
    for taken in ("params.yaml", "dvc.yaml", "pipelines"):
        if (folder / taken).exists():
            raise NotEmpty(f"{folder / taken} is there already. Choose another folder, or move it away.")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    if data is None:
        data = folder / "data.csv"
        data.write_text(STUB, encoding="utf-8")
        written.append(data)
    data, root = data.expanduser().resolve(), folder.resolve()
    spec = seen(data, name, options)
    for option in DATASETS[spec["name"]].facts["paths"]:
        if option in spec and Path(spec[option]).is_relative_to(root):
            spec[option] = str(Path(spec[option]).relative_to(root))
    slug = re.sub(r"[^a-z0-9_-]+", "-", data.name.split(".")[0].lower()).strip("-_") or "mine"
    folders = Folders(root, re.sub(r"[^a-z0-9_-]+", "-", root.name.lower()).strip("-_") or "mine")
    with chdir(root):
        card = prepare(spec, slug, folders.prepared / slug, folders.raw)
    values = {
        "pipeline": _text(folders.pipeline),
        "slug": _text(slug),
        "data": _flow(spec),
        "benchmark": _flow({**_network(spec["name"], card), "dataset": slug}),
        "name": f"first-{slug}",
        "batch_size": min(MOST_BATCH, max(1, card.split_sizes["train"] // 4)),
    }
    (root / "params.yaml").write_text(_template("params").substitute(values), encoding="utf-8")
    (root / "pipelines").mkdir()
    for stage, given in STAGES.items():
        imported = "import sys\n\n" if given else ""
        text = _template("stage").substitute(stage=stage, given=given, imported=imported)
        (root / "pipelines" / f"{stage}.py").write_text(text, encoding="utf-8")
    if not (root / ".gitignore").exists():
        (root / ".gitignore").write_text(_template("gitignore").template, encoding="utf-8")
    with chdir(root):
        config = read_config(root / "params.yaml")
        for path, text in dvcfile.render_all(config, folders, root).items():
            path.write_text(text, encoding="utf-8")
    pages = [folder / "pipelines" / f"{stage}.py" for stage in STAGES]
    return Written([*written, folder / "params.yaml", folder / "dvc.yaml", *pages], values["name"])


def seen(data: Path, name: str | None = None, options: Mapping[str, Any] = NO_OPTIONS) -> dict[str, Any]:
    """The data set of the user's own that a file or folder is: the one of this `name`, or the one that it seems to be.

    `options` go over those of the guess; all paths are whole. Raises `NotThere`, `CannotGuess`, `NotOwn`, or
    `WrongOption`.
    """
    data = data.expanduser().resolve()
    if not data.exists():
        raise NotThere(f"There is no file or folder {data}. Correct its path.")
    if name is not None and DATASETS[name].facts["kind"] != "own":
        raise NotOwn(f"{name} is not made from files of your own. Choose one of: {listed(_own_names())}.")
    spec = guess(data) if name is None else {"name": name, DATASETS[name].facts["paths"][0]: str(data)}
    entry = DATASETS[spec["name"]]
    for option, value in options.items():
        path = option in entry.facts["paths"] and isinstance(value, str)
        spec[option] = str(Path(value).expanduser().resolve()) if path else value
    entry.check_whole({option: value for option, value in spec.items() if option != "name"})
    return spec


def guess(data: Path) -> dict[str, Any]:
    """The data set that a file or folder seems to be, with what it says of its options. Raises `CannotGuess`."""
    if data.is_file() and data.suffix.lower() in TABLES:
        rows = read_table("file", str(data))
        if pictures := _listing(rows, data.parent):
            return {**pictures, "folder": str(data.parent), "table": str(data)}
        if {"text", "label"} <= set(rows.columns):
            return {"name": "text_table", "file": str(data)}
        return {"name": "table", "file": str(data), "target": [*rows.columns][-1]}
    if data.is_file() and data.suffix.lower() in (".txt", ".md"):
        return {"name": "text_lines", "file": str(data)}
    place = Place("folder", str(data), data.parent)
    if not place.pictures():
        return _texts(data)
    if place.pictures("images") and place.names("masks"):
        return {"name": "masks", "folder": str(data)}
    tables = [path for path in _files(data) if path.suffix.lower() in TABLES]
    if len(tables) == 1 and (pictures := _listing(read_table("table", str(tables[0])), data)):
        return {**pictures, "folder": str(data), "table": str(tables[0])}
    if annotated(place):
        return {"name": "boxes", "folder": str(data)}
    if not any("/" in name for name in place.pictures()):
        raise _cannot(
            data,
            "it has pictures, and neither folders of classes or masks, nor annotations, nor one table with the columns "
            "file and label, or first, second and same",
        )
    return {"name": "image_folder", "folder": str(data), "size": SIDE}


def _listing(rows: Table, folder: Path) -> dict[str, Any] | None:
    """What a table of pictures of a folder is; None of another table."""
    more = {name: name for name in ("split", "group") if name in rows.columns}
    for name, columns in LISTINGS.items():
        if set(columns) <= set(rows.columns) and (folder / rows.column(columns[0], columns[0])[0]).is_file():
            return {"name": name, "size": SIDE, **more}
    return None


def _texts(data: Path) -> dict[str, Any]:
    """Two languages, where a folder has a file of each, called source and target; raises `CannotGuess`."""
    taken = DATASETS["parallel_text"].facts["paths"]
    found = {path.name.split(".")[0]: str(path) for path in _files(data)}
    if not {"source", "target"} <= set(found):
        raise _cannot(data, "it has no pictures, and no two texts called source and target")
    return {"name": "parallel_text", **{name: found[name] for name in taken if name in found}}


def _files(folder: Path) -> list[Path]:
    """The files in a folder, hidden ones left out; none of an archive."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def _own_names() -> list[str]:
    return [entry.name for entry in DATASETS if entry.facts["kind"] == "own"]


def _cannot(data: Path, why: str) -> CannotGuess:
    return CannotGuess(
        f"{data} does not say what it is: {why}. Say it by --as, one of {listed(_own_names())}, with the options of "
        "that by their names: --as image_pairs --table pairs.csv. archbench show tells them."
    )


def _network(dataset: str, card: Card) -> dict[str, Any]:
    """A small network for a kind of data, as a benchmark names it."""
    numbers = next(entry.name for entry in TASKS if entry.build.needs == ("target",))
    task = {"task": numbers} if dataset == "table" and not card.class_names else {}
    return {**NETWORKS[dataset], **task}


def _template(name: str) -> Template:
    return Template((TEMPLATES / f"{name}.txt").read_text(encoding="utf-8"))


def _text(value: str) -> str:
    """Text in YAML."""
    return _flow([value])[1:-1]


def _flow(value: Any) -> str:
    """A value on one line of YAML."""
    options = {"default_flow_style": True, "sort_keys": False, "allow_unicode": True, "width": 10_000}
    return yaml.dump(value, Dumper=_Dumper, **options).strip()


class _Dumper(yaml.SafeDumper):
    """Puts text in quotes that our reader of YAML would take for anything else."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    with suppress(dialect.NotReadable):
        if dialect.read(f"text: {text}") == {"text": text}:
            return dumper.represent_str(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


_Dumper.add_representer(str, _represent)
