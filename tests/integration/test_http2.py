"""What HTTP/2 alone has: where it is spoken, streams that share connections, GOAWAY, and what is malformed in it."""

import json
import signal

import pytest
from hyperframe.frame import (ContinuationFrame, DataFrame, HeadersFrame, PriorityFrame,
                              SettingsFrame, WindowUpdateFrame)

from support.callers import Http2Exchange
from support.client import Client
from support.exchange import HTTP1, HTTP2, PROTOCOLS
from support.http2 import PREFACE, ErrorCodes, Setting
from support.http2_client import Http2Client
from support.http2_frames import FrameClient, request_frame
from support.naru import free_port
from support.upstream import CLOSE, Gate, ok
from support.waiting import Stopwatch, eventually

MIB = 1024 * 1024
PLENTY = {"ratio": "100%", "floor": "1000/s"}
RETRY = {"attempts": 2, "budget": PLENTY, "backoff": {"base": "1ms", "max": "2ms"}}
PATIENT = {"timeout": "60s", "try_timeout": "60s"}  # where calls are held for as long as a test takes


def named(*services, protocol=HTTP2, **policy):
    return {"courses": {"squad": "learning", "endpoints": [service.address for service in services],
                        "protocol": protocol, **policy}}


@pytest.fixture
def h2_courses(start_naru, serve, call_as):
    """naru between an application and one service, both of which speak HTTP/2: (naru, caller, service)."""

    def start(handler=None, read_body=True, settings=None, **policy):
        service = serve(HTTP2, handler, read_body=read_body, settings=settings)
        naru = start_naru(named(service, **policy))
        return naru, call_as(HTTP2, naru.port), service

    return start


def echo(request, reply):
    reply.respond(200, request.body)


class Held:
    """A script that waits for its gate, then echoes."""

    def __init__(self):
        self.gate = Gate()

    def __call__(self, request, reply):
        self.gate.wait()
        echo(request, reply)


def answer_on(stream, method="GET"):
    return Http2Exchange(stream, method).answer()


# Where it is spoken


def test_prior_knowledge_on_every_kind_of_listener(start_naru, serve, call_as, tmp_path):
    service = serve(HTTP2)
    shared, own, path = free_port(), free_port(), tmp_path / "naru.sock"
    naru = start_naru(named(service, port=own), listen=[f"127.0.0.1:{shared}", f"unix://{path}"])
    for where, target in ((shared, "/courses/x"), (own, "/x"), (path, "/courses/x")):
        caller = call_as(HTTP2, where)
        for _ in range(3):
            assert caller.request("GET", target).body == b"ok"
        assert call_as(HTTP1, where).request("GET", target).body == b"ok", "and HTTP/1.1 beside it"
    assert service.paths() == ["/x"] * 12
    assert naru.metric("naru_connections", side="downstream", protocol="http2") == 3


def test_a_preface_may_come_byte_by_byte(start_naru, serve):
    naru = start_naru(named(serve(HTTP2)))
    with Client(naru.port) as client:
        for byte in PREFACE + SettingsFrame(0).serialize():
            client.send(bytes([byte]))
        assert client.read_exactly(9)[3] == 4, "SETTINGS"


def test_a_preface_that_goes_wrong_is_no_request(start_naru, serve):
    service = serve(HTTP2)
    naru = start_naru(named(service))
    with Client(naru.port) as client:
        client.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")
        client.read_to_end()  # what it says is its own affair; that it ends is not
    assert service.requests == []


def test_an_upgrade_to_h2c(start_naru, serve):
    service = serve(HTTP2, lambda request, reply: reply.respond(200, request.path.encode()))
    naru = start_naru(named(service))
    client, stream, switched = Http2Client.upgrade(naru.port, "/courses/first", [("X-Asked", "yes")])
    with client:
        assert (switched.get("upgrade"), switched.get("connection").lower()) == ("h2c", "upgrade")
        assert answer_on(stream).body == b"/first"
        for number in range(3):
            assert answer_on(client.start("GET", f"/courses/{number}")).body == b"/%d" % number
    assert client.error is None
    assert service.requests[0].get("x-asked") == "yes"
    names = {name for request in service.requests for name in request.names()}
    assert names & {"upgrade", "connection", "http2-settings"} == set()


