"""Elastic deformation: as far as the paper says, smooth, and with what lies on the picture."""

import keras
import numpy as np
import pytest

from archbench.augmentations import AUGMENTATIONS
from archbench.augmentations.elastic import bicubic
from augmented import arrays_of, card_of, run, tensors
from backend import compiled


def _ramps(count: int, side: int = 65) -> dict[str, np.ndarray]:
    """Pictures whose two channels are the place, in float32."""
    y, x = np.mgrid[:side, :side].astype("float32")
    return {"image": np.repeat(np.stack([y, x], axis=-1)[None], count, axis=0)}


def _moves(count: int, **options) -> np.ndarray:
    """How far off the old place is, (example, height, width, [y, x])."""
    batch = _ramps(count)
    return run("elastic", batch, 3, **options)["image"] - batch["image"]


def _catmull_rom(before, start, end, after, t):
    """A cubic through two points whose slopes are those between their neighbours."""
    return 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )


@pytest.mark.parametrize("knots", [2, 3, 5])
def test_places_between_the_grids_are_interpolated_bicubically(knots):
    values = np.random.default_rng(0).normal(size=knots)
    padded = np.concatenate([values[:1], values, values[-1:]])
    found = bicubic(30, knots) @ values
    for pixel in range(30):
        place = (pixel + 0.5) / 30 * (knots - 1)
        first = min(int(place), knots - 2)
        assert found[pixel] == pytest.approx(_catmull_rom(*padded[first : first + 4], place - first), abs=1e-5)


def test_the_middle_place_moves_by_the_deviation():
    """65 pixels have the middle one of 3 places at the centre of the 33rd; both directions are drawn alike."""
    moves = _moves(1500, pixels=4.0)[:, 32, 32]
    assert moves.std(axis=0) == pytest.approx([4, 4], rel=0.08)
    assert np.abs(moves.mean(axis=0)).max() < 0.4
    assert abs(np.corrcoef(moves.T)[0, 1]) < 0.1


def test_a_deformation_is_smooth_and_no_shift():
    moves = _moves(50, pixels=2.0)[:, 8:-8, 8:-8]
    assert np.abs(np.diff(moves, axis=1)).max() < 1
    assert np.abs(moves[:, 0] - moves[:, -1]).mean() > 1


def test_a_finer_grid_moves_places_that_are_nearer():
    far = [np.corrcoef(_moves(300, pixels=1.0, grid=grid)[:, [32, 40], 32, 0].T)[0, 1] for grid in (3, 9)]
    assert far[0] > 0.7 > 0.3 > far[1]


def test_masks_move_with_their_picture_also_in_a_compiled_program():
    mask = np.zeros((16, 40, 40), "uint8")
    mask[:, 12:30, 8:25] = 2
    batch = {"image": mask[..., None] * np.uint8(100), "mask": mask, "instances": mask // 2}
    apply = AUGMENTATIONS.build({"name": "elastic", "pixels": 3.0}, card_of(batch))
    for changed in (arrays_of(apply(tensors(batch), keras.random.SeedGenerator(1))), compiled(apply, batch, seed=1)):
        sure = (changed["image"][..., 0] == 0) | (changed["image"][..., 0] == 200)
        assert 0.85 < sure.mean() < 1
        assert (changed["mask"][sure] * 100 == changed["image"][..., 0][sure]).all()
        assert (changed["instances"] * 2 == changed["mask"]).all()
        assert (changed["mask"] != mask).any(axis=(1, 2)).all()


def test_nothing_comes_in_but_the_picture_itself():
    """However far: at most the picture mirrored, and past that its border."""
    random = np.random.default_rng(1)
    batch = {"image": random.integers(60, 90, (30, 9, 12, 3)).astype("uint8"), "mask": np.full((30, 9, 12), 3, "uint8")}
    for pixels in (3.0, 40.0):
        changed = run("elastic", batch, 2, pixels=pixels)
        assert changed["image"].min() >= 60
        assert (changed["mask"] == 3).all()


def test_at_the_border_the_picture_is_mirrored():
    """A ramp never falls below its border: whatever lies outside is as far inside."""
    batch = _ramps(200)
    moves = run("elastic", batch, 3, pixels=4.0)["image"]
    first = moves[:, 0, 32, 0]
    assert first.min() >= 0
    assert (first > 2).mean() == pytest.approx(0.535, abs=0.12)  # moves above 2 or below -3, of deviation 4
