"""A PostgreSQL server of its own for a test module, on a free port of the loopback address."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

USER, PASSWORD = "ann", "hunter-2/@:%41"
"""The password holds what an address must encode."""
ENCODED = "hunter-2%2F%40%3A%2541"


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int

    def url(self, database: str = "postgres", password: str = ENCODED) -> str:
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def fresh(self, name: str) -> str:
        """The URL of a new, empty database."""
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    def run(self, command: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(command)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    """The server; the test is skipped where Debian's package or the driver is not installed."""
    pytest.importorskip("psycopg", reason="the driver is not installed: pip install 'psycopg[binary]'")
    programs = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"))), None)
    if programs is None:
        pytest.skip("no PostgreSQL is installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="archbench-postgres-"))
    owner = {}
    if os.getuid() == 0:  # the server refuses to run as root
        owner = {"user": "postgres", "group": pwd.getpwnam("postgres").pw_gid, "extra_groups": []}
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, owner["group"])
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    make = [programs / "initdb", "-D", folder / "data", "-U", USER, f"--pwfile={secret}", "-A", "scram-sha-256"]
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
    control = [programs / "pg_ctl", "-D", folder / "data", "-w"]
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder, **owner}
    try:
        subprocess.run([*make, "--no-sync"], **quiet)
        subprocess.run([*control, "-o", options, "-l", folder / "log", "start"], **quiet)
        yield Server(port)
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
