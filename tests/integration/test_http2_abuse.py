"""Peers that use HTTP/2 to cost more than they spend: each is ended or bounded, counted, and harms no other."""

import contextlib
import threading

import pytest
from hyperframe.frame import (ContinuationFrame, DataFrame, GoAwayFrame, HeadersFrame, PingFrame, RstStreamFrame,
                              SettingsFrame, WindowUpdateFrame)

from support.exchange import HTTP1, HTTP2
from support.http2 import ErrorCodes, Setting
from support.http2_frames import FrameClient, request_frame
from support.naru import sanitized
from support.waiting import eventually, settled

MIB = 1024 * 1024
MEMORY = (128 if sanitized() else 16) * MIB
TOO_MANY = 1_000_000  # requests: more than all buffers between the two hold while naru does not run


@pytest.fixture
def attacked(start_naru, serve, call_as):
    """naru, the service behind it, and a context within which an innocent application calls all the time."""

    class Attacked:
        def __init__(self):
            self.service = serve(HTTP1, lambda request, reply: reply.respond(200, request.body or b"z" * 100))
            self.naru = start_naru({"courses": {"squad": "learning", "endpoints": [self.service.address],
                                                "protocol": "http1", "limits": {"concurrent": 1000}}})

        @contextlib.contextmanager
        def harmlessly(self):
            statuses, done = [], threading.Event()

            def call():
                while not statuses or not done.is_set():  # once at least, however late this thread is
                    statuses.append(bystander.request("GET", "/courses/innocent").status)

            bystander = call_as(HTTP2, self.naru.port)
            assert bystander.request("GET", "/courses/innocent").status == 200
            before = self.naru.rss_bytes()
            thread = threading.Thread(target=call, daemon=True)
            thread.start()
            try:
                yield
            finally:
                done.set()
                thread.join()
            assert set(statuses) == {200}
            assert bystander.request("GET", "/courses/innocent").status == 200
            assert bystander.client.goaways == []
            assert self.naru.rss_bytes() - before < MEMORY
            eventually(lambda: self.naru.metric("naru_in_flight") == 0, "nothing of it is left")

        def counted(self, *kinds):
            return sum(self.naru.metric("naru_http2_abuse_total", kind=kind) for kind in kinds)

        def calms(self, client, *kinds):
            """The client is told to calm down, and counted."""
            client.wait_closed()
            assert client.goaway is not None, "closed without a word"
            assert client.goaway.error_code == ErrorCodes.ENHANCE_YOUR_CALM
            eventually(lambda: self.counted(*kinds) >= 1, f"it is counted as {kinds}")

    return Attacked()


def test_rapid_resets(attacked):
    def requests_reset_at_once(encoder):
        for stream_id in range(1, 2 * TOO_MANY, 2):
            yield (request_frame(encoder, stream_id).serialize() +
                   RstStreamFrame(stream_id, error_code=ErrorCodes.CANCEL).serialize())

    with attacked.harmlessly(), FrameClient(attacked.naru.port) as client:
        assert client.flood(requests_reset_at_once(client.encoder)) < TOO_MANY
        attacked.calms(client, "rapid_reset")


def test_rapid_resets_that_naru_is_made_to_send(attacked):
    """MadeYouReset: what the peer does wrong on purpose costs as much as a reset of its own."""

    def requests_broken_at_once(encoder):
        for stream_id in range(1, 2 * TOO_MANY, 2):
            yield (request_frame(encoder, stream_id, end_stream=False, method="POST").serialize() +
                   WindowUpdateFrame(stream_id, window_increment=(1 << 31) - 1).serialize())

    with attacked.harmlessly(), FrameClient(attacked.naru.port) as client:
        assert client.flood(requests_broken_at_once(client.encoder)) < TOO_MANY
        attacked.calms(client, "rapid_reset")


def test_an_application_that_cancels_now_and_then_is_no_abuse(attacked, call_as):
    caller = call_as(HTTP2, attacked.naru.port)
    for _ in range(50):
        caller.start("GET", "/courses/x").abandon()
        assert caller.request("GET", "/courses/x").status == 200
    assert caller.client.goaways == []
    assert attacked.naru.metric("naru_http2_abuse_total") == 0