def test_the_settings_of_an_upgrade_count(start_naru, serve):
    """Without any window the answer's body has to wait for one."""
    naru = start_naru(named(serve(HTTP2, lambda _, reply: reply.respond(200, b"z" * 1000))))
    with Client(naru.port) as client:
        client.start("GET", "/courses/x", [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
                                           ("HTTP2-Settings", "AAQAAAAA")])  # INITIAL_WINDOW_SIZE = 0
        assert client.read_response_head().status == 101
        client.send(PREFACE + SettingsFrame(0, settings={Setting.INITIAL_WINDOW_SIZE: 0}).serialize())
        frames = read_frames(client, until=HeadersFrame)
        assert [frame for frame in frames if isinstance(frame, DataFrame)] == []
        client.send(WindowUpdateFrame(1, window_increment=1000).serialize())
        frames = read_frames(client, until=DataFrame)
        assert frames[-1].data == b"z" * 1000


def read_frames(client, until):
    frames = []
    while not frames or not isinstance(frames[-1], until):
        frame, length = SettingsFrame.parse_frame_header(memoryview(client.read_exactly(9)))
        frame.parse_body(memoryview(client.read_exactly(length)))
        frames.append(frame)
    return frames


ASKS_FOR_H2C = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c")]


@pytest.mark.parametrize("service_protocol", PROTOCOLS)
@pytest.mark.parametrize("fields, body, statuses", [
    (ASKS_FOR_H2C, b"", {200}),
    (ASKS_FOR_H2C + [("HTTP2-Settings", "AAMAAABk"), ("HTTP2-Settings", "AAMAAABk")], b"", {200, 400}),
    (ASKS_FOR_H2C + [("HTTP2-Settings", "!")], b"", {200, 400}),
    (ASKS_FOR_H2C + [("HTTP2-Settings", "AAMAAABk")], b"a body", {200}),
], ids=["no settings", "settings twice", "broken settings", "a body"])
def test_an_upgrade_to_h2c_that_cannot_be_is_none(start_naru, serve, fields, body, statuses, service_protocol):
    """RFC 7540 3.2.1, and 3.2 for the body, which would have to be read first."""
    service = serve(service_protocol, echo)
    naru = start_naru(named(service, protocol=service_protocol))
    with Client(naru.port) as client:
        answer = client.call("POST" if body else "GET", "/courses/x", fields, body)
        assert answer.status in statuses
        assert answer.status == 400 or answer.body == body
    for request in service.requests:
        assert (request.method, request.upgrade) in (("GET", None), ("POST", None)), "h2c is for naru, not for services"
        assert request.get("http2-settings") is None


# Streams and connections


def test_what_naru_announces(start_naru, serve, call_as):
    service = serve(HTTP2)
    caller = call_as(HTTP2, start_naru(named(service)).port)
    assert caller.request("GET", "/courses/x").status == 200
    downstream, upstream = caller.client.wait_settings(), service.connections[0].wait_settings()
    assert downstream[Setting.MAX_CONCURRENT_STREAMS] >= 100
    assert downstream[Setting.MAX_HEADER_LIST_SIZE] <= 64 * 1024
    assert downstream[Setting.ENABLE_CONNECT_PROTOCOL] == 1
    assert upstream[Setting.ENABLE_PUSH] == 0
    caller.client.ping(b"are you?")
    service.connections[0].ping(b"are you?")


def test_a_hundred_streams_of_one_connection_are_a_hundred_calls(start_naru, serve, call_as):
    held = Held()
    services = [serve(HTTP2, held) for _ in range(4)]
    naru = start_naru(named(*services, limits={"concurrent": 200, "queue": 0}, **PATIENT))
    caller = call_as(HTTP2, naru.port)
    exchanges = [caller.start("GET", f"/courses/{number}") for number in range(100)]
    eventually(lambda: sum(len(service.requests) for service in services) == 100, "every call has its attempt")
    assert naru.metric("naru_in_flight", callee_service="courses") == 100
    assert naru.metric("naru_connections", side="downstream") == 1
    assert min(len(service.requests) for service in services) >= 10, "each call is balanced, not each connection"
    held.gate.open()
    assert [exchange.answer().status for exchange in exchanges] == [200] * 100
    eventually(lambda: naru.metric("naru_calls_total", outcome="ok") == 100, "each is counted")
    eventually(lambda: naru.metric("naru_call_duration_seconds_count", outcome="ok") == 100, "each is measured")
    eventually(lambda: naru.metric("naru_in_flight") == 0, "none holds its place")


@pytest.mark.parametrize("caller_protocol", PROTOCOLS)
def test_calls_share_a_connection_to_the_service(start_naru, serve, call_as, caller_protocol):
    held = Held()
    service = serve(HTTP2, lambda request, reply: (echo if request.path == "/first" else held)(request, reply))
    naru = start_naru(named(service, **PATIENT))
    caller = call_as(caller_protocol, naru.port)
    assert caller.request("GET", "/courses/first").status == 200
    exchanges = [caller.start("GET", f"/courses/{number}") for number in range(20)]
    service.wait_for_requests(21)
    held.gate.open()
    assert [exchange.answer().status for exchange in exchanges] == [200] * 20
    assert [connection.most_at_once for connection in service.connections] == [20]


