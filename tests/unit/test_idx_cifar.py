"""IDX and CIFAR files of the true byte format, made here, served by HTTP, read by the loaders."""

import csv
import gzip
import hashlib
import io
import struct
import tarfile

import numpy as np
import pytest
from loopback import Answer, running, sha256, write_files

from archbench.datasets import DATASETS, _fetch, _idx, store
from archbench.datasets._idx import DamagedData
from archbench.datasets.prepare import prepare


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Serves name -> bytes as the files of a data set; returns the folder of raw files."""
    list(DATASETS)  # the declarations read the real files.csv, so they come before it is exchanged
    monkeypatch.delenv(_fetch.MIRROR, raising=False)
    monkeypatch.setattr(_fetch, "FILES", tmp_path / "files.csv")
    with running() as server:

        def serve(dataset, files):
            rows = [
                (dataset, name, server.serve(f"/{name}", Answer(content)), len(content), sha256(content))
                for name, content in files.items()
            ]
            write_files(tmp_path / "files.csv", rows)
            return tmp_path / "raw"

        yield serve


def idx(magic, shape, content):
    return gzip.compress(struct.pack(f">I{len(shape)}I", magic, *shape) + content)


def images(count):
    """Pixel (row, column) of image n is (n + 28 row + column) mod 256."""
    values = [(n + 28 * row + column) % 256 for n in range(count) for row in range(28) for column in range(28)]
    return idx(0x803, (count, 28, 28), bytes(values))


def labels(values):
    return idx(0x801, (len(values),), bytes(values))


def mnist_files(**changed):
    files = {
        "train-images-idx3-ubyte.gz": images(40),
        "train-labels-idx1-ubyte.gz": labels([n % 10 for n in range(40)]),
        "t10k-images-idx3-ubyte.gz": images(10),
        "t10k-labels-idx1-ubyte.gz": labels(range(10)),
    }
    return {**files, **{name.replace("_", "-") + "-ubyte.gz": content for name, content in changed.items()}}


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist"])
def test_idx_files_become_images_and_labels(publish, name):
    raw = DATASETS.build(name, publish(name, mnist_files()))
    assert raw.train["image"].shape == (40, 28, 28, 1)
    assert raw.train["image"].dtype == np.uint8
    assert raw.train["image"][3, 2, 5, 0] == 3 + 28 * 2 + 5
    assert raw.train["image"][7, 27, 27, 0] == (7 + 28 * 27 + 27) % 256
    assert raw.train["label"].tolist() == [n % 10 for n in range(40)]
    assert raw.official["test"]["label"].tolist() == list(range(10))
    assert len(raw.class_names) == 10


def test_official_test_part_is_kept_and_validation_is_taken_from_training(publish, tmp_path):
    raw_folder = publish("mnist", mnist_files())
    card = prepare({"name": "mnist", "validation": 0.25}, "mnist", tmp_path / "mnist", raw_folder)
    assert card.split_sizes == {"train": 30, "validation": 10, "test": 10}
    assert {split: one["classes"] for split, one in card.label_counts["label"].items()} == {
        "train": [3] * 10,
        "validation": [1] * 10,
        "test": [1] * 10,
    }
    test = store.load(tmp_path / "mnist").splits["test"]
    np.testing.assert_array_equal(test["label"], np.arange(10))
    assert test["image"][4, 0, 0, 0] == 4


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"train_images_idx3": idx(0x801, (40, 28, 28), bytes(40 * 784))}, "begins with 0x00000801"),
        ({"train_images_idx3": idx(0xD03, (40, 28, 28), bytes(40 * 784))}, "begins with 0x00000d03"),
        ({"train_images_idx3": gzip.compress(b"\0\0\x08\x03\0\0")}, "header breaks off"),
        ({"train_images_idx3": gzip.compress(b"")}, "begins with 0x;"),
        ({"train_images_idx3": idx(0x803, (40, 28, 28), bytes(40 * 784 - 1))}, "asks for 31360 values, only 31359"),
        ({"train_images_idx3": idx(0x803, (40, 28, 28), bytes(40 * 784 + 1))}, "asks for 31360 values, more"),
        ({"train_images_idx3": idx(0x803, (2**31, 28, 28), b"")}, "asks for 2147483648 x 28 x 28"),
        ({"train_images_idx3": idx(0x803, (0, 28, 28), b"")}, "asks for 0 x 28 x 28"),
        ({"train_images_idx3": idx(0x803, (40, 28, 27), bytes(40 * 28 * 27))}, "28 x 27 pixels"),
        ({"train_images_idx3": images(40)[:-20]}, "cannot be decompressed"),
        ({"train_images_idx3": b"<html>not found</html>"}, "cannot be decompressed"),
        ({"train_labels_idx1": labels([0] * 39)}, "39 labels for 40 images"),
        ({"train_labels_idx1": labels([0] * 39 + [10])}, "label 10, and there are 10 classes"),
    ],
)
def test_damaged_idx_is_refused(publish, changed, says):
    with pytest.raises(DamagedData, match=says):
        DATASETS.build("mnist", publish("mnist", mnist_files(**changed)))


def test_idx_bomb_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(idx(0x801, (10,), bytes(20_000_000)))
    with pytest.raises(DamagedData, match="asks for 10 values, more"):
        _idx.read(path, 1)


# --- CIFAR


def record(*head):
    """Labels, then red 1, green 2, blue 3 everywhere, but the first row's second pixel 101, 102, 103."""
    planes = [bytes([value, 100 + value]) + bytes([value]) * 1022 for value in (1, 2, 3)]
    return bytes(head) + b"".join(planes)


