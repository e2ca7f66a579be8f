"""Where a run happens: versions, device, memory, and the rule that decides about XLA."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import keras
import psutil
from keras import layers

CONVOLUTIONS = (
    layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.DepthwiseConv1D, layers.DepthwiseConv2D,
    layers.SeparableConv1D, layers.SeparableConv2D, layers.Conv2DTranspose, layers.Conv3DTranspose,
)  # fmt: skip

EXTENSIONS = (
    "sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16",
    "avx512_fp16", "amx_tile", "amx_bf16", "asimd", "asimddp", "bf16", "sve", "sve2",
)  # fmt: skip
"""The vector instructions by which numerical libraries choose their kernels, as Linux names them on x86 and on ARM."""

SOURCES = (
    ":/src", ":/pipelines", ":/params.yaml", ":/pyproject.toml",
    ":(top,exclude,glob)**/dvc.lock", ":(top,exclude,glob)**/scores/**",
)  # fmt: skip
"""What makes a checkout dirty, as git's path patterns: not the files that a run itself writes."""


def use_xla(asked: str, network: keras.Model) -> tuple[bool, str]:
    """Whether to compile with XLA, and why.

    `auto` follows a fixed rule, so that a run can be reproduced: on for accelerators; on a CPU on for networks without
    convolutions, off for those with. XLA's CPU compiler does not use its fast convolution kernels inside a loop, and
    the training program is a loop: a step of a convolutional network takes 3 to 26 times as long as with TensorFlow's
    own kernels, while dense and recurrent networks gain (the table of step times that `archbench speed` writes).
    """
    if keras.backend.backend() == "jax":
        return True, "JAX always compiles with XLA"
    if asked != "auto":
        return asked == "on", f"xla: {asked}"
    if device_kind() == "gpu":
        return True, "auto: an accelerator"
    if convolves(network):
        return False, "auto: convolutions on a CPU"
    return True, "auto: no convolutions"


def convolves(network: keras.Model) -> bool:
    """Whether a network has a convolution, however deep inside other models."""
    return any(isinstance(layer, CONVOLUTIONS) for layer in network._flatten_layers())


@cache
def device_kind() -> str:
    """`gpu` or `cpu`: what the backend computes on."""
    if keras.backend.backend() == "jax":
        import jax

        return "cpu" if jax.default_backend() == "cpu" else "gpu"
    import tensorflow as tf

    return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"


@cache
def device_name() -> str:
    """The name of the device that the backend computes on."""
    if device_kind() == "cpu":
        return processor()["cpu"]
    if keras.backend.backend() == "jax":
        import jax

        return jax.devices()[0].device_kind
    import tensorflow as tf

    return tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[0])["device_name"]


def describe(xla: bool, xla_rule: str, precision: str) -> dict[str, Any]:
    """The content of `machine.json`."""
    backend = keras.backend.backend()
    return {
        "backend": backend,
        "backend_version": importlib.metadata.version(backend),
        "keras_version": keras.__version__,
        "archbench_version": importlib.metadata.version("archbench"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        **processor(),
        "memory_bytes": psutil.virtual_memory().total,
        "device": device_name(),
        "device_kind": device_kind(),
        "xla": xla,
        "xla_rule": xla_rule,
        "precision": precision,
        "git_commit": _git("rev-parse", "HEAD"),
        "git_dirty": bool(_git("status", "--porcelain", "--", *SOURCES)),
        "dvc_stage": os.environ.get("ARCHBENCH_STAGE", ""),
        "dvc_experiment": os.environ.get("DVC_EXP_NAME", ""),
        "pid": os.getpid(),
        "host": platform.node(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def peak_memory_bytes() -> int:
    """The largest memory so far: of the accelerator where there is one, else of the process."""
    if device_kind() == "gpu" and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.config.experimental.get_memory_info("GPU:0")["peak"]
    if device_kind() == "gpu":
        import jax

        return jax.devices()[0].memory_stats()["peak_bytes_in_use"]
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@cache
def processor() -> dict[str, Any]:
    """What decides how a CPU rounds: its model, its vector instructions, and over how many cores a sum is spread.

    Runs repeat to the bit where all three are the same; `cpu_extensions` is empty where the system does not tell.
    """
    told = _cpuinfo()
    flags = set((told.get("flags") or told.get("Features") or "").split())
    return {
        "cpu": told.get("model name") or platform.processor() or platform.machine(),
        "cpu_extensions": [name for name in EXTENSIONS if name in flags],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }


def _cpuinfo() -> dict[str, str]:
    """What Linux tells of the first processor; nothing elsewhere."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in first.splitlines())}


@cache
def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