def test_a_service_that_allows_one_stream_gets_more_connections(h2_courses):
    held = Held()
    naru, caller, service = h2_courses(held, settings={Setting.MAX_CONCURRENT_STREAMS: 1}, **PATIENT)
    exchanges = [caller.start("POST", f"/courses/{number}", end=False) for number in range(5)]
    for exchange in exchanges:
        exchange.send(b"body")
        exchange.end()
    service.wait_for_requests(5)
    held.gate.open()
    assert [exchange.answer().body for exchange in exchanges] == [b"body"] * 5
    assert [connection.most_at_once for connection in service.connections if connection.most_at_once] == [1] * 5
    before = len(service.connections)
    for _ in range(5):
        assert caller.request("GET", "/courses/x").status == 200
    assert len(service.connections) == before, "and they are used again"


def test_a_service_that_allows_no_stream_does_not_hang_the_call(h2_courses):
    naru, caller, service = h2_courses(settings={Setting.MAX_CONCURRENT_STREAMS: 0}, timeout="500ms",
                                       try_timeout="500ms")
    watch = Stopwatch()
    assert caller.request("GET", "/courses/x").status in (502, 503, 504)
    assert watch.seconds < 5
    assert service.requests == []


def test_a_cancelled_stream_leaves_its_connection_to_the_others(h2_courses):
    naru, caller, service = h2_courses(lambda request, reply: (
        reply.wait_gone() if request.path == "/gone" else echo(request, reply)))
    for _ in range(3):
        exchange = caller.start("GET", "/courses/gone")
        before = len(service.cancelled)
        eventually(lambda: service.requests and service.requests[-1].path == "/gone", "the service has it")
        exchange.abandon()
        eventually(lambda: len(service.cancelled) > before, "the service is told")
        assert caller.request("POST", "/courses/next", body=b"next").body == b"next"
    connection, = service.connections
    codes = {stream.reset_code for stream in connection.streams.values() if stream.pseudo[":path"] == "/gone"}
    assert codes == {ErrorCodes.CANCEL}


def test_the_window_of_a_connection_is_given_back_for_streams_that_died(h2_courses):
    """Each leaves 64 KiB or so unread; together that is more than any connection's window."""

    def half(request, reply):
        if request.path == "/x":
            return echo(request, reply)
        reply.head(200)
        reply.send(b"z" * 60000)
        return reply.wait_gone()

    naru, caller, service = h2_courses(half, timeout="30s")
    for _ in range(300):
        exchange = caller.start("GET", "/courses/half", held=True)
        assert exchange.head().status == 200
        exchange.abandon()
    assert caller.request("POST", "/courses/x", body=b"z" * MIB).body == b"z" * MIB
    assert naru.metric("naru_connections", side="upstream") == 1


def test_padding_counts_as_data_does(h2_courses):
    naru, caller, service = h2_courses(echo)
    exchange = caller.start("POST", "/courses/x", end=False)
    for _ in range(1000):  # 355 KiB of the window, 98 KiB of body
        exchange.stream.send(b"z" * 100, padding=255)
    exchange.end()
    assert exchange.answer().body == b"z" * 100 * 1000


def test_a_service_may_pad_too(h2_courses):
    def padded(_, reply):
        reply.head(200)
        for _ in range(1000):
            reply.stream.send(b"z" * 100, padding=255)
        reply.end()

    naru, caller, service = h2_courses(padded)
    assert caller.request("GET", "/courses/x").body == b"z" * 100 * 1000


@pytest.mark.parametrize("setting, value", [(Setting.HEADER_TABLE_SIZE, 0), (Setting.INITIAL_WINDOW_SIZE, 100),
                                            (Setting.MAX_FRAME_SIZE, 1 << 20), (Setting.INITIAL_WINDOW_SIZE, 1 << 24)])
def test_settings_of_either_side_are_kept_to(start_naru, serve, call_as, setting, value):
    service = serve(HTTP2, echo, settings={setting: value})
    naru = start_naru(named(service))
    caller = call_as(HTTP2, naru.port, settings={setting: value})
    for number in range(5):
        answer = caller.request("POST", "/courses/x", [("x-number", str(number))], b"z" * 50000)
        assert answer.body == b"z" * 50000
    assert [request.get("x-number") for request in service.requests] == list("01234")


