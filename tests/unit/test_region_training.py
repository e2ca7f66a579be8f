"""Two-stage detection through the training loop: it learns, is saved, and its pictures are drawn."""

import json
from dataclasses import replace

import numpy as np
import pytest
import toys
from keras import ops

from archbench.architectures.network import load_network
from archbench.figures.pictures import PICTURES
from archbench.tasks import TASKS
from archbench.training.run import Pace, run_benchmark

QUIET = Pace(1e9, lambda run, row, epochs, monitor: None)


def test_it_learns_and_is_saved_with_its_parts(tmp_path):
    squares = toys.squares()
    trial = toys.settings(**toys.TWO_STAGES, epochs=20)
    run_benchmark([trial], squares, tmp_path, QUIET)
    (model,) = tmp_path.rglob("model.keras")
    metrics = json.loads((model.parent / "metrics.json").read_text())
    assert metrics["scores"]["test"]["map_50"] > 0.3, metrics
    assert set(metrics["scores"]["test"]) >= {"loss", "objectness", "rpn_boxes", "classes", "boxes", "map", "map_50"}

    loaded = load_network(model)
    assert set(loaded.parts) == {"features", "rpn", "head"}
    task = TASKS.build(trial["task"], squares.card)
    task.learn(squares.splits["train"], loaded.parts)

    class Net:
        training = False

        def __call__(self, *inputs, part):
            return loaded.parts[part](*inputs, training=False)

    test = squares.splits["test"]
    read = loaded.preprocessing["image"](test["image"].astype("float32"))
    found = {name: ops.convert_to_numpy(one) for name, one in task.predict(Net(), {"image": read}, 0).items()}
    assert task.scores(task.arrays(test), found, {})["map_50"] == metrics["scores"]["test"]["map_50"]

    shown = {"input": test["image"], "target_boxes": test["boxes"], "target_box_label": test["box_label"]}
    shown |= {f"prediction_{name}": np.asarray(values) for name, values in found.items()}
    assert [picture.name for picture in PICTURES.build("region_detection", shown)] == ["boxes"]


def test_masks_are_learnt_and_drawn(tmp_path):
    squares = toys.with_instances(toys.squares())
    trial = toys.settings(**toys.MASKS, epochs=20, seed=1)
    run_benchmark([trial], squares, tmp_path, QUIET)
    (model,) = tmp_path.rglob("model.keras")
    metrics = json.loads((model.parent / "metrics.json").read_text())["scores"]
    assert metrics["test"]["mask_map_50"] > 0.3, metrics
    assert set(metrics["test"]) >= {"loss", "masks", "map_50", "mask_map"}
    assert set(load_network(model).parts) == {"features", "rpn", "head", "mask"}
    shown = dict(np.load(model.parent / "predictions.npz"))
    names = [picture.name for picture in PICTURES.build("instance_segmentation", shown)]
    assert [name for name in names if name != "worst"] == [
        "masks", "mask_precision", "mask_mistakes", "precision", "mistakes", "anchors"
    ]  # fmt: skip
    assert shown["row"].tolist() == list(range(len(shown["input"])))  # few enough that all are kept
    told = {name: shown[f"whole_{name}class_map_50"].mean() for name in ("", "mask_")}
    assert told == pytest.approx({"": metrics["test"]["map_50"], "mask_": metrics["test"]["mask_map_50"]})
    assert shown["whole_mask_size_map"][0] == pytest.approx(metrics["test"]["mask_map"])
    timings = json.loads((model.parent / "timings.json").read_text())
    assert timings["predicted_per_second"] > 0


def test_given_proposals_are_judged_by_a_net_that_learns(tmp_path):
    squares, side = toys.squares(), 11
    corner = np.stack(np.meshgrid(np.arange(0, 22, 4.2), np.arange(0, 22, 4.2), indexing="ij"), axis=-1).reshape(-1, 2)
    windows = np.concatenate([corner, corner + side], axis=1).astype("float32")
    splits = {
        name: {**arrays, "proposals": np.tile(windows, (len(arrays["image"]), 1, 1))}
        for name, arrays in squares.splits.items()
    }
    told = {**squares.card.arrays, "proposals": {"shape": list(windows.shape), "dtype": "float32"}}
    changed = {
        "architecture": {"name": "fast_rcnn", "convs": [1, 1, 1], "width": 8, "pool": [3, 1], "dense_width": 32},
        "task": {"name": "proposal_detection", "pooling": "roi_pool", "sampled_regions": 16, "max_detections": 4},
        "parts": {"normalization": "batch", "dropout": None},
        "augmentation": [{"name": "flip"}],
    }
    given = replace(squares, card=replace(squares.card, arrays=told), splits=splits)
    run_benchmark([toys.settings(**changed, epochs=25)], given, tmp_path, QUIET)
    (model,) = tmp_path.rglob("model.keras")
    metrics = json.loads((model.parent / "metrics.json").read_text())["scores"]
    assert metrics["test"]["map_50"] > 0.3, metrics
    assert set(load_network(model).parts) == {"features", "head"}
