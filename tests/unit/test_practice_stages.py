"""From params.yaml to the report: divided data, a diagnosis, one number to rank by, errors, and labels in doubt."""

from contextlib import nullcontext
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from site_text import site_text

from archbench import stages
from archbench.records.probe_folder import read_probe

SOFTMAX = {"architecture": "softmax_regression", "dataset": "divided"}
VALUES = {
    "pipeline": "small",
    "seeds": [0, 1],
    "training": {"batch_size": 10, "epochs": 2},
    "datasets": {
        "iris": {},
        "divided": {"of": "iris", "validation": "by_size", "train_dev": 0.2},
        "noisy": {"name": "mislabelled", "of": "iris", "share": 0.1},
    },
    "benchmarks": {"softmax": SOFTMAX, "mlp": {**SOFTMAX, "architecture": {"name": "mlp", "units": [8]}}},
    "probes": {
        "errors": {"probe": {"name": "error_analysis", "worst": 3}, "runs": ["softmax", "mlp"]},
        "doubts": {
            "probe": {"name": "suspected_labels", "folds": 2},
            "base": {**SOFTMAX, "dataset": "noisy", "seeds": [0]},
        },
    },
    "report": {
        "best": {"divided": {"accuracy": 0.98}},
        "single_number": {"small": {"limit": {"parameters": 15}}, "quick": {"price": {"milliseconds": 1e-6}}},
    },
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """All stages of it, without tracking."""
    folder = tmp_path_factory.mktemp("practice")
    (folder / "pipelines").mkdir()
    (folder / "params.yaml").write_text(yaml.safe_dump(VALUES))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("ARCHBENCH_STAGE", "none")
        patch.setattr(stages, "live", lambda *_: nullcontext(SimpleNamespace(message="tracked")))
        for stage, slugs in ((stages.prepare, "datasets"), (stages.train, "benchmarks"), (stages.probe, "probes")):
            for slug in VALUES[slugs]:
                stage(slug)
        stages.report()
    return folder


def _page(project):
    return site_text(project / "reports/small/index.html")


def test_the_diagnosis_has_every_split_and_what_could_be_reached(project):
    assert 'id="diagnosis"' in _page(project)
    table = pd.read_csv(project / "reports/small/tables/diagnosis.csv")
    assert table["gap"].tolist() == ["bias", "variance", "mismatch", "overfit"] * 2
    assert table["best"].unique().tolist() == [0.98]
    # Of 150: 22 to test; of the other 128, a fifth is 26 to validate; of the 102 left, a fifth is 20 not trained on.
    first = table[(table["benchmark"] == "mlp") & (table["gap"] == "bias")].iloc[0]
    assert first["mean"] == pytest.approx(0.98 - first["train"], abs=1e-5)
    assert first["interval_low"] < first["mean"] < first["interval_high"]


def test_boards_have_no_column_for_what_was_trained_on(project):
    assert "On train_dev" in _page(project)
    assert ">On train<" not in _page(project)


def test_one_number_is_ranked_by_what_params_yaml_says(project):
    """4 features to 3 classes are 15 parameters; 8 hidden units need more."""
    small = pd.read_csv(project / "reports/small/tables/single-number-small-divided-classification.csv")
    assert small["over"].fillna("").tolist() == ["", "parameters"]
    assert small["place"].tolist()[0] == 1
    assert small["parameters"].tolist() == [15, (4 + 1) * 8 + (8 + 1) * 3]
    quick = pd.read_csv(project / "reports/small/tables/single-number-quick-divided-classification.csv")
    assert (quick["milliseconds"] > 0).all()
    assert (quick["number"] - (quick["score"] - 1e-6 * quick["milliseconds"])).abs().max() < 1e-5


def test_errors_of_both_networks_are_analysed(project):
    found = read_probe(project / "probes/small/errors")
    counted = found.tables["categories"]
    own = counted[counted["kind"] == "label"].groupby(["arm", "seed"])
    assert own["examples"].sum().tolist() == [26] * 4
    assert len(found.tables["worst"]) <= 6
    assert 'id="probe-errors"' in _page(project)


def test_labels_are_doubted_out_of_training_and_validation(project):
    found = read_probe(project / "probes/small/doubts")
    (summary,) = found.tables["summary"].to_dict("records")
    # Of the 150 flowers 22 test, and of the 106 to train on 10.6 would be wrong.
    assert (summary["examples"], summary["planted"]) == (128, 11)
    assert 'id="probe-doubts"' in _page(project)