def archive(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


TEN = b"airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"


def cifar10_files(**changed):
    files = {f"data_batch_{n}.bin": record(n) + record(n + 4) for n in range(1, 6)}
    files |= {"test_batch.bin": record(0) + record(9), "batches.meta.txt": TEN, "readme.html": b"hello"}
    files |= {name + ".bin": content for name, content in changed.items()}
    packed = {f"cifar-10-batches-bin/{name}": content for name, content in files.items() if content is not None}
    return {"cifar-10-binary.tar.gz": archive(packed)}


def test_cifar10_records_become_images(publish, tmp_path):
    folder = publish("cifar10", cifar10_files())
    raw = DATASETS.build("cifar10", folder)
    assert raw.train["label"].tolist() == [1, 5, 2, 6, 3, 7, 4, 8, 5, 9]
    assert raw.official["test"]["label"].tolist() == [0, 9]
    assert raw.train["image"].shape == (10, 32, 32, 3)
    assert raw.train["image"][0, 0, 0].tolist() == [1, 2, 3]
    assert raw.train["image"][0, 0, 1].tolist() == [101, 102, 103]
    assert raw.train["image"][0, 1, 0].tolist() == [1, 2, 3]
    assert raw.class_names[0] == "airplane"
    assert len(raw.class_names) == 10
    left = [path.name for path in (folder / "cifar10").iterdir() if not path.name.endswith(".lock")]
    assert left == ["cifar-10-binary.tar.gz"]  # what was unpacked is gone


@pytest.fixture
def in_six_files(tmp_path, monkeypatch):
    """CIFAR-10's six files of records in a folder, as the table of published ones knows them; the folder."""
    table = ["dataset,file,bytes,hash,licence,source"]
    names = [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]
    for number, name in enumerate(names, 1):
        content = record(number % 6) + record(number + 3)
        path = tmp_path / "six" / "cifar10" / "cifar-10-batches-bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        sha1 = hashlib.sha1(content).hexdigest()
        table.append(f"cifar10,cifar-10-batches-bin/{name},{len(content)},sha1:{sha1},not stated,here")
    listed = tmp_path / "unpacked.csv"
    listed.write_text("\n".join(table))
    monkeypatch.setattr(_fetch, "UNPACKED", listed)
    return tmp_path / "six"


@pytest.mark.parametrize("lies", ["where raw data are", "in the mirror", "in the mirror, but for one"])
def test_cifar10_comes_from_its_six_files_too(in_six_files, tmp_path, monkeypatch, lies):
    monkeypatch.delenv("ARCHBENCH_MIRROR", raising=False)
    raw = in_six_files if lies == "where raw data are" else tmp_path / "raw"
    if lies != "where raw data are":
        monkeypatch.setenv("ARCHBENCH_MIRROR", str(in_six_files))
    if lies == "in the mirror, but for one":
        name = "cifar10/cifar-10-batches-bin/data_batch_2.bin"
        (raw / name).parent.mkdir(parents=True)
        (in_six_files / name).rename(raw / name)
    built = DATASETS.build("cifar10", raw)
    assert built.train["label"].tolist() == [1, 4, 2, 5, 3, 6, 4, 7, 5, 8]
    assert built.official["test"]["label"].tolist() == [0, 9]
    assert built.train["image"][0, 0, 1].tolist() == [101, 102, 103]
    assert built.class_names == tuple(TEN.decode().split())
    assert len(list(raw.glob("cifar10/cifar-10-batches-bin/*.bin"))) == 6


def test_another_file_of_cifar10s_name_is_refused(in_six_files):
    path = in_six_files / "cifar10" / "cifar-10-batches-bin" / "data_batch_4.bin"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(_fetch.WrongFile, match=f"{path} is not the published.*rm {path}"):
        DATASETS.build("cifar10", in_six_files)


def test_five_of_cifar10s_six_files_do_not_do(publish, in_six_files, monkeypatch):
    folder = publish("cifar10", cifar10_files())
    (in_six_files / "cifar10" / "cifar-10-batches-bin" / "test_batch.bin").unlink()
    monkeypatch.setenv("ARCHBENCH_MIRROR", str(in_six_files))
    assert DATASETS.build("cifar10", folder).train["label"].tolist() == [1, 5, 2, 6, 3, 7, 4, 8, 5, 9]


def test_the_published_files_of_cifar10_are_those_of_other_libraries():
    table = list(csv.DictReader(_fetch.UNPACKED.open(newline="")))
    assert [row["file"].rpartition("/")[2] for row in table] == [
        *(f"data_batch_{n}.bin" for n in range(1, 6)),
        "test_batch.bin",
    ]
    assert {int(row["bytes"]) for row in table} == {10_000 * 3_073}
    assert [row["hash"][5:13] for row in table] == [
        "aadd24ac",
        "c0ba65cc",
        "1dd00a74",
        "aab85764",
        "26e2849e",
        "67eb016d",
    ]


def test_cifar100_uses_the_fine_label(publish):
    names = "\n".join(f"thing{n}" for n in range(100)).encode()
    files = {
        "cifar-100-binary/train.bin": record(19, 42) + record(0, 99),
        "cifar-100-binary/test.bin": record(5, 7),
        "cifar-100-binary/fine_label_names.txt": names,
    }
    raw = DATASETS.build("cifar100", publish("cifar100", {"cifar-100-binary.tar.gz": archive(files)}))
    assert raw.train["label"].tolist() == [42, 99]
    assert raw.official["test"]["label"].tolist() == [7]
    assert raw.official["test"]["image"][0, 0, 1].tolist() == [101, 102, 103]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"data_batch_3": record(1)[:-1]}, "data_batch_3.bin has 3072 bytes.*multiple of its records' 3073"),
        ({"data_batch_3": b""}, "data_batch_3.bin has 0 bytes"),
        ({"test_batch": record(10)}, "label 10, and there are 10 class names"),
        ({"data_batch_5": None}, "data_batch_5.bin is missing"),
    ],
)
def test_damaged_cifar_is_refused(publish, changed, says):
    with pytest.raises(DamagedData, match=says):
        DATASETS.build("cifar10", publish("cifar10", cifar10_files(**changed)))