def test_a_window_that_opens_later_is_used(h2_courses):
    naru, caller, service = h2_courses(lambda _, reply: reply.respond(200, b"z" * 10000))
    with FrameClient(naru.port, {Setting.INITIAL_WINDOW_SIZE: 0}) as client:
        client.send(request_frame(client.encoder, 1))
        assert client.wait_head(1)[":status"] == "200"
        client.send(WindowUpdateFrame(1, window_increment=10))
        client.wait_for(lambda: client.body(1) == b"z" * 10, "ten bytes")
        client.send(SettingsFrame(0, settings={Setting.INITIAL_WINDOW_SIZE: 90}))
        client.wait_for(lambda: client.body(1) == b"z" * 100, "ninety more")
        client.send(WindowUpdateFrame(1, window_increment=100000))
        client.wait_for(lambda: client.body(1) == b"z" * 10000, "the rest")


def test_frames_that_mean_nothing_are_passed_over(h2_courses):
    naru, caller, service = h2_courses()
    with FrameClient(naru.port) as client:
        client.send(b"\0\0\5\x42\0\0\0\0\0what?",  # five bytes of the unknown type 0x42
                    SettingsFrame(0, settings={0x4242: 1}), PriorityFrame(7, depends_on=3, stream_weight=10),
                    request_frame(client.encoder, 1, end_stream=False, method="POST"),
                    b"\0\0\5\x43\xff\0\0\0\1what?", DataFrame(1, flags=["END_STREAM"]))
        assert client.wait_head(1)[":status"] == "200"
        assert client.goaway is None


def test_a_head_may_come_in_continuations(h2_courses):
    naru, caller, service = h2_courses()
    with FrameClient(naru.port) as client:
        block = request_frame(client.encoder, 1, [(f"x-field-{number}", "v" * 50) for number in range(100)]).data
        pieces = [block[at:at + 1000] for at in range(0, len(block), 1000)]
        frames = [HeadersFrame(1, pieces[0], flags=["END_STREAM"])]
        frames += [ContinuationFrame(1, piece) for piece in pieces[1:]]
        frames[-1].flags.add("END_HEADERS")
        client.send(*frames)
        assert client.wait_head(1)[":status"] == "200"
    assert len([name for name in service.request.names() if name.startswith("x-field-")]) == 100


def test_a_head_larger_than_a_frame_is_carried(h2_courses):
    fields = [(f"x-field-{number}", "v" * 1000) for number in range(40)]
    naru, caller, service = h2_courses(lambda _, reply: reply.respond(200, b"ok", *fields))
    answer = caller.request("GET", "/courses/x", fields)
    assert [field for field in service.request.fields if field in fields] == fields
    assert [field for field in answer.fields if field in fields] == fields


# What is malformed

SOUND = [(":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", "/courses/x")]


def without(name):
    return [field for field in SOUND if field[0] != name]


MALFORMED = {
    "connection": SOUND + [("connection", "close")],
    "keep-alive": SOUND + [("keep-alive", "timeout=5")],
    "proxy-connection": SOUND + [("proxy-connection", "keep-alive")],
    "transfer-encoding": SOUND + [("transfer-encoding", "chunked")],
    "upgrade": SOUND + [("upgrade", "websocket")],
    "te that is not trailers": SOUND + [("te", "gzip")],
    "an upper-case name": SOUND + [("X-Upper", "1")],
    "a space in a name": SOUND + [("x name", "1")],
    "a colon in a name": SOUND + [("x:name", "1")],
    "an empty name": SOUND + [("", "1")],
    "NUL in a value": SOUND + [("x-a", "b\0c")],
    "CR in a value": SOUND + [("x-a", "b\rc")],
    "LF in a value": SOUND + [("x-a", "b\nx-injected: 1")],
    "CR LF in the path": without(":path") + [(":path", "/courses/x HTTP/1.1\r\nx-injected: 1")],
    "a space in the path": without(":path") + [(":path", "/courses/x HTTP/1.1")],
    "no method": without(":method"),
    "no scheme": without(":scheme"),
    "no path": without(":path"),
    "an empty path": without(":path") + [(":path", "")],
    "a path that begins with neither / nor *": without(":path") + [(":path", "courses/x")],
    "a space in the method": without(":method") + [(":method", "GET /evil")],
    "a method twice": SOUND[:1] + SOUND,
    "a path twice": SOUND + [(":path", "/courses/y")],
    "a pseudo-field behind a field": without(":path") + [("x-a", "b"), (":path", "/courses/x")],
    "an unknown pseudo-field": SOUND + [(":unknown", "1")],
    "a status in a request": SOUND + [(":status", "200")],
    "two lengths": SOUND + [("content-length", "0"), ("content-length", "1")],
    "a length that is no number": SOUND + [("content-length", "five")],
    "a negative length": SOUND + [("content-length", "-1")],
    "a length without a body": SOUND + [("content-length", "5")],
    "a protocol without CONNECT": SOUND[:1] + [(":protocol", "websocket")] + SOUND[1:],
}