@pytest.mark.parametrize("piece", [b"", b"\x00\x01x\x01y"], ids=["empty", "small"])
def test_a_head_of_endless_continuations(attacked, piece):
    with attacked.harmlessly(), FrameClient(attacked.naru.port) as client:
        client.send(request_frame(client.encoder, 1, end_headers=False))
        continuation = ContinuationFrame(1, piece).serialize()
        assert client.flood([continuation * 10] * 100000) < 100000
        attacked.calms(client, "continuation", "header_list")
    if piece == b"":
        assert attacked.counted("continuation") >= 1
    assert "/x" not in attacked.service.paths()


def test_endless_empty_data(attacked):
    with attacked.harmlessly(), FrameClient(attacked.naru.port) as client:
        client.send(request_frame(client.encoder, 1, end_stream=False, method="POST"))
        assert client.flood([DataFrame(1).serialize() * 10] * 100000) < 100000
        attacked.calms(client, "empty_frames")


def test_a_few_empty_frames_are_no_abuse(attacked):
    with FrameClient(attacked.naru.port) as client:
        client.send(request_frame(client.encoder, 1, end_stream=False, method="POST"),
                    *[DataFrame(1) for _ in range(10)], DataFrame(1, b"body", flags=["END_STREAM"]))
        assert client.wait_head(1)[":status"] == "200"
        client.wait_for(lambda: client.body(1) == b"body", "the answer")
    assert attacked.naru.metric("naru_http2_abuse_total") == 0


def test_endless_pings(attacked):
    with attacked.harmlessly(), FrameClient(attacked.naru.port) as client:
        assert client.flood([PingFrame(0, opaque_data=b"are you?").serialize() * 10] * 100000) < 100000
        attacked.calms(client, "ping")


def test_endless_settings(attacked):
    with attacked.harmlessly(), FrameClient(attacked.naru.port) as client:
        assert client.flood([SettingsFrame(0).serialize() * 10] * 100000) < 100000
        attacked.calms(client, "settings")


def test_a_head_that_takes_too_long_ends_its_connection(attacked):
    """A slow-loris: HEADERS without END_HEADERS, and nothing more. The limit is ten seconds, as in HTTP/1."""
    with attacked.harmlessly(), FrameClient(attacked.naru.port) as client:
        client.send(HeadersFrame(1, b"\x82\x86", flags=["END_STREAM"]))
        eventually(lambda: client.closed, "the connection is ended", within=40)
        assert client.goaway.error_code == ErrorCodes.ENHANCE_YOUR_CALM


def test_a_keep_alive_ping_now_and_then_is_no_abuse(attacked, call_as):
    caller = call_as(HTTP2, attacked.naru.port)
    for number in range(20):
        caller.client.ping(b"%08d" % number)
        assert caller.request("GET", "/courses/x").status == 200
    assert attacked.naru.metric("naru_http2_abuse_total") == 0


def refused_or_calmed(client):
    """The answer 431 on stream 1, or the end of the connection."""
    client.wait_for(lambda: client.heads.get(1) or client.goaway, "431 or GOAWAY")
    if client.goaway:
        assert client.goaway.error_code == ErrorCodes.ENHANCE_YOUR_CALM
    else:
        assert client.wait_head(1)[":status"] == "431"


