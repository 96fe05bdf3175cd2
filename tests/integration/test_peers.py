"""The tests' own peers, speaking to each other without naru: what they report is what happened."""

import contextlib

import pytest
from hyperframe.frame import DataFrame, GoAwayFrame, RstStreamFrame, WindowUpdateFrame

from support.callers import CALLERS
from support.exchange import HTTP1, HTTP2, PROTOCOLS
from support.http2 import ErrorCodes, Setting
from support.http2_frames import FrameClient, request_frame
from support.services import Http2Service
from support.upstream import Gate
from support.waiting import eventually, settled

MIB = 1024 * 1024


@pytest.fixture(params=PROTOCOLS)
def direct(request, serve):
    """A service and an application that calls it directly: direct(handler)."""
    callers = contextlib.ExitStack()

    def start(handler=None, **options):
        service = serve(request.param, handler, **options)
        caller = CALLERS[request.param](service.port)
        callers.callback(caller.close)
        return service, caller

    with callers:
        yield start


def test_a_call_with_everything(direct):
    def answer(request, reply):
        reply.interim(103, ("Link", "</style.css>"))
        reply.head(201, ("X-Answer", "caf\xe9"))
        reply.send(request.body)
        reply.send(b", said")
        reply.end([("X-Sum", "5d41")])

    service, caller = direct(answer)
    for _ in range(3):
        got = caller.request("POST", "/x?q=1", [("X-Asked", "")], [b"hello", b" world"], trailers=[("X-Check", "1")],
                             authority="courses")
        assert (got.status, got.body, got.outcome) == (201, b"hello world, said", "complete")
        assert got.get("x-answer") == "caf\xe9"
        assert [(status, [value for _, value in fields]) for status, fields in got.informational] == [
            (103, ["</style.css>"])]
        assert [(name.lower(), value) for name, value in got.trailers] == [("x-sum", "5d41")]
    assert len(service.connections) == 1
    asked = service.requests[0]
    assert (asked.method, asked.path, asked.authority, asked.body) == ("POST", "/x?q=1", "courses", b"hello world")
    assert (asked.get("x-asked"), asked.get("content-length"), asked.upgrade) == ("", None, None)
    assert [(name.lower(), value) for name, value in asked.trailers] == [("x-check", "1")]


@pytest.mark.parametrize("size", [0, 5, MIB])
def test_bodies_with_a_length(direct, size):
    service, caller = direct(lambda request, reply: reply.respond(200, request.body))
    got = caller.request("POST", "/", body=b"z" * size)
    assert (got.body, got.get("content-length"), got.outcome) == (b"z" * size, str(size), "complete")
    assert service.request.get("content-length") == (str(size) if size else None)


def test_answers_without_a_body(direct):
    def answer(request, reply):
        reply.respond(int(request.path[1:]), b"four")

    service, caller = direct(answer)
    got = [caller.request("HEAD", "/200"), *[caller.request("GET", path) for path in ("/204", "/304", "/200")]]
    assert [(one.status, one.get("content-length"), one.body) for one in got] == [
        (200, "4", b""), (204, None, b""), (304, None, b""), (200, "4", b"four")]
    assert len(service.connections) == 1


def test_an_answer_in_parts_while_the_request_is_sent_in_parts(direct):
    def echo(_, reply):
        reply.head(200)
        while piece := reply.read_some():
            reply.send(piece)
        reply.end()

    service, caller = direct(echo, read_body=False)
    exchange = caller.start("POST", "/", end=False)
    assert exchange.head().status == 200
    for number in range(20):
        exchange.send(b"%02d" % number)
        assert exchange.read_exactly(2) == b"%02d" % number
    exchange.end()
    assert exchange.answer().outcome == "complete"


@pytest.mark.parametrize("length", [None, 10])
@pytest.mark.parametrize("how, outcome", [("cut", {HTTP1: "closed", HTTP2: "reset"}),
                                          ("hang_up", {HTTP1: "closed", HTTP2: "closed"})])
def test_an_answer_that_dies(direct, length, how, outcome):
    read = Gate()

    def die(_, reply):
        reply.head(200, length=length)
        reply.send(b"half")
        read.wait()
        getattr(reply, how)()

    _, caller = direct(die)
    exchange = caller.start("GET", "/")
    assert exchange.read_exactly(4) == b"half" if exchange.head() else None
    read.open()
    got = exchange.answer()
    assert (got.status, got.outcome) == (200, outcome[caller.protocol])


@pytest.mark.parametrize("how", ["cut", "hang_up"])
def test_no_answer_at_all(direct, how):
    _, caller = direct(lambda _, reply: getattr(reply, how)())
    got = caller.request("POST", "/", body=b"z")
    assert (got.status, got.outcome) == (None, "reset" if caller.protocol == HTTP2 and how == "cut" else "closed")


def test_a_caller_that_gives_up_is_noticed(direct):
    service, caller = direct(lambda _, reply: reply.wait_gone())
    exchange = caller.start("GET", "/")
    service.wait_for_requests(1)
    exchange.abandon()
    eventually(lambda: [request.path for request in service.cancelled] == ["/"], "the service notices")


