"""A worker process that decodes pictures: requests on its standard input, answers on its standard output.

A request is a line of JSON and as many bytes as that says; an answer is a code, the number of bytes, and the bytes.
The worker ends when its input does, so it never outlives the process that started it, however that ended.
"""

from __future__ import annotations

import json
import signal
import struct
import sys
from typing import BinaryIO

from archbench.datasets._picture import BrokenPicture, Look, decode, unwrap

ANSWER = struct.Struct("<BI")
PIXELS, HELD, BROKEN = range(3)
"""Codes: the pixels, what the file held, or a JSON pair of the broken picture's name and what is wrong with it."""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    while line := requests.readline():
        request = json.loads(line)
        code, content = _answer(request, requests.read(request["bytes"]))
        answers.write(ANSWER.pack(code, len(content)))
        answers.write(content)
        answers.flush()


def _answer(request: dict, content: bytes) -> tuple[int, bytes | memoryview]:
    try:
        picture, name = unwrap(request["form"], content, request["name"])
        pixels, held = decode(picture, name, Look(**request["look"]))
    except BrokenPicture as error:
        return BROKEN, json.dumps([error.name, error.why]).encode()
    return (HELD, held.encode()) if request["check"] else (PIXELS, pixels.tobytes())


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one decides
    serve(sys.stdin.buffer, sys.stdout.buffer)
