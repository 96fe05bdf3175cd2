"""gRPC by hand, on python's h2, for what no gRPC library would send: malformed timeouts, refused streams, odd endings."""

import collections
import socket
import struct
import threading
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from support.waiting import PATIENCE


def framed(message):
    """A length-prefixed message."""
    return b"\0" + struct.pack(">I", len(message)) + message


@dataclass
class Exchange:
    """What came on one stream: from the service if a client reads it, from the application if a server does."""

    fields: list = field(default_factory=list)
    body: bytes = b""
    trailers: list = field(default_factory=list)
    reset: int = None  # the error code of a RST_STREAM
    complete: bool = False

    def get(self, name):
        """The field's or trailer's value; None without."""
        found = [value for key, value in self.fields + self.trailers if key == name]
        assert len(found) < 2, f"{name} is there {len(found)} times: {found}"
        return found[0] if found else None

    @property
    def over(self):
        return self.complete or self.reset is not None

    @property
    def trailers_only(self):
        return self.complete and not self.trailers and not self.body

    @property
    def status(self):
        """The grpc-status as a number; None without."""
        return None if self.get("grpc-status") is None else int(self.get("grpc-status"))


class Endpoint:
    """One HTTP/2 connection: keeps an Exchange for every stream, and gives the flow-control window back at once."""

    def __init__(self, sock, client_side):
        self.sock = sock
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=client_side, header_encoding="latin-1", validate_outbound_headers=False,
            normalize_outbound_headers=False))
        self.exchanges = collections.defaultdict(Exchange)
        self.goaway = None
        self._lock = threading.RLock()  # a server's test answers from a thread of its own
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        with self._lock:
            data = self.h2.data_to_send()
            if data:
                self.sock.sendall(data)

    def send(self, stream, fields, end=False):
        with self._lock:
            self.h2.send_headers(stream, fields, end_stream=end)
            self.flush()

    def send_data(self, stream, data, end=False):
        with self._lock:
            self.h2.send_data(stream, data, end_stream=end)
            self.flush()

    def reset(self, stream, code):
        with self._lock:
            self.h2.reset_stream(stream, code)
            self.flush()

    def read(self):
        """Takes in what comes next. Returns the streams on which something happened; None at the end."""
        data = self.sock.recv(65536)
        if not data:
            return None
        with self._lock:
            changed = [stream for event in self.h2.receive_data(data) if (stream := self._take_in(event))]
        self.flush()
        return changed

    def _take_in(self, event):
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event.error_code
        stream = getattr(event, "stream_id", None)
        if not stream:
            return None
        exchange = self.exchanges[stream]
        if isinstance(event, (h2.events.RequestReceived, h2.events.ResponseReceived)):
            exchange.fields = event.headers
        elif isinstance(event, h2.events.TrailersReceived):
            exchange.trailers = event.headers
        elif isinstance(event, h2.events.DataReceived):
            exchange.body += event.data
            if event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
        elif isinstance(event, h2.events.StreamEnded):
            exchange.complete = True
        elif isinstance(event, h2.events.StreamReset):
            exchange.reset = int(event.error_code)
        else:
            return None
        return stream

    def close(self):
        self.sock.close()


class FrameClient(Endpoint):
    """An application's connection to a port of 127.0.0.1."""

    def __init__(self, port):
        super().__init__(socket.create_connection(("127.0.0.1", port), PATIENCE), client_side=True)

    def start(self, path, *fields, message=b"", authority="courses", end=True):
        """Begins a call, with one message; returns its stream."""
        stream = self.h2.get_next_available_stream_id()
        self.send(stream, [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", authority),
                           ("te", "trailers"), ("content-type", "application/grpc"), *fields])
        self.send_data(stream, framed(message), end)
        return stream

    def wait(self, stream, condition=lambda exchange: exchange.over):
        """Reads until the condition holds for what came on the stream."""
        while not condition(self.exchanges[stream]):
            assert self.read() is not None, f"closed (GOAWAY: {self.goaway}) before that: {self.exchanges[stream]}"
        return self.exchanges[stream]

    def call(self, path, *fields, **more):
        return self.wait(self.start(path, *fields, **more))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class FrameServer:
    """A service whose frames are written by hand. answer(peer, stream, request) runs once a request's head is there,
    on its connection's thread; `requests` are the exchanges in the order in which they came."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        self.errors = []
        self.connections = []
        self._stopping = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def stop(self):
        self._stopping = True
        for sock in [self._listener, *[peer.sock for peer in self.connections]]:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(PATIENCE)
        self._listener.close()
        assert not self.errors, f"the script of {self.address} failed: {self.errors}"

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock):
        try:
            peer = Endpoint(sock, client_side=False)
            self.connections.append(peer)
            sock.settimeout(None)
            begun = set()
            while (changed := peer.read()) is not None:
                for stream in changed:
                    if stream not in begun:
                        begun.add(stream)
                        self.requests.append(peer.exchanges[stream])
                        self.answer(peer, stream, peer.exchanges[stream])
        except OSError:
            pass  # the other side hung up, which a test looks at where it matters
        except Exception as error:  # of the script: reported when the test ends
            if not self._stopping:
                self.errors.append(error)
        finally:
            sock.close()


HEAD = [(":status", "200"), ("content-type", "application/grpc")]


def trailers_only(code, message="", *fields):
    """An answer of nothing but a status, for FrameServer.answer."""

    def answer(peer, stream, _):
        peer.send(stream, [*HEAD, ("grpc-status", str(code)), ("grpc-message", message), *fields], end=True)

    return answer
