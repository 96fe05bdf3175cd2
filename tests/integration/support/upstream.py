"""A scripted service: says exactly the bytes it is told, and remembers every connection and request it saw."""

import collections
import socket
import threading

from support.http_message import ConnectionClosed, Stream
from support.waiting import PATIENCE, eventually

CLOSE = object()  # an answer that ends the connection


def ok(body=b"ok", *fields):
    """A 200 with Content-Length."""
    return answer_bytes("200 OK", body, *fields)


def answer_bytes(status, body=b"", *fields):
    lines = [f"HTTP/1.1 {status}"] + [f"{name}: {value}" for name, value in fields]
    if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in fields):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class Connection(Stream):
    """One connection that naru opened."""

    def __init__(self, sock, number):
        super().__init__(sock)
        self.number = number
        self.requests = []
        self.closed = threading.Event()  # our side is done with it


class Upstream:
    """Listens on a port of the system's choice. `answer` is the bytes of every answer, or answer(request, connection)
    that returns bytes, CLOSE, or None when it has said all it wanted. With read_body=False the script reads the body."""

    def __init__(self, answer=None, read_body=True, backlog=512, host="127.0.0.1", port=0):
        self.answer = answer if answer is not None else ok()
        self.read_body = read_body
        self.connections = []
        self.requests = []
        self.errors = []
        self._stopping = False
        self._threads = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(
            (host, port), backlog=backlog, family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.host, self.port = self._listener.getsockname()[:2]
        self._accepting = self._start(self._accept)

    @property
    def address(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def ids(self):
        """How often each x-request-id was seen."""
        with self._lock:
            return collections.Counter(request.get("x-request-id") for request in self.requests)

    def wait_for_requests(self, count, within=PATIENCE):
        eventually(lambda: len(self.requests) >= count, f"{count} requests at {self.address}", within)
        return self.requests[:count]

    @property
    def request(self):
        """The only request there was."""
        assert len(self.requests) == 1, f"{len(self.requests)} requests at {self.address}"
        return self.requests[0]

    def open_connections(self):
        return [connection for connection in self.connections if not connection.closed.is_set()]

    def stop_listening(self):
        """Further connections are refused; those that are open live on."""
        self._stopping = True
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._accepting.join()
        self._listener.close()

    def stop(self):
        self.stop_listening()
        for connection in self.connections:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(PATIENCE)
        assert not self.errors, f"the script of {self.address} failed: {self.errors}"

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        thread.start()
        return thread

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            if self._stopping:
                sock.close()
                return
            with self._lock:
                connection = Connection(sock, len(self.connections))
                self.connections.append(connection)
            self._threads.append(self._start(self._serve, connection))

    def _serve(self, connection):
        try:
            while self._serve_one(connection) is not CLOSE:
                pass
        except (ConnectionClosed, ConnectionError, TimeoutError):
            pass  # naru hung up, which a test looks at where it matters
        except OSError as error:
            if not self._stopping:
                self.errors.append(error)
        except Exception as error:  # of the script: reported when the test ends
            self.errors.append(error)
        finally:
            connection.closed.set()
            connection.close()

    def _serve_one(self, connection):
        connection.sock.settimeout(None)  # an idle connection is no failure; stop() wakes it
        request = connection.read_request_head()
        connection.sock.settimeout(PATIENCE)
        if self.read_body:
            connection.read_request_body(request)
        with self._lock:
            connection.requests.append(request)
            self.requests.append(request)
        result = self.answer(request, connection) if callable(self.answer) else self.answer
        if isinstance(result, bytes):
            if request.method == "HEAD":
                result = result[: result.index(b"\r\n\r\n") + 4]
            connection.send(result)
        return result


class Gate:
    """Holds a script until the test opens it."""

    def __init__(self):
        self._open = threading.Event()

    def open(self):
        self._open.set()

    def wait(self):
        assert self._open.wait(3 * PATIENCE), "nobody opened the gate"


_never_listening = []


def refused_address():
    """An address at which nobody listens, nor will: its port stays taken."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    _never_listening.append(sock)
    return "127.0.0.1:%d" % sock.getsockname()[1]
