"""A project around data of the user's own: a params.yaml that fits them, the pages of the stages, and dvc.yaml."""

from __future__ import annotations

import re
from contextlib import chdir, suppress
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import yaml

from archbench import dialect, dvcfile
from archbench.config import read_config
from archbench.datasets._annotations import annotated
from archbench.datasets._own import NotThere, Place
from archbench.datasets._tables import PARQUET, read_table
from archbench.datasets.card import Card
from archbench.datasets.prepare import prepare
from archbench.errors import UserError
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


class NotEmpty(UserError):
    """A folder that holds a project, or files in the way of one."""


@dataclass(frozen=True)
class Written:
    """A project that was begun."""

    files: list[Path]
    benchmark: str
    """The one that its params.yaml names."""


def write_project(folder: Path, data: Path | None) -> Written:
    """Write a project that trains on `data`, or on a stub to replace.

    The data are prepared at once, so what is wrong with them is told here. Raises `NotEmpty`, or what is wrong.
    """
    for name in ("params.yaml", "dvc.yaml", "pipelines"):
        if (folder / name).exists():
            raise NotEmpty(f"{folder / name} is there already. Choose another folder, or move it away.")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    if data is None:
        data = folder / "data.csv"
        data.write_text(STUB, encoding="utf-8")
        written.append(data)
    data = data.expanduser().resolve()
    root = folder.resolve()
    named = str(data.relative_to(root)) if data.is_relative_to(root) else str(data)
    slug = re.sub(r"[^a-z0-9_-]+", "-", data.name.split(".")[0].lower()).strip("-_") or "mine"
    folders = Folders(root, re.sub(r"[^a-z0-9_-]+", "-", root.name.lower()).strip("-_") or "mine")
    spec = guess(data)
    with chdir(root):
        card = prepare(pointed(spec, named), slug, folders.prepared / slug, folders.raw)
    values = {
        "pipeline": _text(folders.pipeline),
        "slug": _text(slug),
        "data": _flow(pointed(spec, named)),
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


def guess(data: Path) -> dict[str, Any]:
    """The data set that a file or folder seems to be, without its path: its name and options; raises `NotThere`."""
    if not data.exists():
        raise NotThere(f"There is no file or folder {data}. Correct its path.")
    if data.is_file() and data.suffix.lower() in TABLES:
        columns = list(read_table("file", str(data)).columns)
        if {"text", "label"} <= set(columns):
            return {"name": "text_table"}
        return {"name": "table", "target": columns[-1]}
    if data.is_file() and data.suffix.lower() in (".txt", ".md"):
        return {"name": "text_lines"}
    place = Place("folder", str(data), data.parent)
    if place.pictures("images") and place.names("masks"):
        return {"name": "masks"}
    return {"name": "boxes"} if annotated(place) else {"name": "image_folder", "size": 32}


def pointed(spec: dict[str, Any], path: str) -> dict[str, Any]:
    """A data set with its path, after its name."""
    key = "file" if spec["name"] in ("table", "text_table", "text_lines") else "folder"
    return {"name": spec["name"], key: path, **spec}


def _network(dataset: str, card: Card) -> dict[str, Any]:
    """A small network for a kind of data, as a benchmark names it."""
    if dataset == "table":
        numbers = next(entry.name for entry in TASKS if entry.build.needs == ("target",))
        task = {} if card.class_names else {"task": numbers}
        return {"architecture": {"name": "mlp", "units": [64, 64]}, **task}
    if dataset == "text_table":
        return {"architecture": "bag_of_words", "preprocessing": "none"}
    if dataset == "text_lines":
        sizes = {"width": 64, "hidden": 128, "heads": 4, "depth": 2, "kept": 32}
        return {"architecture": {"name": "transformer_xl", **sizes}, "preprocessing": "none"}
    if dataset == "masks":
        return {"architecture": {"name": "unet", "width": 16, "depth": 3, "padding": "same"}}
    if dataset == "boxes":
        return {"architecture": {"name": "yolo_v2", "width": 8}}
    return {"architecture": "lenet5"}


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
