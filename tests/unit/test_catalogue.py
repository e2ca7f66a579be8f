"""The one lookup: what it finds, what it refuses, and in which words."""

import itertools
import re
import sys
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from archbench.catalogue import Catalogue, IncompleteEntry, UnknownName, WrongOption
from archbench.errors import UserError

NUMBERS = itertools.count()
SHAPES = '''
from {package} import shape
@shape({{"square": {{"corners": 4}}, "triangle": {{"corners": 3}}}}, source="Euclid", round=False)
def polygon(name, *, corners: int, filled: bool = True):
    """A polygon of
    straight lines.

    More on it.
    """
    return name, corners, filled
@shape("circle", source="Euclid, book 3")
def circle(name):
    """A circle."""
    return name
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Makes a catalogue package of the given modules; returns its catalogue."""

    def make(**modules: str) -> Catalogue:
        name = f"made_up_{next(NUMBERS)}"
        folder = tmp_path / name
        folder.mkdir()
        takes = "takes={'round': 'whether'}"
        header = f"from archbench.catalogue import Catalogue\nSHAPES = Catalogue('shape', __name__, {takes})\n"
        (folder / "__init__.py").write_text(header + "shape = SHAPES.declare\n")
        for module, text in modules.items():
            (folder / f"{module}.py").write_text(text.format(package=name))
        monkeypatch.syspath_prepend(tmp_path)
        return __import__(name).SHAPES

    return make


def test_entries_are_found_in_the_order_of_their_names_with_their_facts(package):
    shapes = package(flat=SHAPES)
    assert [entry.name for entry in shapes] == ["circle", "square", "triangle"]
    square = shapes["square"]
    assert (square.kind, square.what, square.source) == ("shape", "A polygon of straight lines.", "Euclid")
    assert square.facts["round"] is False
    assert square.module.endswith(".flat")
    assert square.options == {"corners": 4, "filled": True}


def test_a_spec_is_a_name_or_a_mapping(package):
    shapes = package(flat=SHAPES)
    assert shapes.build("square", "a") == ("a", 4, True)
    assert shapes.build({"name": "triangle", "filled": False}, "b") == ("b", 3, False)
    assert shapes.build({"name": "square", "corners": 5}, "c") == ("c", 5, True)


def test_a_whole_number_is_a_fraction_where_an_option_takes_fractions_alone(package):
    """As `learning_rate: 1`, which YAML reads as a whole number, and Keras refuses."""
    shapes = package(
        ovals="""
from typing import Annotated
from pydantic import Field
from {package} import shape
@shape("oval", source="Euclid", round=True)
def oval(*, width: Annotated[float, Field(gt=0)] = 1.0, height: float | None = None, ring: int | float = 1, dots=1):
    \"\"\"An oval.\"\"\"
    return width, height, ring, dots, True
"""
    )
    made = shapes.build({"name": "oval", "width": 2, "height": 3, "ring": 4, "dots": 5})
    assert [type(one) for one in made] == [float, float, int, int, bool]
    assert made == (2, 3, 4, 5, True)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("sqare", "No shape is called 'sqare'. Did you mean square? \"archbench list "),
        ("zzz", "No shape is called 'zzz'. \"archbench list"),
        ({"name": 5}, "No shape is called 5."),
        ({"corners": 3}, "This shape has no name: {'corners': 3}. Write it as {name: ..., option: ...}."),
        (
            {"name": "square", "corner": 3},
            "shape 'square' has no option 'corner'. Did you mean corners? It takes: corners, filled.",
        ),
        ({"name": "circle", "corners": 3}, "'circle' has no option 'corners'. It takes: no options."),
        (
            {"name": "square", "corners": "four"},
            "shape 'square': corners cannot be 'four'. Input should be a valid integer",
        ),
        ({"name": "square", "corners": 4.5}, "corners cannot be 4.5"),
        ({"name": "square", "corners": True}, "corners cannot be True"),
        ({"name": "square", "filled": "yes"}, "filled cannot be 'yes'"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(package, spec, message):
    with pytest.raises(UserError) as caught:
        package(flat=SHAPES).resolve(spec)
    assert message in str(caught.value)


def test_a_needed_option_that_is_not_given_is_named():
    catalogue = Catalogue("shape", __name__)

    @catalogue.declare("star", source="none")
    def star(*, points: int, size: Annotated[float, Field(gt=0)] = 1.0, corners: tuple[int, ...] = ()):
        """A star."""
        return points, size, corners

    catalogue._scanned = True
    with pytest.raises(WrongOption, match="shape 'star' needs the option points"):
        catalogue.build("star")
    assert catalogue.build({"name": "star", "points": 5, "size": 2, "corners": [1, 2]}) == (5, 2, [1, 2])
    with pytest.raises(WrongOption, match=r"size cannot be -1\. Input should be greater than 0"):
        catalogue.resolve({"name": "star", "points": 5, "size": -1})
    anything = object()
    assert catalogue.build("star", points=anything) == (anything, 1.0, ())  # an object of code's own


def test_a_second_declaration_names_both_modules(package):
    shapes = package(flat=SHAPES, other="from {package} import shape\n@shape('circle', source='')\ndef c(): 'A c.'\n")
    (fault,) = shapes.faults
    assert re.search(r"shape 'circle' is declared twice: in \S+\.flat and in \S+\.other", fault)
    assert shapes["circle"].module.endswith(".flat")


def test_modules_are_imported_on_first_use(package):
    shapes = package(flat=SHAPES)
    assert f"{shapes.package}.flat" not in sys.modules
    assert shapes["square"]
    assert f"{shapes.package}.flat" in sys.modules


def test_a_module_that_fails_to_import_is_named_and_stops_no_other(package):
    """A catalogue that said nothing of it would call its names unknown, and a reader look for a typing mistake."""
    shapes = package(broken="import no_such_module_at_all", flat=SHAPES)
    assert shapes["square"].module.endswith(".flat")
    assert [entry.name for entry in shapes] == ["circle", "square", "triangle"]
    told = r"\.broken cannot be imported: ModuleNotFoundError: No module named 'no_such_module_at_all'"
    for _ in range(2):
        with pytest.raises(UnknownName, match=told):
            shapes["star"]
        assert re.search(told, *shapes.faults)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ("", ["source is missing: where the definition comes from", "sides is missing: how many it has: sides=4."]),
        ("source='x', ", ["sides is missing: how many it has: sides=4."]),
        ("source='x', sides=3, raund=True", ["raund is unknown. It takes: source, sides, round."]),
    ],
)
def test_a_declaration_without_a_fact_is_told_what_it_means_and_stops_no_other(package, facts, told):
    header = "from {package} import needy\n"
    shapes = package(
        needy="from archbench.catalogue import Catalogue\n"
        "NEEDY = Catalogue('shape', __package__, needs={{'sides': 'how many it has: sides=4'}}, "
        "takes={{'round': 'whether'}})\n",
        good=f"{header}@needy.NEEDY.declare('kite', source='x', sides=4)\ndef kite(): 'A kite.'\n",
        bad=f"{header}@needy.NEEDY.declare('star', {facts})\ndef star(): 'A star.'\n",
    )
    needy = __import__(f"{shapes.package}.needy", fromlist=["NEEDY"]).NEEDY
    assert [entry.name for entry in needy] == ["kite"]
    with pytest.raises(IncompleteEntry) as caught:
        needy["star"]
    assert needy.faults == [str(caught.value)]
    first, *lines = str(caught.value).splitlines()
    assert re.fullmatch(r"\S+\.bad declares the shape 'star', but not as it must:", first)
    assert len(lines) == len(told)
    assert all(part in line for part, line in zip(told, lines, strict=True))


def test_a_builder_without_a_docstring_is_told_so(package):
    shapes = package(bare="from {package} import shape\n@shape('dot', source='x')\nclass Dot: pass\n", flat=SHAPES)
    with pytest.raises(IncompleteEntry, match="a docstring is missing: its first sentence is what archbench list"):
        shapes["dot"]
    assert "dot" not in [entry.name for entry in shapes]


def test_modules_in_folders_below_are_found(package):
    shapes = package(flat=SHAPES)
    folder = Path(sys.modules[shapes.package].__path__[0], "solid")
    folder.mkdir()
    (folder / "__init__.py").touch()
    text = f"from {shapes.package} import shape\n@shape('ball', source='')\ndef ball():\n    'A ball.'\n"
    (folder / "balls.py").write_text(text)
    assert "ball" in [entry.name for entry in shapes]
    with pytest.raises(UnknownName, match=r"Did you mean ball\?"):
        shapes["bal"]
