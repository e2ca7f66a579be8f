"""The arithmetic of convolutions: formulas by the guide's figures, stacks by hand, and what blocks cost."""

import csv
from pathlib import Path

import keras
import pandas as pd
import pytest
import toys
from keras import layers

from archbench.figures.arithmetic import costs_by_layer, weights_by_channels
from archbench.probes.bottleneck_cost import bottleneck_cost
from archbench.probes.conv_arithmetic import arithmetic, conv_arithmetic, output_size
from archbench.probes.subject import Subject
from archbench.results.arithmetic import by_network, sides

GOLDEN = Path(__file__).parents[1] / "golden" / "conv_arithmetic.csv"


@pytest.mark.parametrize("row", csv.DictReader(GOLDEN.read_text().splitlines()), ids=lambda row: row["source"][-40:])
def test_output_sizes_are_those_of_the_guide(row):
    size, window, stride, dilation = (int(row[name]) for name in ("size", "window", "stride", "dilation"))
    assert output_size(size, window, stride, dilation, padding=row["padding"]) == int(row["output"])


def _stack():
    """Kernels of 5, pooling of 2, a dilated and a strided kernel of 3, by groups; on 33 by 29 pixels."""
    given = x = keras.Input((33, 29, 3))
    x = layers.Conv2D(4, 5, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(6, 3, dilation_rate=2, groups=2, use_bias=False)(x)
    x = layers.Conv2D(5, (3, 1), strides=2, padding="same")(x)
    return keras.Model(given, layers.Dense(2)(layers.Flatten()(x)))


def test_a_stack_is_what_it_is_by_hand():
    rows = arithmetic(_stack())
    # 33 x 29 -> 16 x 14 -> less 4: 12 x 10 -> 6 x 5. Fields: 5; + 1 = 6; + 4 * 2 = 14; + 2 * 2 = 18 and 14.
    assert [row["size"] for row in rows] == ["33 x 29", "16 x 14", "12 x 10", "6 x 5"]
    assert [row["field"] for row in rows] == ["5 x 5", "6 x 6", "14 x 14", "18 x 14"]
    # 25 * 3 * 4 + 4; none; 9 * (4 / 2) * 6; 3 * 6 * 5 + 5.
    assert [row["parameters"] for row in rows] == [304, 0, 108, 95]
    assert [row["multiply_adds"] for row in rows] == [300 * 33 * 29, 0, 108 * 12 * 10, 90 * 6 * 5]
    for row in rows:
        assert [row[f"{name}_built"] for name in ("size", "parameters", "multiply_adds")] == [
            row[name] for name in ("size", "parameters", "multiply_adds")
        ]
    # From the middle of each map no border is near; of 9 rows two apart a dilated window after pooling sees 3 pairs of
    # windows of 5 rows that overlap: all 14.
    assert [row["field_seen"] for row in rows] == ["5 x 5", "6 x 6", "14 x 14", "18 x 14"]


def test_a_network_of_shortcuts_sees_as_far_as_its_longest_path_and_no_farther_than_its_input(tmp_path):
    changes = {"architecture": {"name": "resnet20", "widths": [2, 4, 8]}, "augmentation": [], "parts": {}}
    subject = Subject("only", toys.settings(**changes), toys.stripes(), tmp_path)
    table = conv_arithmetic(iter([subject]))["layers"]
    side = sides(table)["side"]
    # He et al.: a stem, and two kernels of 3 a block: 3, then 2 more a kernel at stride 1, 4 at 2, 8 at 4. The first
    # kernel that halves moves by 1 still, so its own field is 2 wider.
    chain = table[~table["window"].isin(["1 x 1"])].assign(side=side)
    assert chain["side"].tolist()[:7] == [3, 5, 7, 9, 11, 13, 15]
    assert table["field_seen"].tolist()[0] == "3 x 3"
    assert table["field_seen"].tolist()[-1] == "16 x 16"  # all of the picture
    (row,) = by_network(table).itertuples()
    assert row.agree == row.layers
    assert len(costs_by_layer(sides(table)).axes) == 2


def test_networks_without_windows_and_with_several_parts_have_a_row_for_each_that_they_have(tmp_path):
    mlp = {"architecture": {"name": "mlp", "units": [4]}, "augmentation": [], "parts": {}}
    assert conv_arithmetic(iter([Subject("a", toys.settings(**mlp), toys.stripes(), tmp_path)]))["layers"].empty
    two = Subject("b", toys.settings(**toys.TWO_STAGES), toys.squares(), tmp_path)
    found = conv_arithmetic(iter([two]))["layers"]
    assert (found["parameters"] == found["parameters_built"]).all()
    assert (found["size"] == found["size_built"]).all()


def test_disagreement_is_counted():
    rows = {"arm": "a", "seed": 0, "layer": [1, 2], "field": ["3 x 3", None], "field_seen": ["3 x 3", None]}
    rows |= {"size": ["4 x 4"] * 2, "size_built": ["4 x 4", "5 x 5"], "parameters": [9, 9], "parameters_built": [9, 9]}
    (row,) = by_network(pd.DataFrame({**rows, "multiply_adds": [1, 2], "multiply_adds_built": [1, 2]})).itertuples()
    assert (row.agree, row.parameters, row.multiply_adds, row.field) == (1, 18, 3, "")


def test_a_bottleneck_of_256_channels_has_16_94_times_fewer_weights():
    """Figure 5 of the paper by hand: 2 * 9 * 256^2, and 256 * 64 + 9 * 64^2 + 64 * 256."""
    found = bottleneck_cost(widths=(64, 2))["blocks"]
    assert found["weights"].tolist()[:2] == [1_179_648, 69_632]
    assert found["weights"].tolist() == found["weights_built"].tolist()
    assert found["times_fewer"].round(2).tolist() == [1, 16.94, 1, 16.94]
    assert found["multiply_adds"].tolist()[:2] == [1_179_648 * 14 * 14, 69_632 * 14 * 14]
    assert len(weights_by_channels(found).axes[0].lines) == 2
