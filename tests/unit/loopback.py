"""A real HTTP server on the loopback address that answers as it is told, and a `files.csv` that points at it."""

from __future__ import annotations

import csv
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Answer:
    """What one request gets: `content`, of which only `sent` bytes come before the connection is cut."""

    content: bytes = b""
    status: int = 200
    sent: int | None = None
    length_told: bool = True


@dataclass
class Loopback:
    """Path -> answers in turn; the last one is repeated. `asked` lists every path that was requested."""

    url: str
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def serve(self, path: str, *answers: Answer) -> str:
        self.answers[path] = list(answers)
        return self.url + path


@contextmanager
def running() -> Iterator[Loopback]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            loopback.asked.append(self.path)
            queue = loopback.answers.get(self.path, [Answer(status=404)])
            answer = queue.pop(0) if len(queue) > 1 else queue[0]
            self.send_response(answer.status)
            if answer.length_told:
                self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content[: answer.sent])

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    loopback = Loopback(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield loopback
    finally:
        server.shutdown()
        server.server_close()


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def write_files(path: Path, rows: list[tuple[str, str, str, int, str]]) -> None:
    """A `files.csv` of (dataset, file, url, bytes, hash)."""
    with path.open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["dataset", "file", "url", "bytes", "hash", "licence", "source"])
        table.writerows([*row, "CC0", "made by a test"] for row in rows)
