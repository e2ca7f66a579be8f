"""The ranges of an optimizer's numbers, which its builder's signature names."""

from typing import Annotated

from pydantic import Field

Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A learning rate, or another number above 0."""
Mean = Annotated[float, Field(ge=0, lt=1)]
"""How much of itself a moving mean keeps."""
Memory = Annotated[float, Field(gt=0, lt=1)]
"""How much of itself a moving mean keeps, where keeping nothing is another method."""
Decay = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A strength; 0 is none."""
Fall = Annotated[float, Field(lt=0, allow_inf_nan=False)]
"""A power below 0."""
Count = Annotated[int, Field(ge=1)]
"""A whole number above 0."""
