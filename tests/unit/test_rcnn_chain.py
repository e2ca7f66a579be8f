"""The chain that trains R-CNN: in params.yaml, and run from proposals to the saved net."""

import json
from dataclasses import replace

import numpy as np
import pytest
import toys

from archbench import resolve
from archbench.architectures.network import load_network
from archbench.architectures.parted import Network
from archbench.config import ConfigError, check_config
from archbench.training.run import Pace, run_benchmark

QUIET = Pace(1e9, lambda run, row, epochs, monitor: None)
SMALL = {"side": 20, "widths": [8, 8, 12, 12, 8], "dense_width": 16, "stem": [5, 1]}


def _proposed():
    squares = toys.squares()
    random, splits = np.random.default_rng(0), {}
    for name, arrays in squares.splits.items():
        boxes = arrays["boxes"].repeat(3, axis=1)
        moved = boxes + random.integers(-2, 3, boxes.shape) * (boxes[..., 2:3] > 0)
        corner = random.integers(0, 20, (len(boxes), 8, 2))
        others = np.concatenate([corner, corner + 11], axis=-1)
        splits[name] = {**arrays, "proposals": np.concatenate([moved, others], axis=1).astype("float32")}
    told = {**squares.card.arrays, "proposals": {"shape": [14, 4], "dtype": "float32"}}
    return replace(squares, card=replace(squares.card, arrays=told), splits=splits)


def test_a_chain_is_fine_tuned_then_fitted_and_saved(tmp_path):
    given = _proposed()
    common = {"parts": {"initializer": {"name": "he_normal"}, "dropout": None}, "augmentation": []}
    tuned = toys.settings(
        **common,
        benchmark="tuned",
        architecture={"name": "rcnn", **SMALL},
        task={"name": "proposal_classification", "sampled_regions": 12, "max_detections": 4},
        epochs=12,
    )
    run_benchmark([tuned], given, tmp_path / "tuned", QUIET)
    before = json.loads((tmp_path / "tuned" / "seed-0" / "metrics.json").read_text())["scores"]["test"]
    assert before["map_50"] > 0.3, before
    start = {"from": "tuned", "parts": {"features": "features"}, "train": "none", "weights_sha256": "0"}
    chained = toys.settings(
        **common,
        benchmark="chained",
        architecture={"name": "rcnn_svm", **SMALL, "ridge": 10.0},
        task={"name": "proposal_svm", "max_detections": 4},
        start=start,
        epochs=5,
    )
    run_benchmark([chained], given, tmp_path / "chained", QUIET)
    metrics = json.loads((tmp_path / "chained" / "seed-0" / "metrics.json").read_text())
    assert metrics["scores"]["test"]["map_50"] > 0.5, metrics
    assert metrics["epochs_run"] == 1
    models = [load_network(tmp_path / name / "seed-0" / "model.keras") for name in ("tuned", "chained")]
    assert all(isinstance(model, Network) for model in models)
    assert set(models[1].parts) == {"features", "svms", "boxes"}
    for one, other in zip(*(model.parts["features"].get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.abs(models[1].parts["svms"].get_weights()[0]).max() > 0


def _config(start, **changes):
    """A chain of a classifier of 20 pixels, a net that is fine-tuned from it, and what is fitted on that."""
    alex = {"name": "alexnet", **{name: value for name, value in SMALL.items() if name != "side"}}
    return check_config(
        {
            "pipeline": "chain",
            "seeds": [0],
            "datasets": {
                "plain": {"name": "balloons", "size": 40, "examples": 40},
                "searched": {"name": "selective_search", "of": "plain"},
            },
            "benchmarks": {
                "classifier": {"architecture": alex, "dataset": "plain"},
                "knn": {"architecture": "knn", "dataset": "plain"},
                "tuned": {
                    "architecture": {"name": "rcnn", **SMALL},
                    "dataset": "searched",
                    "start": {"from": "classifier", "parts": {"features": "network"}, "train": "all"},
                },
                "fitted": {
                    "architecture": {"name": "rcnn_svm", **SMALL},
                    "dataset": "searched",
                    "start": {"from": "tuned", "parts": {"features": "features"}, "train": "none", **start},
                    **changes,
                },
            },
        }
    )


def test_params_may_hold_the_chain_whose_regions_are_smaller_than_the_papers():
    config = _config({})
    assert resolve.resolve(config, "tuned").settings["start"]["parts"] == {"features": "network"}
    assert resolve.resolve(config, "fitted").settings["task"]["name"] == "proposal_svm"
    straight = resolve.resolve(_config({"from": "classifier", "parts": {"features": "network"}}), "fitted")
    assert straight.settings["start"]["from"] == "classifier"


@pytest.mark.parametrize(
    ("start", "changes", "why"),
    [
        ({"from": "classifier", "parts": {"features": "network"}}, {"stem": [4, 1]}, "has weights of shapes"),
        ({}, {"dense_width": 24}, "has weights of shapes"),
        ({"from": "classifier", "parts": {"svms": "network"}}, {}, "has weights of shapes"),
        ({"from": "knn", "parts": {"features": "network"}}, {}, "knn has no weights to start from"),
    ],
)
def test_a_chain_that_does_not_fit_is_refused_when_params_are_read(start, changes, why):
    with pytest.raises(ConfigError, match=r"benchmarks\.fitted\.start: ") as error:
        resolve.resolve_all(_config(start, architecture={"name": "rcnn_svm", **SMALL, **changes}))
    assert why in str(error.value)