@pytest.mark.parametrize("service_protocol", PROTOCOLS)
@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_request_ends_its_stream_and_no_other(start_naru, serve, call_as, fields, service_protocol):
    service = serve(service_protocol)
    naru = start_naru(named(service, protocol=service_protocol))
    caller = call_as(HTTP2, naru.port)
    answer = answer_on(caller.client.start_fields(fields))
    assert refused(answer), answer
    assert caller.request("GET", "/courses/next").status == 200
    assert service.paths() == ["/next"]


def refused(answer):
    """RFC 9113 8.1.1: a stream error, or an answer that says it first."""
    return answer.status == 400 or (answer.status, answer.outcome, answer.reset_code) == (
        None, "reset", ErrorCodes.PROTOCOL_ERROR)


@pytest.mark.parametrize("service_protocol", PROTOCOLS)
@pytest.mark.parametrize("body", [b"four", b"sixsix"], ids=["shorter", "longer"])
def test_a_body_that_is_not_as_long_as_announced_is_no_request(start_naru, serve, call_as, body, service_protocol):
    service = serve(service_protocol, echo)
    naru = start_naru(named(service, protocol=service_protocol))
    caller = call_as(HTTP2, naru.port)
    stream = caller.client.start("POST", "/courses/x", [("content-length", "5")], end=False)
    stream.send(body, end=True)
    assert refused(answer_on(stream))
    assert caller.request("GET", "/courses/next").status == 200
    assert service.paths() == ["/next"], "nobody takes what came for the whole"


@pytest.mark.parametrize("trailers", [[(":path", "/y")], [("connection", "close")], [("X-Upper", "1")]],
                         ids=["a pseudo-field", "connection", "an upper-case name"])
def test_malformed_trailers_are_no_end_of_a_request(h2_courses, trailers):
    naru, caller, service = h2_courses(echo)
    stream = caller.client.start("POST", "/courses/x", end=False)
    stream.send(b"hello")
    stream.send_fields(trailers, end=True)
    assert refused(answer_on(stream))
    assert caller.request("GET", "/courses/next").status == 200
    assert service.paths() == ["/next"]


def test_authority_and_host_may_not_name_two_services(start_naru, serve, call_as):
    """RFC 9113 8.3.1: malformed, or :authority alone counts; Host on its own names the service."""
    courses, media = serve(HTTP2), serve(HTTP2)
    naru = start_naru({name: {"squad": "learning", "endpoints": [service.address], "protocol": "http2"}
                       for name, service in (("courses", courses), ("media", media))})
    caller = call_as(HTTP2, naru.port)
    answer = caller.request("GET", "/x", [("host", "media")], authority="courses")
    assert refused(answer) or (answer.status, len(courses.requests)) == (200, 1)
    assert media.requests == []
    head = [(":method", "GET"), (":scheme", "http"), (":path", "/x"), ("host", "media")]
    assert answer_on(caller.client.start_fields(head)).status == 200
    assert (media.request.authority, media.request.get("host", "media")) == ("media", "media")


def test_connect_is_answered_405_with_the_reason_and_the_way_out(h2_courses):
    naru, caller, service = h2_courses()
    answer = answer_on(caller.client.start_fields([(":method", "CONNECT"), (":authority", "courses:443")], end=False))
    assert answer.status == 405
    detail = json.loads(answer.body)["detail"]
    assert "https" in detail and "http://" in detail, detail
    assert caller.request("GET", "/courses/x").status == 200


def said_by_service(fields):
    def script(request, reply):
        if request.path != "/x":
            return echo(request, reply)
        connection = reply.stream.connection
        with connection.changed:  # in a frame of its own: h2 would not say all of this
            block = connection.machine.encoder.encode(fields)
            connection.send_frames(HeadersFrame(reply.stream.id, block, flags=["END_STREAM", "END_HEADERS"]))
        return reply.stream.wait_over()

    return script


@pytest.mark.parametrize("caller_protocol", PROTOCOLS)
@pytest.mark.parametrize("fields", [
    [("x-a", "b")], [(":status", "abc")], [(":status", "99")], [(":status", "1000")], [(":status", "101")],
    [(":status", "200"), (":status", "200")], [(":status", "200"), (":path", "/")],
    [(":status", "200"), ("connection", "close")], [(":status", "200"), ("transfer-encoding", "chunked")],
    [(":status", "200"), ("X-Upper", "1")], [(":status", "200"), ("x-a", "b\r\nx-injected: 1")],
    [(":status", "200"), ("content-length", "five")], [(":status", "200"), ("content-length", "5")],
], ids=["no status", "a status that is no number", "a status of two digits", "a status of four digits", "101",
        "a status twice", "a path", "connection", "transfer-encoding", "an upper-case name", "CR LF in a value",
        "a length that is no number", "a length without a body"])
