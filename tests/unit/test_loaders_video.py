"""UCF-101: videos of the true format, made here."""

import io

import numpy as np
import picture_files as files
import pytest

from archbench.datasets import DATASETS, ucf101
from archbench.datasets._idx import DamagedData

av = pytest.importorskip("av", reason="videos are read by PyAV: pip install 'archbench[video]'")

ACTIONS = ("ApplyEyeMakeup", "HandstandPushups")
TRAIN = [(action, film, clip) for action in (0, 1) for film in (8, 9, 10) for clip in (1, 2)]
TEST = [(0, 1, 1), (1, 2, 1)]


def _name(action, film, clip):
    shown = ACTIONS[action].replace("Handstand", "HandStand")  # as published: the folder's case is another
    return f"v_{shown}_g{film:02d}_c{clip:02d}.avi"


def _film(shade, count=40, size=(64, 48)):
    """XviD in AVI, of (width, height): frame i is of gray 40 + 4 i, black beyond the square in the middle.

    A corner of the square is of the gray `shade`.
    """
    stream = io.BytesIO()
    with av.open(stream, "w", format="avi") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt, video.bit_rate = *size, "yuv420p", 4_000_000
        for number in range(count):
            pixels = np.zeros((size[1], size[0], 3), np.uint8)
            edge = (size[0] - size[1]) // 2
            pixels[:, edge : size[0] - edge] = 40 + 4 * number
            pixels[:16, edge : edge + 16] = shade
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(video.encode())
    return stream.getvalue()


def _lists(train, test):
    return {
        "ucfTrainTestlist/classInd.txt": "".join(f"{number} {name}\r\n" for number, name in enumerate(ACTIONS, 1)),
        "ucfTrainTestlist/trainlist01.txt": "".join(f"{line}\n" for line in train),
        "ucfTrainTestlist/testlist01.txt": "".join(f"{line}\n" for line in test),
    }


def _lines(videos, numbered):
    return [f"{ACTIONS[one[0]]}/{_name(*one)}{f' {one[0] + 1}' if numbered else ''}" for one in videos]


@pytest.fixture(scope="module")
def films():
    return {f"UCF-101/{_name(*one)}": _film(10 * row) for row, one in enumerate([*TRAIN, *TEST])}


@pytest.fixture
def publish(tmp_path, monkeypatch):
    monkeypatch.setattr(ucf101, "SIZES", {1: (len(TRAIN), len(TEST))})
    with files.publishing(tmp_path, monkeypatch) as serve:

        def published(videos, train=None, test=None):
            lists = _lists(train or _lines(TRAIN, True), test or _lines(TEST, False))
            return serve("ucf101", {ucf101.VIDEOS: files.zipped(videos), ucf101.LISTS: files.zipped(lists)})

        yield published


def test_the_middle_frames_of_each_video_are_read(publish, films):
    raw = DATASETS.build({"name": "ucf101", "size": 48, "frames": 8}, publish(films))
    video = raw.train["video"]
    assert video.shape == (12, 8, 48, 48, 3)
    # 40 frames: those from 16 to 23 are in the middle, and the square without its corner is of their gray.
    expected = 40 + 4 * np.arange(16, 24)
    assert np.abs(video[:, :, 24:, 24:].mean(axis=(2, 3, 4)) - expected).max() < 4
    corners = video[:, :, 2:12, 2:12].mean(axis=(1, 2, 3, 4))
    assert np.abs(corners - 10 * np.arange(12)).max() < 8
    assert np.abs(raw.official["test"]["video"][:, :, 2:12, 2:12].mean(axis=(1, 2, 3, 4)) - [120, 130]).max() < 8
    assert raw.train["label"].tolist() == [0] * 6 + [1] * 6
    assert raw.official["test"]["label"].tolist() == [0, 1]
    assert raw.class_names == ACTIONS


def test_films_are_told_apart_so_that_no_split_divides_one(publish, films):
    raw = DATASETS.build({"name": "ucf101", "size": 16, "frames": 2}, publish(films))
    assert raw.group == "group"
    assert raw.train["group"].tolist() == [8, 8, 9, 9, 10, 10, 108, 108, 109, 109, 110, 110]
    assert "validation" not in raw.official


def test_of_actions_that_are_left_out_no_video_is_wanted(publish, films, monkeypatch):
    monkeypatch.setattr(ucf101, "SIZES", {1: (len(TRAIN) + 1, len(TEST))})
    monkeypatch.setitem(globals(), "ACTIONS", (*ACTIONS, "JumpRope"))
    folder = publish(films, [*_lines(TRAIN, True), "JumpRope/v_JumpRope_g08_c01.avi 3"])
    options = {"name": "ucf101", "size": 16, "frames": 2}
    raw = DATASETS.build({**options, "actions": 2}, folder)
    assert (len(raw.train["label"]), raw.class_names) == (12, ACTIONS[:2])
    with pytest.raises(DamagedData, match=r"has no v_JumpRope_g08_c01\.avi, which a list names"):
        DATASETS.build({**options, "actions": 3}, folder)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (b"no video", r"v_HandStandPushups_g10_c02\.avi cannot be decoded"),
        (_film(0, count=5), r"g10_c02\.avi has 5 frames, and 8 are asked for"),
    ],
    ids=["damaged", "short"],
)
def test_a_video_that_cannot_be_used_is_named(publish, films, changed, why):
    folder = publish({**films, f"UCF-101/{_name(*TRAIN[-1])}": changed})
    with pytest.raises(DamagedData, match=why):
        DATASETS.build({"name": "ucf101", "size": 16, "frames": 8}, folder)


@pytest.mark.parametrize(
    ("train", "why"),
    [
        (["ApplyEyeMakeup/v_ApplyEyeMakeup_g08.avi 1"] * 12, r"trainlist01\.txt, line 1, names no video"),
        (["Juggling/v_Juggling_g08_c01.avi 3"] * 12, "line 1, names no video of an action"),
        (["ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1"] * 11, "lists 11 videos instead of 12"),
    ],
)
def test_lists_that_are_not_the_published_ones_are_refused(publish, films, train, why):
    with pytest.raises(DamagedData, match=why):
        DATASETS.build({"name": "ucf101", "size": 16, "frames": 2}, publish(films, train))


def test_what_is_missing_is_told_before_the_download(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(ucf101.NoVideoReader, match=r"Run: pip install 'archbench\[video\]'"):
        DATASETS.build({"name": "ucf101"}, tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("fold", [1, 2, 3])
def test_the_published_numbers_of_videos_are_all_of_them(fold):
    assert sum(ucf101.SIZES[fold]) == 13_320
