"""Bundles of runs, studies and probes: what comes over, what is refused, and what a stopped merge leaves."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import fake_runs as fake
import pandas as pd
import pytest
import yaml
from test_full_disk import _remount, disk  # noqa: F401 -- a fixture
from test_run import Toy
from typer.testing import CliRunner

from archbench.cli import record_checks
from archbench.cli.app import app
from archbench.config import read_config
from archbench.errors import UserError
from archbench.project import Folders
from archbench.records import bundle as bundles
from archbench.records import run_folder
from archbench.records.bundle import Conflict, NoBundle, merge_bundles, write_bundle
from archbench.records.probe_folder import write_probe
from archbench.records.read import read_run
from archbench.results.machines import machines
from archbench.results.runs import read_runs
from archbench.training.start import NoStart, model_file

PARAMS = """\
pipeline: small
seeds: [0, 1]
datasets: {digits: {size: 16}}
benchmarks:
  lenet5-digits: {architecture: lenet5, dataset: digits}
  other: {architecture: lenet5, dataset: digits}
studies:
  rates:
    base: {architecture: lenet5, dataset: digits}
    arms: {adam: {optimizer: adam, space: {learning_rate: {low: 0.001, high: 1.0, log: true}}}}
    trials: 12
    epochs: 5
"""
DESCRIBED = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification"}
PROBE = {"id": "p", "pipeline": "small", "name": "cost", "probe": {"name": "timing"}, "trained": False}
JOURNAL = '{"op_code": 0}\n'


def train(root: Path, name: str, *seeds: int, score=0.9, **facts) -> None:
    for seed in seeds:
        folder = root / "runs" / "small" / name / f"seed-{seed}"
        folder.mkdir(parents=True)
        (folder / "model.keras").write_bytes(f"weights of {name} {seed}".encode() * 50)
        fake.write_run(folder, fake.settings(name, seed, **DESCRIBED, pipeline="small"), score + seed / 100)
        fake.write_json(folder / "machine.json", fake.machine(**facts))


def sweep(root: Path) -> None:
    folder = root / "studies" / "small" / "rates"
    fake.write_study(folder, arms=["adam"], name="rates")
    for path in folder.glob("final/*/seed-*"):
        (path / "model.keras").write_bytes(b"weights")
        run_folder.seal(path, json.loads((path / "metrics.json").read_text()))
    (folder / "arms.csv").write_text("arm\nadam\n")
    (folder / "best.yaml").write_text("adam: {}\n")
    (folder / "metrics.json").write_text("{}")
    folder.with_name("rates.journal").write_text(JOURNAL)


def probe(root: Path) -> None:
    found = {"costs": pd.DataFrame({"arm": ["a"], "seconds": [1.0]})}
    settings = {**PROBE, "networks": {}, "datasets": {}}
    write_probe(root / "probes" / "small" / "cost", settings, fake.machine(), found, 1.0)


def project(root: Path) -> Path:
    (root / "pipelines").mkdir(parents=True)
    (root / "params.yaml").write_text(PARAMS)
    return root


@pytest.fixture
def theirs(tmp_path):
    """A project elsewhere with two seeds, a study and a probe; a seed that diverged, and one that was killed."""
    root = project(tmp_path / "theirs")
    train(root, "lenet5-digits", 0, 1, cpu="Another", host="there")
    train(root, "other", 0, 1)
    run = root / "runs" / "small" / "other"
    fake.kill(run / "seed-1")
    (run / "seed-0" / "model.keras").unlink()
    fake.diverge(run / "seed-0")
    sweep(root)
    probe(root)
    return root


@pytest.fixture
def ours(tmp_path):
    return project(tmp_path / "ours")


def pack(root: Path, name="b.bundle", models=False) -> Path:
    return write_bundle(root, "small", root / name, models=models).path


def state(root: Path) -> dict[str, bytes]:
    """Every file of the records below a project; locks are not of them."""
    found = [path for kind in ("runs", "studies", "probes") for path in (root / kind).rglob("*") if path.is_file()]
    return {str(one.relative_to(root)): one.read_bytes() for one in found if not one.name.endswith((".lock", ".owner"))}


WHOLE = {
    "runs/small/lenet5-digits/seed-0", "runs/small/lenet5-digits/seed-1", "runs/small/other/seed-0",
    "studies/small/rates", "probes/small/cost",
}  # fmt: skip


@pytest.mark.parametrize("models", [False, True])
def test_all_that_ended_comes_over_byte_for_byte_and_only_weights_may_stay(theirs, ours, models):
    written = write_bundle(theirs, "small", theirs / "b", models=models)
    assert set(written.packed) == WHOLE
    assert written.left_out == {"runs/small/other/seed-1": "has not ended"}
    merged = merge_bundles(ours, "small", [written.path])
    assert set(merged.added) == WHOLE
    came, there = state(ours), state(theirs)
    assert came.pop("runs/small/lenet5-digits/metrics.json")  # the sum over the seeds, which is made here
    assert came.pop("runs/small/other/metrics.json")
    wanted = {name for name in there if "other/seed-1" not in name and (models or "model.keras" not in name)}
    assert came == {name: there[name] for name in wanted}
    assert "studies/small/rates.journal" in came
    assert len(merged.weightless) == (0 if models else 3)  # one that diverged has none


def test_the_same_runs_make_the_same_bundle(theirs):
    first = pack(theirs).read_bytes()
    for path in theirs.rglob("*"):
        os.utime(path, (1e9, 1e9))
    assert pack(theirs, "again").read_bytes() == first


def test_merging_again_changes_nothing(theirs, ours):
    path = pack(theirs)
    merge_bundles(ours, "small", [path])
    before = state(ours)
    for again in ([path], [path, path]):
        merged = merge_bundles(ours, "small", again)
        assert (merged.added, merged.completed, set(merged.known)) == ([], [], WHOLE)
        assert state(ours) == before


def test_a_run_without_its_weights_is_finished_to_readers_and_not_to_who_needs_them(theirs, ours, capsys):
    merge_bundles(ours, "small", [pack(theirs)])
    folder = ours / "runs" / "small" / "lenet5-digits" / "seed-0"
    run = read_run(folder)
    assert (run.state, run.has_weights, run.fault) == ("finished", False, None)
    assert all(one.finished for one in read_runs(folder.parents[1], {"lenet5-digits": (0, 1)}))
    assert run_folder.finished_metrics(folder, run.settings["id"]) is None
    assert "model.keras is missing: its weights stayed where it was trained" in capsys.readouterr().out
    with pytest.raises(NoStart, match=r"has no model: its weights stayed where it was trained\. Run: dvc repro train"):
        model_file({"from": "lenet5-digits"}, 0, folder.parents[1])
    config = read_config(ours / "params.yaml")
    told = {one.check: one.text for one in record_checks._studies(config, Folders(ours, "small"))}
    assert set(told) == {f"studies/small/rates/final/adam/seed-{seed}" for seed in (0, 1, 2)}
    assert all(text.startswith("has scores and no model.keras: its weights stayed") for text in told.values())
    (folder / "model.keras").write_bytes(b"not these")
    assert "model.keras" in str(read_run(folder).fault)


def test_weights_that_come_later_complete_it(theirs, ours):
    merge_bundles(ours, "small", [pack(theirs)])
    merged = merge_bundles(ours, "small", [pack(theirs, "with", models=True)])
    completed = WHOLE - {"probes/small/cost", "runs/small/other/seed-0"}
    assert (set(merged.completed), merged.added, merged.weightless) == (completed, [], [])
    run = read_run(ours / "runs" / "small" / "lenet5-digits" / "seed-1")
    assert (run.state, run.has_weights) == ("finished", True)
    assert run_folder.finished_metrics(run.path, run.settings["id"], pytest.fail)
    assert set(merge_bundles(ours, "small", [theirs / "b.bundle"]).known) == WHOLE  # nothing is taken away


def test_seeds_of_two_machines_stand_side_by_side_and_their_machines_apart(theirs, ours):
    train(ours, "lenet5-digits", 2)
    merge_bundles(ours, "small", [pack(theirs)])
    runs = read_runs(ours / "runs" / "small", {"lenet5-digits": (0, 1, 2)})
    assert machines(runs)[["cpu", "runs"]].values.tolist() == [["AMD EPYC 7B13", 1], ["Another", 2]]
    summary = json.loads((ours / "runs" / "small" / "lenet5-digits" / "metrics.json").read_text())
    assert (summary["accuracy"]["n"], summary["accuracy"]["mean"]) == (3, pytest.approx(0.91))


def other_files(root):
    train(root, "lenet5-digits", 0, score=0.8)


def other_settings(root):
    train(root, "lenet5-digits", 0)
    path = root / "runs" / "small" / "lenet5-digits" / "seed-0"
    (path / "settings.yaml").write_text((path / "settings.yaml").read_text().replace("epochs: 12", "epochs: 13"))


def unfinished(root):
    train(root, "lenet5-digits", 0)
    fake.kill(root / "runs" / "small" / "lenet5-digits" / "seed-0")


def only_a_checkpoint(root):
    folder = root / "runs" / "small" / "lenet5-digits" / "seed-0"
    folder.mkdir(parents=True)
    (folder / "checkpoint.npz").write_bytes(b"x")


@pytest.mark.parametrize(
    ("here", "told"),
    [
        (other_files, "is the same trial with other files: history.csv, machine.json, metrics.json"),
        (other_settings, "is of other settings, code or data"),
        (unfinished, "has not ended here"),
        (only_a_checkpoint, "has not ended here"),
    ],
)
def test_what_is_here_and_differs_is_named_and_nothing_is_merged(theirs, ours, here, told):
    here(ours)
    before, path = state(ours), pack(theirs)
    with pytest.raises(Conflict, match=f"Nothing was merged.*\nruns/small/lenet5-digits/seed-0 {told}") as error:
        merge_bundles(ours, "small", [path])
    assert str(error.value).count("seed-") == 1
    assert state(ours) == before
    merged = merge_bundles(ours, "small", [path], keep_ours=True)
    assert (len(merged.kept), set(merged.added)) == (1, WHOLE - {"runs/small/lenet5-digits/seed-0"})
    assert before.items() <= state(ours).items()


def test_two_bundles_that_differ_from_each_other_are_in_conflict_too(theirs, ours, tmp_path):
    third = project(tmp_path / "third")
    other_files(third)
    with pytest.raises(Conflict, match="seed-0 is the same trial"):
        merge_bundles(ours, "small", [pack(theirs), pack(third)])
    assert state(ours) == {}


def test_trials_that_a_sweep_here_makes_are_not_written_over(theirs, ours):
    (ours / "studies" / "small").mkdir(parents=True)
    (ours / "studies" / "small" / "rates.journal").write_text("{}\n")
    with pytest.raises(Conflict, match="studies/small/rates has not ended here"):
        merge_bundles(ours, "small", [pack(theirs)])


# --- bundles that are none


def changed(path: Path, change, **members) -> Path:
    """The bundle with its bundle.json changed, and further members."""
    with zipfile.ZipFile(path) as packed:
        content = {name: packed.read(name) for name in packed.namelist()}
    contents = json.loads(content["bundle.json"])
    change(contents["files"], content)
    content["bundle.json"] = json.dumps(contents).encode()
    out = path.with_name("changed")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, value in {**content, **members}.items():
            packed.writestr(name, value)
    return out


def add(name: str, value: bytes = b"x", size: int | None = None):
    """A change that adds a file to a bundle, as one that it names."""

    def change(files, content):
        content[name] = value
        size_told = len(value) if size is None else size
        files[name] = {"bytes": size_told, "sha256": hashlib.sha256(value).hexdigest()}

    return change


def replace(name: str, value: bytes):
    return add(f"runs/small/lenet5-digits/seed-0/{name}", value)


RUN = "runs/small/lenet5-digits/seed-0"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (add("../outside"), "is no file of a run"),
        (add("/etc/outside"), "is no file of a run"),
        (add(f"{RUN}/../../../../outside"), "is no file of a run"),
        (add(f"{RUN}/..\\outside"), "is no file of a run"),
        (add(f"{RUN}/.hidden"), "is no file of a run"),
        (add("runs/small/lenet5-digits/metrics.json"), "is no file of a run"),
        (add("runs/other/lenet5-digits/seed-0/x"), "is no file of a run"),
        (add("data/small/x"), "is no file of a run"),
        (add("studies/small/.journal"), "is no file of a run"),
        (add(f"{RUN}/" + "x" * 300), "is no file of a run"),
        (add(f"{RUN}/metrics.json/x"), "is a file and a folder"),
        (add(f"{RUN}/x.yaml", size=2**21), "is said to have 2097152 bytes"),
        (add(f"{RUN}/x", size=-1), "is said to have -1 bytes"),
        (add(f"{RUN}/x", b"xx", size=1), "is not what was packed"),
        (add(f"{RUN}/x", b"x", size=2), "is not what was packed"),
        (add(f"{RUN}/x", size=10**15), "take 1,000,000,000,"),
        (lambda files, content: content.pop(f"{RUN}/metrics.json"), "cannot be read"),
        (lambda files, content: files.pop(f"{RUN}/metrics.json"), "holds what its bundle.json does not name"),
        (lambda files, content: files.update({f"{RUN}/x": 1}), "x is no mapping"),
        (replace("metrics.json", b"{}"), "seed-0 in it is damaged: metrics.json"),
        (replace("history.csv", b"epoch\n1\n"), "seed-0 in it is damaged: history.csv"),
        (replace("settings.yaml", b"[" * 100_000), "seed-0 in it is damaged: settings.yaml"),
    ],
)
def test_a_bundle_that_was_tampered_with_is_refused_whole(theirs, ours, change, told):
    path = changed(pack(theirs), change)
    with pytest.raises(UserError, match=re.escape(told)) as error:
        merge_bundles(ours, "small", [path])
    assert "othing was merged" in str(error.value)
    assert not list(ours.parent.rglob("outside"))
    assert state(ours) == {}


def test_a_run_under_another_name_and_weights_of_another_are_refused(theirs, ours):
    def move(files, content):
        for name in [name for name in files if name.startswith(RUN)]:
            files[name.replace("seed-0", "seed-5")] = files.pop(name)
            content[name.replace("seed-0", "seed-5")] = content.pop(name)

    with pytest.raises(NoBundle, match=f"seed-5 in it is the run of '{RUN}'"):
        merge_bundles(ours, "small", [changed(pack(theirs), move)])
    merge_bundles(ours, "small", [pack(theirs)])
    with pytest.raises(NoBundle, match=r"model.keras in it is not the model of that run"):
        merge_bundles(ours, "small", [changed(pack(theirs, "m", models=True), replace("model.keras", b"others"))])


def test_a_link_comes_as_the_plain_file_that_it_is_in_a_zip(theirs, ours):
    path = pack(theirs)

    def link(files, content):
        add(f"{RUN}/link", b"/etc/passwd")(files, content)

    out = changed(path, link)
    with zipfile.ZipFile(out) as packed:
        members = {info.filename: (info, packed.read(info)) for info in packed.infolist()}
    members[f"{RUN}/link"][0].external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(out, "w") as packed:
        for info, value in members.values():
            packed.writestr(info, value)
    merge_bundles(ours, "small", [out])
    assert not (ours / RUN / "link").is_symlink()
    assert (ours / RUN / "link").read_bytes() == b"/etc/passwd"


def test_every_damaged_bundle_ends_in_one_message_and_nothing_merged(theirs, ours):
    """300 bundles of which a byte, a piece or the end is another: refused, or merged to what was packed."""
    path = pack(theirs)
    content, chance, told = path.read_bytes(), random.Random(0), []
    with zipfile.ZipFile(path) as packed:
        expected = {name: packed.read(name) for name in packed.namelist() if name != "bundle.json"}
    for number in range(300):
        data, place = bytearray(content), chance.randrange(len(content))
        if number % 3 == 0:
            del data[place:]
        elif number % 3 == 1:
            data[place] ^= 1 << chance.randrange(8)
        else:
            data[place : place + chance.randrange(1, 200)] = chance.randbytes(chance.randrange(200))
        damaged = path.with_name("damaged")
        damaged.write_bytes(data)
        try:
            merge_bundles(ours, "small", [damaged])
        except UserError as error:
            told.append((str(error), state(ours)))
        else:  # a date, or what else means nothing
            came = state(ours)
            assert {name: came[name] for name in expected} == expected
        for kind in ("runs", "studies", "probes"):
            shutil.rmtree(ours / kind, ignore_errors=True)
    assert len(told) > 250
    assert all(here == {} for _, here in told)
    assert all("othing was merged" in message or "is of the pipeline" in message for message, _ in told)


def test_of_another_pipeline_or_of_nothing_there_is_no_bundle(theirs, ours, monkeypatch):
    path = pack(theirs)
    (ours / "params.yaml").write_text(PARAMS.replace("pipeline: small", "pipeline: large"))
    monkeypatch.chdir(ours)
    refused = CliRunner().invoke(app, ["merge", str(path)])
    assert refused.exit_code == 2
    assert "is of the pipeline 'small', and params.yaml here is of 'large'" in refused.stderr
    nothing = CliRunner().invoke(app, ["bundle", "b"])
    assert nothing.exit_code == 2
    assert "Nothing of the pipeline 'large' has ended. Run: archbench run" in nothing.stderr
    assert not (ours / "b").exists()
    missing = CliRunner().invoke(app, ["merge", "nowhere"])
    assert (missing.exit_code, "nowhere is no bundle" in missing.stderr) == (2, True)


# --- a merge that is stopped

KILLED = """
import os, signal, sys
from pathlib import Path
from archbench.records import bundle
renamed, rename, copy = 0, os.rename, bundle.Bundle.copy
count = int(sys.argv[3])
def step():
    global renamed
    if renamed == count:
        os.kill(os.getpid(), signal.SIGKILL)
    renamed += 1
