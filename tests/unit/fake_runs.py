"""Made-up run and study folders in the format of the record: what a report is written from, without training.

Two data sets, five benchmarks, three seeds: one run diverged, one killed, one missing; and a study of eight arms.
"""

import csv
import hashlib
import json
import platform
from itertools import product
from pathlib import Path

import numpy as np
import yaml
from sklearn.datasets import load_digits

from archbench.records import run_folder

SEEDS = (0, 1, 2)
DEAD = 2**22 - 7
"""A process id above what the kernel gives out by default."""
EPOCHS = 12
NETWORKS = {
    "lenet5-digits": ("lenet5", "paper", "digits", "classification", 61_706, 416_520, 0.984),
    "resnet20-digits": ("resnet20", "8x8 input, width 1/2", "digits", "classification", 68_322, 2_600_000, 0.988),
    "plain20-digits": ("plain20", "8x8 input, width 1/2", "digits", "classification", 68_100, 2_600_000, 0.955),
    "unet-balloons": ("unet", "depth 3, width 1/8", "balloons", "segmentation", 120_404, 190_000_000, 0.81),
    "yolo-balloons": ("yolo_v2", "small", "balloons", "detection", 200_500, 60_000_000, 0.62),
}
MONITORS = {"classification": "accuracy", "segmentation": "mean_iou", "detection": "map_50"}
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "adamw")
KINDS = ("round", "heart", "star", "long_balloon")


