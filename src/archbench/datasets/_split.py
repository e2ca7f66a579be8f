"""Deterministic, stratified, disjoint splits, which keep together the examples of one group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from archbench.errors import UserError

VALIDATION = 0.15
"""Share of the training part that chooses the best epoch, where params.yaml says nothing else."""
TEST = 0.15
"""Share that is tested once, for data sets without an official test part."""


class EmptySplit(UserError):
    """Fractions that leave a split without examples."""


def split(
    count: int,
    fractions: dict[str, float],
    seed: int,
    strata: np.ndarray | None = None,
    group: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Divide `count` examples: `train` gets what `fractions` (split -> share) leaves.

    Returns split -> int64 indices in shuffled order. With `strata` (count,), the class of each, every class is divided
    in the same proportions, to within one example; a split's size does not depend on the classes. With `group` (count,)
    the examples of one group are in one split, and sizes and classes as near to that as whole groups come.
    """
    sizes = split_sizes(count, fractions)
    generator = np.random.default_rng(seed)
    if group is not None:
        part = deal(group, [size / count for size in sizes.values()], generator, strata)
        chosen = {name: generator.permutation(np.flatnonzero(part == place)) for place, name in enumerate(sizes)}
        if not all(map(len, chosen.values())):
            raise EmptySplit(
                f"The {len(np.unique(group))} groups of examples that must stay together cannot be divided into "
                f"{', '.join(f'{name} {size}' for name, size in sizes.items())}: every split needs at least one. "
                "Choose other fractions, or more examples, in the datasets section of params.yaml."
            )
        return chosen
    order = generator.permutation(count)
    if strata is not None:
        order = spread(order, strata[order])
    # Every stretch of a spread order holds the classes in proportion, so consecutive cuts are stratified.
    cuts = np.split(order, np.cumsum(list(sizes.values()))[:-1])
    return {name: generator.permutation(cut) for name, cut in zip(sizes, cuts, strict=True)}


def stretches(count: int, fractions: dict[str, float], seed: int) -> dict[str, np.ndarray]:
    """As `split`, of examples each of which goes on where the one before ends: stretches of them, in their order.

    The seed draws where the first begins; the last example is followed by the first.
    """
    sizes = split_sizes(count, fractions)
    order = np.roll(np.arange(count), -np.random.default_rng(seed).integers(count))
    return dict(zip(sizes, np.split(order, np.cumsum(list(sizes.values()))[:-1]), strict=True))


def split_sizes(count: int, fractions: Mapping[str, float]) -> dict[str, int]:
    """Examples of `train`, which is what is left, and of each split of `fractions`; raises `EmptySplit`."""
    sizes = {name: round(count * share) for name, share in fractions.items()}
    sizes = {"train": count - sum(sizes.values()), **sizes}
    if min(sizes.values()) < 1:
        raise EmptySplit(
            f"{count} examples with {', '.join(f'{name} {share:g}' for name, share in fractions.items())} would be "
            f"divided into {', '.join(f'{name} {size}' for name, size in sizes.items())}: every split needs at "
            "least one example. Choose smaller fractions, or more examples, in the datasets section of params.yaml."
        )
    return sizes


def deal(
    group: np.ndarray, shares: Sequence[float], generator: np.random.Generator, strata: np.ndarray | None = None
) -> np.ndarray:
    """Deal whole groups to parts: for each example (count,) the part that its group is in, a place in `shares`.

    The largest groups come first, equal ones in random order, and each goes where sizes and classes then are nearest
    to `shares` of all. Of equal shares every part gets a group, where there are as many.
    """
    groups, member = np.unique(group, return_inverse=True)
    kinds, kind = np.unique(np.zeros(len(group)) if strata is None else strata, return_inverse=True)
    content = np.zeros((len(groups), len(kinds)))
    np.add.at(content, (member, kind), 1)
    wanted = np.outer(shares, content.sum(axis=0))

    def distance(parts: np.ndarray) -> np.ndarray:
        """Chi squared of each of `parts` (part, class), where the size counts as much as all classes together."""
        off = [np.square(have - want) / want for have, want in ((parts, wanted), (parts.sum(1), wanted.sum(1)))]
        return off[0].sum(axis=1) + len(kinds) * off[1]

    order = generator.permutation(len(groups))
    order = order[np.argsort(-content[order].sum(axis=1), kind="stable")]
    parts, chosen = np.zeros_like(wanted), np.zeros(len(groups), int)
    for one in order:
        rise = distance(parts + content[one]) - distance(parts)
        chosen[one] = np.argmin(rise.round(9))  # another machine's last bit must not break a tie
        parts[chosen[one]] += content[one]
    return chosen[member]


def spread(order: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Reorder so that the k-th of a class of n stands at the relative position (k + 1/2) / n."""
    position = np.empty(len(strata))
    for kind in np.unique(strata):
        members = np.flatnonzero(strata == kind)
        position[members] = (np.arange(len(members)) + 0.5) / len(members)
    return order[np.argsort(position, kind="stable")]
