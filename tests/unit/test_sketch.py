"""Sketches of networks: the stages that a built net falls into, and the few words that a box has for them."""

import math

import pytest

from archbench.architectures import ARCHITECTURES
from archbench.architectures.network import outline
from archbench.architectures.sketch import sketch
from archbench.errors import UserError
from archbench.figures.sketched import lanes, network_sketch, repeats, stage_lines


def sketched(name, shape, outputs):
    return sketch(outline(name, shape, outputs)).stages


def test_a_residual_net_has_the_stages_of_its_papers_table():
    stages = sketched("resnet20", (32, 32, 3), 10)
    # He et al. 2015, section 4.2: maps of 32, 16 and 8 pixels, with 1 + 2n, 2n and 2n layers of 16, 32 and 64 filters
    assert [stage.shape for stage in stages] == [(32, 32, 16), (16, 16, 32), (8, 8, 64), (10,)]
    convolutions = [sum("3×3 conv" in kind for kind, _ in stage.layers) for stage in stages]
    assert convolutions == [7, 6, 6, 0]
    assert stage_lines(stages[0].layers) == ["3×3 conv 16, [3×3 conv 16 ×2,", "add] ×3"]
    assert [stage.sources for stage in stages] == [[], [0], [1], [2]]


def test_the_skips_of_a_u_net_are_sources_of_its_later_stages_and_unpadded_layers_stay_in_theirs():
    stages = sketched("unet", (572, 572, 1), 2)
    assert [stage.shape[0] for stage in stages] == [568, 280, 136, 64, 28, 52, 100, 196, 388]  # figure 1 of the paper
    assert [sorted(stage.sources) for stage in stages[5:]] == [[3, 4], [2, 5], [1, 6], [0, 7]]


def test_every_weight_stands_in_one_stage_also_where_parts_share_layers():
    model = outline("faster_rcnn_fpn", (800, 1333, 3), 81)
    stages = sketch(model).stages
    assert sum(stage.parameters for stage in stages) == sum(math.prod(weight.shape) for weight in model.weights)
    assert {stage.part for stage in stages} == {"features", "rpn", "head"}
    assert next(stage for stage in stages if stage.part == "head").sources == []


@pytest.mark.parametrize("entry", [one for one in ARCHITECTURES if one.name != "ngram"], ids=lambda entry: entry.name)
def test_no_weight_of_any_network_is_lost_or_told_twice(entry):
    shape, outputs = entry.facts["smoke_input"], 3
    try:
        model = outline({"name": entry.name, **entry.facts["smoke"]}, shape, outputs)
    except UserError as error:
        pytest.skip(f"answers to its task's own parts alone: {error}")
    stages = sketch(model).stages
    assert sum(stage.parameters for stage in stages) == sum(math.prod(weight.shape) for weight in model.weights)
    for place, stage in enumerate(stages):
        assert stage.layers
        assert place not in stage.sources
        assert all(0 <= source < len(stages) for source in stage.sources)


def test_a_mask_of_the_input_joins_nothing_and_what_stands_between_is_named():
    drawn = sketch(outline("bert_base", (512,), 2))
    kinds = [kind for kind, _ in drawn.stages[0].layers]
    assert "not equal" not in kinds
    assert kinds.count("attention") == 12
    assert "[dense 768 ×3, attention, dense 768, add, dense 3072, dense 768, add] ×12" in repeats(
        [f"{kind} {width}".strip() for kind, width in drawn.stages[0].layers]
    )
    assert set(drawn.between) == {"layer normalization", "dropout", "gelu"}


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([], []),
        (["a"], ["a"]),
        (["a", "a"], ["a ×2"]),
        (["a", "b", "a", "b", "c"], ["[a, b] ×2", "c"]),
        (["a", "b", "b", "add", "b", "b", "add"], ["a", "[b ×2, add] ×2"]),
        (["add", "b", "add", "b", "add"], ["add", "[b, add] ×2"]),  # a block ends where its branches meet
    ],
)
def test_what_stands_several_times_in_a_row_is_told_once(names, told):
    assert repeats(names) == told


def test_a_box_that_would_be_long_tells_less():
    branches = [(f"{n}×{n} conv", str(n)) for n in range(1, 30)]
    assert len(stage_lines(branches[:3])) <= 3
    many = [(f"{side}×{side} conv", str(width)) for width in range(20) for side in (1, 3)] + [("add", "")]
    assert stage_lines(many) == ["[1×1 conv, 3×3 conv] ×20, add"]  # without widths
    odd = [layer for side in range(2, 10) for layer in (("1×1 conv", "8"), (f"{side}×{side} conv", "8"))]
    assert stage_lines(odd)[0] == "1×1 conv ×8, 2×2 conv, 3×3 conv,"  # how many of each, where nothing repeats


def test_skips_that_pass_each_other_have_lanes_of_their_own():
    assert lanes([(3, 5), (2, 6), (7, 9)]) == [0, 1, 0]
    assert lanes([]) == []


def test_a_figure_names_every_part_once_and_has_a_shape_and_weights_a_stage():
    stages = [
        {"part": "encoder", "shape": [8, 8, 4], "layers": [["3×3 conv", "4"]], "parameters": 40, "sources": []},
        {"part": "encoder", "shape": [4], "layers": [["dense", "4"]], "parameters": 0, "sources": [0]},
        {"part": "decoder", "shape": [None, 2], "layers": [["dense", "2"]], "parameters": 1500, "sources": []},
    ]
    texts = [text.get_text() for text in network_sketch(stages).axes[0].texts]
    assert texts.count("encoder") == texts.count("decoder") == 1
    assert {"8 × 8 × 4", "any × 2", "1.5k", "–", "3×3 conv 4"} <= set(texts)
    whole = [text.get_text() for text in network_sketch(stages[:1]).axes[0].texts]
    assert "encoder" not in whole  # a single part goes without a name
