"""One scene of balloons: the picture, and everything that is true of it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources
from typing import Literal

import numpy as np
from PIL import Image

from archbench.datasets._balloons.layout import LENGTHS, Thing, color_class, layout
from archbench.datasets._balloons.outlines import ANGLES

PHOTOGRAPHS = ("china.jpg", "flower.jpg")
VISIBLE = 0.3
"""A balloon of which less than this share can be seen, the frame's edge included, is not drawn at all."""
PIXELS = 4
"""Nor is one that covers fewer pixels."""
NOISE = 0.1
"""The deviation of each channel of the pixels of a scene that is noisy, where white is 1; others have 0.025 at most."""
Look = Literal["plain", "noisy"]
"""How a scene may look otherwise: on a wall of two colours that run into each other, or through a bad camera."""


@dataclass(frozen=True)
class Scene:
    """A square picture and its truth; rows are balloons from the largest visible area to the smallest."""

    image: np.ndarray
    """uint8 (size, size, 3)."""
    instances: np.ndarray
    """uint8 (size, size): 0, or 1 + the row of the balloon that covers more than half of the pixel."""
    kinds: np.ndarray
    """int32 (balloons,)."""
    boxes: np.ndarray
    """float32 (balloons, [top, left, bottom, right]) in pixels, around the visible part."""
    landmarks: np.ndarray
    """float32 (balloons, [top, knot], [y, x]) in pixels; hidden or outside the frame they are still told."""
    colors: np.ndarray
    """int32 (balloons,): the place of the body's colour in `COLORS`, before light and shadow."""


@dataclass(frozen=True)
class _Cover:
    """What a thing covers of a window of the frame."""

    thing: Thing
    window: tuple[slice, slice]
    alpha: np.ndarray
    """Share of each pixel, float32 (rows, columns)."""
    depth: np.ndarray
    """Distance from the centre over the distance of the edge, in [0, 1]."""
    toward: tuple[np.ndarray, np.ndarray]
    """Unit vector (y, x) from the centre to the pixel."""
    whole: float
    """Pixels covered, the frame's edge left aside."""


def scene(
    seed: int,
    size: int,
    max_objects: int,
    distractors: int,
    *,
    lengths: tuple[float, float] = LENGTHS,
    balloons: bool = True,
    look: Look | None = None,
) -> Scene:
    """The scene with this number, `size` pixels wide and high. The same seed shows the same things at every size.

    Without `balloons` the other things alone are drawn, where they stand in the whole scene. With another `look` things
    and truth are those that the scene has without it.
    """
    rng, apart = np.random.default_rng(seed), np.random.default_rng((seed, 1))
    light = np.array([rng.uniform(-0.9, -0.2), rng.uniform(-0.8, 0.8), 0.8], np.float32)
    canvas = _background(rng, size)
    if look == "plain":
        canvas = _wall(apart, size)
    things = [thing for thing in layout(rng, max_objects, distractors, lengths) if balloons or not thing.balloon]
    covers = [_cover(thing, size) for thing in things]
    kept, seen = _visible(covers, size) if balloons else _from_front(covers, size)
    for cover in reversed(kept):
        _paint(canvas, cover, light / np.linalg.norm(light), size)
    canvas += rng.normal(0, rng.uniform(0, 0.025), canvas.shape).astype(np.float32)
    if look == "noisy":
        canvas += apart.normal(0, NOISE, canvas.shape).astype(np.float32)
    image = np.rint(np.clip(canvas, 0, 1) * 255).astype(np.uint8)
    return Scene(image, *_truth(kept, seen, size))


@functools.cache
def _photograph(name: str) -> Image.Image:
    file = resources.files("sklearn.datasets") / "images" / name
    with file.open("rb") as stream, Image.open(stream) as picture:
        return picture.convert("RGB")