def test_a_malformed_answer_is_502(start_naru, serve, call_as, fields, caller_protocol):
    service = serve(HTTP2, said_by_service(fields))
    naru = start_naru(named(service, breaker="off", ejection="off"))
    caller = call_as(caller_protocol, naru.port)
    answer = caller.request("POST", "/courses/x", body=b"once")
    assert (answer.status, answer.get("x-naru-outcome")) == (502, "bad_response")
    assert caller.request("GET", "/courses/next").status == 200
    assert service.paths() == ["/x", "/next"]


@pytest.mark.parametrize("caller_protocol", PROTOCOLS)
@pytest.mark.parametrize("body", [b"four", b"sixsix"], ids=["shorter", "longer"])
def test_an_answer_that_is_not_as_long_as_announced_never_looks_complete(start_naru, serve, call_as, body,
                                                                         caller_protocol):
    def script(_, reply):
        reply.head(200, length=5)
        reply.stream.send(body, end=True)

    naru = start_naru(named(serve(HTTP2, script)))
    answer = call_as(caller_protocol, naru.port).request("POST", "/courses/x", body=b"once")
    assert answer.status == 502 or answer.outcome == {HTTP1: "closed", HTTP2: "reset"}[caller_protocol]
    assert len(answer.body) <= 5 or answer.status == 502


