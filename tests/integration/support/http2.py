"""HTTP/2 over cleartext for the tests' own peers. The state machine is h2's, strict about what naru sends; sockets,
threads and waiting are here. A connection is read and written by a thread of its own each, and everything that a test
looks at is guarded by its condition `changed`."""

import contextlib
import socket
import threading
from dataclasses import dataclass

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import h2.windows
from hyperframe.frame import SettingsFrame

from support.http_message import ConnectionClosed
from support.waiting import PATIENCE

ErrorCodes = h2.errors.ErrorCodes
Setting = h2.settings.SettingCodes
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DEFAULT_WINDOW = 65535  # RFC 9113 6.9.2, and the connection's whatever the settings say
OUTBOUND_BYTES = 256 * 1024  # what may wait for a peer that does not read


class StreamReset(Exception):
    """The peer reset the stream."""

    def __init__(self, stream_id, code):
        super().__init__(f"stream {stream_id} was reset with {code!r}")
        self.code = code


@dataclass
class GoAway:
    last_stream_id: int
    code: int
    debug: bytes


class Machine(h2.connection.H2Connection):
    """h2's connection, except that streams live on after GOAWAY (RFC 9113 6.8), which h2 takes for the end, that
    SETTINGS_MAX_CONCURRENT_STREAMS is announced but not enforced, and that what is sent may be wrong on purpose."""

    def __init__(self, client_side, settings):
        super().__init__(h2.config.H2Configuration(
            client_side=client_side, header_encoding="latin-1", validate_outbound_headers=False,
            normalize_outbound_headers=False, normalize_inbound_headers=False))
        self._announced = {Setting.ENABLE_PUSH: 0, **settings}
        kept = {code: value for code, value in self._announced.items() if code != Setting.MAX_CONCURRENT_STREAMS}
        self.local_settings = h2.settings.Settings(client=client_side, initial_values=kept)
        self.decoder.max_header_list_size = self._announced.get(Setting.MAX_HEADER_LIST_SIZE, 1 << 20)
        self.max_inbound_frame_size = self.local_settings.max_frame_size
        self._inbound_flow_control_window_manager = h2.windows.WindowManager(DEFAULT_WINDOW)
        machine = self.state_machine
        goaway = (h2.connection.ConnectionInputs.SEND_GOAWAY, h2.connection.ConnectionInputs.RECV_GOAWAY)
        machine._transitions = {key: (effect, key[0] if key[1] in goaway else state)
                                for key, (effect, state) in machine._transitions.items()}

    def clear_outbound_data_buffer(self):
        """h2 forgets what it has to say when GOAWAY arrives; acknowledgements still are due."""

    def greeting(self):
        """The first bytes of this side, with just the settings that were asked for."""
        self.initiate_connection()
        self.data_to_send()
        settings = SettingsFrame(0, settings={int(code): value for code, value in self._announced.items()})
        return (PREFACE if self.config.client_side else b"") + settings.serialize()