def _background(rng: np.random.Generator, size: int) -> np.ndarray:
    """A random square of one of the photographs, perhaps mirrored, lighter or darker; float32 in [0, 1]."""
    picture = _photograph(PHOTOGRAPHS[rng.integers(len(PHOTOGRAPHS))])
    side = rng.uniform(0.25, 1) * min(picture.size)
    left, top = rng.uniform(0, picture.width - side), rng.uniform(0, picture.height - side)
    mirrored = rng.random() < 0.5
    gain, lift = rng.uniform(0.6, 1.1), rng.uniform(-0.1, 0.15)
    box = (left, top, left + side, top + side)
    crop = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR, box=box, reducing_gap=2.0), np.float32)
    crop = crop[:, ::-1] if mirrored else crop
    return crop * np.float32(gain / 255) + np.float32(lift)


def _wall(rng: np.random.Generator, size: int) -> np.ndarray:
    """Two colours that run into each other in some direction; float32 in [0, 1]."""
    first, second = rng.uniform(0, 1, (2, 3)).astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    place = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / size - np.float32(0.5)
    along = place[:, None] * np.float32(np.sin(angle)) + place * np.float32(np.cos(angle))
    share = np.clip(along + np.float32(0.5), 0, 1)[..., None]
    return first + share * (second - first)


def _cover(thing: Thing, size: int) -> _Cover:
    """Coverage by the distance to the outline, so edges are smooth at every size."""
    outline, length = thing.outline, thing.length * size
    reach = length * float(outline.radius.max()) * (1 + abs(thing.bend) / 4) + 1
    window = tuple(
        slice(max(0, int(centre * size - reach)), min(size, int(centre * size + reach) + 2))
        for centre in (thing.y, thing.x)
    )
    rows, columns = (np.arange(part.start, part.stop, dtype=np.float32) + np.float32(0.5) for part in window)
    down, right = rows[:, None] - np.float32(thing.y * size), columns - np.float32(thing.x * size)
    cos, sin = np.float32(np.cos(thing.angle) / length), np.float32(np.sin(thing.angle) / length)
    v = right * sin - down * cos  # (rows, columns), in lengths, up along the thing's axis
    u = (right * cos + down * sin + np.float32(thing.bend) * v * v) * np.float32(1 / thing.slim)
    radius = np.hypot(u, v)
    ray = (np.arctan2(u, v) * np.float32(ANGLES / (2 * np.pi))).astype(np.int32) % ANGLES
    edge = outline.radius[ray]
    alpha = np.clip((edge - radius) * outline.steepness[ray] * np.float32(length) + 0.5, 0, 1)
    if outline.hole:
        alpha = np.minimum(alpha, np.clip((radius - outline.hole) * np.float32(length) + 0.5, 0, 1))
    away = np.maximum(np.hypot(down, right), 1e-6)
    area = 0.5 * float((outline.radius**2).mean() * 2 * np.pi) - np.pi * outline.hole**2
    return _Cover(
        thing,
        window,
        alpha,
        np.minimum(radius / outline.body[ray], 1),
        (down / away, right / away),
        whole=area * thing.slim * length**2,
    )


def _visible(covers: list[_Cover], size: int) -> tuple[list[_Cover], list[np.ndarray]]:
    """The things to draw, front to back, and the share of each pixel that each of them shows.

    A balloon that would be hidden too far is left out, so that every balloon in a picture is also in its
    truth. Where that leaves no balloon, the largest is moved to the front.
    """
    kept, seen = _from_front(covers, size)
    if not any(cover.thing.balloon for cover in kept):
        main = max((cover for cover in covers if cover.thing.balloon), key=lambda cover: cover.thing.length)
        kept, seen = _from_front([main, *(cover for cover in covers if cover is not main)], size)
    return kept, seen


