"""One network on several devices of a machine: each takes its share of a batch, and all keep the same weights.

The program stays that of the whole batch, so batch normalization takes its statistics over all shares, and what is
drawn is what one device would draw; sums are taken in another order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from archbench.errors import UserError


class NotOnDevices(UserError):
    """Devices that a run cannot be spread over."""


def check(settings: Mapping[str, Any]) -> None:
    """Refuse to spread a run over several devices where the backend cannot, or where a batch has no equal shares."""
    devices = settings.get("devices", 1)
    if devices == 1:
        return
    if keras.backend.backend() != "jax":
        raise NotOnDevices(
            f"{devices} devices share a network on the JAX backend alone, and this is {keras.backend.backend()}. Set "
            "KERAS_BACKEND=jax, or devices: 1."
        )
    for name in ("batch_size", "micro_batch"):
        examples = settings.get(name, devices)
        if examples != "auto" and examples % devices:
            raise NotOnDevices(
                f"{name} is {examples}, which is no equal share for each of {devices} devices. Choose a multiple of "
                f"{devices}."
            )


def spread(devices: int) -> keras.distribution.DataParallel | None:
    """How batches are laid over so many devices, the first that the backend sees; None for a single one."""
    if devices == 1:
        return None
    there = keras.distribution.list_devices()
    if devices > len(there):
        raise NotOnDevices(
            f"devices is {devices}, and there {'is' if len(there) == 1 else 'are'} {len(there)}: {', '.join(there)}. "
            f"Choose devices: {len(there)}."
        )
    return keras.distribution.DataParallel(devices=there[:devices])
