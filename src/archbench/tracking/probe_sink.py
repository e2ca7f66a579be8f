"""The copy in MLflow of the folder of a probe: a run with its settings, and its tables as artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from archbench.records.probe_folder import read_probe
from archbench.records.read import digest, milliseconds
from archbench.tracking import _tags
from archbench.tracking._values import as_params, as_tags, log, points

if TYPE_CHECKING:
    from archbench.tracking.store import Tracking


def sync_probe(folder: Path, tracking: Tracking) -> bool:
    """Bring MLflow up to date with a probe that ended; returns whether there was anything to do.

    Raises `HalfWritten` where it has not ended, and `BrokenRecord`.
    """
    probe = read_probe(folder)
    settings, machine, ended = probe.settings, probe.machine, digest(probe.metrics)
    experiment, label = tracking.experiment(f"{settings['pipeline']}/probes"), _tags.label(probe.path, tracking.store)
    with tracking.lock(f"{experiment} {label}"):
        found = _tags.find(tracking, experiment, folder=label, kind="probe")
        mine = [run for run in found if run.data.tags.get(_tags.ENDED) == ended][:1]
        for run in found:
            (_tags.revive if run in mine else _tags.retire)(tracking, run)
        if mine:
            return False
        start, seconds = milliseconds(machine["started"]), probe.metrics["seconds"]
        tags = {
            _tags.KIND: "probe",
            _tags.FOLDER: label,
            _tags.SUPERSEDED: "false",
            "archbench.pipeline": settings["pipeline"],
            _tags.HOST: machine["host"],
            _tags.PID: machine["pid"],
            _tags.STARTED: machine["started"],
            **_tags.source(machine),
        }
        client = tracking.client
        run = client.create_run(experiment, start_time=start, tags=as_tags(tags), run_name=probe.name)
        for slug, sha256 in settings["datasets"].items():
            _tags.log_dataset(tracking, run, settings["pipeline"], slug, sha256)
        for name in (*probe.metrics["files"], "metrics.json"):
            client.log_artifact(run.info.run_id, str(probe.path / name))
        params = as_params({"probe": settings["probe"], "networks": ", ".join(settings["networks"])})
        numbers = points({"system/seconds": seconds}, start, step=0)
        # With the tag that vouches for the copy: without it the next synchronisation makes another.
        log(client, run.info.run_id, numbers, params, {_tags.ENDED: ended})
        client.set_terminated(run.info.run_id, "FINISHED", end_time=start + int(1000 * seconds))
    return True
