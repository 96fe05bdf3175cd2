"""An application's connection to naru that speaks HTTP/2, by prior knowledge or by an upgrade."""

import socket

from support.http2 import Http2Connection, Http2Stream
from support.http_message import ConnectionClosed, Stream
from support.waiting import PATIENCE


class Http2Client(Http2Connection):
    """An application's connection to naru: to a port of 127.0.0.1, or to a Unix socket's path."""

    def __init__(self, where, settings=None):
        super().__init__(connect(where), True, settings)
        with self.changed:
            self._outbound += self.machine.greeting()
        self.begin()

    @classmethod
    def upgrade(cls, where, target, fields=()):
        """Asks for h2c by HTTP/1.1. Returns the client, stream 1 on which the answer comes, and the head of the 101."""
        self = cls.__new__(cls)
        Http2Connection.__init__(self, connect(where), True)
        settings = self.machine.initiate_upgrade_connection().decode().rstrip("=")  # RFC 7540 3.2.1: without padding
        stream = self.streams[1] = Http2Stream(self, 1)
        stream.end_sent = True
        plain = Stream(self.sock)
        lines = [f"GET {target} HTTP/1.1", "Host: localhost", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
                 f"HTTP2-Settings: {settings}", *(f"{name}: {value}" for name, value in fields)]
        plain.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        switched = plain.read_response_head()
        assert switched.status == 101, switched
        self.sock.settimeout(None)
        with self.changed:
            self.flush()
        self.begin(bytes(plain.buffer))
        return self, stream, switched

    def start(self, method, path, fields=(), end=True, authority="localhost", held=False, protocol=None):
        """HEADERS of a request; `end` says that they are all of it."""
        head = [(":method", method), (":scheme", "http"), (":authority", authority), (":path", path)]
        if protocol:
            head.insert(1, (":protocol", protocol))
        return self.start_fields(head + list(fields), end, held)

    def start_fields(self, fields, end=True, held=False):
        """HEADERS with exactly these fields, sound or not."""
        with self.changed:
            if self.closed:
                raise ConnectionClosed("closed before the request")
            stream = Http2Stream(self, self.machine.get_next_available_stream_id(), held)
            self.streams[stream.id] = stream
            stream.send_fields(fields, end)
            return stream

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def connect(where):
    if isinstance(where, int):
        return socket.create_connection(("127.0.0.1", where), PATIENCE)
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(where))
    return sock
