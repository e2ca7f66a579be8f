"""What `archbench doctor` looks at: the installation, the machine and the stores."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import platform
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from archbench import databases, scm
from archbench.secrets import scrub
from archbench.tracking.store import NoProject, TrackingRefused, TrackingUnavailable, connect, locate

PACKAGES = ("archbench", "keras", "tensorflow", "jax", "mlflow", "optuna", "dvc")
OPTIONAL = ("jax",)
LEAST_DISK_BYTES = 2e9
LEAST_MEMORY_BYTES = 1.5e9
"""What one training process needs with TensorFlow loaded, and some data."""
ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    check: str
    text: str
    mend: str | None = None
    """The command that puts it right; None where all is well."""


def versions() -> dict[str, str | None]:
    """Package -> version; None where it is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def check_versions() -> Iterator[Finding]:
    """A line for each package."""
    for name, version in versions().items():
        if version is not None:
            yield Finding(name, version)
        elif name in OPTIONAL:
            yield Finding(name, "not installed (optional)")
        else:
            yield Finding(name, "not installed", "pip install -e .")


def check_path() -> Finding:
    """Stages are run by the `python` on the path, which must be this one."""
    found = shutil.which("python")
    if found is not None and Path(found).parent.resolve() == (Path(sys.prefix) / "bin").resolve():
        return Finding("path", f"stages run with {found}")
    return Finding(
        "path",
        f"stages would run with {found or 'no python at all'}, not with the one of {sys.prefix}",
        f"source {sys.prefix}/bin/activate",
    )


def check_device() -> Iterator[Finding]:
    """The backend, what it computes on, and whether XLA compiles for it."""
    import keras

    from archbench.training import machine

    backend = keras.backend.backend()
    yield Finding("backend", f"{backend} on {machine.device_kind()}: {machine.device_name()}")
    fault = _xla_fault(backend)
    if fault is None:
        yield Finding("XLA", "compiles")
    else:
        yield Finding("XLA", f"does not compile: {fault}", "set xla: off below training in params.yaml")


def check_machine(folder: Path) -> Iterator[Finding]:
    """Cores, memory and disk."""
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding("cores", str(cores))
    memory = psutil.virtual_memory()
    mend = "ps aux --sort=-rss | head" if memory.available < LEAST_MEMORY_BYTES else None
    text = f"{memory.available / 1e9:.1f} GB free of {memory.total / 1e9:.1f} GB"
    yield Finding("memory", text, mend)
    if not os.access(folder, os.W_OK):
        mend = f"cp -r {shlex.quote(str(folder))} ~/ and work there"
        yield Finding("folder", f"{folder} is read-only: plan, list and show work, all else needs to write", mend)
    disk = shutil.disk_usage(folder)
    mend = "du -sh data runs studies probes .dvc/cache" if disk.free < LEAST_DISK_BYTES else None
    yield Finding("disk", f"{disk.free / 1e9:.1f} GB free at {folder}", mend)


def check_git(here: Path) -> Finding:
    """Whether DVC knows if there is git, without which it has to be told once."""
    command = scm.mend(here)
    if scm.under_git(here):
        text = "DVC was told that there is none, and there is" if command else "a repository: runs name its commit"
    else:
        told = "DVC looks for it" if command else "DVC does without"
        text = f"no repository, as in a downloaded archive: runs name no commit, {told}"
    return Finding("git", text, command)


def check_stores() -> Iterator[Finding]:
    """MLflow's store, Optuna's, and the mirror: those that are set are asked."""
    for finding in (_mlflow(), _optuna(), _mirror()):
        yield dataclasses.replace(finding, text=scrub(finding.text))


def _xla_fault(backend: str) -> str | None:
    """Why a tiny program cannot be compiled; None where it can and gives the right number."""
    if backend == "jax":
        import jax

        try:
            value = float(jax.jit(lambda x: x * 2 + 1)(3.0))
        except jax.errors.JaxRuntimeError as error:
            return str(error).splitlines()[0]
    else:
        import tensorflow as tf

        try:
            value = float(tf.function(lambda x: x * 2 + 1, jit_compile=True)(tf.constant(3.0)))
        except tf.errors.OpError as error:
            return error.message.splitlines()[0]
    return None if value == 7.0 else f"2 * 3 + 1 gave {value}"


def _mlflow() -> Finding:
    try:
        store = locate()
    except NoProject:
        return Finding("MLflow", "no project in this folder, and MLFLOW_TRACKING_URI is not set")
    if store.database is not None and not store.database.exists():
        return Finding("MLflow", f"{store.shown}: not made yet; the first run makes it")
    try:
        connect(store)
    except TrackingUnavailable as error:
        mend = "check MLFLOW_TRACKING_URI, then: archbench sync"
        if isinstance(error, TrackingRefused) and store.database is not None:
            mend = f"mv {shlex.quote(str(store.database))} {shlex.quote(f'{store.database}.damaged')} && archbench sync"
        return Finding("MLflow", str(error).splitlines()[0], mend)
    return Finding("MLflow", f"{store.shown}: answers")


def _optuna() -> Finding:
    url = os.environ.get("OPTUNA_STORAGE")
    if not url:
        return Finding("Optuna", "a journal file beside each study")
    try:
        databases.check(url)
    except databases.failures() as error:
        mend = "set OPTUNA_STORAGE to the URL of a database, or unset it"
        return Finding("Optuna", f"OPTUNA_STORAGE={url} cannot be opened: {databases.first_line(error)}", mend)
    file = databases.sqlite_path(url)
    return Finding("Optuna", f"{url}: {'answers' if file is None or file.exists() else 'the first study makes it'}")


def _mirror() -> Finding:
    mirror = os.environ.get("ARCHBENCH_MIRROR")
    mend = "set ARCHBENCH_MIRROR to a folder or an http(s) address, or unset it"
    if not mirror:
        return Finding("mirror", "none set: data sets come from their publishers")
    if urlsplit(mirror).scheme not in ("http", "https"):
        there = Path(mirror).is_dir()
        return Finding("mirror", mirror if there else f"{mirror} is no folder", None if there else mend)
    import requests

    try:
        requests.head(mirror, timeout=ANSWER_SECONDS)
    except requests.RequestException as error:
        return Finding("mirror", f"{mirror} does not answer: {type(error).__name__}", mend)
    return Finding("mirror", f"{mirror}: answers")