def test_a_tunnel(direct):
    def echo(_, reply):
        tunnel = reply.tunnel()
        while piece := tunnel.read_some():
            tunnel.send(piece)
        tunnel.end()

    service, caller = direct(echo)
    if caller.protocol == HTTP2:
        caller.client.wait_settings()
    _, tunnel = caller.tunnel("/chat")
    for number in range(10):
        tunnel.send(b"hello %d" % number)
        assert tunnel.read_exactly(7) == b"hello %d" % number
    tunnel.end()
    assert tunnel.read_some() == b""
    assert (service.request.upgrade, service.request.get("sec-websocket-version")) == ("websocket", "13")


def test_whoever_does_not_read_holds_the_sender_back(direct):
    sent = [0]

    def answer(_, reply):
        reply.head(200, length=64 * MIB)
        for _ in range(64 * 16):
            reply.send(b"z" * (MIB // 16))
            sent[0] += MIB // 16

    _, caller = direct(answer)
    exchange = caller.start("GET", "/", held=True)
    assert exchange.head().status == 200
    assert settled(lambda: sent[0]) < 32 * MIB
    assert exchange.read_exactly(4 * MIB) == b"z" * 4 * MIB


# HTTP/2 alone


@pytest.fixture
def h2_pair(serve, call_as):
    def start(handler=None, settings=None, **options):
        service = serve(HTTP2, handler, **options)
        return service, call_as(HTTP2, service.port, settings=settings)

    return start


def test_a_held_stream_holds_back_no_other(h2_pair):
    service, caller = h2_pair(lambda _, reply: reply.respond(200, b"z" * MIB))
    held = caller.start("GET", "/", held=True)
    assert held.head().status == 200
    for _ in range(5):
        assert len(caller.request("GET", "/").body) == MIB
    eventually(lambda: held.stream.received >= 65535, "the window is full")
    assert settled(lambda: held.stream.received) == 65535
    assert len(held.answer().body) == MIB


def test_streams_at_once_are_counted_and_those_beyond_the_limit_refused(h2_pair):
    gate = Gate()

    def answer(_, reply):
        gate.wait()
        reply.respond(200, b"ok")

    service, caller = h2_pair(answer)
    exchanges = [caller.start("GET", f"/{number}") for number in range(100)]
    service.wait_for_requests(100)
    gate.open()
    assert [exchange.answer().body for exchange in exchanges] == [b"ok"] * 100
    assert (service.connections[0].most_at_once, len(service.connections)) == (100, 1)


def test_a_stream_beyond_the_limit_is_refused(serve):
    service = serve(HTTP2, lambda _, reply: reply.wait_gone(), settings={Setting.MAX_CONCURRENT_STREAMS: 1})
    with FrameClient(service.port) as client:  # which acknowledges no settings, and so may not know them
        client.send(*[request_frame(client.encoder, stream_id) for stream_id in (1, 3)])
        assert client.wait_frame(RstStreamFrame).stream_id == 3
        assert client.of_type(RstStreamFrame)[0].error_code == ErrorCodes.REFUSED_STREAM
        service.wait_for_requests(1)  # in a thread of its own
    assert (len(service.requests), service.connections[0].refused) == (1, 1)


def test_streams_live_on_after_goaway(h2_pair):
    gate = Gate()

    def answer(_, reply):
        gate.wait()
        reply.respond(200, b"late")

    service, caller = h2_pair(answer)
    exchange = caller.start("GET", "/")
    service.wait_for_requests(1)
    service.connections[0].goaway(last_stream_id=1)
    goaway = caller.client.wait_goaway()
    assert (goaway.last_stream_id, goaway.code) == (1, ErrorCodes.NO_ERROR)
    caller.client.ping(b"8 bytes!")
    gate.open()
    assert exchange.answer().body == b"late"


def test_what_breaks_http2_is_reported():
    service = Http2Service()
    with FrameClient(service.port) as client:
        client.send(request_frame(client.encoder, 1, [("connection", "close")]))
        assert client.wait_frame(GoAwayFrame).error_code == ErrorCodes.PROTOCOL_ERROR
    with pytest.raises(AssertionError, match="naru broke HTTP/2.*Connection-specific"):
        service.stop()


def test_frames_one_by_one(serve):
    service = serve(HTTP2, lambda request, reply: reply.respond(200, request.body))
    with FrameClient(service.port) as client:
        client.send(request_frame(client.encoder, 1, end_stream=False, method="POST"),
                    DataFrame(1, b"hello", flags=["END_STREAM"]))
        assert client.wait_head(1)[":status"] == "200"
        client.wait_for(lambda: client.body(1) == b"hello", "the body")
        widest = WindowUpdateFrame(0, window_increment=(1 << 31) - 1).serialize()
        assert client.flood([widest] * 1000000) < 1000000
        client.wait_closed()
        assert client.goaway.error_code == ErrorCodes.FLOW_CONTROL_ERROR
    service.connections[0].error = None  # which was asked for
