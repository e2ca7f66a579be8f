"""`archbench plan`: what `dvc repro` would run here, how long it takes, what it needs, and dvc.yaml itself."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from archbench.cli import display
from archbench.cli.entries import Json
from archbench.stages import open_pipeline


def plan(
    write: Annotated[bool, typer.Option("--write", help="Write dvc.yaml from params.yaml and the catalogues.")] = False,
    as_json: Json = False,
) -> None:
    """Show what `dvc repro` would run.

    For how long, on how much disk, under which licences. With --write, write dvc.yaml instead.

    Seconds are measured where the same network ran before on the same data, else estimated from its multiply-adds.
    """
    here = Path.cwd()
    if write:
        _write(here, as_json)
        return
    facts = forecast(here)
    if as_json:
        display.print_json(facts)
    else:
        _print(facts)


def forecast(here: Path) -> dict[str, Any]:
    """All that `archbench plan` tells, as JSON."""
    config, folders = open_pipeline()
    from archbench import plan as planning
    from archbench.cli import changes
    from archbench.cli.data import look_up
    from archbench.cli.forecast import Forecast, small_spaces
    from archbench.training import machine

    plans = planning.resolve_all(config)
    data = {slug: look_up(slug, named, folders) for slug, named in config.datasets.items()}
    costs = Forecast(config, folders, data, machine.device_kind())
    stages = []
    for stage in changes.stages_of(config, here, folders.root):
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
    coming = {stage["stage"] for stage in stages if stage["state"] != "current"}
    return {
        "pipeline": config.pipeline,
        "dvc_file": _fits(config, folders, here),
        "device": machine.device_name(),
        "stages": stages,
        "seconds": sum(stage["seconds"] or 0.0 for stage in stages if stage["stage"] in coming),
        "unknown": [stage["stage"] for stage in stages if stage["seconds"] is None],
        "small_spaces": small_spaces(config),
        "disk": _disk(costs, data, plans, coming, folders.root),
        "licences": [
            {"dataset": slug, "licence": one.licence, "source": one.entry.source} for slug, one in data.items()
        ],
    }


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


def _print(facts: Mapping[str, Any]) -> None:
    rows = [
        [stage["stage"], _state(stage), _time(stage), ", ".join(stage["why"][:3])]
        for stage in facts["stages"]
        if stage["state"] != "current"
    ]
    if rows:
        display.print_table(["stage", "dvc repro", "time", "why"], rows)
    current = sum(stage["state"] == "current" for stage in facts["stages"])
    disk = facts["disk"]
    sizes = [disk[name] for name in ("download_bytes", "prepared_bytes", "model_bytes")]
    lines = {
        "up to date": f"{current} of {len(facts['stages'])} stages",
        "time": f"about {display.seconds_text(facts['seconds'])} on {facts['device']}",
        "disk": "downloads {}, prepared data {}, models {}; free {}".format(
            *(display.bytes_text(size) for size in (*sizes, disk["free_bytes"]))
        ),
        "licences": "\n".join(f"{one['dataset']}: {one['licence']}" for one in facts["licences"]),
    }
    if facts["small_spaces"]:
        lines["spaces"] = "\n".join(
            "{arm}: {points} distinct points for {trials} trials; a point that was tried is not trained again".format(
                **one
            )
            for one in facts["small_spaces"]
        )
    if disk["unknown"]:
        lines["disk"] += f"; prepared size unknown: {', '.join(disk['unknown'])}"
    if facts["unknown"]:
        lines["time"] += f", not counting {', '.join(facts['unknown'])}, of which nothing is known yet"
    if facts["dvc_file"] != "current":
        lines["dvc.yaml"] = f"{facts['dvc_file']}: run archbench plan --write"
    display.print_fields(lines)


def _state(stage: Mapping[str, Any]) -> str:
    return "runs" if stage["state"] == "run" else "if inputs change"


def _time(stage: Mapping[str, Any]) -> str:
    if stage["seconds"] is None:
        return "unknown"
    return f"{display.seconds_text(stage['seconds'])} {stage['basis']}"


def _write(here: Path, as_json: bool) -> None:
    """Write dvc.yaml whole or not at all, and say what is different."""
    config, folders = open_pipeline()
    from archbench import dvcfile
    from archbench.cli.changes import describe_changes
    from archbench.tracking.run_folder import write_text

    path = here / "dvc.yaml"
    old = path.read_text(encoding="utf-8") if path.is_file() else None
    new = dvcfile.render(config, folders, here)
    lines = describe_changes(old, new) if new != old else []
    if new != old:
        write_text(path, new)
    if as_json:
        display.print_json({"path": str(path), "written": new != old, "changes": lines})
        return
    print(f"{path}: {'written' if new != old else 'already up to date'}")
    for line in lines:
        print(f"  {line}")