class Http2Stream:
    """One stream of a connection: what the peer sent on it so far, and what to send. With `held` the peer gets its
    flow-control window back only for what was read here; otherwise for all that arrives."""

    def __init__(self, connection, stream_id, held=False):
        self.connection = connection
        self.id = stream_id
        self.held = held
        self.pseudo = {}
        self.fields = None  # the head's, when it is there
        self.informational = []  # (status, fields) of every 1xx
        self.trailers = []
        self.received = 0  # bytes of body
        self.frames = 0  # DATA frames that they came in
        self.ended = False  # the peer ended its side
        self.end_sent = False
        self.reset_code = None  # the peer's
        self.reset_sent = None  # ours
        self._body = bytearray()

    # What the peer says

    @property
    def over(self):
        return self.reset_code is not None or self.reset_sent is not None or (self.ended and self.end_sent)

    def _wait(self, condition, what):
        """Waits for the condition with the connection's lock held; what ended the stream first is raised."""
        what = f"{what} on stream {self.id}"
        self.connection.wait(lambda: condition() or self.ended or self.reset_code is not None, what)
        if condition() or self.ended:
            return
        if self.reset_code is not None:
            raise StreamReset(self.id, self.reset_code)
        if self.connection.closed:
            raise ConnectionClosed(f"closed while waiting for {what}", bytes(self._body))

    def wait_head(self):
        """Returns the pseudo-fields and the fields of the (final) head."""
        with self.connection.changed:
            self._wait(lambda: self.fields is not None, "a head")
            assert self.fields is not None, f"stream {self.id} ended without a head"
            return self.pseudo, self.fields

    def wait_informational(self, count=1):
        with self.connection.changed:
            self._wait(lambda: len(self.informational) >= count or self.fields is not None, "an interim answer")
            return self.informational[:count]

    def read_some(self):
        """What has come of the body, at least one byte; b"" at its end."""
        with self.connection.changed:
            self._wait(lambda: self._body, "data")
            return self._take(len(self._body))

    def read_exactly(self, count):
        data = b""
        while len(data) < count:  # taken piece by piece: a held window may be smaller than what is asked for
            with self.connection.changed:
                self._wait(lambda: self._body, f"{count - len(data)} of {count} bytes")
                if not self._body:
                    raise ConnectionClosed(f"stream {self.id} ended after {len(data)} of {count} bytes", data)
                data += self._take(min(count - len(data), len(self._body)))
        return data

    def read_to_end(self):
        data = b""
        while piece := self.read_some():
            data += piece
        return data

    def _take(self, count):
        data = bytes(self._body[:count])
        del self._body[:count]
        if self.held and count and not self.ended and not self.over and not self.connection.closed:
            self.connection.machine.increment_flow_control_window(count, self.id)
            self.connection.flush()
        return data

    def wait_over(self):
        """Waits until neither side has more to say, and returns the peer's reset code or None."""
        with self.connection.changed:
            self.connection.wait(lambda: self.over, f"the end of stream {self.id}")
            return self.reset_code

    # What to say

    def _can_send(self):
        if self.reset_code is not None:
            raise StreamReset(self.id, self.reset_code)
        if self.connection.closed:
            raise ConnectionClosed(f"closed while sending on stream {self.id}")
        assert self.reset_sent is None and not self.end_sent, f"our side of stream {self.id} has ended"

    def send_fields(self, fields, end=False):
        """HEADERS: a head, an interim head, or trailers."""
        with self.connection.changed:
            self._can_send()
            self.connection.machine.send_headers(self.id, encoded(fields), end_stream=end)
            self.end_sent = end
            self.connection.flush()

    def send(self, data, end=False, padding=None):
        """DATA, as fast as the peer's windows allow."""
        data, sent = memoryview(bytes(data)), 0
        overhead = 0 if padding is None else padding + 1
        while True:
            with self.connection.changed:
                room = self._wait_for_room(0 if sent == len(data) else 1 + overhead) - overhead
                size = min(room, len(data) - sent)
                last = sent + size == len(data)
                self.connection.machine.send_data(self.id, bytes(data[sent:sent + size]), end_stream=end and last,
                                                  pad_length=padding)
                self.end_sent = end and last
                self.connection.flush()
                sent += size
                if last:
                    return

    def _wait_for_room(self, count):
        def room():
            if self.reset_code is not None:
                return 0
            machine = self.connection.machine
            window = min(machine.local_flow_control_window(self.id), machine.max_outbound_frame_size)
            return window if self.connection.outbound_bytes() < OUTBOUND_BYTES else 0

        self._can_send()
        if count:
            self.connection.wait(lambda: room() >= count or self.reset_code is not None,
                                 f"room for {count} bytes on stream {self.id}")
        self._can_send()
        return room()

    def end(self, trailers=()):
        if trailers:
            self.send_fields(trailers, end=True)
        else:
            self.send(b"", end=True)

    def reset(self, code=ErrorCodes.CANCEL):
        with self.connection.changed:
            if self.over or self.connection.closed:
                return
            self.reset_sent = code
            self.connection.machine.reset_stream(self.id, code)
            self.connection.flush()


def encoded(fields):
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]


