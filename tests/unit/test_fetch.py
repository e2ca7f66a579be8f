"""Downloads against a real server that misbehaves, and archives that try to do harm."""

import hashlib
import io
import os
import signal
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from loopback import Answer, running, sha256, write_files

from archbench.datasets import _extract, _fetch
from archbench.datasets._extract import DamagedArchive, UnsafeArchive, extracted
from archbench.errors import UserError

CONTENT = bytes(range(256)) * 2000
DIGEST = sha256(CONTENT)
QUICK = _fetch.Retry(tries=3, wait_seconds=0.01, timeout_seconds=5)


@pytest.fixture
def server():
    with running() as loopback:
        yield loopback


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Publishes a file at the given addresses; returns the folder of raw files."""
    monkeypatch.delenv(_fetch.MIRROR, raising=False)
    monkeypatch.setattr(_fetch, "FILES", tmp_path / "files.csv")

    def publish(*urls, digest=DIGEST):
        write_files(tmp_path / "files.csv", [("shapes", "shapes.bin", url, len(CONTENT), digest) for url in urls])
        return tmp_path / "raw"

    return publish


def names(folder):
    """Files a user sees; the lock file is hidden."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def test_download_shows_size_and_licence_and_is_not_repeated(server, files, capsys):
    raw = files(server.serve("/shapes.bin", Answer(CONTENT)))
    path = _fetch.fetch("shapes", raw, retry=QUICK)["shapes.bin"]
    assert path == raw / "shapes" / "shapes.bin"
    assert path.read_bytes() == CONTENT
    assert "shapes/shapes.bin: 0.5 MB, licence: CC0" in capsys.readouterr().err
    _fetch.fetch("shapes", raw, retry=QUICK)
    assert server.asked == ["/shapes.bin"]
    assert names(raw) == ["shapes.bin"]


def test_a_size_that_nobody_published_is_not_asked_of_a_file(server, files, capsys, tmp_path, monkeypatch):
    raw = files(server.serve("/shapes.bin", Answer(CONTENT), Answer(CONTENT)))
    table = tmp_path / "files.csv"
    table.write_text(table.read_text().replace(f",{len(CONTENT)},", ",,"))
    monkeypatch.setattr(_fetch, "MOST", len(CONTENT) - 1)
    with pytest.raises(_fetch.FetchFailed, match=f"it sent more than {len(CONTENT) - 1} bytes"):
        _fetch.fetch("shapes", raw, retry=QUICK)
    monkeypatch.setattr(_fetch, "MOST", len(CONTENT))
    assert _fetch.fetch("shapes", raw, retry=QUICK)["shapes.bin"].read_bytes() == CONTENT
    assert "shapes.bin: of a size that was not published, licence" in capsys.readouterr().err
    assert _fetch.facts("shapes")["bytes"] == 0


@pytest.mark.parametrize("algorithm", ["md5", "sha1"])
def test_older_checksums_are_checked_too(server, files, algorithm):
    url = server.serve("/shapes.bin", Answer(CONTENT))
    good = f"{algorithm}:{hashlib.new(algorithm, CONTENT).hexdigest()}"
    _fetch.fetch("shapes", files(url, digest=good), retry=QUICK)
    wrong = f"{algorithm}:{hashlib.new(algorithm, b'other').hexdigest()}"
    with pytest.raises(_fetch.WrongFile):
        _fetch.fetch("shapes", files(url, digest=wrong), retry=QUICK)


def test_unavailable_twice_then_there(server, files):
    raw = files(server.serve("/shapes.bin", Answer(status=503), Answer(status=503), Answer(CONTENT)))
    assert _fetch.fetch("shapes", raw, retry=QUICK)["shapes.bin"].read_bytes() == CONTENT
    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [408, 429])
def test_a_server_that_asks_for_patience_is_asked_again(server, files, status):
    """Request timeout and too many requests, RFC 9110 and 6585: the request itself was right."""
    raw = files(server.serve("/shapes.bin", Answer(status=status), Answer(CONTENT)))
    assert _fetch.fetch("shapes", raw, retry=QUICK)["shapes.bin"].read_bytes() == CONTENT


def test_pauses_between_tries_double(server, files, monkeypatch):
    pauses = []
    monkeypatch.setattr(_fetch.time, "sleep", pauses.append)
    with pytest.raises(_fetch.FetchFailed):
        _fetch.fetch("shapes", files(server.serve("/shapes.bin", Answer(status=503))), retry=_fetch.Retry(tries=4))
    assert pauses == [1, 2, 4]