def killing(*names):
    step()
    rename(*names)
def copying(*given):
    step()
    copy(*given)
os.rename, bundle.Bundle.copy = killing, copying
bundle.merge_bundles(Path(sys.argv[1]), "small", [Path(sys.argv[2])])
print(renamed)
"""


def test_a_kill_at_any_moment_leaves_whole_runs_alone_and_the_next_merge_adds_the_rest(theirs, ours, tmp_path):
    path = pack(theirs, models=True)
    command = [sys.executable, "-c", KILLED]
    steps = int(subprocess.run([*command, ours, path, "-1"], capture_output=True, text=True, check=True).stdout)
    expected = state(ours)
    assert steps > 30
    for count in [*range(0, steps - 6, 9), *range(steps - 6, steps)]:
        here = project(tmp_path / f"killed-{count}")
        done = subprocess.run([*command, here, path, str(count)], check=False)
        assert done.returncode == -signal.SIGKILL
        there = {name for name in state(here) if "/.merge.tmp/" not in name}
        for unit in WHOLE:
            own = {name for name in expected if name.startswith(f"{unit}/")}
            assert own & there in (own, set())
        left = {one.check for one in record_checks._leftovers(Folders(here, "small"))}
        assert all(name.endswith(".merge.tmp") for name in left)
        assert left or count == 0
        merge_bundles(here, "small", [path])
        assert state(here) == expected
        assert not list(here.rglob(".merge.tmp"))


def test_a_full_disk_leaves_nothing_half_and_the_same_command_adds_all(theirs, disk, monkeypatch):  # noqa: F811
    """There is room for the bytes and, until the disk has grown, none for the blocks that they take."""
    path = pack(theirs, models=True)
    here = project(disk / "here")
    monkeypatch.chdir(here)
    messages, size = [], 40
    while (done := CliRunner().invoke(app, ["merge", str(path)])).exit_code:
        assert done.exit_code == 2
        messages.append(done.stderr)
        assert not list(here.rglob(".merge.tmp"))
        whole = {name for name in state(here) if not name.endswith("digits/metrics.json")}
        for unit in WHOLE:
            own = {name for name in whole if name.startswith(unit)}
            assert not own or not bundles.unfit(here / unit)
        size += 24
        _remount(disk, f"size={size}k")
    assert any("No space left on device" in message for message in messages)
    assert all(message.count("error: ") == 1 for message in messages)
    _remount(disk, "size=20m")
    assert set(merge_bundles(here, "small", [path]).known) == WHOLE


# --- the whole way

TOY = """\
pipeline: toy
seeds: [0, 1]
datasets: {digits: {size: 16}}
training: {epochs: 2, batch_size: 64, optimizer: adam}
benchmarks:
  small: {architecture: {name: mlp, units: [8]}, dataset: digits}
