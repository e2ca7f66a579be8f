"""The ranges of the options that params.yaml can set: the signature of each builder names them.

The catalogue holds every value against them, and takes neither nan nor an infinite number anywhere. Upper ends lie far
above what the papers use: they refuse a slip of the finger that no machine could build.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A learning rate, or another number above 0."""
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A strength, a number of epochs, a factor; 0 is none."""
Negative = Annotated[float, Field(lt=0, allow_inf_nan=False)]
"""A power below 0."""

Share = Annotated[float, Field(ge=0, le=1)]
"""From none to all."""
Part = Annotated[float, Field(gt=0, le=1)]
"""All, or some of it."""
Fraction = Annotated[float, Field(ge=0, lt=1)]
"""Not all: of dropout, or of itself that a moving mean keeps."""
Inside = Annotated[float, Field(gt=0, lt=1)]
"""Some, but not all."""

Count = Annotated[int, Field(ge=1, le=10**9)]
"""Of examples, epochs, steps."""
Epochs = Annotated[tuple[Annotated[int, Field(ge=0, le=10**6)], ...], Field(min_length=1, max_length=64)]
"""After how many epochs something is looked at; 0 is before the first."""
Seed = Annotated[int, Field(ge=0, lt=2**31)]
"""Of a generator of random numbers."""

Width = Annotated[int, Field(ge=1, le=65_536)]
"""Channels or units of a layer."""
Widths = Annotated[tuple[Width, ...], Field(max_length=1_000)]
"""Of layers one after the other."""
Depth = Annotated[int, Field(ge=1, le=1_000)]
"""Layers, blocks or rounds one after the other."""
Depths = Annotated[tuple[Depth, ...], Field(min_length=1, max_length=16)]
"""Of the stages of a network."""
Stages = Annotated[int, Field(ge=1, le=10)]
"""Halvings of the input, at each of which a network grows wider."""
Side = Annotated[int, Field(ge=1, le=1_024)]
"""Of a kernel, in pixels; or its stride."""
Grids = Annotated[tuple[Side, ...], Field(min_length=1, max_length=8)]
"""Bins a side of each grid of a pyramid of grids."""
Rates = Annotated[tuple[Side, ...], Field(min_length=1, max_length=16)]
"""Dilations: how many cells lie from one weight of a kernel to the next."""
OutputStride = Literal[2, 4, 8, 16]
"""How many times smaller than the image the last map of a segmentation network is, before it is enlarged."""

Anchors = Annotated[tuple[tuple[Positive, Positive], ...], Field(min_length=1, max_length=1_000)]
"""Shapes (width, height) that a detector's boxes start from."""


def saved_network(source: str) -> Path | None:
    """The file that a start is `from`, whose name ends in .keras; None where that is a benchmark."""
    return Path(source).expanduser() if source.endswith(".keras") else None
