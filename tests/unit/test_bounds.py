"""What is too large is refused before it is built, with the limit and the key; messages fit a screen."""

import pytest
import toys

from archbench import dialect
from archbench.architectures.network import outline
from archbench.config import ConfigError, check_config
from archbench.errors import MOST_CHARACTERS, UserError, listed, shown, together
from archbench.layers.limits import MOST_PARAMETERS, TooLarge
from archbench.tasks import TASKS
from archbench.training.build import build_learner


def test_a_network_of_too_many_layers_is_refused_while_it_is_built():
    """ResNet of 3 stages of 1,000 blocks of 2 layers."""
    with pytest.raises(TooLarge, match=r"more than 2,000 layers with weights.*`architecture`"):
        outline({"name": "resnet20", "blocks": 1_000}, (32, 32, 3), 10)


def test_a_network_of_too_many_parameters_is_refused_before_there_is_memory_for_them():
    """By hand: 64 pixels, then two layers of 65,536 units: 65 x 65,536 + 65,537 x 65,536, and 65,537 x 10."""
    count = 65 * 65_536 + 65_537 * 65_536 + 65_537 * 10
    assert count > MOST_PARAMETERS == 2**31
    with pytest.raises(TooLarge, match=rf"{count:,} parameters, and at most 2,147,483,648 .*`architecture`"):
        outline({"name": "mlp", "units": [65_536, 65_536]}, (8, 8, 1), 10)
    prepared = toys.stripes()
    settings = toys.settings(architecture={"name": "mlp", "units": [65_536, 65_536]}, parts={})
    with pytest.raises(TooLarge):
        build_learner(settings, prepared.card, TASKS.build("classification", prepared.card), 0)


def test_the_largest_of_the_papers_are_built():
    """NASNet-A 6 @ 4032 at 331 pixels: 88.9 million parameters, arXiv:1707.07012, table 2."""
    large = {"name": "nasnet_mobile", "filters": 168, "repeats": 6, "stem_width": 96}
    assert outline(large, (331, 331, 3), 1_000).count_params() == pytest.approx(88.9e6, rel=1e-3)


def _study(**changes):
    base = {"architecture": "lenet5", "dataset": "digits"}
    study = {"base": base, "trials": 1, "epochs": 1, "space": {"learning_rate": {"low": 0.1, "high": 1}}, **changes}
    return {"pipeline": "p", "datasets": {"digits": {}}, "benchmarks": {}, "studies": {"s": study}}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (_study(cross={"parts": {"a": {}}, "parts.activation": {"b": "relu"}}), "neither stands inside the other"),
        (_study(cross={"batch_size": {"a": 1, "a-b": 2}, "epochs": {"b-c": 1, "c": 2}}), "make one name"),
        (_study(cross={k: {f"v{n}": n for n in range(100)} for k in ("batch_size", "scale")}), "10,000 arms"),
        (_study() | {"pipeline": "x" * 101}, "pipeline: String should have at most 100 characters"),
        (_study() | {"seeds": list(range(1_001))}, "seeds: Tuple should have at most 1000 items"),
    ],
)
def test_a_params_yaml_beyond_its_bounds_is_refused(values, says):
    with pytest.raises(ConfigError) as caught:
        check_config(values)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: b\n" * 100_000, "it is too long: at most 400,000 characters are read"),
        ("a: 9223372036854775808", "a: whole numbers go up to 9,223,372,036,854,775,807, and this one has 64 bits"),
        ("a: 0x" + "f" * 5_000, "this one has 20,000 bits"),
        ("a: !!bool maybe", "a tag, which begins with !, stands before a value that it does not fit"),
        ("a: " + "[" * 33 + "]" * 33, "nested too deeply: at most 32 levels are read"),
        ("a0: &a0 [1]\n" + "\n".join(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 40)), "nested too deeply"),
        ("a0: &a0 {x: 1}\n" + "\n".join(f"a{n}: &a{n} {{<<: [{f'*a{n - 1}, ' * 9}]}}" for n in range(1, 9)), "at most"),
    ],
)
def test_a_text_beyond_its_bounds_is_refused(text, says):
    with pytest.raises(dialect.NotReadable) as caught:
        dialect.read(text)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 200
    assert dialect.read("a: 9223372036854775807") == {"a": 2**63 - 1}
    assert dialect.read("a: " + "[" * 30 + "]" * 30)


def test_a_message_fits_a_screen_and_holds_no_control_characters():
    assert str(UserError("one\ntwo é")) == "one\ntwo é"
    assert str(UserError("\x1b[31m\ta\r\u202e\udcff")) == r"\x1b[31m\ta\r\u202e\udcff"
    many = str(UserError("\n".join(f"line {n}" for n in range(100)))).splitlines()
    assert (len(many), many[19], many[20]) == (21, "line 19", "... and 80 more lines")
    assert str(UserError("x" * 5_000)) == "x" * MOST_CHARACTERS + "..."
    assert shown("a") == "'a'"
    assert shown([1] * 1_000) == "[" + "1, " * 26 + "1..."
    assert listed(f"n{n}" for n in range(14)).endswith("n11 and 2 more")
    assert (listed([]), listed(["a", "b"])) == ("none", "a, b")
    assert together(["a", "a", "b"]) == "a\nb"
    assert together([f"{n}" for n in range(12)], untold=3).splitlines()[-2:] == ["9", "... and 5 more mistakes"]
