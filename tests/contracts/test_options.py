"""Every option of every entry has a type and, where it is a number, a range, which its default keeps to."""

import inspect
import json
import re
import types
import typing

import pytest
from annotated_types import Ge, Gt, Interval, Le, Lt
from pydantic import TypeAdapter

from archbench.catalogue import WrongOption
from archbench.cli import index
from archbench.parts import Parts

OPTIONS = [
    pytest.param(entry, option, id=f"{entry.kind}-{entry.name}-{option}")
    for catalogue in index.catalogues().values()
    for entry in catalogue
    for option in entry.options
    if option != "parts"
]


def _hint(entry, option):
    build = entry.build.__init__ if isinstance(entry.build, type) else entry.build
    return typing.get_type_hints(build, include_extras=True)[option]


def _numbers(hint, ranges=()):
    """(type, its constraints) of every number inside a type."""
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        base, *extra = typing.get_args(hint)
        if base in (int, float):
            yield base, [one for field in extra for one in getattr(field, "metadata", [field])]
        else:
            yield from _numbers(base)
    elif hint in (int, float):
        yield hint, []
    elif origin in (tuple, list, typing.Union, types.UnionType):
        for inner in typing.get_args(hint):
            yield from _numbers(inner)


@pytest.mark.parametrize(("entry", "option"), OPTIONS)
def test_a_number_has_a_range(entry, option):
    for kind, constraints in _numbers(_hint(entry, option)):
        low = any(isinstance(one, Ge | Gt | Interval) for one in constraints)
        high = any(isinstance(one, Le | Lt | Interval) for one in constraints)
        assert low or high, f"{kind.__name__} of any size"


@pytest.mark.parametrize(("entry", "option"), OPTIONS)
def test_a_default_is_one_that_may_be_given(entry, option):
    default = entry.options[option]
    if default is not inspect.Parameter.empty:
        entry.check({option: json.loads(json.dumps(default))})


def _beyond(shape):
    """(value, limit) of each value that lies just beyond a limit in a JSON schema."""
    for limit, step in (("minimum", -1), ("exclusiveMinimum", 0), ("maximum", 1), ("exclusiveMaximum", 0)):
        if limit in shape:
            yield shape[limit] + step, shape[limit]
    for inner in shape.get("anyOf", ()):
        yield from _beyond(inner)
    places = shape.get("prefixItems") or [shape["items"]] * max(shape.get("minItems", 1), 1) if "items" in shape else []
    for number, inner in enumerate(places):
        for wrong, limit in _beyond(inner):
            yield [*[1] * number, wrong, *[1] * (len(places) - 1 - number)], limit


@pytest.mark.parametrize(("entry", "option"), OPTIONS)
def test_what_is_out_of_range_is_refused_with_the_range(entry, option):
    for wrong, limit in _beyond(TypeAdapter(_hint(entry, option)).json_schema()):
        with pytest.raises(WrongOption) as caught:
            entry.check({option: wrong})
        assert f"{option} cannot be {wrong}. " in str(caught.value)
        assert re.search(rf"than (or equal to )?{limit}\.$", str(caught.value))
    for never in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(WrongOption, match=rf"{option} cannot be -?(nan|inf). Input should be a finite number"):
            entry.check({option: never})


def test_every_architecture_with_parts_takes_them_from_code_alone():
    for entry in index.catalogues()["architectures"]:
        if "parts" in entry.options:
            assert isinstance(entry.options["parts"], Parts)
            with pytest.raises(WrongOption, match="parts cannot be"):
                entry.check({"parts": 0.5})
