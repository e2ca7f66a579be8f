"""Two-stage detection through the training loop: it learns, is saved, and its pictures are drawn."""

import json

import numpy as np
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
