"""UCF-101: short videos of people, 101 actions, from YouTube.

Soomro, Zamir, Shah 2012, arXiv:1212.0402. Its three official folds never divide the videos cut from one film; neither
does the validation part. Of each video the middle frames are read, as many as a net takes at once: C3D (Tran et al.
2014, arXiv:1412.0767) averages its answer over several stretches of a video, which this does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from archbench.datasets import _fetch, dataset
from archbench.datasets._extract import extracted
from archbench.datasets._idx import DamagedData
from archbench.datasets._raw import ONE_CLASS, Raw
from archbench.datasets._split import VALIDATION
from archbench.errors import UserError
from archbench.options import Inside

SOURCE = "Soomro, Zamir, Shah 2012, arXiv:1212.0402"
VIDEOS, LISTS = "UCF101_videos.zip", "UCF101TrainTestSplits-RecognitionTask.zip"
LIMIT = 2**33
"""Bytes that an archive unpacks to, at most; the videos are 7 GB."""
ACTIONS = 101
SIZES = {1: (9_537, 3_783), 2: (9_586, 3_734), 3: (9_624, 3_696)}
"""Fold -> videos to train with and to test on: section 4 and the lists themselves."""
NAME = re.compile(r"v_\w+_g(\d\d)_c\d\d\.avi")
PER_FILM = 100
"""More films of an action than there are: numbers the films of all actions."""


class NoVideoReader(UserError):
    """Videos without the library that decodes them."""


@dataclass(frozen=True)
class Video:
    """A line of a list."""

    file: str
    label: int
    film: int
    """Of its action, from 1."""


def contains(*, fold: int, size: int, frames: int, actions: int, **_) -> dict:
    """What the data set holds, for plans made before it is here."""
    train, test = (round(count * actions / ACTIONS) for count in SIZES[fold])
    arrays = {"video": {"shape": [frames, size, size, 3], "dtype": "uint8"}, "label": {"shape": [], "dtype": "int32"}}
    return {"input": "video", "arrays": arrays, "train": train, "test": test, "classes": actions}


@dataset("ucf101", source=SOURCE, **_fetch.facts("ucf101"), contains=contains)
def ucf101(
    raw: Path,
    *,
    fold: Literal[1, 2, 3] = 1,
    size: Annotated[int, Field(ge=16, le=240)] = 112,
    frames: Annotated[int, Field(ge=2, le=29)] = 16,
    actions: Annotated[int, Field(ge=2, le=ACTIONS)] = ACTIONS,
    validation: Inside = VALIDATION,
) -> Raw:
    """Videos of 101 actions, 320x240 as published: 9,537 to train with and 3,783 to test on, in the first fold.

    `video` uint8 (frames, size, size, 3), the middle frames of the video, squares cut from their middle; `label` int32,
    the action; `group` int32, the film that the video was cut from. `actions` keeps the first so many: all of them take
    8 GB of memory at 112 pixels, two of them 160 MB. Needs PyAV. Raises `NoVideoReader`, `DamagedData`.
    """
    _reader()
    paths = _fetch.fetch("ucf101", raw)
    with extracted(paths[LISTS], LIMIT) as folder:
        names, parts = _lists(folder, fold)
    kept = {name: [video for video in part if video.label < actions] for name, part in parts.items()}
    wanted = {video.file for part in kept.values() for video in part}
    with extracted(paths[VIDEOS], LIMIT, lambda name: name.rpartition("/")[2] in wanted) as folder:
        found = {path.name: path for path in folder.rglob("*.avi")}  # by name: lists and archive differ in folders
        train, test = (_arrays(kept[name], found, frames, size) for name in ("train", "test"))
    licence = str(_fetch.facts("ucf101")["licence"])
    told = {"class_names": tuple(names[:actions]), "group": "group", **ONE_CLASS}
    return Raw(SOURCE, licence, "video", train, validation, official={"test": test}, **told)


def _reader():
    """PyAV, which an installation may be without."""
    try:
        import av
    except ImportError as error:
        raise NoVideoReader(
            "ucf101 is read by PyAV, which is not installed. Run: pip install 'archbench[video]'"
        ) from error
    return av


def _lists(folder: Path, fold: int) -> tuple[list[str], dict[str, list[Video]]]:
    """The names of the actions, and the videos of both parts of a fold; lines of the test part tell no number."""
    lists = {path.name: path.read_text("utf-8").splitlines() for path in folder.rglob("*.txt")}
    wanted = {"actions": "classInd.txt", "train": f"trainlist{fold:02}.txt", "test": f"testlist{fold:02}.txt"}
    if missing := sorted(set(wanted.values()) - lists.keys()):
        raise DamagedData(f"{LISTS} has no {missing[0]}.")
    names = [line.split()[1] for line in lists[wanted["actions"]] if line.strip()]
    numbers = {name: number for number, name in enumerate(names)}
    parts = {}
    for part, size in zip(("train", "test"), SIZES[fold], strict=True):
        file = wanted[part]
        parts[part] = [_video(line, f"{file}, line {row}", numbers) for row, line in enumerate(lists[file], 1) if line]
        if len(parts[part]) != size:
            raise DamagedData(f"{file} lists {len(parts[part])} videos instead of {size}.")
    return names, parts


def _video(line: str, where: str, numbers: Mapping[str, int]) -> Video:
    """`ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1`, the number left out in lists of test parts."""
    action, _, file = line.split()[0].partition("/")
    told = NAME.fullmatch(file)
    if told is None or action not in numbers:
        raise DamagedData(f"{where}, names no video of an action: {line!r}.")
    return Video(file, numbers[action], int(told[1]))


def _arrays(videos: Sequence[Video], found: Mapping[str, Path], frames: int, size: int) -> dict[str, np.ndarray]:
    if missing := sorted({video.file for video in videos} - found.keys()):
        raise DamagedData(f"{VIDEOS} has no {missing[0]}, which a list names.")
    pixels = np.zeros((len(videos), frames, size, size, 3), np.uint8)
    for row, video in enumerate(videos):
        pixels[row] = middle(found[video.file], frames, size)
    label = np.array([video.label for video in videos], np.int32)
    film = np.array([video.film for video in videos], np.int32)
    return {"video": pixels, "label": label, "group": label * PER_FILM + film}


def middle(path: Path, count: int, size: int) -> np.ndarray:
    """The middle `count` frames of a video, a square of each, uint8 (count, size, size, 3).

    Raises `DamagedData` where it cannot be decoded, or has fewer frames.
    """
    av = _reader()
    try:
        with av.open(str(path)) as container:
            held = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    except (av.error.FFmpegError, IndexError) as error:
        raise DamagedData(f"{path.name} cannot be decoded ({error}).") from error
    if len(held) < count:
        raise DamagedData(f"{path.name} has {len(held)} frames, and {count} are asked for.")
    first = (len(held) - count) // 2
    return np.stack([_square(frame, size) for frame in held[first : first + count]])


def _square(frame: np.ndarray, size: int) -> np.ndarray:
    """The square in the middle of a frame, `size` pixels a side."""
    from PIL import Image, ImageOps

    return np.asarray(ImageOps.fit(Image.fromarray(frame), (size, size), Image.Resampling.BILINEAR))
