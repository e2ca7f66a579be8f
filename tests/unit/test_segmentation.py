"""Segmentation where some pixels are of no known class, and with another loss."""

import numpy as np
import pytest
from keras import ops
from sklearn import metrics as reference

from archbench.datasets._raw import Raw
from archbench.datasets.card import Card
from archbench.errors import UserError
from archbench.metrics import direction
from archbench.tasks import TASKS
from archbench.training.program import _batch_mean
from backend import gradient

SIDE, KINDS = 8, ("round", "Long one")


def _task(void: int | None = 255, **options):
    arrays = {"image": {"shape": [SIDE, SIDE, 3], "dtype": "uint8"}, "mask": {"shape": [SIDE, SIDE], "dtype": "uint8"}}
    card = Card("toy", "", "", "image", arrays, {}, KINDS, void={} if void is None else {"mask": void})
    return TASKS.build({"name": "segmentation", **options}, card)


def _mask(seed: int = 0, count: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 3, (count, SIDE, SIDE)).astype("uint8")


def _with_void(mask: np.ndarray, void: int = 255) -> tuple[np.ndarray, np.ndarray]:
    """The mask with void at a third of its pixels, of one example at none, and where that is."""
    where = np.random.default_rng(9).random(mask.shape) < 1 / 3
    where[1] = False
    return np.where(where, np.uint8(void), mask), where


def _logits(count: int = 3, classes: int = 3) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(count, SIDE, SIDE, classes)).astype("float32") * 2


def _compared(task, logits, mask) -> dict[str, np.ndarray]:
    given = {"mask": ops.convert_to_tensor(mask)}
    return {k: ops.convert_to_numpy(v) for k, v in task.compare(ops.convert_to_tensor(logits), given, None).items()}


def _nats(logits, mask) -> np.ndarray:
    logits = logits.astype(float)
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return -np.log(np.take_along_axis(shares, mask[..., None].astype(int), axis=-1))[..., 0]


def test_what_is_kept_of_a_split_is_known_by_hand():
    """Three pictures in halves: one right, one wrong beside the border, one wrong far from it where void hides half."""
    mask = np.zeros((3, SIDE, SIDE), "uint8")
    mask[:, :, 4:] = 1
    said = mask.copy()
    said[1, :, 4] = 0
    said[2, :, 7] = 2
    mask[2, :4, 7] = 255
    kept = _task().kept({"mask": mask}, {"mask": said})
    assert kept["mistakes"].tolist() == [0, 1 / 8, 4 / 60]
    assert _task().picked({"mask": mask}, {"mask": said}, 2).tolist() == [0, 1]
    bands = dict(zip(kept["border_pixels"].tolist(), kept["border_mean_iou"], strict=True))
    assert bands[16] == pytest.approx(_task().scores({"mask": mask}, {"mask": said}, {})["mean_iou"])
    for pixels in (1, 3):
        assert bands[pixels] == pytest.approx(_brute_band(mask, said, pixels))


def _brute_band(mask, said, pixels) -> float:
    """Mean IoU of the known pixels that have another label within so many pixels, one pixel at a time."""
    pairs = []
    for image, row, column in np.ndindex(mask.shape):
        rows, columns = (slice(max(0, place - pixels), place + pixels + 1) for place in (row, column))
        if mask[image, row, column] != 255 and (mask[image, rows, columns] != mask[image, row, column]).any():
            pairs.append((mask[image, row, column], said[image, row, column]))
    truth, guess = np.array(pairs).T
    return float(reference.jaccard_score(truth, guess, average="macro"))


def test_void_pixels_count_nowhere_in_the_loss():
    mask, logits = _mask(), _logits()
    holed, void = _with_void(mask)
    found = _compared(_task(), logits, holed)
    expected = [_nats(logits, mask)[example][~void[example]].mean() for example in range(3)]
    assert found["loss"] == pytest.approx(expected, rel=1e-5)
    assert found["weight"].tolist() == [(~one).sum() for one in void]
    # whatever is said of them
    other = np.where(void[..., None], 7 - 3 * logits, logits)
    assert _compared(_task(), other, holed)["loss"] == pytest.approx(expected, rel=1e-5)
    dice = [_compared(_task(loss="dice"), said, holed)["loss"] for said in (logits, other)]
    assert dice[0] == pytest.approx(dice[1], rel=1e-6)


