"""The ranges of an optimizer's numbers, which its builder's signature names."""

from typing import Annotated

from pydantic import Field

Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A learning rate, or another number above 0."""
Mean = Annotated[float, Field(ge=0, lt=1)]
"""How much of itself a moving mean keeps."""
Decay = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A strength; 0 is none."""
