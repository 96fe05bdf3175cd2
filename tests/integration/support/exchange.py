"""One vocabulary for both protocols, so that a test says once what holds for every pair of them: what the applications
of callers.py and the services of services.py ask, answer and have in common."""

from dataclasses import dataclass, field

from support.http2 import ErrorCodes
from support.http_message import ConnectionClosed

HTTP1, HTTP2 = PROTOCOLS = ("http1", "http2")


@dataclass
class Fields:
    """Field names are as they were written; they are looked up in any case."""

    fields: list

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        assert len(values) < 2, f"{name} is there {len(values)} times: {values}"
        return values[0] if values else default

    def names(self):
        return [key for key, _ in self.fields]


@dataclass
class Answer(Fields):
    status: int = None  # None when it ended before its head
    body: bytes = b""
    trailers: list = field(default_factory=list)
    informational: list = field(default_factory=list)  # (status, fields) of every 1xx before it
    outcome: str = "complete"  # or "reset" (its stream was) or "closed" (its connection was) before its end
    reset_code: int = None


@dataclass
class Request(Fields):
    protocol: str = HTTP1
    method: str = ""
    path: str = ""
    authority: str = None
    upgrade: str = None  # what it asks to switch to, such as websocket
    body: bytes = b""
    trailers: list = field(default_factory=list)
    connection: object = None  # on which it came, as the protocol's own peer shows it


def lower(fields):
    return [(name.lower(), value) for name, value in fields]


class BodyReader:
    """Reads the body of an HTTP/1 message in parts."""

    def __init__(self, stream, message, has_body):
        self._stream, self._message = stream, message
        self._left = 0
        self._until_close = False
        self.chunked = has_body and message.chunked
        if has_body and not message.chunked:
            self._left = int(message.get("content-length", "-1"))
            self._until_close = self._left < 0
        self.ended = not self.chunked and self._left == 0

    def read_some(self):
        if self.ended:
            return b""
        if self.chunked:
            data = self._stream.read_chunk()[0]
            if not data:
                self._message.trailers, _ = self._stream.read_trailers()
        elif self._until_close:
            data = self._read_to_close()
        else:
            if not self._stream.buffer:
                self._stream.more("a body")
            data = self._stream.take(min(self._left, len(self._stream.buffer)))
            self._left -= len(data)
        self.ended = not data or (not self.chunked and self._left == 0)
        return data

    def _read_to_close(self):
        try:
            return self._stream.read_some()
        except ConnectionClosed:
            return b""


class Http1Tunnel:
    def __init__(self, stream):
        self._stream = stream

    def send(self, data):
        self._stream.send(data)

    def read_exactly(self, count):
        return self._stream.read_exactly(count)

    def read_some(self):
        """What has come; b"" when the other side has ended."""
        try:
            return self._stream.read_some()
        except ConnectionClosed:
            return b""

    def end(self):
        """Nothing more will be said here; the other side may go on."""
        self._stream.sock.shutdown(1)

    def abandon(self):
        self._stream.abort()


class Http2Tunnel:
    def __init__(self, stream):
        self._stream = stream

    def send(self, data):
        self._stream.send(data)

    def read_exactly(self, count):
        return self._stream.read_exactly(count)

    def read_some(self):
        return self._stream.read_some()

    def end(self):
        self._stream.end()

    def abandon(self):
        self._stream.reset(ErrorCodes.CANCEL)
