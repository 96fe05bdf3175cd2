"""Reading HTTP/1 from a socket for the tests' own peers, strictly: what naru sends has to be exactly framed."""

import socket
from dataclasses import dataclass, field

from support.waiting import PATIENCE


class ConnectionClosed(Exception):
    """The peer closed: `partial` is what came of the unfinished message."""

    def __init__(self, what, partial=b""):
        super().__init__(f"{what}; got {partial!r}")
        self.partial = partial


def fields_of(lines):
    fields = []
    for line in lines:
        name, colon, value = line.partition(b":")
        assert colon, f"no colon in field line {line!r}"
        assert name == name.strip() and name, f"whitespace around the field name in {line!r}"
        fields.append((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")))
    return fields


@dataclass
class Message:
    raw_head: bytes
    start_line: str
    fields: list
    body: bytes = b""
    raw_body: bytes = b""  # as it stood on the wire, chunk framing included
    trailers: list = field(default_factory=list)

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        assert len(values) < 2, f"{name} is there {len(values)} times: {values}"
        return values[0] if values else default

    def names(self):
        """Field names as they were written."""
        return [key for key, _ in self.fields]

    @property
    def chunked(self):
        return "chunked" in ",".join(self.all("transfer-encoding")).lower()


@dataclass
class Request(Message):
    @property
    def method(self):
        return self.start_line.split(" ")[0]

    @property
    def target(self):
        return self.start_line.split(" ")[1]

    @property
    def version(self):
        return self.start_line.split(" ")[2]


@dataclass
class Response(Message):
    informational: list = field(default_factory=list)  # the 1xx responses before it
    framed_by_close: bool = False

    @property
    def status(self):
        return int(self.start_line.split(" ")[1])

    @property
    def version(self):
        return self.start_line.split(" ")[0]

    @property
    def reason(self):
        return self.start_line.split(" ", 2)[2]


class Stream:
    """A socket with a buffer. Every read ends after `timeout` seconds with TimeoutError."""

    def __init__(self, sock, timeout=PATIENCE):
        self.sock = sock
        self.buffer = bytearray()
        sock.settimeout(timeout)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        self.sock.sendall(data)

    def more(self, what):
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionClosed(f"closed while reading {what}", bytes(self.buffer))
        self.buffer += data

    def take(self, count):
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def read_until(self, mark, what="more"):
        start = 0
        while (at := self.buffer.find(mark, start)) < 0:
            start = max(0, len(self.buffer) - len(mark) + 1)
            self.more(what)
        return self.take(at + len(mark))

    def read_exactly(self, count, what="body"):
        while len(self.buffer) < count:
            self.more(what)
        return self.take(count)

    def read_some(self):
        if not self.buffer:
            self.more("anything")
        return self.take(len(self.buffer))

    def read_head(self):
        """Returns the raw head, its start line and its fields."""
        raw = self.read_until(b"\r\n\r\n", "a head")
        lines = raw[:-4].split(b"\r\n")
        assert b"\n" not in b"".join(lines), f"bare LF in {raw!r}"
        return raw, lines[0].decode("latin-1"), fields_of(lines[1:])

    def read_chunk(self):
        """Returns (data, raw) of one chunk; the last one has no data and its trailers in raw."""
        line = self.read_until(b"\r\n", "a chunk size")
        size = int(line.split(b";")[0].strip(), 16)
        if size == 0:
            return b"", line
        data = self.read_exactly(size, "chunk data")
        end = self.read_exactly(2, "the end of a chunk")
        assert end == b"\r\n", f"chunk data is followed by {end!r}"
        return data, line + data + end

    def read_trailers(self):
        lines, raw = [], b""
        while True:
            line = self.read_until(b"\r\n", "trailers")
            raw += line
            if line == b"\r\n":
                return fields_of(lines), raw
            lines.append(line[:-2])

    def read_chunked(self, message):
        while True:
            data, raw = self.read_chunk()
            message.raw_body += raw
            if not data:
                message.trailers, raw = self.read_trailers()
                message.raw_body += raw
                return
            message.body += data

    def read_to_end(self):
        """Everything until the peer closes."""
        try:
            while True:
                self.more("everything")
        except (ConnectionClosed, ConnectionResetError):
            return self.take(len(self.buffer))

    def read_request_head(self):
        raw, start_line, fields = self.read_head()
        request = Request(raw, start_line, fields)
        assert not (request.chunked and request.all("content-length")), f"framed twice: {raw!r}"
        return request

    def read_request_body(self, request):
        if request.chunked:
            self.read_chunked(request)
        else:
            request.raw_body = request.body = self.read_exactly(int(request.get("content-length", "0")))
        return request

    def read_request(self):
        return self.read_request_body(self.read_request_head())

    def read_response_head(self):
        informational = []
        while True:
            raw, start_line, fields = self.read_head()
            response = Response(raw, start_line, fields, informational=informational)
            if response.status >= 200 or response.status == 101:
                return response
            informational.append(response)

    def read_response(self, method="GET"):
        response = self.read_response_head()
        assert not (response.chunked and response.all("content-length")), f"framed twice: {response.raw_head!r}"
        if method == "HEAD" or response.status in (101, 204, 304):
            return response
        if response.chunked:
            self.read_chunked(response)
        elif response.all("content-length"):
            response.raw_body = response.body = self.read_exactly(int(response.get("content-length")))
        else:
            response.framed_by_close = True
            response.raw_body = response.body = self.read_to_end()
        return response

    def closed_within(self, seconds=PATIENCE):
        """True if the peer closes (or resets) within the time, having sent nothing more."""
        assert not self.buffer, f"unread: {bytes(self.buffer)!r}"
        before = self.sock.gettimeout()
        self.sock.settimeout(seconds)
        try:
            data = self.sock.recv(65536)
            assert not data, f"expected a close, got {data!r}"
            return True
        except ConnectionResetError:
            return True
        except (TimeoutError, BlockingIOError):
            return False
        finally:
            self.sock.settimeout(before)

    def close(self):
        self.sock.close()

    def abort(self):
        """Closes with a reset instead of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()