def test_an_example_that_is_all_void_counts_nothing():
    mask = _mask()
    mask[2] = 255
    for loss in ("cross_entropy", "focal", "dice"):
        found = _compared(_task(loss=loss), _logits(), mask)
        assert found["loss"][2] == pytest.approx(0, abs=1e-6)
        assert found["loss"][:2].min() > 0.01
    assert _compared(_task(), _logits(), mask)["weight"].tolist() == [64, 64, 0]
    assert _compared(_task(loss="dice"), _logits(), mask)["weight"].tolist() == [1, 1, 0]


@pytest.mark.parametrize("loss", ["cross_entropy", "focal", "dice"])
def test_the_loss_of_a_batch_or_split_is_that_of_its_known_pixels(loss):
    """Whatever examples share a batch: one that is all void changes neither the loss nor its gradient."""
    mask, logits, task = _with_void(_mask())[0], _logits(), _task(loss=loss)
    void = np.full_like(mask, 255)

    def whole(said, mask):
        found = task.compare(said, {"mask": mask}, None)
        return _batch_mean(found["loss"], found["weight"])

    known = gradient(lambda x: whole(x, mask), logits)
    assert np.abs(known).max() > 1e-4
    both = gradient(lambda x: whole(x, np.concatenate([mask, void])), np.concatenate([logits, -logits]))
    np.testing.assert_allclose(both[:3], known, rtol=1e-5, atol=1e-9)
    assert not both[3:].any()
    assert not gradient(lambda x: whole(x, void), logits).any()
    parts = {k: ops.convert_to_numpy(v) for k, v in task.compare(logits, {"mask": mask}, None).items()}
    every = _nats(logits, np.where(mask == 255, 0, mask))[mask != 255]
    if loss == "cross_entropy":
        assert (parts["loss"] * parts["weight"]).sum() / parts["weight"].sum() == pytest.approx(every.mean(), rel=1e-5)


def test_without_void_there_is_no_weight_and_every_pixel_counts():
    mask, logits = _mask(), _logits()
    found = _compared(_task(None), logits, mask)
    assert found.keys() == {"loss"}
    assert found["loss"] == pytest.approx(_nats(logits, mask).mean(axis=(1, 2)), rel=1e-5)
    with_none = _compared(_task(), logits, mask)
    assert with_none["loss"] == pytest.approx(found["loss"], rel=1e-6)


def test_the_dice_loss_by_hand():
    """Per class one against the rest, all in one fraction: 1 - 2 sum p t / (sum p^2 + sum t^2)."""
    mask, logits = _mask(), _logits()
    _, void = _with_void(mask)
    shares, truth = 1 / (1 + np.exp(-logits.astype(float))), np.eye(3)[mask]
    for task, left_out in ((_task(None, loss="dice"), np.zeros_like(void)), (_task(loss="dice"), void)):
        found = _compared(task, logits, np.where(left_out, np.uint8(255), mask))
        assert found.keys() == ({"loss", "weight"} if left_out.any() else {"loss"})
        for example, kept in enumerate(~left_out):
            p, t = shares[example][kept], truth[example][kept]
            expected = 1 - 2 * (p * t).sum() / ((p**2).sum() + (t**2).sum())
            assert found["loss"][example] == pytest.approx(expected, rel=1e-5)


def test_another_loss_of_class_scores_is_taken_and_one_of_boxes_is_not():
    mask, logits = _mask(), _logits()
    one = _compared(_task(None, loss={"name": "focal", "gamma": 1.0}), logits, mask)
    other = _compared(_task(255, loss={"name": "focal", "gamma": 1.0}), logits, mask)
    assert one["loss"] == pytest.approx(other["loss"], rel=1e-5)
    assert np.abs(one["loss"] - _compared(_task(None), logits, mask)["loss"]).min() > 0.05
    with pytest.raises(UserError, match=r"'giou' does not compare class scores .* cross_entropy, .*dice"):
        _task(loss="giou")
    with pytest.raises(UserError, match=r"'dice' does not compare class scores with labels\. These do: cross_entropy"):
        TASKS.resolve({"name": "classification", "loss": "dice"})


def test_void_pixels_count_nowhere_in_the_scores():
    mask, said = _mask(), np.random.default_rng(4).integers(0, 3, (3, SIDE, SIDE)).astype("uint8")
    holed, void = _with_void(mask)
    found = _task().scores({"mask": holed}, {"mask": said}, {})
    pair = mask[~void], said[~void]
    each = reference.jaccard_score(*pair, average=None)
    assert found == pytest.approx(
        {
            "mean_iou": each.mean(),
            "pixel_accuracy": reference.accuracy_score(*pair),
            "frequency_weighted_iou": reference.jaccard_score(*pair, average="weighted"),
            "background_class_iou": each[0],
            "round_class_iou": each[1],
            "long_one_class_iou": each[2],
        }
    )
    assert all(direction(name) for name in found)


