"""Data that are larger than memory likes: decoded by worker processes, or read from TFRecord, and trained on alike."""

import gc
import os
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import picture_files as files
import psutil
import pytest
import toys
from PIL import Image

from archbench.datasets import _shards, store, tfrecord
from archbench.datasets._decoders import DecoderDied, Decoders
from archbench.datasets._picture import BrokenPicture, Look, decode
from archbench.datasets._pictures import FEW, Files, Pictures
from archbench.datasets.prepare import prepare
from archbench.datasets.store import DamagedStore
from archbench.training import feed
from archbench.training.feed import Feed
from archbench.training.run import Workbench

COUNT = 75
LOOK = Look(12, crop=0.9)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """JPEG of noise in many sizes."""
    path = tmp_path_factory.mktemp("pictures")
    return files.put(path, {f"{n:03d}.JPEG": files.noise(n, (20 + n % 7, 30 - n % 5)) for n in range(COUNT)})


@pytest.fixture(scope="module")
def pictures(folder):
    return Pictures(Files(folder, [f"{n:03d}.JPEG" for n in range(COUNT)]), LOOK)


@pytest.fixture(scope="module")
def pixels(folder):
    return np.stack([decode((folder / f"{n:03d}.JPEG").read_bytes(), "", LOOK)[0] for n in range(COUNT)])


def test_pictures_look_like_the_array_that_they_decode_to(pictures, pixels):
    assert (pictures.shape, pictures.dtype, pictures.ndim) == (pixels.shape, pixels.dtype, pixels.ndim)
    assert (len(pictures), pictures.size, pictures.nbytes) == (COUNT, pixels.size, pixels.nbytes)
    many = np.random.default_rng(0).permutation(COUNT)[: FEW + 20]
    for rows in (3, -1, slice(2, 9), slice(None), many, many[:5], [4, 4, 1], np.arange(COUNT) % 2 == 0, np.int64(7)):
        np.testing.assert_array_equal(pictures[rows], pixels[rows])
    np.testing.assert_array_equal(np.asarray(pictures), pixels)
    np.testing.assert_array_equal(np.asarray(pictures, "float32"), pixels.astype("float32"))
    np.testing.assert_array_equal(pictures.take(many).take(np.array([3, 1]))[:], pixels[many[[3, 1]]])
    assert pictures[np.array([], int)].shape == (0, 12, 12, 3)
    with pytest.raises(IndexError):
        pictures[COUNT]


def test_a_broken_file_is_named_by_the_worker_that_met_it(folder, tmp_path):
    files.put(tmp_path, {path.name: path.read_bytes() for path in folder.iterdir()})
    (tmp_path / "042.JPEG").write_bytes(files.truncated())
    broken = Pictures(Files(tmp_path, sorted(path.name for path in tmp_path.iterdir())), LOOK)
    with pytest.raises(BrokenPicture, match=r"^042\.JPEG cannot be decoded"):
        broken[:]
    good = np.delete(np.arange(COUNT), 42)
    assert broken[good].shape == (COUNT - 1, 12, 12, 3)  # the workers go on


# --- worker processes


def children():
    return {child.pid for child in psutil.Process().children() if "_decoder" in " ".join(child.cmdline())}


def test_a_killed_worker_is_reported_with_its_picture_and_replaced(pictures, pixels):
    before = children()
    pool = Decoders(1)
    np.testing.assert_array_equal(pool.pixels(pictures.source, pictures.rows[:3], LOOK), pixels[:3])
    (mine,) = children() - before
    os.kill(mine, signal.SIGKILL)
    with pytest.raises(DecoderDied, match=r"000\.JPEG ended with code -9"):
        pool.pixels(pictures.source, pictures.rows, LOOK)
    np.testing.assert_array_equal(pool.pixels(pictures.source, pictures.rows, LOOK), pixels)
    pool.close()
    assert children() == before


