"""A scripted service that speaks HTTP/2 by prior knowledge, stream by stream; it remembers every connection it saw."""

import contextlib
import socket
import threading

import h2.events

from support.http2 import ErrorCodes, Http2Connection, Http2Stream, Setting, StreamReset
from support.http_message import ConnectionClosed
from support.waiting import PATIENCE, eventually


class ServiceConnection(Http2Connection):
    """One connection that naru opened to an Http2Upstream."""

    def __init__(self, upstream, sock, number, settings, held):
        super().__init__(sock, False, settings)
        self.upstream = upstream
        self.number = number
        self.most_at_once = 0
        self.refused = 0  # streams beyond SETTINGS_MAX_CONCURRENT_STREAMS
        self._held = held
        self._allowed = settings.get(Setting.MAX_CONCURRENT_STREAMS)
        with self.changed:
            self._outbound += self.machine.greeting()

    def _stream_of_head(self, stream_id):
        stream = self.streams[stream_id] = Http2Stream(self, stream_id, self._held)
        return stream

    def _on_event(self, event):
        super()._on_event(event)
        if not isinstance(event, h2.events.RequestReceived):
            return
        stream = self.streams[event.stream_id]
        at_once = sum(not one.over for one in self.streams.values())
        if self._allowed is not None and at_once > self._allowed:
            # RFC 9113 5.1.2. Before naru has acknowledged the setting it cannot know better.
            assert not self.settings_acknowledged, f"{at_once} streams at once where {self._allowed} are allowed"
            self.refused += 1
            stream.reset(ErrorCodes.REFUSED_STREAM)
            return
        self.most_at_once = max(self.most_at_once, at_once)
        self.upstream.start_serving(stream)


class Http2Upstream:
    """Listens on a port of the system's choice. `serve(stream)` answers one stream in a thread of its own. With
    held=True a request's body is acknowledged only as the script reads it."""

    def __init__(self, serve, settings=None, held=False, backlog=512):
        self.connections = []
        self.errors = []
        self._serve = serve
        self._settings = settings or {}
        self._held = held
        self._stopping = False
        self._threads = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.port = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def open_connections(self):
        return [connection for connection in self.connections if not connection.closed]

    def wait_for_connections(self, count):
        eventually(lambda: len(self.connections) >= count, f"{count} connections at {self.address}")
        return self.connections[:count]

    def stop_listening(self):
        """Further connections are refused; those that are open live on."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()

    def stop(self):
        self.stop_listening()
        for connection in self.connections:
            connection.close()
        for thread in self._threads:
            thread.join(PATIENCE)
        errors = self.errors + [connection.error for connection in self.connections if connection.error]
        assert not errors, f"the script of {self.address} failed, or naru broke HTTP/2: {errors!r}"

    def start_serving(self, stream):
        thread = threading.Thread(target=self._serve_stream, args=(stream,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve_stream(self, stream):
        try:
            self._serve(stream)
        except (ConnectionClosed, StreamReset):
            pass  # naru went away, which a test looks at where it matters
        except Exception as error:  # of the script: reported when the test ends
            if not self._stopping:
                self.errors.append(error)

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            if self._stopping:
                sock.close()
                return
            connection = ServiceConnection(self, sock, len(self.connections), self._settings, self._held)
            self.connections.append(connection)
            connection.begin()
