"""Databases by their SQLAlchemy URL: MLflow's and Optuna's are opened alike.

A database is asked once, in seconds, before a library is given it that would try again for minutes; and its tables are
made by one process, since two that make them at once leave a database of no use.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, unquote

from filelock import FileLock

from archbench.secrets import scrub

if TYPE_CHECKING:
    from sqlalchemy import Engine

Answer = TypeVar("Answer")

SQLITE = "sqlite:///"
KINDS = ("sqlite", "postgresql", "mysql", "mssql")
PLAIN_PATH = re.compile(r"[\w./ -]+", re.ASCII)
"""What stands in a URL as it is."""
CONNECT_SECONDS = 5
"""The longest wait for a connection, and for one that holds an SQLite file."""
ANSWER_SECONDS = 20.0
"""The longest wait for the answer to one question, however it arrives."""
LOCK_SECONDS = 120.0
"""The longest wait for another process that makes the tables or writes the same; it takes some seconds."""
ADVISORY_LOCK = 0x6172636862656E63
"""The number of our lock in a PostgreSQL database: `archbenc`."""
LONGEST = 500
"""Characters of the reason in a message."""
PACKAGES = {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
"""Module of a driver -> package that brings it, where the names differ."""
REFUSALS = ("authentication failed", "Access denied", "no password supplied", "does not exist")
"""Of a user, a password or a database, in the words of PostgreSQL and MySQL."""


class Unusable(Exception):
    """A database that no later try would open: its driver is missing, it refuses us, or its file is damaged."""


def sqlite_url(path: Path) -> str:
    """The URL of an SQLite file in a folder of any name that is UTF-8.

    An odd path is written without a slash, since MLflow makes the folders of the path as it stands in the URL.
    """
    return f"{SQLITE}{path if PLAIN_PATH.fullmatch(str(path)) else quote(str(path), safe='')}"


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite URL; none for other databases, and for one in memory."""
    path = unquote(url.removeprefix(SQLITE).partition("?")[0])
    return Path(path).absolute() if url.startswith(SQLITE) and path not in ("", ":memory:") else None


def is_database(url: str) -> bool:
    """Whether a URL is one of a database, not of a server or a folder."""
    return re.split(r"[:+]", url, maxsplit=1)[0] in KINDS and "://" in url


def failures() -> tuple[type[Exception], ...]:
    """What a database that is down, slow, locked or damaged raises."""
    from sqlalchemy.exc import SQLAlchemyError

    return Unusable, SQLAlchemyError, sqlite3.Error, OSError


def check(url: str) -> None:
    """Connect once. Raises one of `failures()`; `Unusable` where another try would not help."""
    os.environ.setdefault("PGCONNECT_TIMEOUT", str(CONNECT_SECONDS))  # of all PostgreSQL drivers, from here on
    path = sqlite_path(url)
    if path is not None:
        _check_file(path)
    else:
        within(ANSWER_SECONDS, _connect_once, _engine(url))


def _check_file(path: Path) -> None:
    if not path.parent.is_dir():
        raise Unusable(f"{path.parent} is no folder")
    if path.is_dir():
        raise Unusable(f"{path} is a folder")
    if not path.exists():
        if not os.access(path.parent, os.W_OK):
            raise Unusable(f"{path.parent} cannot be written to")
        return
    try:
        with closing(sqlite3.connect(path, timeout=CONNECT_SECONDS, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")  # may it be written to?
            database.execute("SELECT count(*) FROM sqlite_master")
            database.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        raise sqlite3.OperationalError(f"{path}: {error}") from None
    except sqlite3.DatabaseError as error:
        raise Unusable(f"{path}: {error}") from None


def find_damage(path: Path) -> str | None:
    """What SQLite itself finds wrong with a file, as one line; it reads all of it. Raises where it is held or gone."""
    try:
        with closing(sqlite3.connect(path, timeout=CONNECT_SECONDS)) as database:
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        found = str(error)
    return None if found == "ok" else " ".join(found.split())


def _engine(url: str) -> Engine:
    """What connects to a server, with its driver imported, which takes its own time on a busy machine."""
    import sqlalchemy
    from sqlalchemy.pool import NullPool

    slow = {"connect_timeout": CONNECT_SECONDS} if url.startswith("mysql") else {}
    try:
        return sqlalchemy.create_engine(url, poolclass=NullPool, connect_args=slow)
    except ImportError as error:
        module = (error.name or str(error)).partition(".")[0]
        raise Unusable(
            f"its driver {module} is not installed. Run: pip install '{PACKAGES.get(module, module)}'."
        ) from None
    except sqlalchemy.exc.ArgumentError as error:  # no address at all, or of a kind that is not known
        raise Unusable(first_line(error)) from None


def _connect_once(engine: Engine) -> None:
    from sqlalchemy.exc import OperationalError

    try:
        with engine.connect():
            return
    except OperationalError as error:
        if any(word in str(error) for word in REFUSALS):
            raise Unusable(first_line(error)) from None
        raise


@contextmanager
def only_creator(url: str) -> Iterator[None]:
    """Be the only process that makes the tables of a database, of all that share it where it has locks for that."""
    path = sqlite_path(url)
    if path is not None:
        with FileLock(f"{path}.lock", timeout=LOCK_SECONDS):
            yield
    elif url.startswith("postgresql"):
        with _advisory_lock(url):
            yield
    else:
        with machine_lock(url):
            yield


@contextmanager
def machine_lock(what: str) -> Iterator[None]:
    """Keep out the other processes of this user and machine that do the same."""
    folder = Path(tempfile.gettempdir()) / f"archbench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    name = hashlib.sha256(what.encode()).hexdigest()[:24]
    with FileLock(folder / f"{name}.lock", timeout=LOCK_SECONDS):
        yield


@contextmanager
def _advisory_lock(url: str) -> Iterator[None]:
    """A lock in the database, which drops it with its connection."""
    import sqlalchemy
    from sqlalchemy.pool import NullPool

    with sqlalchemy.create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(sqlalchemy.text(f"SET lock_timeout = '{LOCK_SECONDS:g}s'"))
        connection.execute(sqlalchemy.text(f"SELECT pg_advisory_lock({ADVISORY_LOCK})"))
        yield


def within(seconds: float, call: Callable[..., Answer], *arguments: Any, **options: Any) -> Answer:
    """The answer of a call, or `TimeoutError` after so long: a server that drips keeps every shorter limit."""
    future: Future[Answer] = Future()

    def work() -> None:
        try:
            future.set_result(call(*arguments, **options))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()  # left behind where it hangs
    try:
        return future.result(seconds)
    except TimeoutError:
        if future.done():
            raise
        raise TimeoutError(f"no answer within {seconds:g} s") from None


def first_line(error: BaseException) -> str:
    """What an error says, as one line without secrets; of a driver's error its own words, without SQLAlchemy's."""
    said = str(getattr(error, "orig", None) or error)
    line = scrub((said.strip().splitlines() or [""])[0].strip()) or type(error).__name__
    line = line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
    return line if line.endswith((".", "…")) else f"{line}."
