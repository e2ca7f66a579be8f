"""TFRecord: checksums of the RFC, TensorFlow reads what is written and is read, every damage is found."""

import io

import numpy as np
import pytest

from archbench.datasets import tfrecord
from archbench.datasets._crc32c import BLOCK, crc32c, masked
from archbench.datasets.tfrecord import DamagedRecord, decode_example, encode_example, frame, records, unframe

FEATURES = {
    "image/encoded": [bytes(range(256)) * 3],
    "image/class/label": [3, -1, 2**62],
    "weights": [0.5, -1.25],
    "empty": [],
}


@pytest.mark.parametrize(
    ("content", "checksum"),
    [
        (bytes(32), 0x8A9136AA),  # RFC 3720, appendix B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),  # the check value of CRC-32C
        (b"", 0),
    ],
)
def test_checksums_are_those_of_the_rfc(content, checksum):
    assert crc32c(content) == checksum


def bit_by_bit(content):
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@pytest.mark.parametrize("length", [1, 3, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1, 1000, 16 * BLOCK - 3])
def test_long_messages_have_the_checksum_of_the_definition(length):
    content = np.random.default_rng(length).bytes(length)
    assert crc32c(content) == bit_by_bit(content)
    assert crc32c(bytes(length)) == bit_by_bit(bytes(length))


def test_what_is_encoded_is_decoded():
    assert decode_example(unframe(frame(encode_example(FEATURES)))) == FEATURES


def test_every_flipped_byte_of_a_record_is_found():
    record = frame(encode_example({"name": [b"something"]}))
    for place in range(len(record)):
        with pytest.raises(DamagedRecord):
            unframe(record[:place] + bytes([record[place] ^ 4]) + record[place + 1 :])


def test_a_file_that_breaks_off_is_found():
    whole = frame(b"one") + frame(b"two" * 30)
    assert list(records(io.BytesIO(whole))) == [b"one", b"two" * 30]
    for end in range(len(frame(b"one")) + 1, len(whole)):
        with pytest.raises(DamagedRecord):
            list(records(io.BytesIO(whole[:end])))


@pytest.mark.parametrize("content", [b"\x0a", b"\x0a\x05ab", b"\x0b", b"\xff" * 11, b"\x0a\x02\x0a\x07", b"\x08"])
def test_what_is_no_example_is_refused(content):
    with pytest.raises(DamagedRecord):
        decode_example(content)


def test_numbers_that_are_not_packed_are_read():
    """A writer may give each number its own field: number 5 in list 3 is 0x1a 0x02 0x08 0x05."""
    entry = b"\x0a\x01n\x12\x06\x1a\x04\x08\x05\x08\x07"
    features = b"\x0a" + bytes([len(entry)]) + entry
    assert decode_example(b"\x0a" + bytes([len(features)]) + features) == {"n": [5, 7]}


def test_tensorflow_reads_our_files_and_we_read_its(tmp_path):
    tf = pytest.importorskip("tensorflow")
    ours, theirs = tmp_path / "ours.tfrecord", tmp_path / "theirs.tfrecord"
    ours.write_bytes(frame(encode_example(FEATURES)) + frame(encode_example({"image/encoded": [b"x" * 100_001]})))
    first, second = (content.numpy() for content in tf.data.TFRecordDataset(str(ours)))
    read = tf.train.Example.FromString(first).features.feature
    assert list(read["image/encoded"].bytes_list.value) == FEATURES["image/encoded"]
    assert list(read["image/class/label"].int64_list.value) == FEATURES["image/class/label"]
    assert list(read["weights"].float_list.value) == FEATURES["weights"]
    spec = {"image/encoded": tf.io.FixedLenFeature([], tf.string)}
    assert tf.io.parse_single_example(second, spec)["image/encoded"].numpy() == b"x" * 100_001

    feature = {
        "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=FEATURES["image/encoded"])),
        "image/class/label": tf.train.Feature(int64_list=tf.train.Int64List(value=FEATURES["image/class/label"])),
        "weights": tf.train.Feature(float_list=tf.train.FloatList(value=FEATURES["weights"])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
    with tf.io.TFRecordWriter(str(theirs)) as writer:
        writer.write(example)
        writer.write(b"y" * 5000)
    with theirs.open("rb") as stream:
        read, long = records(stream)
    assert decode_example(read) == {name: FEATURES[name] for name in feature}
    assert long == b"y" * 5000
    assert tfrecord.HEADER == 12
    assert masked(b"") == 0xA282EAD8
