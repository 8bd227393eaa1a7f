"""An HTTP proxy on loopback that spoils a share of the requests: which ones, and how, follows from a seed."""

import hashlib
import random
import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

RESET = "reset"
"""The connection is cut before the request arrives."""
LOST_ANSWER = "lost answer"
"""The request is carried out, and the connection cut instead of an answer."""
ERROR = "500"
SLOW_DOWN = "503"
SLOW = "slow"
"""The answer comes late, but in time."""
SILENT = "silent"
"""The answer comes too late: after SILENCE."""
TRUNCATED = "truncated"
"""The answer ends in the middle."""
FLIPPED_DOWN = "flipped down"
"""A bit of an object's bytes is another one when they arrive here."""
FLIPPED_UP = "flipped up"
"""A bit of an object's bytes is another one when they arrive in the store."""
ALL = (RESET, LOST_ANSWER, ERROR, SLOW_DOWN, SLOW, TRUNCATED, FLIPPED_DOWN, FLIPPED_UP)

LATE = 0.2
"""Seconds that a slow answer takes longer."""
SILENCE = 3.0
"""Seconds before a silent answer; clients under test wait less."""

CODES = {ERROR: "InternalError", SLOW_DOWN: "SlowDown"}
CHANGING = re.compile(r"(?i)uploadId=[^&]*&?|X-Amz-[^&]*&?")
"""What differs in each run of the same test."""
NO_OBJECT = {"list-type", "uploads", "versioning", "location"}
"""Queries whose answers are lists: those carry no digest, and nobody could tell a wrong one."""
OF_A_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Seen:
    """A request that came by."""

    method: str
    path: str
    fault: str | None
    time: float


@dataclass
class FaultProxy:
    """Forwards to `upstream` and spoils `share` of the requests; to be used as a context.

    The same request may be spoilt the first time and pass the second; a store's client that tries again gets through.
    """

    upstream: str
    share: float
    kinds: Collection[str] = ALL
    seed: int = 0
    only: str = ""
    """A method: other requests pass."""
    without: Collection[str] = ()
    """Headers of requests that are left out, in lower case."""
    seen: list[Seen] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._times: Counter[str] = Counter()
        self._lock = Lock()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def faults(self) -> Counter[str]:
        """How often which kind happened."""
        return Counter(request.fault for request in self.seen if request.fault)

    def decide(self, method: str, path: str, asked: str, size: int) -> tuple[str | None, random.Random]:
        """The fault of a request, if it is to have one, and the chance by which the rest is drawn.

        Args:
            asked: The range of bytes.
            size: Of the request's body.
        """
        name = f"{method} {CHANGING.sub('', path)} {asked}"
        with self._lock:
            self._times[name] += 1
            digest = hashlib.sha256(f"{self.seed} {name} {self._times[name]}".encode()).digest()
        chance = random.Random(digest)
        fitting = [kind for kind in self.kinds if _fits(kind, method, path, size)]
        spoilt = chance.random() < self.share and fitting and method.startswith(self.only)
        fault = chance.choice(fitting) if spoilt else None
        with self._lock:
            self.seen.append(Seen(method, path, fault, time.monotonic()))
        return fault, chance


def _fits(kind: str, method: str, path: str, size: int) -> bool:
    is_object = not NO_OBJECT & parse_qs(urlsplit(path).query, keep_blank_values=True).keys()
    if kind == FLIPPED_UP:
        return method == "PUT" and size > 0
    if kind == FLIPPED_DOWN:
        return method == "GET" and is_object
    return kind != TRUNCATED or method == "GET"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: FaultProxy

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = self.headers.get("Range", "")
        fault, chance = self.owner.decide(self.command, self.path, asked, len(body))
        if fault == RESET:
            return self._reset()
        if fault in CODES:
            return self._refuse(int(fault), CODES[fault])
        if fault in {SLOW, SILENT}:
            time.sleep(LATE if fault == SLOW else SILENCE)
        answer, data = self._forward(_flipped(body, chance) if fault == FLIPPED_UP else body)
        if fault == LOST_ANSWER:
            return self._reset()
        if fault == FLIPPED_DOWN and answer.status < 300:
            data = _flipped(data, chance)
        return self._answer(answer, data, len(data) // 2 if fault == TRUNCATED else len(data))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _handle

    def _forward(self, body: bytes) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection(urlsplit(self.owner.upstream).netloc, timeout=60)
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in {"expect", "connection", *self.owner.without}
        }
        try:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def _answer(self, answer: HTTPResponse, data: bytes, sent: int) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in OF_A_CONNECTION:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        if length is not None and answer.status != 204:
            self.send_header("Content-Length", length)
        self.end_headers()
        self._send(data[:sent])
        if sent < len(data):
            self.close_connection = True

    def _refuse(self, status: int, code: str) -> None:
        data = f"<Error><Code>{code}</Code><Message>a fault of the proxy</Message></Error>".encode()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self._send(b"" if self.command == "HEAD" else data)

    def _send(self, data: bytes) -> None:
        try:
            self.wfile.write(data)
        except OSError:  # the client has gone
            self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def handle(self) -> None:
        with suppress(OSError, ValueError):  # the connection was cut, by us or by the client
            super().handle()

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _flipped(data: bytes, chance: random.Random) -> bytes:
    if not data:
        return data
    spoilt, where = bytearray(data), chance.randrange(len(data))
    spoilt[where] ^= 1 << chance.randrange(8)
    return bytes(spoilt)