@pytest.mark.parametrize("caller_protocol", PROTOCOLS)
def test_a_service_that_speaks_no_http2_is_a_bad_response(start_naru, upstream, call_as, caller_protocol):
    peer = upstream(lambda *_: b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    naru = start_naru(named(peer, retry={"attempts": 1}))
    answer = call_as(caller_protocol, naru.port).request("POST", "/courses/x", body=b"once")
    assert (answer.status, answer.get("x-naru-outcome")) == (502, "bad_response")


def test_an_answers_head_beyond_the_bounds_is_a_bad_response(h2_courses):
    def script(request, reply):
        if request.path == "/x":
            reply.respond(200, b"", *[(f"x-field-{number}", "v" * 1000) for number in range(1000)])
        else:
            echo(request, reply)

    naru, caller, service = h2_courses(script, breaker="off", ejection="off")
    answer = caller.request("POST", "/courses/x", body=b"once")
    assert (answer.status, answer.get("x-naru-outcome")) == (502, "bad_response")
    assert caller.request("GET", "/courses/next").status == 200


# GOAWAY and refused streams


@pytest.mark.parametrize("caller_protocol", PROTOCOLS)
def test_streams_beyond_goaway_are_carried_elsewhere_and_the_others_finish(start_naru, serve, call_as, caller_protocol):
    gate = Gate()

    def script(request, reply):
        if request.path == "/stays":
            gate.wait()
        elif request.connection.number == 0:
            return  # never answered: the service did not process it, as its GOAWAY will say
        reply.respond(200, request.path.encode() + request.body)

    service = serve(HTTP2, script)
    naru = start_naru(named(service, retry=RETRY, **PATIENT))
    caller = call_as(caller_protocol, naru.port)
    stays = caller.start("GET", "/courses/stays")
    service.wait_for_requests(1)
    moves = []
    for number in range(3):
        exchange = caller.start("POST", f"/courses/{number}", length=4, end=False)
        exchange.send(b"body")
        exchange.end()
        moves.append(exchange)
    service.wait_for_requests(4)
    first = service.connections[0]
    first.goaway(last_stream_id=min(first.streams))
    assert [exchange.answer().body for exchange in moves] == [b"/%dbody" % number for number in range(3)]
    assert sorted(service.paths()[4:]) == ["/0", "/1", "/2"], "once more, each"
    gate.open()
    assert stays.answer().body == b"/stays"
    eventually(lambda: first.closed, "naru closes what it does not need any more")
    assert len(first.streams) == 4
    eventually(lambda: naru.metric("naru_calls_total", outcome="ok") == 4, "each is counted")


def test_a_graceful_goaway_lets_all_finish_and_sends_the_next_elsewhere(h2_courses):
    held = Held()
    naru, caller, service = h2_courses(held, **PATIENT)
    exchanges = [caller.start("POST", f"/courses/{number}", end=False) for number in range(3)]
    service.peer.wait_for_connections(1)
    for exchange in exchanges:
        exchange.stream.send(b"body", end=True)
    service.wait_for_requests(3)
    first = service.connections[0]
    first.goaway(last_stream_id=(1 << 31) - 1)
    first.ping(b"is heard")
    further = caller.start("POST", "/courses/further", length=4, end=False)
    further.stream.send(b"next", end=True)
    service.wait_for_requests(4)
    assert [request.connection.number for request in service.requests] == [0, 0, 0, 1]
    held.gate.open()
    assert [exchange.answer().body for exchange in (*exchanges, further)] == [b"body"] * 3 + [b"next"]
    eventually(lambda: first.closed, "naru closes what it does not need any more")


@pytest.mark.parametrize("caller_protocol", PROTOCOLS)
def test_a_refused_stream_is_repeated_whatever_its_method(start_naru, serve, call_as, caller_protocol):
    def script(request, reply):
        if request.get("x-naru-attempt") is None and not any(len(service.requests) > 1 for service in services):
            refusals.append(request)
            reply.stream.reset(ErrorCodes.REFUSED_STREAM)
        else:
            echo(request, reply)

    refusals = []
    services = [serve(HTTP2, script)]
    naru = start_naru(named(*services, retry=RETRY))
    answer = call_as(caller_protocol, naru.port).request("POST", "/courses/x", body=[b"pay", b"ment"])
    assert (answer.status, answer.body) == (200, b"payment")
    assert [request.body for request in services[0].requests] == [b"payment"] * 2
    assert len(refusals) == 1
    assert naru.metric("naru_retries_suppressed_total") == 0


def test_a_stream_that_is_always_refused_is_an_error_in_the_end(h2_courses):
    naru, caller, service = h2_courses(lambda _, reply: reply.stream.reset(ErrorCodes.REFUSED_STREAM), retry=RETRY,
                                       breaker="off", ejection="off")
    answer = caller.request("POST", "/courses/x", body=b"pay")
    assert answer.status in (502, 503)
    assert {attempt["outcome"] for attempt in json.loads(answer.body)["attempts"]} == {answer.get("x-naru-outcome")}
    assert 2 <= len(service.requests) <= 4


@pytest.mark.parametrize("code", [ErrorCodes.NO_ERROR, ErrorCodes.CANCEL, ErrorCodes.INTERNAL_ERROR,
                                  ErrorCodes.ENHANCE_YOUR_CALM])
def test_other_resets_do_not_repeat_a_post(h2_courses, code):
    naru, caller, service = h2_courses(lambda _, reply: reply.stream.reset(code), retry=RETRY)
    answer = caller.request("POST", "/courses/x", body=b"pay")
    assert (answer.status, answer.get("x-naru-outcome")) == (502, "reset")
    assert len(service.requests) == 1


def test_sigterm_says_goaway_twice_and_finishes_what_is_there(start_naru, serve, call_as):
    held = Held()
    service = serve(HTTP2, lambda request, reply: (held if request.path == "/slow" else echo)(request, reply))
    naru = start_naru(named(service, timeout="60s", try_timeout="60s"), drain_timeout="20s")
    caller = call_as(HTTP2, naru.port)
    slow = caller.start("GET", "/courses/slow")
    service.wait_for_requests(1)
    naru.signal()
    first = caller.client.wait_goaway(1)
    assert (first.last_stream_id, first.code) == ((1 << 31) - 1, ErrorCodes.NO_ERROR)
    assert call_as(HTTP2, naru.port).request("GET", "/courses/new").status == 200, "on a new connection meanwhile"
    held.gate.open()
    assert slow.answer().status == 200
    second = caller.client.wait_goaway(2)
    assert (second.last_stream_id, second.code) == (slow.stream.id, ErrorCodes.NO_ERROR)
    caller.client.wait_closed()
    assert naru.wait_exit() == 0


def test_a_stream_that_crosses_the_first_goaway_is_carried(start_naru, serve, call_as):
    naru = start_naru(named(serve(HTTP2, echo)), drain_timeout="20s")
    caller = call_as(HTTP2, naru.port)
    assert caller.request("GET", "/courses/x").status == 200
    naru.signal(signal.SIGSTOP)
    eventually(naru.stopped, "every thread of naru stands still")
    naru.signal(signal.SIGTERM)
    exchange = caller.start("POST", "/courses/x", length=4, end=False)
    exchange.stream.send(b"late", end=True)
    caller.client.wait_sent()
    naru.signal(signal.SIGCONT)
    assert exchange.answer().body == b"late"
    assert naru.wait_exit() == 0


# protocol: auto


def http1_only(preface_answer):
    """A service that knows nothing of HTTP/2, and closes after every answer."""

    def answer(request, connection):
        if request.method == "PRI":
            if preface_answer:
                connection.send(preface_answer)
            return CLOSE
        connection.send(ok(connection.read_request_body(request).body or b"plain", ("Connection", "close")))
        return CLOSE

    return answer


@pytest.mark.parametrize("preface_answer", [
    b"", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.0 501 Unsupported\r\n\r\n<html>",
], ids=["closes", "400", "505", "200", "1.0"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_auto_falls_back_to_http1_once_and_remembers(start_naru, upstream, call_as, preface_answer, method):
    peer = upstream(http1_only(preface_answer), read_body=False)
    naru = start_naru(named(peer, protocol="auto"))
    caller = call_as(HTTP2, naru.port)
    for _ in range(5):
        body = b"body" if method == "POST" else b""
        answer = caller.request(method, "/courses/x", body=body)
        assert (answer.status, answer.body) == (200, body or b"plain")
    assert [request.method for request in peer.requests] == ["PRI"] + [method] * 5
    eventually(lambda: naru.metric("naru_calls_total", outcome="ok") == 5, "each call is counted once")
    assert call_as(HTTP2, naru.port).request("GET", "/courses/x").status == 200
    assert [request.method for request in peer.requests].count("PRI") == 1


@pytest.mark.parametrize("caller_protocol", PROTOCOLS)
def test_auto_speaks_what_the_caller_speaks(start_naru, serve, call_as, caller_protocol):
    service = serve(caller_protocol)
    naru = start_naru(named(service, protocol="auto"))
    caller = call_as(caller_protocol, naru.port)
    for _ in range(5):
        assert caller.request("GET", "/courses/x").status == 200
    assert [request.protocol for request in service.requests] == [caller_protocol] * 5
    assert naru.metric("naru_connections", side="upstream", protocol=caller_protocol) == 1


def test_auto_is_what_there_is_without_a_word(start_naru, serve, call_as):
    service = serve(HTTP2)
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [service.address]}})
    assert call_as(HTTP2, naru.port).request("GET", "/courses/x").status == 200
    assert service.request.protocol == HTTP2