class Http2Connection:
    """One side of a connection over a socket that is open. `settings` is {Setting: value}."""

    def __init__(self, sock, client_side, settings=None):
        self.sock = sock
        self.changed = threading.Condition(threading.RLock())
        self.machine = Machine(client_side, settings or {})
        self.streams = {}
        self.peer_settings = None  # {code: value} of its SETTINGS, when they are there
        self.settings_acknowledged = False
        self.goaways = []
        self.pings_answered = []
        self.closed = False  # nothing more will come
        self.error = None  # what the peer did wrong
        self._outbound = bytearray()
        self._closing = False
        self._deaf = False  # nothing more can be sent
        self._threads = []
        sock.settimeout(None)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def begin(self, first_bytes=b""):
        """Starts to read and write; first_bytes were read from the socket before."""
        for target, arguments in ((self._read, (first_bytes,)), (self._write, ())):
            thread = threading.Thread(target=target, args=arguments, daemon=True)
            thread.start()
            self._threads.append(thread)

    # For its streams, with `changed` held

    def wait(self, condition, what):
        """Until the condition holds or the connection is closed."""
        if not self.changed.wait_for(lambda: condition() or self.closed, PATIENCE):
            raise TimeoutError(f"waited {PATIENCE:g} s in vain for {what}")

    def flush(self):
        self._outbound += self.machine.data_to_send()
        self.changed.notify_all()

    def outbound_bytes(self):
        return len(self._outbound)

    # Its life

    def send_raw(self, data):
        """Bytes behind h2's back."""
        with self.changed:
            self._outbound += data
            self.changed.notify_all()

    def send_frames(self, *frames):
        self.send_raw(b"".join(frame.serialize() for frame in frames))

    def goaway(self, last_stream_id=None, code=ErrorCodes.NO_ERROR):
        with self.changed:
            self.machine.close_connection(code, last_stream_id=last_stream_id)
            self.flush()

    def update_settings(self, settings):
        with self.changed:
            self.machine.update_settings(settings)
            self.flush()

    def wait_settings(self):
        """The peer's settings."""
        with self.changed:
            self.wait(lambda: self.peer_settings is not None, "SETTINGS")
            assert self.peer_settings is not None, "closed without SETTINGS"
            return self.peer_settings

    def wait_goaway(self, count=1):
        """The count-th GOAWAY."""
        with self.changed:
            self.wait(lambda: len(self.goaways) >= count, f"GOAWAY number {count}")
            assert len(self.goaways) >= count, f"closed after {len(self.goaways)} of {count} GOAWAYs"
            return self.goaways[count - 1]

    def wait_closed(self):
        with self.changed:
            self.wait(lambda: self.closed, "the end of the connection")

    def ping(self, data):
        """PING, and until it is answered."""
        with self.changed:
            self.machine.ping(data)
            self.flush()
            self.wait(lambda: data in self.pings_answered, "an answer to PING")
            assert data in self.pings_answered, "closed without an answer to PING"

    def close(self):
        """Says what is still to be said, then closes."""
        self.wait_sent()
        self._end()

    def abort(self):
        """Closes with a reset instead of a FIN."""
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._end(shutdown=socket.SHUT_RD)  # SHUT_WR would send the FIN that is not wanted

    def _end(self, shutdown=socket.SHUT_RDWR):
        with self.changed:
            self._closing = True
            self.changed.notify_all()
        with contextlib.suppress(OSError):
            self.sock.shutdown(shutdown)
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(PATIENCE)
        self.sock.close()

    # Its threads

    def _write(self):
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self._outbound or self._closing)
                data = bytes(self._outbound[:65536])
                if self._closing:
                    return
            try:
                self.sock.sendall(data)
            except OSError:
                with self.changed:
                    self._deaf = True  # the reader sees the end, too
                    self.changed.notify_all()
                return
            with self.changed:
                del self._outbound[:len(data)]
                self.changed.notify_all()

    def wait_sent(self):
        """Until what is to be said has been said, or nobody listens."""
        with self.changed:
            self.changed.wait_for(lambda: not self._outbound or self._deaf or self._closing, PATIENCE)

    def _read(self, data):
        try:
            while True:
                if data:
                    with self.changed:
                        self._receive(data)
                data = self.sock.recv(65536)
                if not data:
                    break
        except OSError:
            pass
        except Exception as error:  # what naru did wrong, or this code: shown where the connection is looked at
            self.error = error
        finally:
            with self.changed:
                with contextlib.suppress(h2.exceptions.ProtocolError):
                    self.flush()  # the GOAWAY that says what is wrong
                self.closed = True
                self.changed.notify_all()
            self.wait_sent()
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)

    def _receive(self, data):
        events = self.machine.receive_data(data)
        for event in events:
            self._on_event(event)
        self.flush()

    def _on_event(self, event):
        match event:
            case h2.events.RequestReceived() | h2.events.ResponseReceived():
                stream = self._stream_of_head(event.stream_id)
                stream.pseudo, stream.fields = split(event.headers)
            case h2.events.InformationalResponseReceived():
                pseudo, fields = split(event.headers)
                self.streams[event.stream_id].informational.append((int(pseudo[":status"]), fields))
            case h2.events.TrailersReceived():
                pseudo, self.streams[event.stream_id].trailers = split(event.headers)
                assert not pseudo, f"pseudo-fields in trailers: {pseudo}"
            case h2.events.DataReceived():
                self._on_data(event)
            case h2.events.StreamEnded():
                self.streams[event.stream_id].ended = True
            case h2.events.StreamReset():
                if event.remote_reset and event.stream_id in self.streams:
                    self.streams[event.stream_id].reset_code = event.error_code
            case h2.events.ConnectionTerminated():
                self.goaways.append(GoAway(event.last_stream_id, event.error_code, event.additional_data or b""))
            case h2.events.RemoteSettingsChanged():
                changes = {code: change.new_value for code, change in event.changed_settings.items()}
                self.peer_settings = {**(self.peer_settings or {}), **changes}
            case h2.events.SettingsAcknowledged():
                self.settings_acknowledged = True
            case h2.events.PingAckReceived():
                self.pings_answered.append(event.ping_data)

    def _stream_of_head(self, stream_id):
        return self.streams[stream_id]

    def _on_data(self, event):
        stream = self.streams[event.stream_id]
        length = event.flow_controlled_length
        if stream.reset_sent is None:
            stream._body += event.data
            stream.received += len(event.data)
            stream.frames += 1
        if not stream.held:
            self.machine.acknowledge_received_data(length, event.stream_id)
        elif length:
            self.machine.increment_flow_control_window(length)  # one stream holds back only itself
            padding = length - len(event.data)
            if padding and event.stream_ended is None and not stream.over:
                self.machine.increment_flow_control_window(padding, event.stream_id)


def split(headers):
    pseudo, fields = {}, []
    for name, value in headers:
        if name.startswith(":"):
            assert name not in pseudo, f"{name} is there twice"
            pseudo[name] = value
        else:
            fields.append((name, value))
    return pseudo, fields
