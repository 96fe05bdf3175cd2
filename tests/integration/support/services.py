"""Scripted services behind naru: Http1Service and Http2Service, in the words of exchange.py."""

import base64
import contextlib
import hashlib
import threading

from support.exchange import HTTP1, HTTP2, BodyReader, Http1Tunnel, Http2Tunnel, Request, lower
from support.http2 import ErrorCodes, Setting, StreamReset
from support.http2_upstream import Http2Upstream
from support.http_message import ConnectionClosed
from support.upstream import CLOSE, Upstream
from support.waiting import PATIENCE, eventually


class Reply:
    """What a script answers with: respond(), or head(), send()... and end(), or an end that is none."""

    def respond(self, status, body=b"", *fields, trailers=()):
        """All of an answer. It has a length unless it has trailers."""
        bodiless = status in (204, 304)
        self.head(status, *fields, length=None if trailers or bodiless else len(body), bodiless=bodiless)
        if self._method == "HEAD" or bodiless:
            return
        if body:
            self.send(body)
        self.end(trailers)

    def interim(self, status, *fields):
        raise NotImplementedError

    def head(self, status, *fields, length=None, bodiless=False):
        raise NotImplementedError

    def send(self, data):
        raise NotImplementedError

    def end(self, trailers=()):
        raise NotImplementedError

    def cut(self):
        """Ends the answer where it is, as a process that crashes does: with a reset."""
        raise NotImplementedError

    def hang_up(self):
        """Ends the connection where it is, in order."""
        raise NotImplementedError

    def read_some(self):
        """What has come of the request's body (for a service with read_body=False); b"" at its end."""
        raise NotImplementedError

    def wait_gone(self):
        """Never answers: waits until the caller gives up."""
        raise NotImplementedError

    def tunnel(self, *fields):
        """Grants what was asked for, and returns the Tunnel."""
        raise NotImplementedError

    def read_body(self):
        body = b""
        while piece := self.read_some():
            body += piece
        return body


