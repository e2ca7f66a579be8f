"""The scale of a network, written by hand for each: what its spec and its input have other than its paper's."""

import pytest

from archbench import resolve
from archbench.architectures import ARCHITECTURES
from archbench.architectures.scale import PAPER, describe_scale
from archbench.config import Range, check_config
from archbench.sweeps.study import ArmPlan


@pytest.mark.parametrize(
    ("spec", "shape", "text"),
    [
        ({"name": "lenet5"}, (32, 32, 1), "paper"),
        ({"name": "lenet5"}, (16, 16, 1), "16 pixels"),
        ({"name": "vgg11", "width": 8, "dense_width": 64}, (32, 32, 1), "width 8, dense_width 64, 32 pixels"),
        ({"name": "vgg11", "dense_width": 64, "width": 8}, (224, 224, 3), "width 8, dense_width 64"),
        ({"name": "vgg11", "width": 64}, (224, 224, 3), "paper"),
        ({"name": "resnet20"}, (32, 32, 1), "paper"),  # gray pictures are the data set's
        ({"name": "resnet20", "widths": [16, 32, 64], "blocks": 3}, (32, 32, 3), "paper"),
        ({"name": "resnet20", "blocks": 18}, (32, 32, 3), "blocks 18"),  # what is resnet110's own
        ({"name": "resnet110", "blocks": 18}, (32, 32, 3), "paper"),
        ({"name": "alexnet", "stem": [3, 1]}, (200, 300, 3), "stem [3, 1], 200 x 300 pixels"),
        ({"name": "unet", "padding": "same"}, (512, 512, 3), "padding same, 512 pixels"),
        ({"name": "unet", "padding": "same"}, (572, 572, 3), "padding same"),
        ({"name": "inception_v3", "small_stem": True}, (299, 299, 3), "small_stem"),
        ({"name": "inception_v3", "small_stem": False}, (32, 32, 3), "32 pixels"),
        ({"name": "lstm", "units": 64}, (50, 2), "units 64, length 50"),
        ({"name": "lstm"}, (100, 7), "paper"),
        ({"name": "bahdanau", "units": 64}, (None,), "units 64"),  # sentences have no length
        ({"name": "c3d", "width": 8}, (8, 16, 16, 1), "width 8, 8 frames of 16 pixels"),
        ({"name": "c3d"}, (16, 112, 112, 1), "paper"),
        ({"name": "logistic_regression"}, (30,), "30 numbers"),
        ({"name": "softmax_regression"}, (8, 16, 20, 1), "8 frames of 16 x 20 pixels"),
        ({"name": "mlp", "units": []}, (28, 28, 1), "units []"),
    ],
)
def test_the_scale_is_what_is_not_the_papers(spec, shape, text):
    assert describe_scale(spec, shape) == text


def test_words_come_after_and_stand_alone_where_nothing_is_changed():
    assert describe_scale({"name": "lenet5"}, (16, 16, 1), "few examples") == "16 pixels, few examples"
    assert describe_scale({"name": "lenet5"}, (32, 32, 1), "few examples") == "few examples"
    assert describe_scale({"name": "lenet5"}, None, "") == PAPER


def test_an_option_that_is_off_is_told_as_without():
    gated = next(e for e in ARCHITECTURES if e.options.get("small_stem") is False)
    on = {"name": gated.name, "small_stem": True}
    assert describe_scale(on) == "small_stem"
    dropped = {"name": "nasnet_mobile", "drop_path": 0.4}
    assert describe_scale(dropped) == "drop_path 0.4"


def test_every_network_of_its_paper_is_the_papers():
    for entry in ARCHITECTURES:
        assert describe_scale({"name": entry.name}, entry.facts["paper_input"]) == PAPER, entry.name


def _plan(**benchmark):
    one = {"architecture": {"name": "mlp", "units": [8]}, "dataset": "digits", **benchmark}
    config = check_config({"pipeline": "toy", "datasets": {"digits": {}}, "benchmarks": {"one": one}})
    return resolve.resolve(config, "one")


def test_a_trial_has_its_scale_and_the_scale_is_no_part_of_its_id():
    plain = _plan().trial_settings(0, "data", shape=(16, 16, 1))
    worded = _plan(scale="very small").trial_settings(0, "data", shape=(8, 8, 1))
    assert plain["scale"] == "units [8], 16 pixels"
    assert worded["scale"] == "units [8], 8 pixels, very small"
    assert plain["id"] == worded["id"]


def test_a_tuned_size_is_told_and_changes_the_id():
    """The scale of a trial is that of its own network, not of the base's."""
    one = {"architecture": "vgg11", "dataset": "digits"}
    config = check_config({"pipeline": "toy", "datasets": {"digits": {}}, "benchmarks": {"one": one}})
    trial = resolve.resolve(config, "one").trial_settings(0, "data", shape=(32, 32, 1))
    space = {"architecture.width": Range(low=4, high=8, integer=True)}
    plan = ArmPlan("arm", space, [trial], "random", {}, (32, 32, 1), "tuned")
    (narrow,), (wide,) = plan.settings({"architecture.width": 4}), plan.settings({"architecture.width": 8})
    assert (narrow["scale"], wide["scale"]) == ("width 4, 32 pixels, tuned", "width 8, 32 pixels, tuned")
    assert narrow["id"] != wide["id"]