def _from_front(covers: list[_Cover], size: int) -> tuple[list[_Cover], list[np.ndarray]]:
    free = np.ones((size, size), np.float32)
    kept, seen = [], []
    for cover in covers:
        shown = cover.alpha * free[cover.window]
        hidden = shown.sum() < VISIBLE * cover.whole or np.count_nonzero(shown > 0.5) < PIXELS
        if cover.thing.balloon and hidden:
            continue
        free[cover.window] -= shown
        kept.append(cover)
        seen.append(shown)
    return kept, seen


def _paint(canvas: np.ndarray, cover: _Cover, light: np.ndarray, size: int) -> None:
    """Lay a thing with its string over `canvas`, lit from `light` (y, x, toward the viewer)."""
    thing = cover.thing
    if thing.string is not None:
        _string(canvas, thing, size)
    high = np.sqrt(1 - cover.depth**2)
    half = light + np.array([0, 0, 1], np.float32)
    half = half / np.linalg.norm(half)
    lit, shine = (
        np.maximum(cover.depth * (cover.toward[0] * y + cover.toward[1] * x) + high * z, 0) for y, x, z in (light, half)
    )
    shine = (np.float32(thing.gloss) * shine**32)[..., None]
    colour = thing.colour * (np.float32(0.35) + np.float32(0.7) * lit)[..., None] * (1 - shine) + shine
    part = canvas[cover.window]
    part += cover.alpha[..., None] * (colour - part)


def _string(canvas: np.ndarray, thing: Thing, size: int) -> None:
    """A thread that hangs down in waves from the knot."""
    length, amplitude, phase, brightness = thing.string
    top, left = _point(thing, thing.outline.knot, size)
    first, last = max(0, int(top)), min(size, int(top + length * size))
    if first >= last:
        return
    fall = np.arange(first, last, dtype=np.float32) + np.float32(0.5 - top)
    wave = amplitude * size * (np.sin(fall * (9 / size) + phase) - np.sin(phase))
    columns = slice(max(0, int(left + wave.min()) - 3), max(0, min(size, int(left + wave.max()) + 4)))
    across = np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5 - (left + wave)[:, None]
    width = max(0.7, 0.008 * size)
    alpha = np.clip(width / 2 + 0.5 - np.abs(across), 0, min(1, width)).astype(np.float32)[..., None]
    part = canvas[first:last, columns]
    part += alpha * (np.float32(brightness) - part)


def _point(thing: Thing, v: float, size: int) -> tuple[float, float]:
    """The pixel (y, x) of the point of the thing's axis at height `v` of its unit outline."""
    u = -thing.bend * v * v
    right = u * np.cos(thing.angle) + v * np.sin(thing.angle)
    down = u * np.sin(thing.angle) - v * np.cos(thing.angle)
    return thing.y * size + down * thing.length * size, thing.x * size + right * thing.length * size


def _truth(kept: list[_Cover], seen: list[np.ndarray], size: int) -> tuple[np.ndarray, ...]:
    """Instance map, kinds, boxes, landmarks, colours of the balloons among `kept`, largest visible area first."""
    balloons = [(cover, shown > 0.5) for cover, shown in zip(kept, seen, strict=True) if cover.thing.balloon]
    balloons.sort(key=lambda pair: -int(pair[1].sum()))
    instances = np.zeros((size, size), np.uint8)
    boxes, landmarks = [], []
    for row, (cover, mask) in enumerate(balloons):
        instances[cover.window][mask] = row + 1
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        top, left = (part.start for part in cover.window)
        boxes.append([top + rows[0], left + columns[0], top + rows[-1] + 1, left + columns[-1] + 1])
        thing = cover.thing
        landmarks.append([_point(thing, v, size) for v in (thing.outline.top, thing.outline.knot)])
    kinds = np.array([cover.thing.number for cover, _ in balloons], np.int32)
    colors = np.array([color_class(cover.thing.colour) for cover, _ in balloons], np.int32)
    boxes, landmarks = (
        np.array(told, np.float32).reshape(-1, *shape) for told, shape in ((boxes, (4,)), (landmarks, (2, 2)))
    )
    return instances, kinds, boxes, landmarks, colors
