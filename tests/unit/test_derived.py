"""Data sets that are made from another one: planted wrong labels, the chain of stages, and what makes them stale."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import picture_files as files
import pytest
import yaml
from typer.testing import CliRunner

from archbench import dvcfile, resolve, stages
from archbench.catalogue import WrongOption
from archbench.cli import data as known
from archbench.cli.app import app
from archbench.config import ConfigError, check_config
from archbench.datasets import DATASETS, derived, store
from archbench.datasets.mislabelled import NoLabelsToChange, mislabelled
from archbench.datasets.prepare import prepare
from archbench.datasets.ready import StaleData
from archbench.project import Folders
from archbench.training.build import build_task

PIPELINES = Path(__file__).parents[2] / "pipelines"
PARAMS = {
    "pipeline": "toy",
    "seeds": [0],
    "training": {"epochs": 1},
    "datasets": {"noisy": {"name": "mislabelled", "of": "iris", "share": 0.4, "seed": 3}, "iris": {"test": 0.2}},
    "benchmarks": {"mlp-noisy": {"architecture": "mlp", "dataset": "noisy"}},
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "pipelines").mkdir()
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(project, **changes):
    (project / "params.yaml").write_text(yaml.safe_dump({**PARAMS, **changes}))


def prepared(project, name):
    return project / "data" / "prepared" / "toy" / name


# planted wrong labels


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits") / "digits"
    prepare("digits", "digits", folder, folder.parent / "raw")
    return store.load(folder)


def test_so_many_training_labels_are_wrong_and_planted_tells_which(digits):
    raw = mislabelled(None, digits, share=0.3, seed=5)
    right, wrong, planted = digits.splits["train"]["label"], raw.train["label"], raw.train["planted"]
    assert wrong.dtype == right.dtype
    assert planted.sum() == round(0.3 * 1257)
    np.testing.assert_array_equal(planted, wrong != right)
    for split in ("validation", "test"):
        assert not raw.official[split]["planted"].any()
        np.testing.assert_array_equal(raw.official[split]["label"], digits.splits[split]["label"])
    assert raw.train["image"] is digits.splits["train"]["image"]
    assert (raw.labels, raw.strata, raw.class_names) == (("label",), "label", digits.card.class_names)


@pytest.mark.parametrize("share", [1.0, 0.5, 1 / 1257, 1e-6])
def test_shares_from_one_label_to_all(digits, share):
    raw = mislabelled(None, digits, share=share)
    wrong = raw.train["label"] != digits.splits["train"]["label"]
    assert wrong.sum() == raw.train["planted"].sum() == round(share * 1257)
    if share == 1:  # from every class to every other
        pairs = set(zip(digits.splits["train"]["label"].tolist(), raw.train["label"].tolist(), strict=True))
        assert len(pairs) == 90


def test_of_two_classes_the_wrong_one_is_the_other(tmp_path):
    prepare("breast_cancer", "cancer", tmp_path / "cancer", tmp_path / "raw")
    of = store.load(tmp_path / "cancer")
    raw = mislabelled(None, of, share=1)
    np.testing.assert_array_equal(raw.train["label"], 1 - of.splits["train"]["label"])


def test_the_same_seed_plants_the_same_labels(digits):
    first, same, other = (mislabelled(None, digits, seed=seed).train["label"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_impossible_shares_are_refused(digits, share):
    with pytest.raises(WrongOption, match="share cannot be"):
        DATASETS.build({"name": "mislabelled", "share": share}, None, digits)


@pytest.mark.parametrize(("name", "has"), [("diabetes", "none"), ("overlapping_digits", "present")])
def test_data_without_one_class_an_example_are_refused(tmp_path, name, has):
    options = {"examples": 40} if name == "overlapping_digits" else {}
    prepare({"name": name, **options}, name, tmp_path / name, tmp_path / "raw")
    with pytest.raises(NoLabelsToChange, match=f"'{name}' has no array .* its labels are {has}"):
        mislabelled(None, store.load(tmp_path / name))


def test_labels_are_not_made_wrong_twice(digits, tmp_path):
    prepare("mislabelled", "once", tmp_path / "once", tmp_path / "raw", of=digits)
    with pytest.raises(NoLabelsToChange, match="'once'"):
        prepare("mislabelled", "twice", tmp_path / "twice", tmp_path / "raw", of=store.load(tmp_path / "once"))
    assert not (tmp_path / "twice").exists()


def test_pictures_stay_as_they_were_published(tmp_path):
    """Encoded columns of the data set are written anew as they are, with the wrong labels in their records."""
    put = {
        f"{part}/n0{n}/{i}.JPEG": files.noise(10 * n + i) for part in ("train", "val") for n in (1, 2) for i in range(5)
    }
    root = files.put(tmp_path / "pictures", put)
    spec = {"name": "imagenet", "size": 8, "validation": 0.4, "folder": str(root), "storage": "tfrecord"}
    prepare(spec, "mine", tmp_path / "mine", tmp_path / "raw")
    card = prepare("mislabelled", "noisy", tmp_path / "noisy", tmp_path / "raw", of=store.load(tmp_path / "mine"))
    shutil.rmtree(tmp_path / "mine")
    assert card.arrays["image"]["storage"] == "tfrecord"
    store.verify(tmp_path / "noisy")
    assert store.load(tmp_path / "noisy").splits["train"]["image"][:].shape == (6, 8, 8, 3)


def test_columns_that_are_no_arrays_and_all_splits_come_along(tmp_path):
    prepare({"name": "balloons", "size": 32, "examples": 40}, "balloons", tmp_path / "b", tmp_path / "raw")
    of = store.load(tmp_path / "b")
    of.splits["train_dev"] = of.splits["test"]
    card = prepare("mislabelled", "noisy", tmp_path / "noisy", tmp_path / "raw", of=of)
    assert list(card.split_sizes) == ["train", "validation", "test", "train_dev"]
    assert card.label_counts.keys() == {"label", "present", "count", "color"}
    again = store.load(tmp_path / "noisy")
    for name in ("boxes", "box_label", "landmarks"):
        assert again.card.arrays[name] == of.card.arrays[name]
        np.testing.assert_array_equal(np.asarray(again.splits["train"][name]), np.asarray(of.splits["train"][name]))


# stages


def test_from_params_to_a_prepared_folder_and_its_card(project):
    stages.prepare("iris")
    stages.prepare("noisy")
    iris, noisy = (store.load(prepared(project, name)) for name in ("iris", "noisy"))
    store.verify(prepared(project, "noisy"))
    assert noisy.card.split_sizes == iris.card.split_sizes
    assert noisy.card.licence == iris.card.licence == "CC BY 4.0"
    assert noisy.card.source.startswith(iris.card.source)
    assert noisy.card.made_from["of_sha256"] == iris.card.sha256
    assert iris.card.made_from["of_sha256"] is None
    wrong = noisy.splits["train"]["label"] != iris.splits["train"]["label"]
    np.testing.assert_array_equal(noisy.splits["train"]["planted"], wrong)
    assert wrong.sum() == round(0.4 * iris.card.split_sizes["train"])
    for split in iris.splits:
        np.testing.assert_array_equal(noisy.splits[split]["features"], iris.splits[split]["features"])
    config, folders = stages.open_pipeline()
    assert stages.open_data(config, folders, "noisy").card == noisy.card
    plan = resolve.resolve(config, "mlp-noisy")
    assert build_task(plan.trial_settings(0, noisy.card.sha256), noisy.card).outputs() == 3


def test_what_it_is_made_from_is_asked_for_first(project):
    with pytest.raises(store.NotReady, match=r"iris is no complete .*dvc repro -f prepare@iris$"):
        stages.prepare("noisy")
    assert not prepared(project, "noisy").exists()


def test_a_change_of_what_it_is_made_from_makes_it_stale(project):
    stages.prepare("iris")
    stages.prepare("noisy")
    write(project, datasets={**PARAMS["datasets"], "iris": {"test": 0.25}})
    config, folders = stages.open_pipeline()

    def cards():
        return {slug: one.card for slug, one in stages._data_sets(config, folders).items()}

    assert cards() == {"iris": None, "noisy": None}
    with pytest.raises(StaleData, match=r"its option test.*dvc repro -f prepare@iris$"):
        stages.open_data(config, folders, "noisy")
    stages.prepare("iris")
    assert cards()["noisy"] is None
    with pytest.raises(StaleData, match=r"the data set that it is derived from\. .*dvc repro -f prepare@noisy$"):
        stages.open_data(config, folders, "noisy")
    stages.prepare("noisy")
    assert None not in cards().values()
    assert stages.open_data(config, folders, "noisy").card.split_sizes["test"] == 38


def test_its_own_options_make_it_alone_stale(project):
    stages.prepare("iris")
    stages.prepare("noisy")
    noisy = {**PARAMS["datasets"]["noisy"], "share": 0.1}
    write(project, datasets={**PARAMS["datasets"], "noisy": noisy})
    config, folders = stages.open_pipeline()
    assert stages.open_data(config, folders, "iris")
    with pytest.raises(StaleData, match="its option share"):
        stages.open_data(config, folders, "noisy")


def test_the_command_prepares_the_whole_line(project, monkeypatch):
    trained = []
    monkeypatch.setattr(stages, "train", trained.append)
    for lost in ([], ["iris"], ["noisy"], ["iris", "noisy"]):
        for name in lost:
            shutil.rmtree(prepared(project, name))
        assert CliRunner().invoke(app, ["train", "mlp-noisy"]).exit_code == 0
        config, folders = stages.open_pipeline()
        assert stages.open_data(config, folders, "noisy")
    assert trained == ["mlp-noisy"] * 4


def test_before_it_is_prepared_it_is_known_from_what_it_is_made_from(project):
    config, folders = stages.open_pipeline()
    assert known.look_up("noisy", config.datasets, folders).card is None
    stages.prepare("iris")
    found = known.look_up("noisy", config.datasets, folders)
    assert found.card.split_sizes == {"train": 98, "validation": 22, "test": 30}
    assert found.prepared_bytes == 150 * (4 * 4 + 4 + 1)
    stages.prepare("noisy")
    ready = known.look_up("noisy", config.datasets, folders).card
    assert (ready.arrays, ready.split_sizes) == (found.card.arrays, found.card.split_sizes)


def test_doctor_names_the_data_set_that_has_to_be_prepared(project):
    stages.prepare("iris")
    stages.prepare("noisy")
    (prepared(project, "iris") / "train" / "label.npy").unlink()
    told = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)["findings"]
    found = {finding["check"]: finding["mend"] for finding in told if "prepared" in finding["check"]}
    assert found == {f"data/prepared/toy/{name}": "dvc repro -f prepare@iris" for name in ("iris", "noisy")}


def test_show_says_that_it_needs_another_data_set():
    assert "of: must be given" in CliRunner().invoke(app, ["show", "mislabelled"]).stdout
    assert "of: must be given" not in CliRunner().invoke(app, ["show", "iris"]).stdout


# params.yaml


def data(**datasets):
    return {**PARAMS, "datasets": datasets, "benchmarks": {}}


@pytest.mark.parametrize(
    ("datasets", "says"),
    [
        (
            {"noisy": {"name": "mislabelled"}, "iris": None},
            "datasets.noisy: mislabelled is made from another .*of: iris",
        ),
        (
            {"noisy": {"name": "mislabelled", "of": "irs"}, "iris": None},
            "datasets.noisy: .*no data set 'irs'.*mean iris",
        ),
        ({"wine": {"of": "iris"}, "iris": None}, "datasets.wine: wine is made from no other data set. Leave `of` out"),
        ({"noisy": {"name": "mislabelled", "of": "iris", "shar": 1}, "iris": None}, "no option 'shar'"),
    ],
)
def test_wrong_parents_are_refused_with_the_key(datasets, says):
    with pytest.raises(ConfigError, match=says):
        resolve.resolve_all(check_config(data(**datasets)))


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_circle_is_one_mistake(length):
    circle = {f"d{n}": {"name": "mislabelled", "of": f"d{(n + 1) % length}"} for n in range(length)}
    hangs_on_it = {"tail": {"name": "mislabelled", "of": f"d{length - 1}"}}
    with pytest.raises(ConfigError) as failure:
        resolve.resolve_all(check_config(data(**hangs_on_it, **circle, iris=None)))
    line = " of ".join([*circle, "d0"])
    assert str(failure.value) == (f"datasets: {line} goes round in a circle. One of these must be made from no other.")


def test_a_line_of_data_sets_is_followed_to_its_end():
    line = {"c": {"name": "mislabelled", "of": "b"}, "b": {"name": "mislabelled", "of": "a"}, "a": {"name": "iris"}}
    config = check_config(data(**line))
    assert derived.ancestors("c", config.datasets) == ("b", "a")
    assert derived.ancestors("a", config.datasets) == ()


# dvc.yaml


def render(project, **changes):
    config = check_config({**PARAMS, **changes})
    return yaml.safe_load(dvcfile.render(config, Folders(project, "toy"), project))["stages"]


def test_stages_stand_in_a_chain(project):
    stage = render(project)["prepare"]
    assert stage["do"]["deps"] == ["${item.of}", "data/sources/toy/prepare/${key}.txt"]
    assert stage["do"]["outs"] == ["data/prepared/toy/${key}"]
    assert {slug: item["of"] for slug, item in stage["foreach"].items()} == {
        "noisy": "data/prepared/toy/iris",
        "iris": "data/sources/toy/train.txt",
    }
    plain = render(project, datasets={"iris": None}, benchmarks={})["prepare"]
    assert plain["do"]["deps"] == ["data/sources/toy/prepare/${key}.txt"]
    assert plain["foreach"]["iris"] == {}


def dvc(project, *words):
    done = subprocess.run([sys.executable, "-m", "dvc", *words], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_dvc_prepares_what_it_is_made_from_first_and_again_what_hangs_on_a_change(project):
    shutil.copytree(
        PIPELINES, project / "pipelines", dirs_exist_ok=True, ignore=shutil.ignore_patterns("full", "real", "paper")
    )
    dvc(project, "init", "--no-scm", "-q")

    def made(**changes):
        write(project, **changes)
        text = dvcfile.render(check_config({**PARAMS, **changes}), Folders(project, "toy"), project)
        (project / "dvc.yaml").write_text(text)
        told = dvc(project, "repro", "prepare@noisy")
        stages_run = [line.split("'")[1] for line in told.splitlines() if line.startswith("Running stage")]
        return [name for name in stages_run if name.startswith("prepare@")]

    assert made() == ["prepare@iris", "prepare@noisy"]
    assert made(datasets={**PARAMS["datasets"], "iris": {"test": 0.25}}) == ["prepare@iris", "prepare@noisy"]
    config, folders = stages.open_pipeline()
    assert stages.open_data(config, folders, "noisy").card.split_sizes["test"] == 38
    changed = {"noisy": {**PARAMS["datasets"]["noisy"], "share": 0.1}, "iris": {"test": 0.25}}
    assert made(datasets=changed) == ["prepare@noisy"]