def test_connection_cut_half_way_then_whole(server, files):
    raw = files(server.serve("/shapes.bin", Answer(CONTENT, sent=len(CONTENT) // 2), Answer(CONTENT)))
    assert _fetch.fetch("shapes", raw, retry=QUICK)["shapes.bin"].read_bytes() == CONTENT


CORRUPTED = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]


@pytest.mark.parametrize(
    ("answer", "says", "tries"),
    [
        (Answer(status=404), "404 Not Found", 1),
        (Answer(status=403), "403 Forbidden", 1),
        (Answer(status=503), r"503 Service Unavailable \(3 tries\)", 3),
        (Answer(CONTENT, sent=1000), "connection failed", 3),
        (Answer(CONTENT[:-1]), f"truncated, {len(CONTENT) - 1} of {len(CONTENT)} bytes", 3),
        (Answer(CONTENT, sent=1000, length_told=False), f"truncated, 1000 of {len(CONTENT)} bytes", 3),
        (Answer(CORRUPTED), f"wrong checksum, {sha256(CORRUPTED)} instead of {DIGEST}", 1),
        (Answer(CONTENT * 3), f"sent more than {len(CONTENT)} bytes", 1),
    ],
)
def test_each_failure_is_one_readable_message(server, files, answer, says, tries):
    url = server.serve("/shapes.bin", answer)
    raw = files(url)
    with pytest.raises(_fetch.FetchFailed, match=says) as failure:
        _fetch.fetch("shapes", raw, retry=QUICK)
    assert isinstance(failure.value, UserError)
    for part in ("shapes/shapes.bin", url, _fetch.MIRROR, str(raw / "shapes" / "shapes.bin")):
        assert part in str(failure.value)
    assert len(server.asked) == tries
    assert names(raw) == []


def test_nobody_listens(server, files):
    with running() as gone:
        url = gone.url + "/shapes.bin"
    with pytest.raises(_fetch.FetchFailed, match="the connection failed"):
        _fetch.fetch("shapes", files(url), retry=QUICK)


def test_second_address_is_asked_when_the_first_fails(server, files, capsys):
    bad = server.serve("/bad", Answer(CORRUPTED))
    gone = server.url + "/gone"
    raw = files(bad, gone, server.serve("/good", Answer(CONTENT)))
    assert _fetch.fetch("shapes", raw, retry=QUICK)["shapes.bin"].read_bytes() == CONTENT
    assert server.asked == ["/bad", "/gone", "/good"]
    assert "wrong checksum" in capsys.readouterr().err


def test_all_addresses_are_named_when_all_fail(server, files):
    urls = [server.url + "/one", server.url + "/two"]
    with pytest.raises(_fetch.FetchFailed) as failure:
        _fetch.fetch("shapes", files(*urls), retry=QUICK)
    assert all(f"{url}: the server answered 404" in str(failure.value) for url in urls)


def test_files_of_a_published_folder_keep_their_places_and_many_are_told_of_in_one_line(
    server, tmp_path, monkeypatch, capsys
):
    """A registry: one address for all, each with its own checksum; the mirror's copy comes first."""
    registry = tmp_path / "registries"
    registry.mkdir()
    contents = {f"train/image/{number}.png": bytes([number]) * 10_000 for number in range(21)}
    rows = [f"{name},{len(content)},{sha256(content)}\n" for name, content in contents.items()]
    (registry / "slices.csv").write_text("file,bytes,hash\n" + "".join(rows))
    (tmp_path / "registries.csv").write_text(
        f"dataset,url,licence,source\nslices,{server.url}/at/,CC0,made by a test\n"
    )
    monkeypatch.setattr(_fetch, "REGISTRIES", registry)
    mirror = tmp_path / "mirror" / "slices" / "train" / "image"
    mirror.mkdir(parents=True)
    (mirror / "3.png").write_bytes(contents["train/image/3.png"])
    monkeypatch.setenv(_fetch.MIRROR, str(tmp_path / "mirror"))
    for name, content in contents.items():
        server.serve(f"/at/{name}", Answer(content))
    found = _fetch.fetch("slices", tmp_path / "raw", retry=QUICK)
    assert {name: path.read_bytes() for name, path in found.items()} == contents
    assert found["train/image/3.png"] == tmp_path / "raw" / "slices" / "train" / "image" / "3.png"
    assert len(server.asked) == 20
    assert "/at/train/image/3.png" not in server.asked
    assert capsys.readouterr().err == "slices: 21 files, 0.2 MB, licence: CC0\n"
    found["train/image/3.png"].write_bytes(b"another")
    with pytest.raises(_fetch.WrongFile, match=r"train/image/3\.png is not the published"):
        _fetch.fetch("slices", tmp_path / "raw", retry=QUICK)


@pytest.mark.parametrize(
    ("dataset", "count", "size"), [("bccd", 731, None), ("camvid", 1405, 186_849_579), ("isbi2012", 60, None)]
)
def test_registries_hold_every_file_once(dataset, count, size):
    """Counts and sizes as their publishers' folders have them."""
    files = _fetch.published(dataset)
    assert len({file.name for file in files}) == len(files) == count
    assert size in (None, sum(file.size for file in files))
    assert all("@" not in url and "/main/" not in url and "/master/" not in url for file in files for url in file.urls)


def test_a_part_left_by_a_killed_run_is_not_taken_for_the_file(server, files):
    raw = files(server.serve("/shapes.bin", Answer(CONTENT)))
    (raw / "shapes").mkdir(parents=True)
    (raw / "shapes" / "shapes.bin.part").write_bytes(CONTENT[:100])
    assert _fetch.fetch("shapes", raw, retry=QUICK)["shapes.bin"].read_bytes() == CONTENT
    assert names(raw) == ["shapes.bin"]


def test_a_wrong_file_in_place_is_named_and_kept(server, files):
    raw = files(server.serve("/shapes.bin", Answer(CONTENT)))
    path = raw / "shapes" / "shapes.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    with pytest.raises(_fetch.WrongFile, match=f"rm {path}"):
        _fetch.fetch("shapes", raw, retry=QUICK)
    assert path.read_bytes() == b"mine"
    assert server.asked == []


def test_mirror_folder_comes_first(server, files, tmp_path, monkeypatch):
    raw = files(server.serve("/shapes.bin", Answer(CONTENT)))
    copy = tmp_path / "mirror" / "shapes" / "shapes.bin"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(CONTENT)
    monkeypatch.setenv(_fetch.MIRROR, str(tmp_path / "mirror"))
    assert _fetch.fetch("shapes", raw, retry=QUICK)["shapes.bin"].read_bytes() == CONTENT
    assert server.asked == []
    assert copy.read_bytes() == CONTENT


def test_mirror_address_comes_first_and_may_lack_a_file(server, files, monkeypatch):
    monkeypatch.setenv(_fetch.MIRROR, server.url + "/mirror/")
    raw = files(server.serve("/shapes.bin", Answer(CONTENT)))
    _fetch.fetch("shapes", raw, retry=QUICK)
    assert server.asked == ["/mirror/shapes/shapes.bin", "/shapes.bin"]


def test_damaged_mirror_is_reported_and_passed_over(server, files, tmp_path, monkeypatch, capsys):
    raw = files(server.serve("/shapes.bin", Answer(CONTENT)))
    copy = tmp_path / "mirror" / "shapes" / "shapes.bin"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(CORRUPTED)
    monkeypatch.setenv(_fetch.MIRROR, str(tmp_path / "mirror"))
    assert _fetch.fetch("shapes", raw, retry=QUICK)["shapes.bin"].read_bytes() == CONTENT
    assert f"{copy}: wrong checksum" in capsys.readouterr().err


def test_mirror_that_is_not_there_is_a_mistake(server, files, tmp_path, monkeypatch):
    monkeypatch.setenv(_fetch.MIRROR, str(tmp_path / "typo"))
    with pytest.raises(_fetch.MirrorMissing, match="typo"):
        _fetch.fetch("shapes", files(server.serve("/shapes.bin", Answer(CONTENT))), retry=QUICK)


# --- archives


def tar(path, *members, mode="w:gz"):
    """A tar of (TarInfo or name, content)."""
    with tarfile.open(path, mode) as archive:
        for member, content in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_tar_of_any_compression_is_unpacked_and_cleared_away(tmp_path, mode):
    path = tar(tmp_path / "a.tar.gz", ("in/one.txt", b"1"), ("two.txt", b"22"), mode=mode)
    with extracted(path, 100) as folder:
        assert (folder / "in" / "one.txt").read_bytes() == b"1"
        assert (folder / "two.txt").read_bytes() == b"22"
    assert os.listdir(tmp_path) == ["a.tar.gz"]


UNPACK = """
import sys
from pathlib import Path
from archbench.datasets._extract import Unpacked
unpacked = Unpacked(Path(sys.argv[1]), 100)
print(unpacked.folder, flush=True)
sys.stdin.read()
"""


def test_what_a_killed_process_unpacked_is_removed_by_the_next_and_what_is_in_use_stays(tmp_path):
    path, started = tar(tmp_path / "a.tar.gz", ("one.txt", b"1")), []
    for _ in range(2):
        command = [sys.executable, "-c", UNPACK, str(path)]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    killed, living = (Path(process.stdout.readline().strip()) for process in started)
    os.kill(started[0].pid, signal.SIGKILL)
    started[0].wait()
    for folder in (killed, living):
        os.utime(folder, (0, 0))  # long ago
    with extracted(path, 100):
        assert not killed.exists()
        assert (living / "one.txt").read_bytes() == b"1"
    started[1].communicate("")
    assert os.listdir(tmp_path) == ["a.tar.gz"]


def test_zip_is_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/one.txt", b"1")
    with extracted(tmp_path / "a.zip", 100) as folder:
        assert (folder / "in" / "one.txt").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("member", "says"),
    [
        ("../out.txt", "outside"),
        ("in/../../out.txt", "outside"),
        ("/tmp/archbench-out.txt", "outside"),
        ("..\\out.txt", "outside"),
        ("C:/out.txt", "outside"),
        (special("link", tarfile.SYMTYPE, "/etc/passwd"), "link or a device"),
        (special("hard", tarfile.LNKTYPE, "../../out.txt"), "link or a device"),
        (special("pipe", tarfile.FIFOTYPE), "link or a device"),
        (special("null", tarfile.CHRTYPE), "link or a device"),
        (special("disk", tarfile.BLKTYPE), "link or a device"),
    ],
)
def test_tar_members_that_could_do_harm_are_refused(tmp_path, member, says):
    (tmp_path / "deep").mkdir()
    path = tar(tmp_path / "deep" / "a.tar", (member, b""))
    with pytest.raises(UnsafeArchive, match=says), extracted(path, 100):
        pytest.fail("the archive was opened")
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")) == ["deep", "deep/a.tar"]


@pytest.mark.parametrize("name", ["../out.txt", "/tmp/archbench-out.txt", "..\\out.txt"])
def test_zip_names_that_lead_out_are_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(UnsafeArchive, match="outside"), extracted(tmp_path / "a.zip", 100):
        pytest.fail("the archive was opened")
    assert os.listdir(tmp_path) == ["a.zip"]


def test_zip_symlink_is_refused(tmp_path):
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(UnsafeArchive, match="link"), extracted(tmp_path / "a.zip", 100):
        pytest.fail("the archive was opened")


def test_zip_bomb_is_refused_before_it_is_written(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("small.txt", b"x")
        archive.writestr("bomb", bytes(50_000_000))
    assert (tmp_path / "a.zip").stat().st_size < 100_000
    with pytest.raises(UnsafeArchive, match="unpacks to 50000000 bytes"), extracted(tmp_path / "a.zip", 1_000_000):
        pytest.fail("the archive was opened")


def test_zip_that_lies_about_its_size_writes_no_more_than_it_says(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(5_000_000))
    told = (5_000_000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(told, (50).to_bytes(4, "little")))
    with pytest.raises(DamagedArchive), extracted(path, 1000):
        pytest.fail("the archive was opened")


def test_many_small_files_count_together(tmp_path):
    path = tar(tmp_path / "a.tar", *((f"{i}", b"x" * 300) for i in range(4)))
    with pytest.raises(UnsafeArchive, match="200 more"), extracted(path, 1000):
        pytest.fail("the archive was opened")


def test_members_without_end_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(_extract, "MEMBERS", 3)
    path = tar(tmp_path / "a.tar", *((f"{i}", b"") for i in range(4)))
    with pytest.raises(UnsafeArchive, match="more than 3 members"), extracted(path, 1000):
        pytest.fail("the archive was opened")


def test_one_name_twice_is_refused(tmp_path):
    path = tar(tmp_path / "a.tar", ("a", b"1"), ("a", b"2"))
    with pytest.raises(UnsafeArchive, match="twice"), extracted(path, 100):
        pytest.fail("the archive was opened")


@pytest.mark.parametrize("keep", [0, 10, 700])
def test_archive_that_breaks_off_is_damaged(tmp_path, keep):
    path = tar(tmp_path / "a.tar.gz", ("a", os.urandom(5000)))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DamagedArchive, match=f"rm {path}"), extracted(path, 10_000):
        pytest.fail("the archive was opened")
