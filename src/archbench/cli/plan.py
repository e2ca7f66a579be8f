"""`archbench plan`: what `dvc repro` would run here, how long it takes, what it needs, and dvc.yaml itself."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archbench._lean import import_keras
from archbench.cli import display
from archbench.cli.entries import Json
from archbench.stages import open_pipeline

if TYPE_CHECKING:
    from archbench.asked import Asked
    from archbench.cli.changes import Stage
    from archbench.cli.data import Data
    from archbench.cli.forecast import Forecast
    from archbench.config import Config
    from archbench.project import Folders
    from archbench.resolve import Plan


FEW = 6
"""So many stages are shown one by one; more of them by kind."""
SHOWN_NAMES = 3
STATES = {"run": "runs", "wait": "if inputs change", "unknown": "cannot tell"}


def plan(
    write: Annotated[bool, typer.Option("--write", help="Write dvc.yaml from params.yaml and the catalogues.")] = False,
    every: Annotated[bool, typer.Option("--all", help="A line a stage and a licence, however many.")] = False,
    as_json: Json = False,
) -> None:
    """Show what `dvc repro` would run.

    For how long, on how much disk, under which licences. With --write, write dvc.yaml instead, tell DVC whether there
    is git, and git that dvc.lock and the scores, which every run writes, are no change of the project.

    Minutes are measured where the same network ran before on the same data, here or where the report that comes with
    the project was made, else estimated from its layers, multiply-adds and activations.
    """
    here = Path.cwd()
    if write:
        _write(here, as_json)
        return
    facts = forecast(here)
    if as_json:
        display.print_json(facts)
    else:
        _print(facts, every)


def forecast(here: Path) -> dict[str, Any]:
    """All that `archbench plan` tells, as JSON."""
    config, folders = open_pipeline()
    from archbench.cli import changes

    with ThreadPoolExecutor(1) as beside:  # DVC is a process of its own, and takes as long as all the rest
        status = beside.submit(changes.stages_of, config, here, folders.root)
        import_keras()
        from archbench.cli.forecast import small_spaces
        from archbench.training import machine

        costs, plans, data, asked = open_forecast(config, folders)
        fits = _fits(config, folders, here)
    found, unread = _stages(status, config, here, fits)
    stages = []
    for stage in found:
        cost = costs.stage(stage.name, plans)
        stages.append(
            {
                "stage": stage.name,
                "state": stage.state,
                "why": list(stage.why),
                "seconds": cost.seconds,
                "basis": cost.basis,
            }
        )
    coming = {stage["stage"] for stage in stages if stage["state"] in ("run", "wait")}
    facts = {
        "pipeline": config.pipeline,
        "dvc_file": fits,
        "dvc": unread,
        "device": machine.device_name(),
        "stages": stages,
        "seconds": sum(stage["seconds"] or 0.0 for stage in stages if stage["stage"] in coming),
        "unknown": [stage["stage"] for stage in stages if stage["seconds"] is None],
        "damaged": costs.damaged,
        "small_spaces": small_spaces(config),
        "disk": _disk(costs, data, plans, coming, folders.root),
        "licences": [
            {"dataset": slug, "licence": one.licence, "source": one.entry.source} for slug, one in data.items()
        ],
    }
    asked.keep()
    return facts


def open_forecast(config: Config, folders: Folders) -> tuple[Forecast, dict[str, Plan], dict[str, Data], Asked]:
    """What foretells the cost of a stage, with the benchmarks and the data sets that it knows, and what it may keep."""
    from archbench import resolve
    from archbench.asked import Asked
    from archbench.cli.data import look_up
    from archbench.cli.forecast import Forecast
    from archbench.training import machine

    asked = Asked(folders.known.with_name(f"{config.pipeline}-plan.json"))
    data = {slug: look_up(slug, config.datasets, folders, asked) for slug in config.datasets}
    return Forecast(config, folders, data, machine.device_kind(), asked), resolve.resolve_all(config), data, asked


def _stages(status: Future[list[Stage]], config: Config, here: Path, fits: str) -> tuple[list[Stage], str | None]:
    """The stages, and why DVC cannot tell which are up to date: on a read-only disk, or where git is missing."""
    from archbench import scm
    from archbench.cli import changes

    try:
        return status.result(), None
    except changes.DvcFailed as error:
        if fits != "current":
            raise
        command = scm.mend(here)
        reason = f"{error.reason}{f'; type: {command}' if command else ''}"
        return changes.stages_unread(config, here), reason


def _disk(costs: Any, data: Mapping[str, Any], plans: Mapping[str, Any], coming: set[str], root: Path) -> Any:
    """Bytes that the stages which are still to run will write; unknown sizes are left out and named."""
    prepare = [one for slug, one in data.items() if f"prepare@{slug}" in coming]
    models = {slug: costs.model_bytes(one) for slug, one in plans.items() if f"train@{slug}" in coming}
    unknown = [one.entry.name for one in prepare if one.prepared_bytes is None]
    return {
        "download_bytes": sum(one.download_bytes for one in prepare),
        "prepared_bytes": sum(one.prepared_bytes or 0 for one in prepare),
        "model_bytes": sum(size or 0 for size in models.values()),
        "unknown": unknown,
        "free_bytes": shutil.disk_usage(root).free,
    }


def _fits(config: Any, folders: Any, here: Path) -> str:
    from archbench import dvcfile

    if not (here / "dvc.yaml").is_file():
        return "missing"
    try:
        dvcfile.check(config, folders, here)
    except dvcfile.StaleDvcFile:
        return "stale"
    return "current"


def _print(facts: Mapping[str, Any], every: bool) -> None:
    """Fits a screen of 24 lines, unless `every` stage is asked for."""
    rows = [stage for stage in facts["stages"] if stage["state"] != "current"]
    if not rows:
        print("dvc repro has nothing to do")
    elif len(rows) <= FEW or every:
        table = [
            [stage["stage"], STATES[stage["state"]], _time([stage]), ", ".join(stage["why"][:3])] for stage in rows
        ]
        display.print_table(["stage", "dvc repro", "time", "why"], table)
    else:
        display.print_table(["stages", "of which run", "time", "why"], _groups(facts["stages"]))
    current = sum(stage["state"] == "current" for stage in facts["stages"])
    disk = facts["disk"]
    sizes = [disk[name] for name in ("download_bytes", "prepared_bytes", "model_bytes")]
    lines = {
        "up to date": f"{current} of {len(facts['stages'])} stages",
        "time": f"about {display.seconds_text(facts['seconds'])} on {facts['device']}",
        "disk": "downloads {}, data {}, models {}; {} free".format(
            *(display.bytes_text(size) for size in (*sizes, disk["free_bytes"]))
        ),
        "licences": "\n".join(_licences(facts["licences"], every)),
    }
    if facts["small_spaces"]:
        lines["spaces"] = "\n".join(
            "{arm}: {points} distinct points for {trials} trials; a point that was tried is not trained again".format(
                **one
            )
            for one in facts["small_spaces"]
        )
    if disk["unknown"]:
        lines["disk"] += f"; prepared size unknown: {_shortly(disk['unknown'])}"
    if facts["unknown"]:
        lines["time"] += f", not counting {_shortly(facts['unknown'])}, of which nothing is known yet"
    if facts["damaged"]:
        lines["damaged"] = "\n".join(facts["damaged"])
    if facts["dvc_file"] != "current":
        lines["dvc.yaml"] = f"{facts['dvc_file']}: run archbench plan --write"
    if facts["dvc"]:
        lines["dvc"] = f"cannot tell what is up to date: {facts['dvc']}"
    if len(rows) > FEW and not every:
        lines["more"] = "archbench plan --all"
    display.print_fields(lines)


def _groups(stages: list[Mapping[str, Any]]) -> list[list[str]]:
    """A row a kind of stage: how many, how many of them run or may run, for how long, and the commonest reason."""
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for stage in stages:
        kinds.setdefault(stage["stage"].partition("@")[0], []).append(stage)
    rows = []
    for kind, own in kinds.items():
        moving = [stage for stage in own if stage["state"] != "current"]
        if moving:
            surely = sum(stage["state"] == "run" for stage in moving)
            shown = f"{len(moving)}{'' if surely == len(moving) else f', {len(moving) - surely} perhaps'}"
            rows.append([f"{len(own)} {kind}", shown, _time(moving), _commonest(moving)])
    return rows


def _commonest(stages: list[Mapping[str, Any]]) -> str:
    reasons = Counter(
        "inputs change" if stage["state"] == "wait" else "".join(stage["why"][:1]) or STATES["unknown"]
        for stage in stages
    )
    (first, _), *others = reasons.most_common()
    return f"{first}, and {len(others)} more" if others else first


def _time(stages: list[Mapping[str, Any]]) -> str:
    known = [stage for stage in stages if stage["seconds"] is not None]
    if not known:
        return "unknown"
    bases = dict.fromkeys(stage["basis"] for stage in known)
    return f"{display.seconds_text(sum(stage['seconds'] for stage in known))} {'/'.join(bases)}"


def _licences(licences: list[Mapping[str, str]], every: bool) -> list[str]:
    """A line a data set, or a line a licence with the first of its data sets."""
    if every:
        return [f"{one['dataset']}: {one['licence']}" for one in licences]
    sets: dict[str, list[str]] = {}
    for one in licences:
        sets.setdefault(one["licence"], []).append(one["dataset"])
    return [f"{_shortly(names)}: {licence}" for licence, names in sets.items()]


def _shortly(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _write(here: Path, as_json: bool) -> None:
    """Write dvc.yaml whole or not at all, and say what is different."""
    config, folders = open_pipeline()
    import_keras()
    from archbench import dvcfile, scm
    from archbench.cli.changes import describe_changes
    from archbench.records.run_folder import write_text
    from archbench.records.scores import FOLDER

    files = dvcfile.render_all(config, folders, here)
    path, lines, written = here / "dvc.yaml", [], False
    for file, new in files.items():
        old = file.read_text(encoding="utf-8") if file.is_file() else None
        if new != old:
            lines += describe_changes(old, new)
            write_text(file, new)
            written = True
    if left := dvcfile.left_over(config, here):
        lines += describe_changes(left[0].read_text(encoding="utf-8"), "stages: {}")
        scm.keep_apart(here, left, apart=False)
        for file in left:
            file.unlink()
        written = True
    told = scm.settle(here)
    scm.keep_apart(here, [here / FOLDER, *(file.with_suffix(".lock") for file in files)])
    if as_json:
        display.print_json({"path": str(path), "written": written, "changes": lines, "dvc": told})
        return
    print(f"{path}: {'written' if written else 'already up to date'}")
    for line in [*lines, *([told] if told else [])]:
        print(f"  {line}")
