"""An SVG as matplotlib writes it, said in a quarter of the bytes."""

from __future__ import annotations

import base64
import io
import re
from collections import Counter
from collections.abc import Collection
from itertools import count
from xml.etree import ElementTree

import numpy as np
from PIL import Image

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
HREF = f"{{{XLINK}}}href"
TEXT, SPAN, STYLE, GROUP = (f"{{{SVG}}}{name}" for name in ("text", "tspan", "style", "g"))
PLACES = ("x", "y", "points", "width", "height")
NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")
STEP = re.compile(r"([MLQCz])([^A-Za-z]*)")
UPRIGHT = re.compile(r"rotate\(-?0(?:\.0*)?[ ,][^)]*\)")
NAMED = re.compile(r"#([\w.-]+)")
PNG = "data:image/png;base64,"
FAMILY = re.compile(r"font-family: [^;]*")
QUALITY, SEEN = 70, 16.0
"""Of a photograph, of 100, and how far that may leave its bytes from what they were: at the size of a figure no
difference is to be seen."""
for prefix, space in (("", SVG), ("xlink", XLINK)):
    ElementTree.register_namespace(prefix, space)


def smaller(drawing: str, rules: str = "") -> str:
    """The same picture. `rules` (CSS) stand beside what the drawing says of its looks.

    Looks that several elements have are said once, as a class; places are rounded to a tenth of a point; names
    that nothing refers to, groups of nothing but what they hold, and what there is to say of the file itself go.
    Pictures within it keep their pixels, photographs nearly.
    """
    root = ElementTree.fromstring(drawing)
    for told in root.findall(f"{{{SVG}}}metadata"):
        root.remove(told)
    for part in root.iter():
        if clip := part.attrib.pop("clip-path", None):  # many have the same, which a class may say
            part.set("style", "; ".join(filter(None, [part.get("style"), f"clip-path: {clip}"])))
    families = {name for part in root.iter() for name in FAMILY.findall(part.get("style", ""))}
    if len(families) == 1:  # said once for all text
        rules = f"text{{{families.pop()}}}{rules}"
        for part in root.iter():
            if "style" in part.attrib:
                part.set("style", re.sub(r"; (?=;|$)", "", FAMILY.sub("", part.attrib["style"])))
    used = Counter(NAMED.findall(" ".join(value for part in root.iter() for value in part.attrib.values())))
    names = {part.get("id"): None for part in root.iter() if part.get("id") in used}
    short = dict(zip(names, map(_letters, count()), strict=False))
    looks = Counter(part.get("style") for part in root.iter() if part.get("style"))
    often = [look for look, times in looks.items() if look and times > 1]
    classes = dict(zip(often, map(_letters, count()), strict=False))
    for part in root.iter():
        _say_less(part, short, classes)
    _unwrap(root)
    _join(root, {letters for look, letters in classes.items() if "fill: none" in look})
    given = _styles_taken(root)
    said = [f".{letters}{{{_short_look(_renamed(look, short))}}}" for look, letters in classes.items()]
    sheet = ElementTree.Element(STYLE)
    sheet.text = "".join([*given, *said, rules])
    root.insert(0, sheet)
    return ElementTree.tostring(root, encoding="unicode").replace(" />", "/>")


def _letters(number: int) -> str:
    """a, b, … z, aa, ab, …"""
    first, last = divmod(number, 26)
    return (_letters(first - 1) if first else "") + chr(ord("a") + last)


def _say_less(part: ElementTree.Element, short: dict[str, str], classes: dict[str, str]) -> None:
    if part.tag not in (TEXT, SPAN, STYLE):  # whose white space is text
        part.text = None
    if part.tag != SPAN:  # what follows a span is within its text
        part.tail = None
    if look := classes.get(part.get("style", "")):
        del part.attrib["style"]
        part.set("class", look)
    if UPRIGHT.fullmatch(part.get("transform", "")):
        del part.attrib["transform"]
    for name, value in list(part.attrib.items()):
        if name == "id":
            part.attrib.pop("id")
            if value in short:
                part.set("id", short[value])
        elif name == "d":
            part.set("d", _path(value))
        elif name in PLACES:
            part.set(name, _rounded(value))
        elif name == "transform":
            part.set(name, NUMBER.sub(lambda found: f"{float(found[0]):.5g}", value))
        elif name == HREF:  # SVG 2 has it without a name space of its own
            del part.attrib[HREF]
            part.set("href", _packed(value) if value.startswith(PNG) else _renamed(value, short))
        elif "#" in value:
            part.set(name, _renamed(value, short))


