"""As much of an HTTP/2 client as holding connections and streams open needs (RFC 9113, RFC 7541)."""

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM = ACK = 0x1
END_HEADERS, PADDED, PRIORITY = 0x4, 0x8, 0x20

GRPC_FIELDS = ((b"content-type", b"application/grpc"), (b"te", b"trailers"))


class Http2Error(Exception):
    """The peer does what a call cannot survive."""


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def field(name, value):
    """A literal without indexing, both parts shorter than 127 bytes (RFC 7541 6.2.2)."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def is_200(block):
    """Whether a header block begins with :status 200, which is entry 8 of the static table."""
    while block and block[0] & 0xE0 == 0x20:  # a dynamic table size update
        size = 1
        if block[0] & 0x1F == 0x1F:
            while block[size] & 0x80:
                size += 1
            size += 1
        block = block[size:]
    return block[:1] == b"\x88"


class Stream:
    """What came on one stream."""

    def __init__(self):
        self.head = b""
        self.body = b""
        self.ended = False

    def has_begun(self):
        return bool(self.head)

    def has_ended(self):
        return self.ended


class Connection:
    """A connection over which calls can be opened and be left alone."""

    def __init__(self, port, seconds=5):
        self.authority = b"127.0.0.1:%d" % port
        self.sock = socket.create_connection(("127.0.0.1", port), seconds)
        self.sock.sendall(PREFACE + frame(SETTINGS, 0, 0))
        self.unread = b""
        self.streams = {}
        self.next_stream = 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def open(self, method, path, fields=(), body=None, end=True):
        """Sends a call and returns its stream; without `end` it stays open."""
        number, self.next_stream = self.next_stream, self.next_stream + 2
        pseudo = ((b":method", method), (b":scheme", b"http"), (b":authority", self.authority), (b":path", path))
        block = b"".join(field(*pair) for pair in (*pseudo, *fields))
        sent = frame(HEADERS, END_HEADERS | (END_STREAM if end and body is None else 0), number, block)
        if body is not None:
            sent += frame(DATA, END_STREAM if end else 0, number, body)
        self.sock.sendall(sent)
        self.streams[number] = Stream()
        return self.streams[number]

    def wait(self, condition):
        while not condition():
            self.read_frame()

    def read_frame(self):
        kind, flags, stream, payload = self._next_frame()
        if kind == SETTINGS and not flags & ACK:
            self.sock.sendall(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.sock.sendall(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            raise Http2Error(f"GOAWAY, error {struct.unpack('>I', payload[4:8])[0]}, {payload[8:]!r}")
        elif kind == RST_STREAM:
            raise Http2Error(f"stream {stream} reset, error {struct.unpack('>I', payload)[0]}")
        elif kind in (HEADERS, CONTINUATION, DATA) and stream in self.streams:
            self._take(self.streams[stream], kind, flags, payload)

    @staticmethod
    def _take(stream, kind, flags, payload):
        if kind != CONTINUATION and flags & PADDED:
            payload = payload[1:len(payload) - payload[0]]
        if kind == HEADERS and flags & PRIORITY:
            payload = payload[5:]
        if kind == DATA:
            stream.body += payload
        elif kind == HEADERS and not stream.head:  # a later one holds trailers
            stream.head = payload
            if not is_200(payload):
                raise Http2Error(f"an answer that is not 200: {payload!r}")
        stream.ended = stream.ended or (kind != CONTINUATION and bool(flags & END_STREAM))

    def _next_frame(self):
        length = int.from_bytes(self._bytes(9, keep=True)[:3], "big")
        whole = self._bytes(9 + length)
        return whole[3], whole[4], int.from_bytes(whole[5:9], "big") & 0x7FFFFFFF, whole[9:]

    def _bytes(self, count, keep=False):
        while len(self.unread) < count:
            came = self.sock.recv(65536)
            if not came:
                raise Http2Error("the connection was closed")
            self.unread += came
        taken = self.unread[:count]
        if not keep:
            self.unread = self.unread[count:]
        return taken


def get(connection, path=b"/"):
    """One whole call."""
    stream = connection.open(b"GET", path)
    connection.wait(stream.has_ended)
    return stream.body


def call_unary(connection, message):
    """One whole gRPC call with a message that has its prefix; returns what came back."""
    stream = connection.open(b"POST", b"/bench.Echo/Unary", GRPC_FIELDS, message)
    connection.wait(stream.has_ended)
    return stream.body


def hold_streams(port, count):
    """A connection with `count` gRPC streams whose heads went both ways and on which nothing more happens."""
    connection = Connection(port)
    streams = [connection.open(b"POST", b"/bench.Echo/Hold", GRPC_FIELDS, end=False) for _ in range(count)]
    connection.wait(lambda: all(stream.has_begun() for stream in streams))
    return connection
