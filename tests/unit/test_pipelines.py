"""The four pipelines that come with the project: they resolve, fit their dvc.yaml, and cover what they promise."""

import json
import math
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from archbench import dvcfile, resolve
from archbench.architectures import ARCHITECTURES
from archbench.architectures.network import outline
from archbench.config import read_config
from archbench.project import Folders, project_root
from archbench.records.shapes import SETTINGS, STUDY, misfit
from archbench.sweeps.study import record

PROJECT = project_root(Path(__file__))
FOLDERS = {"tour": PROJECT, **{name: PROJECT / "pipelines" / name for name in ("full", "real", "paper")}}


@pytest.fixture(params=FOLDERS)
def pipeline(request):
    folder = FOLDERS[request.param]
    return request.param, folder, read_config(folder / "params.yaml")


def test_it_resolves_under_its_own_name(pipeline):
    name, _, config = pipeline
    assert config.pipeline == name
    assert set(resolve.resolve_all(config)) == set(config.benchmarks)


def test_its_dvc_file_is_up_to_date(pipeline):
    name, folder, config = pipeline
    dvcfile.check(config, Folders(PROJECT, name), folder)


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", ["paper"], indirect=True)  # which has the largest networks
def test_it_is_planned_where_nothing_is_prepared_yet(pipeline, tmp_path):
    """What a newcomer asks first: what each stage will take, before any data are here."""
    _, folder, config = pipeline
    (tmp_path / "pipelines").mkdir()
    shutil.copy(folder / "params.yaml", tmp_path)
    words = [sys.executable, "-m", "archbench", "plan", "--json"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    planned = {stage["stage"] for stage in json.loads(done.stdout)["stages"]}
    assert {f"train@{slug}" for slug in config.benchmarks} <= planned


def test_its_params_yaml_is_read_without_scrolling_and_says_nothing_three_times(pipeline):
    """Lines below 160 characters; no mapping of two keys or more stands in it three times, apart from names alone."""
    _, folder, _ = pipeline
    text = (folder / "params.yaml").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if len(line) >= 160] == []
    pieces = Counter(piece for piece in re.findall(r"\{[^{}]*\}", text) if ": " in piece.partition(": ")[2])
    assert {piece: count for piece, count in pieces.items() if count > 2} == {}


def test_it_uses_all_its_recipes(pipeline):
    _, _, config = pipeline
    used = {name for one in config.benchmarks.values() for name in one.recipe}
    for group in (*config.studies.values(), *config.probes.values()):
        used |= {name for one in (group.base, *group.arms.values()) if one for name in one.recipe}
    assert used == set(config.recipes)


def test_the_full_pipeline_trains_every_architecture():
    config = read_config(FOLDERS["full"] / "params.yaml")
    trained = {benchmark.architecture.name for benchmark in config.benchmarks.values()}
    assert trained == {entry.name for entry in ARCHITECTURES}


@pytest.mark.parametrize(
    ("slug", "shape", "outputs", "parameters"),
    [
        # Counts of He et al. 2015 for CIFAR-10, and LeNet-5's; see tests/golden/parameter_counts.csv.
        ("lenet5-mnist", (32, 32, 1), 10, 61_706),
        ("resnet20-cifar10", (32, 32, 3), 10, 269_722),
        ("resnet56-cifar10", (32, 32, 3), 10, 853_018),
        ("resnet110-cifar10", (32, 32, 3), 10, 1_727_962),
    ],
)
def test_the_paper_pipeline_builds_the_papers_networks(slug, shape, outputs, parameters):
    settings = resolve.resolve(read_config(FOLDERS["paper"] / "params.yaml"), slug).settings
    network = outline(settings["architecture"], shape, outputs, settings["parts"])
    assert sum(math.prod(weight.shape) for weight in network.trainable_weights) == parameters


@pytest.mark.parametrize("page", sorted(path.name for path in (PROJECT / "pipelines").glob("*.py")))
def test_a_stage_that_its_user_got_wrong_ends_in_one_message_and_exit_code_2(page, tmp_path):
    """1 is for faults of the program: DVC, and scripts around it, tell the two apart."""
    command = [sys.executable, PROJECT / "pipelines" / page, "x"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: There is no params.yaml in ")
    assert done.stderr.count("\n") == 1


def test_its_runs_and_studies_have_the_shape_that_readers_of_the_record_expect(pipeline):
    _, _, config = pipeline
    own = {"id": "x", "pipeline": "x", "benchmark": "x", "seed": 0, "dataset_sha256": "x", "code_sha256": "x"}
    for slug, made in resolve.resolve_all(config).items():
        assert misfit({**made.settings, **own}, SETTINGS) is None, slug
    for slug, study in config.studies.items():
        assert misfit(record(slug, study, "paper", "x"), STUDY) is None, slug
