"""What a notebook uses: the page that tells of it runs as it stands, and objects show themselves without harm."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import archbench
from archbench.errors import UserError
from archbench.new_project import write_project
from archbench.notebook import html
from archbench.notebook.runs import Compared

DOCS = Path(__file__).parents[2] / "docs"
LAZY = """
import sys, archbench
assert not {"keras", "tensorflow", "pandas", "optuna", "mlflow"} & set(sys.modules), "heavy"
assert set(archbench.__all__) <= set(dir(archbench))
print(archbench.catalogue.__class__.__mro__[1].__name__, callable(archbench.results))
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder of no project, in which notebooks run."""
    folder, before = tmp_path_factory.mktemp("notebook"), Path.cwd()
    os.environ.pop("ARCHBENCH_HOME", None)
    os.chdir(folder)
    yield folder
    os.chdir(before)


@pytest.fixture(scope="module")
def told(here):
    """The variables that the page leaves, after all its code ran in order."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "notebook.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 9
    write_project(Path("mine"), None)
    scope = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"notebook.md, block {number + 1}", "exec"), scope)
    return scope


def test_importing_it_imports_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", LAZY], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "module True\n"


def test_there_is_nothing_else():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        archbench.nothing  # noqa: B018


def test_its_types_are_told_for_all_of_it():
    text = (Path(archbench.__file__).with_name("__init__.pyi")).read_text(encoding="utf-8")
    assert sorted(re.findall(r"import (\w+) as \1", text)) == archbench.__all__


def test_the_page_runs_as_it_stands(told):
    assert isinstance(told["net"], keras.Model)
    run = told["run"]
    assert run.state == "finished"
    assert len(run.history) == 2
    assert 0 <= run.scores["test"]["accuracy"] <= 1
    assert {"curve", "confusion"} <= set(told["figures"])
    assert "archbench-notebook" in str(run.folder)


def test_what_is_trained_is_not_trained_again(told):
    before = (told["run"].folder / "history.csv").stat().st_mtime_ns
    again = archbench.train("lenet5", told["data"], epochs=2, batch_size=64)
    assert again.folder == told["run"].folder
    assert (again.folder / "history.csv").stat().st_mtime_ns == before


def test_a_model_of_ones_own_starts_from_its_weights_and_is_not_changed(told):
    mine, other = told["mine"], told["other"]
    assert other.settings["architecture"]["name"].startswith("given_")
    assert len(other.model.trainable_variables) == len(mine.trainable_variables)
    assert not np.array_equal(np.asarray(other.model.trainable_variables[0]), np.asarray(mine.trainable_variables[0]))
    wrong = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    with pytest.raises(UserError, match="answers with 3 outputs, and the data set asks for 10"):
        archbench.train(wrong, told["data"], epochs=1)


def test_batches_hold_every_example_once(told):
    data = told["data"]
    batches = list(data.numpy("test", 50))
    assert sum(len(x) for x, _ in batches) == data.card.split_sizes["test"]
    assert len(batches[-1][0]) == 270 - 5 * 50
    drawn = np.concatenate([y for _, y in data.numpy("test", 50, seed=3)])
    assert sorted(drawn) == sorted(np.asarray(data["test"]["label"]))
    assert not np.array_equal(drawn, np.asarray(data["test"]["label"]))
    read = [(x.numpy(), y.numpy()) for x, y in data.tf("test", 50)]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in read]), np.asarray(data["test"]["image"]))
    with pytest.raises(UserError, match="has no split 'tset'"):
        data["tset"]
    with pytest.raises(UserError, match="has no array 'lable'"):
        next(data.numpy(target="lable"))


def test_a_derived_data_set_is_made_from_another(here):
    data = archbench.dataset("mislabelled", of={"name": "digits", "size": 16}, share=0.2)
    assert "planted" in data["train"]


def test_tables_of_runs(told):
    table = told["table"]
    assert {"benchmark", "seed", "split", "metric", "epoch", "value"} <= set(table.columns)
    assert len(set(table["benchmark"])) == 3
    one = archbench.results(told["run"].folder.parent)
    assert set(one["benchmark"]) == {told["run"].folder.parent.name}
    with pytest.raises(UserError, match="name one of these"):
        archbench.load_run(told["run"].folder.parent)
    with pytest.raises(UserError, match="holds no runs"):
        archbench.results(told["run"].folder)


def test_two_sides_are_compared_seed_by_seed(told):
    found = archbench.compare(told["run"], told["other"])
    assert found.n == 1
    expected = told["run"].scores["test"]["accuracy"] - told["other"].scores["test"]["accuracy"]
    assert found.difference == pytest.approx(expected)
    assert not found.sure
    with pytest.raises(UserError, match="holds several benchmarks"):
        archbench.compare(told["run"].folder.parents[1], told["other"])


