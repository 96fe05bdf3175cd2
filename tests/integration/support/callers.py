"""Applications that call through naru: Http1Caller and Http2Caller, in the words of exchange.py."""

import contextlib

from support.client import Client
from support.exchange import HTTP1, HTTP2, Answer, BodyReader, Http1Tunnel, Http2Tunnel, lower
from support.http2 import ErrorCodes, Setting, StreamReset
from support.http2_client import Http2Client
from support.http_message import ConnectionClosed

WEBSOCKET_KEY = "dGhlIHNhbXBsZSBub25jZQ=="


class Exchange:
    """A call that has begun. Its request may be sent and its answer be read in parts."""

    def send(self, data):
        raise NotImplementedError

    def end(self, trailers=()):
        raise NotImplementedError

    def interim(self):
        """The next 1xx: (status, fields)."""
        raise NotImplementedError

    def head(self):
        """The answer with its status and fields; raises when there is none."""
        raise NotImplementedError

    def read_some(self):
        """What has come of the body; b"" at its end. Raises when it is cut."""
        raise NotImplementedError

    def read_exactly(self, count):
        data = self._unread
        while len(data) < count:
            piece = self.read_some()
            assert piece, f"the body ended after {len(data)} of {count} bytes"
            data += piece
        self._unread = data[count:]
        return data[:count]

    def abandon(self):
        """The application goes away: it resets the stream, or the connection that is there for this call only."""
        raise NotImplementedError

    def answer(self):
        """All that comes, and how it ended."""
        answer = None
        try:
            answer = self.head()
            answer.body, self._unread = self._unread, b""
            while piece := self.read_some():
                answer.body += piece
            self._finish(answer)
        except StreamReset as reset:
            answer = self._cut(answer, "reset", reset.code)
        except (ConnectionClosed, ConnectionError):
            answer = self._cut(answer, "closed")
        return answer

    def _cut(self, answer, outcome, code=None):
        answer = answer or Answer([], informational=self._informational())
        answer.outcome, answer.reset_code = outcome, code
        return answer


class Http1Exchange(Exchange):
    def __init__(self, caller, client, method, chunked):
        self.client = client
        self._caller = caller
        self._method = method
        self._chunked = chunked
        self._unread = b""
        self._interims = []
        self._response = None
        self._reader = None

    def send(self, data):
        self.client.send(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def end(self, trailers=()):
        if self._chunked:
            lines = "".join(f"{name}: {value}\r\n" for name, value in trailers)
            self.client.send(b"0\r\n" + lines.encode("latin-1") + b"\r\n")

    def interim(self):
        _, start_line, fields = self.client.read_head()
        interim = (int(start_line.split(" ")[1]), fields)
        assert interim[0] < 200, f"{start_line} where an interim answer is waited for"
        self._interims.append(interim)
        return interim

    def head(self):
        if self._response is None:
            self._response = self.client.read_response_head()
            self._interims += [(one.status, one.fields) for one in self._response.informational]
            self._response.informational = []
            framed_twice = self._response.chunked and self._response.all("content-length")
            assert not framed_twice, f"framed twice: {self._response.raw_head!r}"
            has_body = self._method != "HEAD" and self._response.status not in (101, 204, 304)
            self._reader = BodyReader(self.client, self._response, has_body)
        return Answer(self._response.fields, self._response.status, informational=self._interims)

    def read_some(self):
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        return self._reader.read_some()

    def abandon(self):
        self.client.abort()

    def tunnel(self):
        return Http1Tunnel(self.client)

    def _informational(self):
        return self._interims

    def _finish(self, answer):
        answer.trailers = self._response.trailers
        self._caller.give_back(self.client, answer)


class Http1Caller:
    """An application that speaks HTTP/1.1, with a connection of its own for every call that is under way."""

    protocol = HTTP1

    def __init__(self, where):
        self._where = where
        self._idle = []
        self._all = []

    def start(self, method, path, fields=(), length=None, end=True, authority="localhost", held=False):
        """Sends a head. Without `end` a body of `length` bytes, or of an unknown length, follows."""
        fields = list(fields)
        chunked = not end and length is None
        if length is not None:
            fields.append(("Content-Length", str(length)))
        elif chunked:
            fields.append(("Transfer-Encoding", "chunked"))
        client = self._idle.pop() if self._idle else self._connect()
        client.start(method, path, [("Host", authority), *fields])
        return Http1Exchange(self, client, method, chunked)

    def request(self, method, path, fields=(), body=b"", trailers=(), authority="localhost"):
        """One call. A body of bytes is announced with its length, a list of pieces without."""
        return request(self, method, path, fields, body, trailers, authority)

    def tunnel(self, path, fields=(), authority="localhost"):
        """Asks for a WebSocket. Returns the answer and, when it is granted, the Tunnel."""
        upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                   ("Sec-WebSocket-Key", WEBSOCKET_KEY)]
        exchange = self.start("GET", path, upgrade + list(fields), authority=authority)
        answer = exchange.head()
        return answer, exchange.tunnel() if answer.status == 101 else None

    def give_back(self, client, answer):
        assert not client.buffer, f"bytes behind an answer: {bytes(client.buffer)!r}"
        framed = answer.all("content-length") or answer.all("transfer-encoding") or answer.status in (204, 304)
        if framed and "close" not in ",".join(answer.all("connection")).lower():
            self._idle.append(client)

    def close(self):
        for client in self._all:
            client.close()

    def _connect(self):
        client = Client(self._where)
        self._all.append(client)
        return client


