"""MLflow's own pages on this project's store."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable
from typing import TextIO

from archbench import interrupts
from archbench.errors import UserError
from archbench.secrets import scrub
from archbench.tracking.store import ARTIFACT_ROOT, QUIET_AND_QUICK, Store, Tracking, connect, locate

HOST = "127.0.0.1"
START_SECONDS = 180.0
"""On a machine that trains beside it MLflow has taken more than a minute; a server that ends is noticed at once."""
END_SECONDS = 5.0
NOTE = "[MLflow] Security middleware enabled"
"""What the server begins with where all is well, whatever its log level."""
QUIET = {"PYTHONWARNINGS": "ignore"}
"""Environment of the server, where the user has not set it: its libraries warn each other of what they will drop."""


class PortInUse(UserError):
    """A port that something else listens on."""


class NoAnswer(UserError):
    """MLflow's server ended, or did not start in time."""


def serve(port: int, open_browser: bool = False, show: Callable[[str], None] = print) -> None:
    """Serve MLflow's pages at 127.0.0.1:`port` until interrupted; `show` gets the line with the address.

    A tracking server named by `MLFLOW_TRACKING_URI` has pages of its own: then only their address is shown.
    Raises `PortInUse` or `NoAnswer`.
    """
    store = locate()
    if is_server(store):
        present("MLflow", store.shown, open_browser, show)
        return
    check_free(port)
    tracking = connect(store)  # makes a fresh database under our lock; several workers of the server would break it
    process: list[subprocess.Popen] = []

    def run() -> None:
        process.append(_start(port, tracking))
        _wait_for(f"http://{HOST}:{port}", process[0])
        present("MLflow", f"http://{HOST}:{port}", open_browser, show)
        process[0].wait()

    try:
        until_interrupted(run, show)
    finally:
        for one in process:
            _end(one)


def is_server(store: Store) -> bool:
    """Whether the store is a tracking server, which has pages of its own."""
    return store.uri.startswith(("http://", "https://"))


def until_interrupted(wait: Callable[[], object], show: Callable[[str], None]) -> None:
    """Call `wait`; an interrupt ends it with a word and no traceback."""
    interrupts.leave_alone()
    for number in (signal.SIGINT, signal.SIGTERM):  # whatever the parent ignores: a server must end with us
        signal.signal(number, signal.default_int_handler)
    try:
        wait()
    except KeyboardInterrupt:
        show("stopped")


def _start(port: int, tracking: Tracking) -> subprocess.Popen:
    process = subprocess.Popen(
        _command(port),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # standard output is for the address alone
        text=True,
        errors="replace",
        env={**QUIET_AND_QUICK, **QUIET, **os.environ, **_addresses(tracking)},
        start_new_session=True,  # the server has processes of its own; they are ended together
    )
    threading.Thread(target=_pass_on, args=(process.stdout,), daemon=True).start()
    return process


def _command(port: int) -> list[str]:
    command = [sys.executable, "-m", "mlflow", "ui", "--host", HOST, "--port", str(port), "--workers", "1"]
    return [*command, "--uvicorn-opts", "--log-level warning"]


def _addresses(tracking: Tracking) -> dict[str, str]:
    """The store as variables: a command line, and the passwords in it, may be read by all of the machine."""
    uri, artifacts = tracking.store.uri, tracking.artifacts
    stores = {"MLFLOW_BACKEND_STORE_URI": uri, "MLFLOW_REGISTRY_STORE_URI": uri}
    return stores if artifacts is None else {**stores, ARTIFACT_ROOT: artifacts}


def _pass_on(output: TextIO) -> None:
    """Show what the server says on the standard error stream, without secrets: warnings, and errors in full."""
    for line in output:
        if not line.startswith(NOTE):
            sys.stderr.write(scrub(line))


def _end(process: subprocess.Popen) -> None:
    """End the server and its processes, which a terminated parent would leave behind."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
            process.wait(END_SECONDS)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def check_free(port: int) -> None:
    """Raise `PortInUse`, with one that is free, where something listens on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            with socket.socket() as other:
                other.bind((HOST, 0))
                free = other.getsockname()[1]
            raise PortInUse(
                f"Port {port} on {HOST} cannot be used ({error}). A free one: archbench ui --port {free}"
            ) from error


def _wait_for(address: str, process: subprocess.Popen) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy reaches this machine's own port
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NoAnswer(f"mlflow ui ended with status {process.returncode}; its reason is printed above.")
        try:
            with direct.open(f"{address}/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise NoAnswer(f"mlflow ui did not answer at {address} within {START_SECONDS:g} s. Try: archbench ui --port 5001")


def present(what: str, address: str, open_browser: bool, show: Callable[[str], None]) -> None:
    """Tell where something is served, and open it where that is asked for."""
    show(f"{what}: {address}")
    if open_browser:
        webbrowser.open(address)
