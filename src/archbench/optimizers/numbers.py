"""The ranges of an optimizer's numbers, which its builder's signature names, and which weights decay."""

from typing import Annotated

import keras
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


def decay_kernels_alone(optimizer: keras.Optimizer) -> keras.Optimizer:
    """`optimizer`, not built yet, with biases and the weights of normalizations left out of weight decay.

    The papers of AdamW, Lion and Muon decay every weight; practice, and the code of LARS's and LAMB's authors, leaves
    these out, since pulling a shift or a scale to 0 does not make a network simpler.
    """
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "alpha"])
    return optimizer
