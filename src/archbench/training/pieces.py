"""Steps in pieces: the gradient of a batch as the sum over micro-batches, where the whole batch does not fit in memory.

The sum is the gradient of the batch but for rounding, and the optimizer moves once a batch. What is drawn in a step,
as by dropout, is drawn piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from archbench.errors import UserError
from archbench.optimizers import OPTIMIZERS
from archbench.training import machine
from archbench.training.full_batch import is_full_batch
from archbench.training.program import Program
from archbench.training.split import Split

Settings = Mapping[str, Any]

AUTO = "auto"
SAID_OF_MEMORY = ("RESOURCE_EXHAUSTED", "Out of memory", "OOM when allocating")
"""What stands in the errors of the two backends, for which they have no common class."""
RESOURCE_EXHAUSTED = 8
"""The code that TensorFlow's errors have then."""


class NotInPieces(UserError):
    """A batch that cannot be taken in these pieces, or whose gradient is not the sum of theirs."""


class OutOfMemory(UserError):
    """A step, or an evaluation, for which there is not enough memory."""


def check(settings: Settings) -> None:
    """Refuse pieces that do not make up a batch, or that an optimizer has no use for."""
    asked, size = settings.get("micro_batch"), settings["batch_size"]
    if asked is None:
        return
    if is_full_batch(settings["optimizer"]):
        name = OPTIMIZERS.resolve(settings["optimizer"])[0].name
        raise NotInPieces(
            f"{name} sums the gradients of all batches already. Leave micro_batch out, and choose a batch_size that "
            "fits in memory."
        )
    if asked != AUTO and size % asked:
        raise NotInPieces(
            f"A batch of {size} is no whole number of pieces of {asked}. Choose a micro_batch that divides it, as "
            f"{_next_smaller(size, size)}, or auto."
        )


def settle(program: Program, training: Split, settings: Settings, numbers: Mapping[str, float]) -> None:
    """Have `program` take its steps in the pieces that `settings` ask for; `auto` tries how many examples fit.

    The learner has moved after that. Raises `NotInPieces` where pieces would change what a step means, and
    `OutOfMemory` where nothing fits.
    """
    asked, size, steps = settings.get("micro_batch"), settings["batch_size"], settings["steps_per_call"]
    if asked == AUTO:
        try:
            _try(program, training, size, size, steps, numbers)
        except Exception as error:
            if not is_of_memory(error):
                raise
            fitting = _largest(program, training, size, steps, numbers)
            if fitting is None or refusal(program, training):
                raise _too_large(program, training, (size, size), fitting) from error
            program.take_in_pieces(fitting)
    elif asked not in (None, size):
        why = refusal(program, training)
        if why:
            raise NotInPieces(f"{why} Leave micro_batch out, and choose a batch_size that fits in memory.")
        program.take_in_pieces(asked)


@contextmanager
def told(
    program: Program, training: Split, size: int, steps_per_call: int, numbers: Mapping[str, float]
) -> Iterator[None]:
    """Turn an error of memory in the body into one message, with the number of examples that would fit."""
    try:
        yield
    except Exception as error:
        if not is_of_memory(error):
            raise
        sizes = size, program.micro_batch or size
        fitting = None if program.learner.carried else _largest(program, training, size, steps_per_call, numbers)
        raise _too_large(program, training, sizes, fitting) from error


def scored(program: Program, split: Split, name: str, size: int) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """As `split.scores`, by batches of `size` examples, or of a half of that, and so on, until one fits in memory.

    A state that is carried from batch to batch leaves no choice. Raises `OutOfMemory` where nothing fits.
    """
    while True:
        try:
            return split.scores(size)
        except Exception as error:
            if not is_of_memory(error):
                raise
            if size == 1 or program.learner.carried:
                raise OutOfMemory(
                    f"A batch of {size} of the {name} split does not fit in the memory of {machine.device_name()} when "
                    "it is scored. Choose a smaller batch_size, smaller examples or a smaller network."
                ) from error
        said = f"A batch of {size} of the {name} split does not fit in memory when it is scored"
        size //= 2
        print(f"{said}: {size} do, perhaps.", flush=True)


def is_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, of the host or of an accelerator."""
    if isinstance(error, MemoryError) or getattr(error, "error_code", None) == RESOURCE_EXHAUSTED:
        return True
    return any(words in str(error) for words in SAID_OF_MEMORY)


def refusal(program: Program, training: Split) -> str | None:
    """Why steps in pieces would not be the steps on whole batches, as a sentence; None if they are."""
    learner = program.learner
    if learner.carried:
        return "The task carries a state from batch to batch, one for each example of a batch."
    why = next(filter(None, (learner.coupling(feed.arrays) for feed in training.feeds)), None)
    return f"{why} the gradient of a batch another than the sum of those of its pieces." if why else None


def _try(
    program: Program, training: Split, size: int, examples: int, steps_per_call: int, numbers: Mapping[str, float]
) -> None:
    """Take a step on batches of `size` that are cut down to so many examples, of each shape that there is."""
    for data, chunk, _ in training.first_chunks(0, size, steps_per_call):
        program.train(data, chunk[:, :examples], 1, np.zeros(len(chunk)), numbers)


def _too_large(program: Program, training: Split, sizes: tuple[int, int], fitting: int | None) -> OutOfMemory:
    """That memory is short for a batch of so many examples, so many of them at once; and how many would do, if any."""
    size, at_once = sizes
    what = f"A batch of {size}" if at_once == size else f"A batch of {size} in pieces of {at_once}"
    there = f"{what} does not fit in the memory of {machine.device_name()}."
    if fitting is None:
        return OutOfMemory(f"{there} Choose a smaller batch_size, smaller examples or a smaller network.")
    if refusal(program, training):
        return OutOfMemory(f"{there} {fitting} examples at once do: choose batch_size: {fitting}.")
    return OutOfMemory(
        f"{there} {fitting} examples at once do: choose micro_batch: {fitting} (or auto), which sums the gradients of "
        f"{size // fitting} pieces to the same step, or batch_size: {fitting}."
    )


def _largest(
    program: Program, training: Split, size: int, steps_per_call: int, numbers: Mapping[str, float]
) -> int | None:
    """The largest number of examples at once that fits, of those that divide what does not, each at most half."""
    examples = program.micro_batch or size
    program.take_in_pieces(None)
    while examples > 1:
        examples = _next_smaller(size, examples)
        # Beside a full memory a backend's libraries fail in words of their own too.
        with suppress(Exception):
            _try(program, training, size, examples, steps_per_call, numbers)
            return examples
    return None


def _next_smaller(size: int, examples: int) -> int:
    """The largest number that divides `size` and is at most half of `examples`, or 1."""
    return next((n for n in range(examples // 2, 0, -1) if size % n == 0), 1)
