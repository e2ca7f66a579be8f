"""A project as a downloaded archive, without git, and on a disk that cannot be written to."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from archbench import scm
from archbench.cli import checks

PROJECT = Path(__file__).parents[2]
PARAMS = """\
pipeline: small
seeds: [0]
datasets:
  digits: {size: 16}
benchmarks:
  lenet5-digits: {architecture: lenet5, dataset: digits}
"""


def run(here: Path, *words: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "true"}
    environment["PATH"] = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{environment['PATH']}"
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=here, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture
def archive(tmp_path):
    """A project with DVC's folder as it is committed, and no git far and wide."""
    assert not scm.under_git(tmp_path)
    (tmp_path / "pipelines").symlink_to(PROJECT / "pipelines")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text((PROJECT / ".dvc" / "config").read_text())
    (tmp_path / "params.yaml").write_text(PARAMS)
    return tmp_path


def test_without_git_writing_the_plan_is_all_that_dvc_needs(archive):
    """`make repro` writes the plan first."""
    refused = run(archive, "dvc", "status")
    assert "not a git repository" in refused.stderr
    finding = checks.check_git(archive)
    assert finding.mend == "dvc config --local core.no_scm true"
    written = run(archive, "archbench", "plan", "--write")
    assert (written.returncode, written.stderr) == (0, "")
    assert "dvc config --local core.no_scm true: there is no git here" in written.stdout
    assert checks.check_git(archive).mend is None
    done = run(archive, "dvc", "repro", "prepare@digits")
    assert done.returncode == 0, done.stderr
    assert (archive / "data/prepared/small/digits/dataset.json").is_file()


def test_a_repository_made_later_is_noticed_and_taken_back(archive):
    scm.settle(archive)
    (archive / ".git").mkdir()
    assert checks.check_git(archive).mend == "dvc config --local --unset core.no_scm"
    assert scm.settle(archive).endswith("git is here now")
    assert checks.check_git(archive).mend is None
    assert scm.settle(archive) is None


def test_a_folder_without_dvc_has_nothing_to_mend(tmp_path):
    assert scm.mend(tmp_path) is None


@pytest.fixture
def read_only(archive):
    """The archive, mounted so that not even root can write to it."""
    run(archive, "archbench", "plan", "--write")
    (archive / "dvc.lock").write_text("schema: '2.0'\nstages:\n  prepare@digits:\n    outs: [{path: params.yaml}]\n")
    place = archive.parent / "mounted"
    place.mkdir()
    mount = f"mount --bind '{archive}' '{place}' && mount -o remount,bind,ro '{place}'"
    if subprocess.run(["sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("this needs the right to mount a folder read-only")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_plan_list_show_and_doctor_work_on_a_read_only_disk(read_only):
    plan = run(read_only, "archbench", "plan", "--json")
    assert plan.returncode == 0, plan.stderr
    facts = json.loads(plan.stdout)
    states = {stage["stage"]: stage["state"] for stage in facts["stages"]}
    assert (states["train@lenet5-digits"], states["prepare@digits"]) == ("run", "unknown")
    assert "Read-only file system" in facts["dvc"]
    for words in (("list", "losses"), ("show", "lenet5")):
        assert run(read_only, "archbench", *words).returncode == 0
    doctor = run(read_only, "archbench", "doctor", "--json")
    findings = {finding["check"]: finding for finding in json.loads(doctor.stdout)["findings"]}
    assert "read-only" in findings["folder"]["text"]
    assert findings["dvc.yaml"]["mend"] is None