def write_json(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    _seal_again(path.parent)


def write_rows(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    _seal_again(path.parent)


def _seal_again(folder: Path) -> None:
    """What a test changes in a run that has ended is what that run wrote."""
    if (folder / "metrics.json").exists() and (folder / "settings.yaml").exists():
        run_folder.seal(folder, json.loads((folder / "metrics.json").read_text()))


def settings(benchmark, seed, *, architecture, scale, dataset, task, optimizer="adam", **changes) -> dict:
    return {
        "id": f"{benchmark}-{seed}",
        "pipeline": "tour",
        "benchmark": benchmark,
        "seed": seed,
        "architecture": {"name": architecture},
        "scale": scale,
        "dataset": dataset,
        "task": {"name": task},
        "optimizer": {"name": optimizer, "learning_rate": 0.001},
        "schedule": {"name": "constant"},
        "epochs": EPOCHS,
        "batch_size": 32,
        "parts": {},
        "augmentation": [],
        "preprocessing": {"name": "standardize"},
        "clip": None,
        "early_stopping": None,
        "precision": "float32",
        "dataset_sha256": hashlib.sha256(dataset.encode()).hexdigest(),
        "code_sha256": hashlib.sha256(architecture.encode()).hexdigest(),
    } | changes


def machine(**changes) -> dict:
    return {
        "backend": "tensorflow",
        "backend_version": "2.21.0",
        "keras_version": "3.15.1",
        "archbench_version": "0.1.0",
        "python": "3.11.2",
        "platform": "Linux-6.1.0-x86_64-with-glibc2.36",
        "cpu": "AMD EPYC 7B13",
        "cpu_extensions": ["avx2", "fma"],
        "cores": 2,
        "memory_bytes": 16 * 2**30,
        "device": "AMD EPYC 7B13",
        "device_kind": "cpu",
        "xla": True,
        "xla_rule": "auto: 1.3e+07 multiply-adds a step, at most 2e+09 on a CPU",
        "precision": "float32",
        "git_commit": "0123456789abcdef0123456789abcdef01234567",
        "git_dirty": False,
        "dvc_stage": "train@x",
        "pid": 17,
        "host": "laptop",
        "started": "2026-11-21T01:00:00+00:00",
    } | changes


def metrics(score, *, monitor="accuracy", state="finished", parameters=61_706, **changes) -> dict:
    return {
        "state": state,
        "message": None,
        "diverged_at_step": None,
        "epochs_run": EPOCHS,
        "best_epoch": EPOCHS - 1,
        "monitor": monitor,
        "maximize": True,
        "scores": {
            "validation": {monitor: score, "loss": 0.1},
            "test": {monitor: score, "loss": 0.1} if state == "finished" else {},
        },
        "parameters": parameters,
        "parameters_total": parameters,
        "multiply_adds": 416_520,
    } | changes


def timings(train_seconds=10.0) -> dict:
    return {
        "compile_seconds": 1.5,
        "input_seconds": 0.1,
        "step_seconds": train_seconds - 0.1,
        "evaluation_seconds": 0.5,
        "train_seconds": train_seconds,
        "total_seconds": train_seconds + 2,
        "examples_per_second": 4000.0,
        "step_milliseconds": 1.2,
        "peak_memory_bytes": 2**30,
    }


def history(score, *, monitor="accuracy", epochs=EPOCHS, seed=0) -> list[dict]:
    random = np.random.default_rng(seed)
    rows = []
    for epoch in range(1, epochs + 1):
        gap = np.exp(-epoch / 3)
        rows.append(
            {
                "epoch": epoch,
                "step": 40 * epoch,
                "learning_rate": 0.001,
                "train_loss": 0.05 + 2.2 * gap + 0.05 * random.random(),
                f"train_{monitor}": score * (1 - gap),
                "validation_loss": 0.1 + 2.2 * gap,
                f"validation_{monitor}": score * (1 - 0.9 * gap) - 0.02 * random.random(),
                "gradient_norm": 1.0,
                "weight_norm": 9.0,
                "input_seconds": 0.2,
                "step_seconds": 0.8,
            }
        )
    return rows


def write_run(folder: Path, run_settings: dict, score: float, *, monitor="accuracy", **changes) -> Path:
    """A run folder; `state`, `parameters`, `train_seconds`, `multiply_adds`, `predictions` change what it holds."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.yaml").write_text(yaml.safe_dump(run_settings))
    write_json(folder / "machine.json", machine())
    write_rows(folder / "history.csv", history(score, monitor=monitor, seed=run_settings["seed"]))
    write_json(folder / "timings.json", timings(changes.pop("train_seconds", 10.0)))
    if predictions := changes.pop("predictions", None):
        np.savez(folder / "predictions.npz", **predictions)
    run_folder.seal(folder, metrics(score, monitor=monitor, **changes))
    return folder


def digit_predictions(seed=0) -> dict[str, np.ndarray]:
    digits = load_digits()
    images, labels = digits.images[:360, ..., None].astype("uint8"), digits.target[:360].astype("int32")
    guess = labels.copy()
    wrong = np.random.default_rng(seed).choice(48, 4, replace=False)
    guess[wrong] = (guess[wrong] + 1 + wrong) % 10
    return {
        "input": images[:48],
        "target_label": labels[:48],
        "prediction_label": guess[:48],
        "prediction_confidence": np.full(48, 0.9, "float32"),
        "all_target_label": labels,
        "all_prediction_label": guess,
        "class_names": np.array([str(number) for number in range(10)]),
    }


def balloon_scenes(count=8, side=64) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Noisy pictures with discs: image, mask, boxes [top, left, bottom, right], box_label."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side]
    images = np.zeros((count, side, side, 3))
    masks = np.zeros((count, side, side), "uint8")
    boxes, labels = np.zeros((count, 3, 4), "float32"), np.full((count, 3), -1, "int32")
    for scene in range(count):
        slope = (y + x)[..., None] * random.uniform(0.3, 1, 3)
        images[scene] = 40 + slope + random.normal(0, 12, (side, side, 3))
        for place in range(2):
            kind, radius = int(random.integers(4)), random.uniform(6, 14)
            top, left = random.uniform(radius, side - radius, 2)
            disc = (y - top) ** 2 + (x - left) ** 2 < radius**2
            masks[scene][disc] = kind + 1
            images[scene][disc] = random.uniform(60, 255, 3) + random.normal(0, 8, (disc.sum(), 3))
            boxes[scene, place] = top - radius, left - radius, top + radius, left + radius
            labels[scene, place] = kind
    return images.clip(0, 255).astype("uint8"), masks, boxes, labels


def balloon_predictions(task: str) -> dict[str, np.ndarray]:
    images, masks, boxes, labels = balloon_scenes()
    shared = {"input": images, "class_names": np.array(KINDS)}
    if task == "segmentation":
        return shared | {"target_mask": masks, "prediction_mask": np.roll(masks, 2, axis=1)}
    return shared | {
        "target_boxes": boxes,
        "target_box_label": labels,
        "prediction_boxes": boxes + 2,
        "prediction_label": labels,
        "prediction_score": np.full(labels.shape, 0.83, "float32"),
    }


def write_runs(runs: Path) -> None:
    """The five benchmarks: plain20 seed 1 diverged, unet seed 2 was killed, yolo seed 2 is missing."""
    for place, (benchmark, facts) in enumerate(NETWORKS.items()):
        architecture, scale, dataset, task, parameters, multiply_adds, score = facts
        for seed in SEEDS:
            described = {"architecture": architecture, "scale": scale, "dataset": dataset, "task": task}
            value = score + 0.004 * (seed - 1) * (-1) ** place
            changes = {"predictions": digit_predictions() if dataset == "digits" else balloon_predictions(task)}
            write_run(
                runs / benchmark / f"seed-{seed}",
                settings(benchmark, seed, **described),
                value,
                monitor=MONITORS[task],
                parameters=parameters,
                multiply_adds=multiply_adds,
                train_seconds=4.0 + 30 * place + seed,
                **changes,
            )
    diverge(runs / "plain20-digits" / "seed-1")
    kill(runs / "unet-balloons" / "seed-2")
    for path in (runs / "yolo-balloons" / "seed-2").iterdir():
        path.unlink()
    (runs / "yolo-balloons" / "seed-2").rmdir()


def diverge(folder: Path, *, step=133) -> None:
    """Turn a finished run folder into one whose loss became NaN."""
    rows = history(0.9, epochs=4)
    rows[-1]["train_loss"] = "nan"
    write_rows(folder / "history.csv", rows)
    changes = {"state": "diverged", "diverged_at_step": step, "epochs_run": 3}
    write_json(folder / "metrics.json", metrics(0.9, **changes) | {"message": f"The loss is nan at step {step}."})
    (folder / "predictions.npz").unlink(missing_ok=True)
    _seal_again(folder)


def kill(folder: Path) -> None:
    """Turn a finished run folder into one that SIGKILL left in the middle of a line, on this machine."""
    for name in ("metrics.json", "timings.json", "predictions.npz"):
        (folder / name).unlink(missing_ok=True)
    write_json(folder / "machine.json", machine(host=platform.node(), pid=DEAD))
    text = (folder / "history.csv").read_text()
    (folder / "history.csv").write_text("\n".join(text.splitlines()[:6])[:-4])


def write_study(folder: Path, *, arms=OPTIMIZERS, trials=12, name="optimizers", cross=None, networks=None) -> None:
    """A study whose every arm had `trials` trials; trial 3 was pruned, the largest learning rate failed.

    With `cross` the arms are the pairs of its axes; `networks` are the architectures of arms that have their own.
    """
    arms = ["-".join(cell) for cell in product(*cross.values())] if cross else arms
    random = np.random.default_rng(1)
    rows, curves = [], []
    for place, arm in enumerate(arms):
        rates = 10 ** random.uniform(-4, 0, trials)
        rates[0] = 0.01
        for number, rate in enumerate(rates):
            best = 0.985 - 0.004 * place - 0.12 * (np.log10(rate) + 1.3) ** 2 / 4
            state = "failed" if rate == rates.max() else "pruned" if number == 3 else "complete"
            rows.append(
                {
                    "study": name,
                    "arm": arm,
                    "number": number,
                    "state": state,
                    "value": best if state == "complete" else "",
                    "epochs_run": {"complete": 5, "pruned": 2, "failed": 0}[state],
                    "seconds": 1.5,
                    "worker": number % 2,
                    "enqueued": number == 0,
                    "param_learning_rate": rate,
                    "param_momentum": 0.9 if arm in ("momentum", "nesterov") else "",
                }
            )
            ran = rows[-1]["epochs_run"]
            curves += [
                {"arm": arm, "number": number, "epoch": epoch, "value": best - 0.1 / epoch}
                for epoch in range(1, ran + 1)
            ]
        for seed in SEEDS:
            described = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification"}
            run_settings = settings(f"{name}/{arm}", seed, optimizer=arm, **described, epochs=5)
            score = 0.98 - 0.004 * place + 0.003 * random.normal()
            write_run(folder / "final" / arm / f"seed-{seed}", run_settings, float(score))
    write_rows(folder / "trials.csv", rows)
    write_rows(folder / "trials_history.csv", curves)
    base = {"architecture": {"name": "lenet5"}, "scale": "paper", "dataset": "digits"}
    rate = {"low": 1e-4, "high": 1.0, "log": True, "one_minus": False, "integer": False}
    content = {
        "study": name,
        "base": base,
        "arms": {arm: {"space": {}, "sampler": None, "architecture": (networks or {}).get(arm)} for arm in arms},
        "cross": cross or {},
        "space": {"learning_rate": rate},
        "trials": trials,
        "epochs": 5,
        "folds": None,
        "sampler": "tpe",
        "pruner": "median",
    }
    (folder / "settings.yaml").write_text(yaml.safe_dump(content))
    write_json(folder / "machine.json", machine())