studies:
  rates:
    base: {architecture: {name: mlp, units: [8]}, dataset: digits, seeds: [0]}
    arms: {sgd: {optimizer: sgd, space: {learning_rate: {low: 0.001, high: 1.0, log: true}}}}
    trials: 2
    epochs: 1
"""


def commands_of_scale(where: str) -> list[str]:
    """The commands of docs/scale.md that carry a pipeline by DVC's remote and are for a machine, `there` or `here`."""
    text = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
    (block,) = [one for one in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "dvc remote" in one]
    lines = [line.split("#") for line in block.splitlines()]
    return [command.strip() for command, comment in lines if {where, "both"} & set(re.findall(r"\w+", comment))]


def trained(toy: Toy) -> dict[Path, bytes]:
    """Every file of its runs."""
    found = {path.relative_to(toy.folder): path.read_bytes() for path in toy.folder.glob("runs/toy/*/seed-*/*")}
    assert any(path.name == "model.keras" for path in found)
    return found


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """A project whose runs and study have ended."""
    toy = Toy(tmp_path_factory.mktemp("machine") / "there", TOY)
    toy.run("archbench", "run")
    return toy


@pytest.mark.slow
def test_dvc_finds_merged_runs_finished_where_their_weights_came_and_results_shows_them_anyway(there, tmp_path):
    here = Toy(tmp_path / "here", TOY)
    assert "1 study" in there.run("archbench", "bundle", str(tmp_path / "plain.bundle"))
    assert "with weights" in there.run("archbench", "bundle", "--models", str(tmp_path / "whole.bundle"))
    told = here.run("archbench", "merge", "../plain.bundle")
    assert "added: 2 runs, 1 study" in told
    assert "dvc repro would train them again" in told
    table = there.run("archbench", "results", "--csv")
    assert here.run("archbench", "results", "--csv").endswith(table)  # a note says that no data are here
    planned = json.loads(here.run("archbench", "plan", "--json"))
    assert {one["stage"] for one in planned["stages"] if one["state"] == "run"} >= {"train@small", "sweep@rates"}
    assert "given weights: 2 runs, 1 study" in here.run("archbench", "merge", "../whole.bundle")

    journal = (here.folder / "studies" / "toy" / "rates.journal").read_text()
    here.run("dvc", "repro")
    assert trained(here) == trained(there)  # their very machine.json: nothing was trained here
    later = (here.folder / "studies" / "toy" / "rates.journal").read_text()
    assert later.count('"op_code":4') == journal.count('"op_code":4') > 0  # no further trial
    final = "studies/toy/rates/final/sgd/seed-0/machine.json"
    assert (here.folder / final).read_bytes() == (there.folder / final).read_bytes()
    best = yaml.safe_load((here.folder / "studies/toy/rates/best.yaml").read_text())
    assert best == yaml.safe_load((there.folder / "studies/toy/rates/best.yaml").read_text())
    assert (here.folder / "reports" / "toy" / "index.html").is_file()


@pytest.mark.slow
def test_dvcs_remote_carries_a_pipeline_by_the_commands_of_the_page(there, tmp_path):
    store, here = tmp_path / "store", Toy(tmp_path / "here", TOY)
    store.mkdir()
    for toy, where in ((there, "there"), (here, "here")):
        for command in commands_of_scale(where):
            toy.run(*command.replace("/mnt/store", str(store)).split())
    assert trained(here) == trained(there)
    assert set(json.loads(here.run("dvc", "status", "--json"))) == {"report"}
