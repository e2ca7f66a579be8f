"""What GoogLeNet and its successor with batch normalization share."""

from __future__ import annotations

from collections.abc import Sequence

from archbench.catalogue import WrongOption


def scaled(channels: int, width: int) -> int:
    """The paper's `channels` where the stem has `width` channels in the place of 64; one at least."""
    return max(1, channels * width // 64)


def check_modules(name: str, modules: Sequence[int], stages: Sequence[Sequence]) -> None:
    """Raise `WrongOption` unless `modules` counts one or more of the modules of each of the first of `stages`."""
    most = [len(stage) for stage in stages]
    fits = all(1 <= count <= top for count, top in zip(modules, most, strict=False))
    if not (fits and 1 <= len(modules) <= len(most)):
        raise WrongOption(
            f"{name}: modules is {list(modules)}. It counts the modules of one to {len(most)} stages, "
            f"from 1 to at most {most}."
        )