class Http2Exchange(Exchange):
    def __init__(self, stream, method):
        self.stream = stream
        self._method = method
        self._unread = b""

    def send(self, data):
        self.stream.send(data)

    def end(self, trailers=()):
        self.stream.end(lower(trailers))

    def interim(self):
        found = self.stream.wait_informational()
        assert found, "the answer came where an interim answer is waited for"
        return found[0]

    def head(self):
        pseudo, fields = self.stream.wait_head()
        assert set(pseudo) == {":status"}, pseudo
        return Answer(fields, int(pseudo[":status"]), informational=self.stream.informational)

    def read_some(self):
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        return self.stream.read_some()

    def abandon(self):
        self.stream.reset(ErrorCodes.CANCEL)

    def _informational(self):
        return self.stream.informational

    def _finish(self, answer):
        answer.trailers = self.stream.trailers
        if self._method != "HEAD" and answer.status not in (204, 304) and answer.all("content-length"):
            assert len(answer.body) == int(answer.get("content-length"))


class Http2Caller:
    """An application that speaks HTTP/2, with one connection for all its calls."""

    protocol = HTTP2

    def __init__(self, where, settings=None):
        self.client = Http2Client(where, settings)

    def start(self, method, path, fields=(), length=None, end=True, authority="localhost", held=False):
        """Sends a head. Without `end` a body of `length` bytes, or of an unknown length, follows. With `held` naru may
        not send more of the answer than was read."""
        fields = lower(fields)
        if length is not None:
            fields.append(("content-length", str(length)))
        return Http2Exchange(self.client.start(method, path, fields, end, authority, held), method)

    def request(self, method, path, fields=(), body=b"", trailers=(), authority="localhost"):
        """One call. A body of bytes is announced with its length, a list of pieces without."""
        return request(self, method, path, fields, body, trailers, authority)

    def tunnel(self, path, fields=(), authority="localhost"):
        """Asks for a WebSocket (RFC 8441). Returns the answer and, when it is granted, the Tunnel."""
        assert self.client.wait_settings().get(Setting.ENABLE_CONNECT_PROTOCOL) == 1, "naru allows extended CONNECT"
        fields = [("sec-websocket-version", "13"), *lower(fields)]
        stream = self.client.start("CONNECT", path, fields, False, authority, protocol="websocket")
        answer = Http2Exchange(stream, "CONNECT").head()
        return answer, Http2Tunnel(stream) if answer.status == 200 else None

    def close(self):
        self.client.close()
        assert self.client.error is None, f"naru broke HTTP/2: {self.client.error!r}"


def request(caller, method, path, fields, body, trailers, authority):
    if isinstance(body, bytes) and not trailers:
        exchange = caller.start(method, path, fields, length=len(body) if body else None, end=not body,
                                authority=authority)
        pieces = [body] if body else []
    else:
        exchange = caller.start(method, path, fields, end=False, authority=authority)
        pieces = [body] if isinstance(body, bytes) else body
    with contextlib.suppress(ConnectionClosed, ConnectionError, StreamReset):  # the answer says what became of it
        for piece in pieces:
            exchange.send(piece)
        if pieces or trailers or not isinstance(body, bytes):
            exchange.end(trailers)
    return exchange.answer()


CALLERS = {HTTP1: Http1Caller, HTTP2: Http2Caller}