def test_workers_die_with_the_process_that_started_them(folder):
    """Even where it is killed and can tell them nothing; its main module is not run again in them."""
    program = (
        "import sys, time; from pathlib import Path; import psutil\n"
        "from archbench.datasets._pictures import Files, Pictures; from archbench.datasets._picture import Look\n"
        "names = sorted(path.name for path in Path(sys.argv[1]).iterdir())\n"
        "Pictures(Files(Path(sys.argv[1]), names), Look(8))[:]\n"
        "print(*[child.pid for child in psutil.Process().children()], flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, folder], stdout=subprocess.PIPE, text=True) as parent:
        workers = [int(word) for word in parent.stdout.readline().split()]
        assert workers
        assert all(psutil.pid_exists(worker) for worker in workers)
        parent.kill()
    deadline = time.monotonic() + 20
    while any(alive(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(worker) for worker in workers)


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# --- TFRecord


def class_folders(root, count=30):
    """Two classes told apart by brightness, in many sizes."""
    random = np.random.default_rng(0)
    made = {}
    for part, each in (("train", count), ("val", 10)):
        for n in range(2 * each):
            noise = random.integers(0, 80, (18 + n % 5, 20, 3), np.uint8) + np.uint8(150 * (n % 2))
            made[f"{part}/n0{n % 2}/{n}.JPEG"] = files.saved(Image.fromarray(noise), quality=90)
    return files.put(root, made)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same data set prepared as pixels and as TFRecord shards of about three kilobytes."""
    root = tmp_path_factory.mktemp("both")
    class_folders(root / "raw" / "imagenet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_shards, "SHARD", 3000)
        for storage in ("arrays", "tfrecord"):
            spec = {"name": "imagenet", "size": 16, "storage": storage, "validation": 0.25}
            prepare(spec, storage, root / storage, root / "raw")
    return {storage: root / storage for storage in ("arrays", "tfrecord")}, root / "raw" / "imagenet"


def test_records_are_the_published_files_bit_for_bit(both):
    folders, raw = both
    published = {
        str(path.relative_to(raw)): (path.read_bytes(), int(path.parent.name[2])) for path in raw.rglob("*.JPEG")
    }
    found = {}
    shards = sorted(folders["tfrecord"].rglob("*.tfrecord"))
    assert len(shards) > 6
    for shard in shards:
        with shard.open("rb") as stream:
            for content in tfrecord.records(stream):
                example = tfrecord.decode_example(content)
                name = example["image/filename"][0].decode()
                found[name] = example["image/encoded"][0], example["image/class/label"][0]
    assert found == published
    assert not list(folders["tfrecord"].rglob("image.npy"))


def test_both_storages_hold_the_same_data(both):
    arrays, records = (store.load(both[0][storage]) for storage in ("arrays", "tfrecord"))
    for split in store.SPLITS:
        assert isinstance(records.splits[split]["image"], Pictures)
        for name in ("image", "label"):
            np.testing.assert_array_equal(records.splits[split][name][:], arrays.splits[split][name])
    assert records.card.statistics == arrays.card.statistics
    assert records.card.input_shape == arrays.card.input_shape == (16, 16, 3)
    assert records.card.split_sizes == arrays.card.split_sizes == {"train": 45, "validation": 15, "test": 20}
    assert records.card.arrays["image"]["storage"] == "tfrecord"
    assert store.verify(both[0]["tfrecord"]) == records.card


def copy_of(folder, target):
    return files.put(target, {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()})


def first_shard(folder: Path) -> Path:
    return folder / "train" / "image-00000.tfrecord"


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda f: first_shard(f).unlink(), "train/image-00000.tfrecord is missing"),
        (lambda f: first_shard(f).write_bytes(first_shard(f).read_bytes()[:-1]), "bytes, its index says"),
        (lambda f: (f / "train" / "image.index.npy").unlink(), "train/image.index.npy cannot be read"),
        (lambda f: np.save(f / "test" / "image.index.npy", np.zeros((3, 3), int)), "test/image.index.npy holds int64"),
    ],
)
def test_damaged_shards_are_refused_when_they_are_opened(both, tmp_path, harm, says):
    folder = copy_of(both[0]["tfrecord"], tmp_path / "copy")
    harm(folder)
    with pytest.raises(DamagedStore, match=says):
        store.load(folder)


def test_a_flipped_bit_in_a_shard_is_found_wherever_it_is_read(both, tmp_path):
    folder = copy_of(both[0]["tfrecord"], tmp_path / "copy")
    flip(first_shard(folder), 300)
    prepared = store.load(folder)
    with pytest.raises(BrokenPicture, match=r"image-00000\.tfrecord, byte 0, is damaged .*checksum"):
        prepared.splits["train"]["image"][0]
    with pytest.raises(BrokenPicture, match=r"image-00000\.tfrecord, byte 0, is damaged"):
        prepared.splits["train"]["image"][:]
    with pytest.raises(DamagedStore, match=r"train/image-00000\.tfrecord has the sha256"):
        store.verify(folder)


# --- training


SETTINGS = {"dataset": "both", "epochs": 2, "batch_size": 8, "steps_per_call": 100}


def trained(prepared, **changes):
    settings = toys.settings(**SETTINGS, **changes)
    bench = Workbench(settings, prepared)
    history = toys.train(bench, settings).history
    return bench, history


def test_streamed_records_train_the_same_weights_as_arrays_on_the_device(both, monkeypatch):
    """A limit of no megabyte streams; chunks of one step each must not change a bit of the weights either."""
    arrays, records = (store.load(both[0][storage]) for storage in ("arrays", "tfrecord"))
    resident, one = trained(arrays, resident_megabytes=16)
    streamed, two = trained(records, resident_megabytes=0)
    monkeypatch.setattr(feed, "CHUNK_BYTES", 8 * 16 * 16 * 3)
    in_steps, three = trained(records, resident_megabytes=0)
    assert resident.training.feeds[0].resident
    assert not streamed.training.feeds[0].resident
    toys.assert_same_bits(toys.weights(resident), toys.weights(streamed))
    toys.assert_same_bits(toys.weights(resident), toys.weights(in_steps))
    assert toys.without_seconds(one) == toys.without_seconds(two)
    for column in ("validation_loss", "validation_accuracy", "gradient_norm"):
        assert [row[column] for row in one] == [row[column] for row in three]


class Placing:
    """In the place of a compiled program: keeps count of the decoded bytes that are alive."""

    learner = SimpleNamespace(task=SimpleNamespace(swells=1))

    def __init__(self):
        self.alive, self.most, self.placed = 0, 0, 0

    def place(self, arrays):
        image = np.array(arrays["image"])
        self.alive += image.nbytes
        self.placed += image.nbytes
        self.most = max(self.most, self.alive)
        weakref.finalize(image, self.gone, image.nbytes)
        return {"image": image}

    def gone(self, count):
        self.alive -= count

    def answer(self, what, data, rows):
        return {"sum": data["image"][rows].sum(axis=(1, 2, 3))}


def test_memory_is_bounded_by_the_chunk_and_not_by_the_data(pictures, pixels, monkeypatch):
    one = pixels[0].nbytes
    monkeypatch.setattr(feed, "CHUNK_BYTES", 10 * one)
    monkeypatch.setattr(feed, "EVALUATION_VALUES", 10 * one)
    program = Placing()
    order = np.random.default_rng(0).permutation(COUNT)[:72].reshape(18, 4)
    streaming = Feed(program, {"image": pictures}, resident_bytes=20 * one)
    assert not streaming.resident
    seen = []
    for data, chunk, count in streaming.chunks(order, 100):
        assert chunk.shape == (2, 4)  # ten pictures hold two steps of four
        seen += [data["image"][rows] for rows in chunk[:count]]
    np.testing.assert_array_equal(np.stack(seen), pixels[order])
    del data
    gc.collect()
    assert program.placed == 72 * one
    assert program.most <= 3 * 8 * one
    program.most = 0
    np.testing.assert_array_equal(streaming.answer("losses", streaming.in_order(1))["sum"], pixels.sum(axis=(1, 2, 3)))
    assert program.most <= 3 * 10 * one
    assert program.placed == (72 + 80) * one


@pytest.mark.parametrize("xla", ["off", "on"])
def test_streaming_takes_half_a_gigabyte_of_anonymous_memory_at_most(tmp_path, xla):
    """Measured, with all that the backend copies on the way, on a split three times as large."""
    if xla == "off" and keras.backend.backend() == "jax":
        pytest.skip("JAX compiles with XLA alone")
    command = [sys.executable, Path(__file__).with_name("stream_split.py"), tmp_path, xla]
    megabytes = int(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    assert 50 < megabytes <= 512


def test_a_broken_file_ends_training_with_its_name(folder, tmp_path):
    files.put(tmp_path, {path.name: path.read_bytes() for path in folder.iterdir()})
    (tmp_path / "007.JPEG").write_bytes(b"")
    pictures = Pictures(Files(tmp_path, sorted(path.name for path in tmp_path.iterdir())), LOOK)
    streaming = Feed(Placing(), {"image": pictures}, resident_bytes=0)
    with pytest.raises(BrokenPicture, match=r"^007\.JPEG cannot be decoded"):
        list(streaming.chunks(np.arange(COUNT).reshape(15, 5), 3))