def _renamed(value: str, short: dict[str, str]) -> str:
    return NAMED.sub(lambda found: f"#{short.get(found[1], found[1])}", value)


def _short_look(look: str) -> str:
    return look.replace(": ", ":").replace("; ", ";")


def _rounded(numbers: str) -> str:
    """Tenths of a point; of what is small, as a marker's outline is, hundredths."""

    def told(found: re.Match[str]) -> str:
        number = float(found[0])
        short = f"{number:.{1 if abs(number) >= 10 else 2}f}".rstrip("0").rstrip(".")
        return "0" if short == "-0" else short

    return NUMBER.sub(told, numbers)


def _path(steps: str) -> str:
    """`M 1.000 2 L 3 2 L 3 4 L 5 6 L 7 8` as `M1 2H3V4L5 6 7 8`."""
    said, last, at = [], "", ["", ""]
    for letter, numbers in STEP.findall(_rounded(steps)):
        place = numbers.split()
        if letter == "L" and place[1] == at[1]:
            letter, told = "H", place[0]
        elif letter == "L" and place[0] == at[0]:
            letter, told = "V", place[1]
        else:
            told = " ".join(place)
        said.append(f" {told}" if letter == last == "L" else letter + told)
        last, at = letter, place[-2:] or at
    return "".join(said)


def _packed(link: str) -> str:
    """A PNG as WebP: what is drawn without loss, a photograph, which would take twice as much so, nearly as it is."""
    picture = Image.open(io.BytesIO(base64.b64decode(link.removeprefix(PNG))))
    drawn, seen = io.BytesIO(), io.BytesIO()
    picture.save(drawn, "WEBP", lossless=True, method=6)
    picture.save(seen, "WEBP", quality=QUALITY, method=6, use_sharp_yuv=True)
    near = 2 * seen.tell() < drawn.tell() and _apart(picture, Image.open(seen)) <= SEEN
    return min(
        link, f"data:image/webp;base64,{base64.b64encode((seen if near else drawn).getvalue()).decode()}", key=len
    )


def _apart(one: Image.Image, other: Image.Image) -> float:
    """The root of the mean squared difference of the bytes of two pictures."""
    return float(np.sqrt(np.mean((np.asarray(one.convert("RGB"), float) - np.asarray(other.convert("RGB"))) ** 2)))


def _unwrap(part: ElementTree.Element) -> None:
    """Put in place of every group that says nothing what it holds."""
    held = []
    for child in part:
        _unwrap(child)
        held += list(child) if child.tag == GROUP and not child.attrib else [child]
    part[:] = held


def _join(part: ElementTree.Element, lines: Collection[str]) -> None:
    """Lines of one look, with nothing but text between them, are one path: the grid of a panel."""
    before, kept = None, []
    for child in part:
        _join(child, lines)
        if set(child.attrib) == {"d", "class"} and child.get("class") in lines:
            if before is not None and before.get("class") == child.get("class"):
                before.set("d", before.attrib["d"] + child.attrib["d"])
                continue
            before = child
        elif child.tag != TEXT:
            before = None
        kept.append(child)
    part[:] = kept


def _styles_taken(root: ElementTree.Element) -> list[str]:
    """What the drawing's own style sheets say, which are taken out, with the definitions that hold nothing else."""
    said = []
    for holder in list(root.iter(f"{{{SVG}}}defs")):
        for style in holder.findall(STYLE):
            said.append(style.text or "")
            holder.remove(style)
    for part in list(root.iter()):
        for child in list(part):
            if child.tag == f"{{{SVG}}}defs" and not len(child):
                part.remove(child)
    return said
