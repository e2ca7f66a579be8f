"""Small files as users have them: pictures, tables, texts and annotations, made here."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "bmp": "BMP", "tiff": "TIFF"}
"""How names end -> the format."""
COLORS = {"blue": (20, 20, 220), "green": (20, 200, 20), "red": (220, 20, 20)}


def picture(color: Sequence[int], seed: int, size: tuple[int, int] = (20, 16), kind: str = "PNG") -> bytes:
    """A picture (width, height) of about one color, no two alike."""
    random = np.random.default_rng(seed)
    pixels = np.clip(np.array(color) + random.integers(-20, 21, (size[1], size[0], 3)), 0, 255).astype(np.uint8)
    return saved(Image.fromarray(pixels), kind)


def saved(image: Image.Image, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def put(folder: Path, files: Mapping[str, bytes | str]) -> Path:
    """Write files below a folder, and return it."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def class_folders(each: int = 12, below: str = "") -> dict[str, bytes]:
    """Pictures of three colors in class folders, in all formats in turn and of several sizes."""
    ends = [*FORMATS]
    return {
        f"{below}{name}/{number}.{(end := ends[number % len(ends)])}": picture(
            color, 100 * place + number, (20 + number, 16), FORMATS[end]
        )
        for place, (name, color) in enumerate(COLORS.items())
        for number in range(each)
    }


def rows(count: int = 60) -> str:
    """A CSV of numbers and names, a class and a number to foretell."""
    random = np.random.default_rng(0)
    lines = ["age,color,height,kind,price"]
    for number in range(count):
        kind = number % 3
        age, color = f"{20 + kind * 10 + random.random():.3f}", ["red", "blue"][number % 2]
        lines.append(f"{age},{color},{random.random():.3f},k{kind},{100 * kind + number}.5")
    return "\n".join(lines) + "\n"


def texts(count: int = 40) -> str:
    """A CSV of texts, one of them over two lines, and whether they praise."""
    good, bad = "a fine and lovely film", "a dull and dreadful film"
    lines = ["text,label"]
    lines += [f'"{(good, bad)[number % 2]},\nnumber {number}",{("good", "bad")[number % 2]}' for number in range(count)]
    return "\n".join(lines) + "\n"


def scene(seed: int, size: tuple[int, int] = (32, 24)) -> tuple[bytes, tuple[int, int, int, int]]:
    """A gray picture (width, height) with a red box, and its (left, top, width, height)."""
    random = np.random.default_rng(seed)
    left, top = int(random.integers(0, size[0] - 12)), int(random.integers(0, size[1] - 10))
    pixels = np.full((size[1], size[0], 3), 128, np.uint8) + random.integers(0, 9, (size[1], size[0], 3), np.uint8)
    pixels[top : top + 10, left : left + 12] = (220, 30, 30)
    return saved(Image.fromarray(pixels)), (left, top, 12, 10)


def coco(count: int = 14) -> dict[str, bytes | str]:
    """Pictures with a COCO file, whose ids have gaps."""
    made = [scene(number) for number in range(count)]
    told = {
        "images": [{"id": 10 * n, "file_name": f"{n}.png", "width": 32, "height": 24} for n in range(count)],
        "categories": [{"id": 7, "name": "block"}, {"id": 3, "name": "air"}],
        "annotations": [
            {"id": n, "image_id": 10 * n, "category_id": 7, "bbox": list(box), "iscrowd": 0}
            for n, (_, box) in enumerate(made)
        ],
    }
    return {"boxes.json": json.dumps(told), **{f"images/{n}.png": content for n, (content, _) in enumerate(made)}}


VOC = """<annotation><filename>{file}</filename><size><width>32</width><height>24</height><depth>3</depth></size>
<object><name>block</name><difficult>{difficult}</difficult><bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin>
<xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox></object></annotation>"""


def voc(count: int = 14) -> dict[str, bytes | str]:
    """Pictures with an XML file each, of which the last has a difficult object."""
    files: dict[str, bytes | str] = {}
    for n in range(count):
        content, (left, top, width, height) = scene(n)
        sides = {"xmin": left + 1, "ymin": top + 1, "xmax": left + width, "ymax": top + height}
        files[f"JPEGImages/{n}.png"] = content
        files[f"Annotations/{n}.xml"] = VOC.format(file=f"{n}.png", difficult=int(n == count - 1), **sides)
    return files


def yolo(count: int = 14) -> dict[str, bytes | str]:
    """Pictures with lines of text; the last has none."""
    files: dict[str, bytes | str] = {"classes.txt": "air\nblock\n"}
    for n in range(count):
        content, (left, top, width, height) = scene(n)
        files[f"images/{n}.png"] = content
        if n < count - 1:
            middle = (left + width / 2) / 32, (top + height / 2) / 24
            files[f"labels/{n}.txt"] = f"1 {middle[0]:.6f} {middle[1]:.6f} {width / 32:.6f} {height / 24:.6f}\n"
    return files


def masked(count: int = 14, palette: bool = True) -> dict[str, bytes | str]:
    """Pictures with masks: 0 and 1 with a palette, or gray 0 and 255."""
    files: dict[str, bytes | str] = {}
    for n in range(count):
        content, (left, top, width, height) = scene(n)
        mask = np.zeros((24, 32), np.uint8)
        mask[top : top + height, left : left + width] = 1 if palette else 255
        image = Image.fromarray(mask)
        if palette:
            image.putpalette([0, 0, 0, 250, 100, 0])
        files[f"images/{n}.png"], files[f"masks/{n}.png"] = content, saved(image)
    return files


def paired(count: int = 40) -> dict[str, bytes | str]:
    """Pictures and a table of pairs: of one color, or of two."""
    names = [*COLORS]
    files: dict[str, bytes | str] = {f"{names[n % 3]}{n}.png": picture(COLORS[names[n % 3]], n) for n in range(12)}
    lines = ["first,second,same"]
    for n in range(count):
        one, other = n % 12, (n + 3 * (1 + n // 12)) % 12 if n % 2 else (n + 1 + 3 * (n // 12)) % 12
        lines.append(f"{names[one % 3]}{one}.png,{names[other % 3]}{other}.png,{int(one % 3 == other % 3)}")
    return {**files, "pairs.csv": "\n".join(lines) + "\n"}


SENTENCES = [
    f"the {color} {thing} {verb}"
    for color in ("red", "blue", "old")
    for thing in ("cat", "dog", "sun")
    for verb in ("runs", "sings", "falls")
]
"""27 of them."""
