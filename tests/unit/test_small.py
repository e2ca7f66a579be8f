"""The SVG that a report keeps against the one that matplotlib wrote: the same to the eye, in far fewer bytes."""

import base64
import io
import re
import shutil
import subprocess
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from archbench.figures.small import smaller
from archbench.figures.style import figure, save_svg, style

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">'


def _shrunk(inside: str, rules: str = "") -> ElementTree.Element:
    return ElementTree.fromstring(smaller(f"{HEAD}{inside}</svg>", rules))


def _points(path: str) -> list[tuple[float, float]]:
    """Where each step of a path of absolute steps ends, read by the rules of SVG 1.1, chapter 8.3."""
    tokens = re.findall(r"[A-Za-z]|[-+]?[\d.]+(?:e[-+]?\d+)?", path)
    x = y = 0.0
    letter, found = "", []
    while tokens:
        if tokens[0].isalpha():
            letter = tokens.pop(0)
        if letter == "z":
            found.append(("z", 0.0))
            continue
        take = {"M": 2, "L": 2, "H": 1, "V": 1, "Q": 4, "C": 6}[letter]
        numbers = [float(tokens.pop(0)) for _ in range(take)]
        x, y = {"H": (numbers[0], y), "V": (x, numbers[0])}.get(letter, tuple(numbers[-2:]))
        found.append((x, y))
        letter = "L" if letter == "M" else letter
    return found


def test_a_path_keeps_its_places():
    random = np.random.default_rng(5)
    for _ in range(200):
        steps = [random.choice([-3.25, 0.125, 12.0, 17.04, 200.46], size=2) for _ in range(12)]
        letters = ["M", *random.choice(["L", "L", "L", "M"], size=11)]
        given = " \n".join(f"{letter} {x:.6f} {y:.6f}" for letter, (x, y) in zip(letters, steps, strict=True))
        (path,) = (part for part in _shrunk(f'<path d="{given} \nz\n"/>') if part.tag.endswith("path"))
        assert _points(path.get("d"))[-1][0] == "z"
        np.testing.assert_allclose(_points(path.get("d"))[:-1], steps, atol=0.051)
        assert len(path.get("d")) < len(given) / 2


def test_a_path_is_said_in_the_words_of_svg():
    (path,) = (
        p for p in _shrunk('<path d="M 1.000 2 \nL 3 2 \nL 3 4 \nL 5 6 \nL 7 8 \nz"/>') if p.tag.endswith("path")
    )
    assert path.get("d") == "M1 2H3V4L5 6 7 8z"


def test_curves_keep_their_handles():
    (path,) = (
        p for p in _shrunk('<path d="M 0 1 \nC 0.265203 1.5 2 2.25 3 4.125 \nQ 1 2 3 4"/>') if p.tag.endswith("path")
    )
    assert path.get("d") == "M0 1C0.27 1.5 2 2.25 3 4.12Q1 2 3 4"


def test_looks_of_several_are_said_once_and_of_one_where_it_is():
    root = _shrunk(
        '<path d="M 0 0" style="fill: red"/><path d="M 1 1" style="fill: red"/><path style="fill: blue"/>', "R{}"
    )
    sheet, one, two, three = root
    assert sheet.text == ".a{fill:red}R{}"
    assert one.get("class") == two.get("class") == "a"
    assert three.get("style") == "fill: blue"
    assert one.get("style") is None


def test_what_is_referred_to_keeps_a_name_and_its_readers_follow():
    root = _shrunk(
        '<defs><clipPath id="long"><rect width="3" height="3"/></clipPath><path id="mark" d="M 0 0"/></defs>'
        '<g id="axes_1"><path id="line" clip-path="url(#long)" d="M 0 0"/>'
        '<use xlink:href="#mark" x="1.23456" y="2"/></g>'
    )
    held = {part.get("id") for part in root.iter()} - {None}
    assert len(held) == 2
    (use,) = (part for part in root.iter() if part.tag.endswith("use"))
    assert use.get("href").removeprefix("#") in held
    assert use.get("x") == "1.23"
    (line,) = (part for part in root.iter() if "clip-path" in part.get("style", ""))
    assert re.fullmatch(r"clip-path: url\(#(\w+)\)", line.get("style"))[1] in held
    assert not [part for part in root if part.tag.endswith("}g")]  # it held nothing of its own


def test_text_keeps_its_spaces_and_its_turn():
    root = _shrunk(
        '<text transform="rotate(-0 1 2)" x="1">a  <tspan>b</tspan> c</text>\n<text transform="rotate(-90 1 2)"/>'
    )
    first, second = (part for part in root if part.tag.endswith("text"))
    assert "".join(first.itertext()) == "a  b c"
    assert first.get("transform") is None
    assert second.get("transform") == "rotate(-90 1 2)"


def _linked(picture: np.ndarray) -> np.ndarray:
    """The pixels of the image that stands for `picture` afterwards."""
    written = io.BytesIO()
    Image.fromarray(picture).save(written, "PNG")
    link = f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"
    (image,) = (p for p in _shrunk(f'<image xlink:href="{link}" width="8" height="8"/>') if p.tag.endswith("image"))
    assert len(image.get("href")) <= len(link)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(image.get("href").partition(",")[2]))).convert("RGB"))


def test_a_drawing_keeps_its_pixels_and_a_photograph_nearly():
    drawn = np.zeros((24, 24, 3), np.uint8)
    drawn[4:9, 3:20] = (200, 16, 8)
    np.testing.assert_array_equal(_linked(drawn), drawn)
    y, x = np.mgrid[:64, :64] / 64
    noise = np.random.default_rng(0).normal(scale=3, size=(64, 64, 3))
    photograph = np.clip(128 + 90 * np.stack([np.sin(4 * x), np.cos(3 * y), x * y], -1) + noise, 0, 255).astype(
        np.uint8
    )
    off = _linked(photograph).astype(float) - photograph
    assert np.sqrt((off**2).mean()) < 6


def _drawn() -> Figure:
    """Lines, dots, an area, text turned and not, a legend, a map of lines, and a picture of noise."""
    random = np.random.default_rng(3)
    drawn = figure(6, 3)
    left, right = drawn.subplots(1, 2)
    left.plot(random.normal(size=40).cumsum(), marker="o", label="one")
    left.plot(random.normal(size=40).cumsum(), linestyle="--", label="two")
    left.fill_between(range(40), random.normal(size=40), 3, alpha=0.2)
    left.set(xlabel="epoch", ylabel="loss  <&> $x$", title="a title")
    left.legend()
    right.imshow(random.integers(0, 255, (12, 12, 3)).astype(np.uint8), interpolation="none")
    right.contour(random.normal(size=(12, 12)))
    return drawn


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_a_browser_draws_the_same(tmp_path):
    with style():
        save_svg(_drawn(), tmp_path / "small.svg")
        _drawn().savefig(tmp_path / "whole.svg", format="svg")
    shot = {}
    for name in ("small", "whole"):
        (tmp_path / f"{name}.html").write_text(f'<body style="margin:0"><img src="{name}.svg" width="900">')
        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=900,450")
        picture = tmp_path / f"{name}.png"
        command = ["chromium", *flags, f"--screenshot={picture}", (tmp_path / f"{name}.html").as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        shot[name] = np.asarray(Image.open(picture).convert("RGB")).astype(float)
    assert shot["whole"].std() > 20
    assert np.abs(shot["small"] - shot["whole"]).mean() < 1
    assert (tmp_path / "small.svg").stat().st_size < 0.5 * (tmp_path / "whole.svg").stat().st_size
