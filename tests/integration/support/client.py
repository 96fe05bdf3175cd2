"""An application that calls through naru, byte by byte."""

import socket

from support.http_message import Stream
from support.waiting import PATIENCE


def request_bytes(method, target, fields=(), body=b"", version="HTTP/1.1"):
    """A request with Host (when not given) and Content-Length (when there is a body and no framing is given)."""
    lines = [f"{method} {target} {version}"]
    names = [name.lower() for name, _ in fields]
    if "host" not in names:
        lines.append("Host: localhost")
    lines += [f"{name}: {value}" for name, value in fields]
    if body and "content-length" not in names and "transfer-encoding" not in names:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunked(*pieces, trailers=b""):
    """The pieces as chunks, ended."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n" + trailers + b"\r\n"


class Client(Stream):
    """One connection to naru: to a port of 127.0.0.1, or to a Unix socket's path."""

    def __init__(self, where, timeout=PATIENCE):
        if isinstance(where, int):
            sock = socket.create_connection(("127.0.0.1", where), timeout)
        else:
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(str(where))
        super().__init__(sock, timeout)

    def start(self, method, target, fields=(), body=b"", version="HTTP/1.1"):
        self.send(request_bytes(method, target, fields, body, version))

    def call(self, method, target, fields=(), body=b"", version="HTTP/1.1"):
        self.start(method, target, fields, body, version)
        return self.read_response(method)

    def get(self, target, *fields):
        return self.call("GET", target, fields)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def call(where, method, target, fields=(), body=b"", timeout=PATIENCE):
    """One call on a connection of its own."""
    with Client(where, timeout) as client:
        return client.call(method, target, fields, body)


def get(where, target, *fields, timeout=PATIENCE):
    return call(where, "GET", target, fields, timeout=timeout)