class Http1Reply(Reply):
    def __init__(self, request, connection):
        self._request = request
        self._connection = connection
        self._method = request.method
        self._reader = BodyReader(connection, request, request.chunked or request.get("content-length") is not None)
        self._chunked = False
        self.verdict = None  # CLOSE when the connection is to end

    def interim(self, status, *fields):
        self._connection.send(head_bytes(status, fields))

    def head(self, status, *fields, length=None, bodiless=False):
        self._chunked = length is None and not bodiless
        framing = [("Transfer-Encoding", "chunked")] if self._chunked else []
        if length is not None:
            framing = [("Content-Length", str(length))]
        self._connection.send(head_bytes(status, [*fields, *framing]))

    def send(self, data):
        self._connection.send(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def end(self, trailers=()):
        if self._chunked:
            lines = "".join(f"{name}: {value}\r\n" for name, value in trailers)
            self._connection.send(b"0\r\n" + lines.encode("latin-1") + b"\r\n")

    def cut(self):
        self._connection.abort()
        self.verdict = CLOSE

    def hang_up(self):
        self.verdict = CLOSE

    def read_some(self):
        return self._reader.read_some()

    def wait_gone(self):
        self._connection.read_to_end()
        self.verdict = CLOSE

    def tunnel(self, *fields):
        self._connection.send(head_bytes(101, [
            ("Connection", "Upgrade"), ("Upgrade", self._request.get("upgrade")),
            ("Sec-WebSocket-Accept", acceptance_of(self._request.get("sec-websocket-key"))), *fields]))
        self.verdict = CLOSE
        return Http1Tunnel(self._connection)

    def finished(self):
        return self.verdict if self._reader.ended else CLOSE  # a body that nobody read is no next request


def acceptance_of(key):
    """RFC 6455 4.2.2."""
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def head_bytes(status, fields):
    lines = [f"HTTP/1.1 {status} Said"] + [f"{name}: {value}" for name, value in fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


class Http2Reply(Reply):
    def __init__(self, stream):
        self.stream = stream
        self._method = stream.pseudo[":method"]

    def interim(self, status, *fields):
        self._send_head(status, fields)

    def head(self, status, *fields, length=None, bodiless=False):
        fields = [*fields, *([] if length is None else [("content-length", str(length))])]
        self._send_head(status, fields, end=bodiless or self._method == "HEAD")

    def _send_head(self, status, fields, end=False):
        self.stream.send_fields([(":status", str(status)), *lower(fields)], end)

    def send(self, data):
        self.stream.send(data)

    def end(self, trailers=()):
        self.stream.end(lower(trailers))

    def cut(self):
        self.stream.reset(ErrorCodes.INTERNAL_ERROR)

    def hang_up(self):
        self.stream.connection.close()

    def read_some(self):
        return self.stream.read_some()

    def wait_gone(self):
        with contextlib.suppress(StreamReset, ConnectionClosed):
            while self.stream.read_some():
                pass
            self.stream.wait_over()

    def tunnel(self, *fields):
        self.head(200, *fields)
        return Http2Tunnel(self.stream)

    def finished(self):
        if self.stream.end_sent and not self.stream.ended:
            self.stream.reset(ErrorCodes.NO_ERROR)  # RFC 9113 8.1: the rest of the request is not wanted


def answer_ok(_, reply):
    reply.respond(200, b"ok")


class Service:
    """A service whose script is handler(request, reply), in a thread of its own for each request. With read_body=False
    the script reads the body, and naru has to wait for it."""

    def __init__(self, handler):
        self._handler = handler or answer_ok
        self._lock = threading.Lock()
        self.requests = []
        self.cancelled = []  # requests whose caller gave up on them

    @property
    def address(self):
        return self.peer.address

    @property
    def port(self):
        return self.peer.port

    @property
    def connections(self):
        return self.peer.connections

    def open_connections(self):
        return self.peer.open_connections()

    @property
    def request(self):
        """The only request there was."""
        assert len(self.requests) == 1, f"{len(self.requests)} requests at {self.address}"
        return self.requests[0]

    def paths(self):
        return [request.path for request in self.requests]

    def wait_for_requests(self, count, within=PATIENCE):
        eventually(lambda: len(self.requests) >= count, f"{count} requests at {self.address}", within)
        return self.requests[:count]

    def stop_listening(self):
        self.peer.stop_listening()

    def stop(self):
        self.peer.stop()

    def _handle(self, request, reply):
        with self._lock:
            self.requests.append(request)
        reply.wait_gone = self._noting(request, reply.wait_gone)
        try:
            self._handler(request, reply)
        except (ConnectionClosed, ConnectionError, StreamReset):
            self.cancelled.append(request)
            raise
        except TimeoutError as error:  # which a connection's own loop would take for the end of it
            self.peer.errors.append(error)
            raise

    def _noting(self, request, wait_gone):
        def wait_and_note():
            wait_gone()
            self.cancelled.append(request)

        return wait_and_note


class Http1Service(Service):
    protocol = HTTP1

    def __init__(self, handler=None, read_body=True):
        super().__init__(handler)
        self._read_body = read_body
        self.peer = Upstream(self._serve, read_body=False)

    def _serve(self, message, connection):
        reply = Http1Reply(message, connection)
        request = Request(message.fields, HTTP1, message.method, message.target, message.get("host"),
                          message.get("upgrade"), connection=connection)
        if self._read_body:
            request.body = reply.read_body()
            request.trailers = message.trailers
        self._handle(request, reply)
        return reply.finished()


class Http2Service(Service):
    protocol = HTTP2

    def __init__(self, handler=None, read_body=True, settings=None):
        super().__init__(handler)
        self._read_body = read_body
        settings = {Setting.MAX_CONCURRENT_STREAMS: 1000, Setting.ENABLE_CONNECT_PROTOCOL: 1, **(settings or {})}
        self.peer = Http2Upstream(self._serve, settings, held=not read_body)

    def _serve(self, stream):
        reply = Http2Reply(stream)
        pseudo = stream.pseudo
        request = Request(stream.fields, HTTP2, pseudo[":method"], pseudo.get(":path"), pseudo.get(":authority"),
                          pseudo.get(":protocol"), connection=stream.connection)
        if self._read_body and request.upgrade is None:
            request.body = stream.read_to_end()
            request.trailers = stream.trailers
        self._handle(request, reply)
        reply.finished()


SERVICES = {HTTP1: Http1Service, HTTP2: Http2Service}