def test_the_iou_is_of_a_whole_split_and_not_a_mean_over_its_pictures():
    mask = np.zeros((2, SIDE, SIDE), "uint8")
    mask[0, :4], said = 1, mask.copy()
    said[0, :4], said[1] = 1, 0
    said[1, 0, :2] = 1
    found = _task(None).scores({"mask": mask}, {"mask": said}, {})
    assert found["round_class_iou"] == pytest.approx(32 / 34)
    assert found["background_class_iou"] == pytest.approx(94 / 96)
    assert "long_one_class_iou" not in found  # which is nowhere true
    said[1, 7, 7] = 2
    found = _task(None).scores({"mask": mask}, {"mask": said}, {})
    assert "long_one_class_iou" not in found
    assert found["mean_iou"] == pytest.approx((32 / 34 + 93 / 96 + 0) / 3)


def test_a_void_that_is_a_kind_is_refused_and_so_is_a_split_without_a_class():
    for void, name in ((0, "background"), (2, "Long one")):
        with pytest.raises(UserError, match=rf"{void} is void, and also '{name}'\. Void must be at least 3"):
            _task(void)
    assert _task(3).outputs() == 3
    with pytest.raises(UserError, match="every pixel is void"):
        _task().arrays({"mask": np.full((2, SIDE, SIDE), 255, "uint8")})
    wrong = _mask()
    wrong[2, 5:, 5:] = 3
    with pytest.raises(UserError, match="mask 3 in example 2"):
        _task().arrays({"mask": wrong})


def test_a_loader_tells_what_is_void_of_an_array_that_it_holds():
    arrays = {"image": np.zeros((4, SIDE, SIDE, 3), "uint8"), "mask": np.zeros((4, SIDE, SIDE), "uint8")}
    given = {"source": "", "licence": "", "input": "image", "train": arrays}
    fractions = {"validation_fraction": 0.25, "test_fraction": 0.25}
    assert Raw(**given, **fractions, void={"mask": 255}).void == {"mask": 255}
    with pytest.raises(ValueError, match=r"does not hold: \['masks'\]"):
        Raw(**given, **fractions, void={"masks": 255})


def test_regions_are_scored_where_the_task_names_their_class():
    """Of `round`, by its probability: the likeliest class is another in the middle, where it has 0.4."""
    task = _task(255, regions="round")
    logits = np.zeros((2, SIDE, SIDE, 3), "float32")
    logits[..., 1] = np.log(18)  # 0.9 of it, 0.05 of each other
    logits[0, :, 4] = np.log([1, 2, 2])  # 0.4 of round and of the other
    logits[0, :, 4, 2] += 1e-3
    logits[1, :, 4] = np.log([6, 1, 3])
    found = {name: ops.convert_to_numpy(one) for name, one in task.decode(ops.convert_to_tensor(logits)).items()}
    assert (found["mask"].dtype, found["inside"].dtype) == ("uint8", "uint8")
    assert found["inside"][0, 0].tolist() == [230] * 4 + [102] + [230] * 3
    assert found["inside"][1, 0, 4] == 26
    assert (found["mask"][0, 0, 4], found["mask"][1, 0, 4]) == (2, 0)
    mask = np.ones((2, SIDE, SIDE), "uint8")
    mask[1, :, 4] = 0
    scores = task.scores({"mask": mask}, found, {})
    assert scores["pixel_error"] == pytest.approx(1 - scores["pixel_accuracy"])
    assert scores["pixel_error"] == pytest.approx(1 / 16)
    assert scores["v_rand"] == 1.0  # at 0.3 the first picture is whole
    mask[0, :, 0], mask[1, :, 0] = 255, 255  # which is no border, and not inside of a region
    scores = task.scores({"mask": mask}, found, {})
    assert scores["pixel_error"] == pytest.approx(1 / 14)
    assert scores["v_rand"] == 1.0
    assert [direction(name) for name in ("pixel_error", "v_rand")] == [False, True]


def test_without_regions_nothing_else_is_predicted_or_scored_and_a_class_that_is_none_is_refused():
    mask = _mask()
    assert _task().decode(ops.convert_to_tensor(_logits())).keys() == {"mask"}
    assert not _task().scores({"mask": mask}, {"mask": mask}, {}).keys() & {"pixel_error", "v_rand"}
    with pytest.raises(UserError, match=r"no such class\. It has: background, round, Long one"):
        _task(regions="square")
    assert _task(regions="background").regions == 0
