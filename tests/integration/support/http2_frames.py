"""HTTP/2 frame by frame, with no state machine in between: for a peer that means harm or knows better."""

import contextlib
import socket
import struct
import threading

import hpack
from hyperframe.frame import ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame, SettingsFrame

from support.http2 import PREFACE
from support.http2_client import connect
from support.waiting import PATIENCE


def request_frame(encoder, stream_id, fields=(), end_stream=True, end_headers=True, method="GET", path="/courses/x"):
    """HEADERS of a request."""
    head = [(":method", method), (":scheme", "http"), (":authority", "localhost"), (":path", path)]
    flags = ["END_STREAM"] * end_stream + ["END_HEADERS"] * end_headers
    return HeadersFrame(stream_id, encoder.encode(head + list(fields)), flags=flags)


class FrameClient:
    """A connection to naru that has sent its preface and SETTINGS. It reads all the time, and answers nothing."""

    def __init__(self, where, settings=None):
        self.encoder = hpack.Encoder()
        self.frames = []  # that naru sent
        self.heads = {}  # stream id: the lists of fields that naru sent on it
        self.goaway = None  # the last that came
        self.closed = False
        self._decoder = hpack.Decoder(1 << 24)
        self._block = b""
        self._changed = threading.Condition()
        self._sock = connect(where)
        self._sock.settimeout(None)
        # Only for what is sent: reading ends with the connection.
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(PATIENCE), 0))
        self._sock.sendall(PREFACE + SettingsFrame(0, settings=settings or {}).serialize())
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, *frames):
        self._sock.sendall(b"".join(frame if isinstance(frame, bytes) else frame.serialize() for frame in frames))

    def flood(self, pieces):
        """Sends the pieces of bytes until naru ends the connection or reads no more; returns how many it took."""
        taken = 0
        with contextlib.suppress(OSError):
            for piece in pieces:
                if self.goaway or self.closed:
                    break
                self._sock.sendall(piece)
                taken += 1
        return taken

    def of_type(self, kind, stream_id=None):
        with self._changed:
            return [frame for frame in self.frames
                    if isinstance(frame, kind) and stream_id in (None, frame.stream_id)]

    def wait_for(self, condition, what):
        """Returns the first true value of condition(), or what it is when the connection is closed."""
        with self._changed:
            if not self._changed.wait_for(lambda: condition() or self.closed, PATIENCE):
                raise TimeoutError(f"waited {PATIENCE:g} s in vain for {what}")
            return condition()

    def wait_frame(self, kind, stream_id=None):
        """The first frame of the kind, or None when the connection is closed without one."""
        found = self.wait_for(lambda: self.of_type(kind, stream_id), f"{kind.__name__} on {stream_id or 'any stream'}")
        return found[0] if found else None

    def wait_head(self, stream_id):
        """The first fields that came on the stream, as a dict, or None when the connection is closed without any."""
        found = self.wait_for(lambda: self.heads.get(stream_id), f"a head on stream {stream_id}")
        return dict(found[0]) if found else None

    def wait_closed(self):
        self.wait_for(lambda: self.closed, "the end of the connection")

    def body(self, stream_id):
        return b"".join(frame.data for frame in self.of_type(DataFrame, stream_id))

    def close(self):
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._reader.join(PATIENCE)
        self._sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self):
        try:
            with self._sock.makefile("rb") as stream:
                while len(header := stream.read(9)) == 9:
                    frame, length = Frame.parse_frame_header(memoryview(header))
                    frame.parse_body(memoryview(stream.read(length)))
                    with self._changed:
                        self._remember(frame)
                        self._changed.notify_all()
        except OSError:
            pass
        finally:
            with self._changed:
                self.closed = True
                self._changed.notify_all()

    def _remember(self, frame):
        self.frames.append(frame)
        if isinstance(frame, GoAwayFrame):
            self.goaway = frame
        if isinstance(frame, (HeadersFrame, ContinuationFrame)):
            self._block += frame.data
            if "END_HEADERS" in frame.flags:
                self.heads.setdefault(frame.stream_id, []).append(self._decoder.decode(self._block))
                self._block = b""