def test_a_study_tells_its_arms_its_trials_and_optunas_own(told):
    study = told["study"]
    assert set(study.arms.index) == {"sgd", "adam"}
    assert len(study.trials) == 4
    assert isinstance(study.trials, pd.DataFrame)
    assert len(study.optuna["sgd"].trials) == 2


def test_a_probe_tells_its_tables_and_draws_what_it_can(told):
    weights = told["slopes"]["weights"]
    assert set(weights["checked"]) == {4}
    assert (weights["relative_error"] < 1e-3).all()
    bottoms = told["ways"]["bottoms"]
    assert set(bottoms["optimizer"]) == {"adam"}
    assert list(told["pictures"]) == ["paths"]
    assert told["slopes"].figures() == {}


def test_a_probe_looks_into_a_run_with_the_weights_that_it_ended_with(told):
    """The bias of the last layer is no longer the zeros that it began with."""
    norms = {}
    for name, network in (("fresh", ("lenet5", told["data"])), ("trained", (told["run"],))):
        table = archbench.probe({"name": "gradient_check", "checks": 1}, *network)["weights"]
        norms[name] = float(table["gradient"].iloc[-1])
    assert norms["trained"] != pytest.approx(norms["fresh"], rel=1e-3)


def test_what_a_probe_lacks_is_told(told):
    with pytest.raises(UserError, match="looked at with data"):
        archbench.probe("timing", "lenet5")
    with pytest.raises(UserError, match="timing looks into networks, and none is named"):
        archbench.probe("timing")
    with pytest.raises(UserError, match="No probe is called 'timig'"):
        archbench.probe("timig")


def test_a_project_tells_what_would_run_what_it_expects_and_its_report(told):
    stages = archbench.plan("mine")
    assert {"sources", "prepare@data", "train@first-data", "report"} <= set(stages.index)
    assert set(stages["state"]) <= {"run", "wait"}
    expected = archbench.check("mine")
    assert list(expected.columns[:3]) == ["benchmark", "metric", "needed"]
    assert told["page"].path.is_file()
    shown = told["page"]._repr_html_()
    assert '<iframe src="mine/reports/mine/index.html"' in shown
    with pytest.raises(UserError, match=r"no params\.yaml"):
        archbench.plan()


def test_a_data_set_is_inspected(told):
    page = archbench.inspect(told["data"])
    assert page.path.parent.name == "notebook"
    assert "Corrupt and odd files" in page.path.read_text(encoding="utf-8")


def test_a_plugin_has_its_names_from_then_on(here):
    text = "from archbench.activations import activation\n\n@activation('own_act', source='me')\n"
    Path("own_acts.py").write_text(text + 'def own_act(x):\n    """As it is."""\n    return x\n', encoding="utf-8")
    found = archbench.plugin("own_acts.py")
    assert found.loc["own_act", "kind"] == "activation"
    net = archbench.network("lenet5", (16, 16, 1), 10, parts={"activation": "own_act"})
    assert net.count_params() > 0
    study = archbench.sweep(
        {"architecture": "lenet5", "dataset": {"name": "digits", "size": 16}, "batch_size": 600},
        {"own": {"parts": {"activation": "own_act"}}, "relu": {}},
        space={"learning_rate": {"low": 1e-3, "high": 0.3, "log": True}}, trials=1, epochs=1, workers=2,
    )  # fmt: skip
    assert set(study.arms.index) == {"own", "relu"}


def test_every_object_shows_itself_as_html_and_as_text(told):
    for name in ("data", "run", "study", "ways"):
        shown = told[name]._repr_html_()
        assert shown.startswith("<")
        assert "<table" in shown
        assert repr(told[name]).startswith(("data set", "run", "study", "probe"))
    assert "no sure difference" in archbench.compare(told["run"], told["other"])._repr_html_()


def test_what_is_shown_is_escaped():
    shown = Compared("<script>", "b & c", "accuracy", 0.1, float("nan"), float("nan"), float("nan"), 1)._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "b &amp; c" in shown
    assert "<b>" not in html.table("x", {"<b>": "<i>"})


def test_the_notebook_runs(tmp_path):
    """Executed by a kernel of its own, in a folder of its own, in less than two minutes where nothing else runs."""
    nbformat = pytest.importorskip("nbformat", reason="needs nbformat: pip install nbclient ipykernel")
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient: pip install nbclient ipykernel")
    pytest.importorskip("ipykernel", reason="needs ipykernel: pip install nbclient ipykernel")
    book = nbformat.read(DOCS / "notebook.ipynb", as_version=4)
    nbclient.NotebookClient(book, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()


def test_the_cells_of_the_notebook_run_one_after_the_other(here):
    """Also where no kernel is installed."""
    book = json.loads((DOCS / "notebook.ipynb").read_text(encoding="utf-8"))
    assert book["nbformat"] == 4
    scope = {}
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            assert not cell["outputs"]
            exec(compile("".join(cell["source"]), "notebook.ipynb", "exec"), scope)
    assert scope["verdict"].n == 2