# WebSocket over HTTP/2


def test_a_websocket_that_an_http1_service_ignores_is_not_granted(start_naru, serve, call_as):
    """Any 2xx would grant it (RFC 8441 5)."""
    service = serve(HTTP1)
    naru = start_naru(named(service, protocol=HTTP1))
    answer, tunnel = call_as(HTTP2, naru.port).tunnel("/courses/chat")
    assert (tunnel, answer.status // 100 != 2) == (None, True)


@pytest.mark.parametrize("caller_protocol", PROTOCOLS)
def test_a_websocket_is_not_asked_of_a_service_that_does_not_allow_it(start_naru, serve, call_as, caller_protocol):
    service = serve(HTTP2, settings={Setting.ENABLE_CONNECT_PROTOCOL: 0})
    naru = start_naru(named(service))
    caller = call_as(caller_protocol, naru.port)
    answer, tunnel = caller.tunnel("/courses/chat")
    assert tunnel is None
    assert "CONNECT" not in [request.method for request in service.requests], "RFC 8441 3"
    assert call_as(caller_protocol, naru.port).request("GET", "/courses/x").status == 200


def test_tunnels_share_a_connection_with_calls(h2_courses):
    def script(request, reply):
        if request.upgrade is None:
            return echo(request, reply)
        tunnel = reply.tunnel()
        while piece := tunnel.read_some():
            tunnel.send(piece)
        return tunnel.end()

    naru, caller, service = h2_courses(script)
    tunnels = [caller.tunnel("/courses/chat")[1] for _ in range(10)]
    for number in range(5):
        for tunnel in tunnels:
            tunnel.send(b"hello %d" % number)
        for tunnel in tunnels:
            assert tunnel.read_exactly(7) == b"hello %d" % number
        assert caller.request("POST", "/courses/x", body=b"z" * MIB).body == b"z" * MIB
    for tunnel in tunnels:
        tunnel.end()
    assert len(service.connections) == 1


def test_trailers_beyond_the_limit_are_not_cut_in_silence(h2_courses):
    def chatty(_, reply):
        reply.head(200)
        reply.send(b"a part")
        reply.end(trailers=[(f"x-{number}", "v" * 1000) for number in range(80)])

    naru, caller, service = h2_courses(chatty)
    answer = caller.request("GET", "/courses/x")
    assert (answer.status, answer.outcome) == (200, "reset")
    eventually(lambda: naru.metric("naru_calls_total", outcome="truncated") == 1, "it is counted as what it was")