@pytest.mark.parametrize("kilobytes", [120, 2000])
def test_a_header_list_far_beyond_the_bounds(attacked, kilobytes):
    with attacked.harmlessly(), FrameClient(attacked.naru.port) as client:
        block = request_frame(client.encoder, 1, [(f"x-{at}", "v" * 4000) for at in range(kilobytes // 4)]).data
        pieces = [block[at:at + 16384] for at in range(0, len(block), 16384)]
        last = len(pieces) - 1
        client.flood([HeadersFrame(1, pieces[0], flags=["END_STREAM"]).serialize()] +
                     [ContinuationFrame(1, piece, flags=["END_HEADERS"] * (at == last)).serialize()
                      for at, piece in enumerate(pieces) if at])
        refused_or_calmed(client)
    eventually(lambda: attacked.counted("header_list") >= 1, "it is counted")
    assert "/x" not in attacked.service.paths()


def test_a_small_block_that_stands_for_a_huge_list(attacked):
    """One field of 4,000 bytes put into the dynamic table, then referred to 16,000 times."""
    with attacked.harmlessly(), FrameClient(attacked.naru.port) as client:
        large = ("x-large", "v" * 3900)
        client.send(request_frame(client.encoder, 1, [large]))
        assert client.wait_head(1)[":status"] == "200"
        block = request_frame(client.encoder, 3).data
        reference = client.encoder.encode([large])
        assert len(reference) == 1
        client.send(HeadersFrame(3, block + reference * 16000, flags=["END_STREAM", "END_HEADERS"]))
        client.wait_for(lambda: client.heads.get(3) or client.goaway, "431 or GOAWAY")
        if client.goaway:
            assert client.goaway.error_code == ErrorCodes.ENHANCE_YOUR_CALM
        else:
            assert client.wait_head(3)[":status"] == "431"
    eventually(lambda: attacked.counted("header_list") >= 1, "it is counted")
    assert attacked.service.paths().count("/x") == 1


def test_windows_that_never_open(start_naru, serve, call_as):
    """A hundred answers of 1 MiB that nobody lets naru send."""
    service = serve(HTTP1, lambda request, reply: reply.respond(
        200, b"z" * (MIB if request.path == "/large" else 10)))
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [service.address], "protocol": "http1",
                                   "limits": {"concurrent": 1000}, "timeout": "60s", "try_timeout": "60s"}})
    caller = call_as(HTTP2, naru.port)
    assert caller.request("GET", "/courses/x").status == 200
    before = naru.rss_bytes()
    with FrameClient(naru.port, {Setting.INITIAL_WINDOW_SIZE: 0}) as client:
        streams = range(1, 200, 2)
        client.send(*[request_frame(client.encoder, stream_id, path="/courses/large") for stream_id in streams])
        client.wait_for(lambda: len(client.heads) == 100, "every head")
        assert not client.closed
        assert settled(naru.rss_bytes) - before < MEMORY
        assert client.of_type(DataFrame) == []
        for _ in range(20):
            assert caller.request("GET", "/courses/x").status == 200
        client.send(WindowUpdateFrame(0, window_increment=MIB), WindowUpdateFrame(1, window_increment=MIB))
        client.wait_for(lambda: len(client.body(1)) == MIB, "the one that may be sent")
    eventually(lambda: naru.metric("naru_in_flight") == 0, "nothing is left behind")


def test_a_window_that_opens_byte_by_byte(attacked):
    """Frames of one byte each are dear: naru may bound them or bear them, and serves the others."""
    with attacked.harmlessly(), FrameClient(attacked.naru.port, {Setting.INITIAL_WINDOW_SIZE: 0}) as client:
        client.send(request_frame(client.encoder, 1))
        assert client.wait_head(1)[":status"] == "200"
        for _ in range(100):
            client.send(WindowUpdateFrame(1, window_increment=1))
        client.wait_for(lambda: client.body(1) == b"z" * 100, "the answer")


def test_more_streams_than_were_allowed(attacked):
    """RFC 9113 5.1.2: those beyond are refused, and the connection lives on or is told to calm down."""
    with attacked.harmlessly(), FrameClient(attacked.naru.port) as client:
        settings = client.wait_frame(SettingsFrame).settings
        allowed = settings[Setting.MAX_CONCURRENT_STREAMS]
        open_streams = (request_frame(client.encoder, 1 + 2 * number, end_stream=False, method="POST").serialize()
                        for number in range(10 * allowed))
        client.flood(open_streams)
        client.wait_for(lambda: client.of_type(RstStreamFrame) or client.of_type(GoAwayFrame), "a refusal")
        codes = {frame.error_code for frame in client.of_type(RstStreamFrame)}
        assert codes <= {ErrorCodes.REFUSED_STREAM, ErrorCodes.PROTOCOL_ERROR}
        assert attacked.naru.metric("naru_in_flight") <= allowed + 1, "with the innocent one"
