"""How commands grow with a pipeline: `python tests/growth.py FOLDER TIMES...` makes projects and measures them.

Each project has so many times 30 finished benchmarks, made up by `fake_runs`, and a study to every thirty. Prints a row
for each size and command, with the seconds and the memory of its process, then the slopes between the last two sizes on
logarithmic axes.
"""

import json
import math
import os
import subprocess
import sys
import time
from contextlib import chdir
from pathlib import Path

import keras
import yaml

sys.path.insert(0, str(Path(__file__).parent / "unit"))

import fake_runs

from archbench import kept, new_project, resolve
from archbench.config import read_config
from archbench.datasets.prepare import prepare
from archbench.project import Folders
from archbench.records import run_folder
from archbench.tracking.signature import describe

BENCHMARKS = 30
"""The tour's number."""
TIMED = ("compile_seconds", "input_seconds", "step_seconds", "evaluation_seconds")
ARMS = ("sgd", "momentum", "adam")
RECORD = """
from pathlib import Path
import yaml
from archbench.cli.run import _record
stages = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
own = {name: one.get("foreach", [None]) for name, one in stages.items() if name not in ("report", "speed")}
_record(Path.cwd(), {name if key is None else f"{name}@{key}" for name, keys in own.items() for key in keys})
"""
COMMANDS = {
    "plan --write": ["archbench", "plan", "--write"],
    "record": [sys.executable, "-c", RECORD],
    "plan": ["archbench", "plan"],
    "dvc status": ["dvc", "status"],
    "report": ["archbench", "report"],
    "results": ["archbench", "results"],
    "list": ["archbench", "list"],
    "doctor": ["archbench", "doctor"],
    "sync": ["archbench", "sync"],
}
"""The second has DVC record that every stage ended, as `archbench run` does at its end."""
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def _timed(score, history=fake_runs.history, **options):
    return [{**row, **dict.fromkeys(TIMED, 0.1)} for row in history(score, **options)]


def make(folder: Path, times: int) -> None:
    """A project of `times` the tour, all of it finished."""
    fake_runs.history = _timed
    subprocess.run(["git", "init", "-q", folder], check=True)
    subprocess.run(["dvc", "init", "-q"], cwd=folder, check=True)
    new_project.write_project(folder, None)
    benchmarks = {f"mlp-{number:05}": _benchmark(number) for number in range(times * BENCHMARKS)}
    studies = {f"study-{number:04}": _study() for number in range(times)}
    image = keras.Input((8, 8, 1), name="image")
    network = keras.Model(image, keras.layers.Dense(10)(keras.layers.Flatten()(image)))
    network.save(folder / "model.keras")
    model, signature = (folder / "model.keras").read_bytes(), describe(network)
    params = {"pipeline": "grown", "seeds": [0], "datasets": {"digits": {"size": 8}}, "benchmarks": benchmarks}
    with chdir(folder):
        Path("params.yaml").write_text(yaml.safe_dump({**params, "studies": studies}, sort_keys=False))
        folders = Folders(folder.resolve(), "grown")
        card = prepare({"name": "digits", "size": 8}, "digits", folders.prepared / "digits", folders.raw)
        config = read_config(Path("params.yaml"))
        for number, slug in enumerate(benchmarks):
            trial = resolve.resolve(config, slug).trial_settings(0, card.sha256, folders.runs, card.input_shape)
            seed = fake_runs.write_run(folders.runs / slug / "seed-0", trial, 0.9 + number % 90 / 1000)
            (seed / "model.keras").write_bytes(model)
            fake_runs.write_json(seed / "signature.json", signature)
            run_folder.seal(seed, json.loads((seed / "metrics.json").read_text()))
        for slug in studies:
            fake_runs.write_study(folders.studies / slug, arms=ARMS, name=slug)
        kept.renew(config, folders)
        subprocess.run(["archbench", "run", "sources"], check=True, capture_output=True)


def _benchmark(number: int) -> dict:
    optimizer = {"name": "adam", "learning_rate": round(0.001 + number * 1e-6, 6)}
    architecture = {"name": "mlp", "units": [8 + number % 50]}
    return {"architecture": architecture, "dataset": "digits", "optimizer": optimizer, "epochs": fake_runs.EPOCHS}


def _study() -> dict:
    arms = {name: {"optimizer": name} for name in ARMS}
    space = {"learning_rate": {"low": 0.001, "high": 0.1}}
    base = {"architecture": "mlp", "dataset": "digits"}
    return {"base": base, "arms": arms, "trials": 2, "epochs": 1, "space": space}


def measure(folder: Path, times: int, commands: list[str]) -> dict[str, tuple[float, float]]:
    """Command -> its seconds, and the megabytes of the largest of its processes."""
    found = {}
    for name in commands:
        start = time.perf_counter()
        command = [sys.executable, "-c", MEASURED, *COMMANDS[name]]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
        code, kilobytes = done.stdout.split()
        found[name] = seconds, int(kilobytes) / 1024
        failed = "" if code == "0" else f"  exit {code}: {done.stderr.strip().splitlines()[-1:]}"
        print(f"{times * BENCHMARKS:6d}  {name:14s} {seconds:8.1f} s {found[name][1]:8.0f} MB{failed}", flush=True)
    return found


def main(folder: Path, sizes: list[int]) -> None:
    """Measure every command at each size."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    found = []
    for times in sizes:
        made = folder / str(times)
        if not made.exists():
            make(made, times)
        found.append(measure(made, times, list(COMMANDS)))
    if len(sizes) > 1:
        last, before = found[-1], found[-2]
        for name in COMMANDS:
            slope = math.log(last[name][0] / before[name][0]) / math.log(sizes[-1] / sizes[-2])
            print(f"slope of {name}: {slope:.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), [int(size) for size in sys.argv[2:]])
