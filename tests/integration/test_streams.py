"""Answers that come piece by piece, half-closed connections, and applications that go away."""

import socket
import threading

import pytest

from support.client import Client, request_bytes
from support.upstream import CLOSE, Gate, ok
from support.waiting import Stopwatch, eventually

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_every_event_arrives_before_the_next_is_sent(courses):
    read = [threading.Event() for _ in range(10)]

    def answer(_, connection):
        connection.send(EVENTS)
        for number in range(10):
            event = b"data: %d\n\n" % number
            connection.send(b"%x\r\n%b\r\n" % (len(event), event))
            assert read[number].wait(10), f"event {number} did not arrive by itself"
        return b"0\r\n\r\n"

    naru, _ = courses(answer)
    with Client(naru.port) as client:
        client.start("GET", "/courses/events")
        assert client.read_response_head().get("content-type") == "text/event-stream"
        for number in range(10):
            assert client.read_chunk()[0] == b"data: %d\n\n" % number
            read[number].set()
        assert client.read_chunk()[0] == b""


def test_the_head_arrives_before_the_body_begins(courses):
    gate = Gate()

    def answer(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        gate.wait()
        return b"body"

    naru, _ = courses(answer)
    with Client(naru.port) as client:
        client.start("GET", "/courses/x")
        assert client.read_response_head().status == 200
        gate.open()
        assert client.read_exactly(4) == b"body"


def begin_events(client):
    """False when the machine stalled until timeout, so that the stream has to be asked for again."""
    client.start("GET", "/courses/events")
    head = client.read_response_head()
    if head.status != 200:
        client.read_exactly(int(head.get("content-length")))
    return head.status == 200


def test_an_event_stream_may_be_silent_for_idle_timeout(courses):
    gate = Gate()

    def answer(_, connection):
        connection.send(EVENTS + b"4\r\none\n\r\n")
        gate.wait()
        return b"4\r\ntwo\n\r\n0\r\n\r\n"

    naru, _ = courses(answer, timeout="200ms", try_timeout="200ms", idle_timeout="30s")
    with Client(naru.port) as client:
        eventually(lambda: begin_events(client), "the stream begins")
        assert client.read_chunk()[0] == b"one\n"
        assert not client.closed_within(0.6), "an event stream is ended by idle_timeout, not by timeout"
        gate.open()
        assert client.read_chunk()[0] == b"two\n"


def test_an_event_stream_that_is_silent_longer_is_cut(courses):
    def answer(_, connection):
        connection.send(EVENTS + b"4\r\none\n\r\n")
        connection.read_to_end()
        return CLOSE

    naru, peer = courses(answer, idle_timeout="300ms")
    with Client(naru.port) as client:
        watch = Stopwatch()
        client.start("GET", "/courses/events")
        client.read_response_head()
        assert client.read_chunk()[0] == b"one\n"
        assert client.closed_within(), "and not ended as if complete"
        assert 0.2 < watch.seconds < 9
    eventually(lambda: not peer.open_connections(), "the service's connection is closed too")


def test_an_event_stream_gives_its_place_in_the_limit_back(courses):
    def answer(request, connection):
        if request.target != "/events":
            return ok()
        connection.send(EVENTS + b"4\r\none\n\r\n")
        connection.read_to_end()
        return CLOSE

    naru, _ = courses(answer, limits={"concurrent": 1, "queue": 0})
    with Client(naru.port) as stream, Client(naru.port) as client:
        stream.start("GET", "/courses/events")
        stream.read_response_head()
        assert client.get("/courses/x").status == 200


@pytest.fixture(params=["tcp", "unix"])
def listening(request, start_naru, upstream, tmp_path):
    """naru in front of `courses`, and where applications reach it: listening(answer, policy...)."""

    def start(answer, **policy):
        peer = upstream(answer)
        path = tmp_path / "naru.sock"
        naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address], **policy}},
                          listen=f"unix://{path}" if request.param == "unix" else None)
        return naru, peer, path if request.param == "unix" else naru.port

    return start


def test_an_application_that_half_closes_still_gets_its_answer(listening):
    gate = Gate()

    def answer(*_):
        gate.wait()
        return ok(b"late")

    naru, peer, where = listening(answer)
    with Client(where) as client:
        client.start("GET", "/courses/x")
        peer.wait_for_requests(1)
        client.sock.shutdown(socket.SHUT_WR)
        gate.open()
        data = client.read_to_end()
    # Like HAProxy's default and nginx's proxy_ignore_client_abort, half-close is not taken for going away.
    assert data.startswith(b"HTTP/1.1 200 OK\r\n") and data.endswith(b"late")


def test_an_application_that_half_closes_inside_the_answer_gets_the_rest(listening):
    gate = Gate()

    def answer(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        gate.wait()
        return b"6\r\nmiddle\r\n4\r\nlast\r\n0\r\n\r\n"

    naru, _, where = listening(answer, timeout="30s")
    with Client(where) as client:
        client.start("GET", "/courses/x")
        client.read_response_head()
        assert client.read_chunk()[0] == b"first"
        client.sock.shutdown(socket.SHUT_WR)
        assert not client.closed_within(0.3), "half-closed is not gone"
        gate.open()
        rest = client.read_to_end()
    assert b"".join(rest.split(b"\r\n")[1::2]) == b"middlelast" and rest.endswith(b"\r\n0\r\n\r\n"), rest
    eventually(lambda: naru.metric("naru_calls_total", outcome="ok") == 1, "the call is counted as answered")


def cancelled(naru, peer):
    eventually(lambda: not peer.open_connections(), "naru hangs up on the service")
    eventually(lambda: naru.metric("naru_calls_total", outcome="cancelled") == 1, "the call is counted as cancelled")
    eventually(lambda: naru.metric("naru_in_flight") == 0, "and no longer as in flight")
    eventually(lambda: naru.metric("naru_connections") == 0, "and no connection is left")


# With a FIN, as a process that ends does, or with a reset.
WAYS_TO_VANISH = pytest.mark.parametrize("vanish", [Client.close, Client.abort], ids=["close", "reset"])


@WAYS_TO_VANISH
def test_an_application_that_vanishes_while_waiting_cancels_the_attempt(listening, vanish):
    def answer(_, connection):
        connection.read_to_end()
        return CLOSE

    naru, peer, where = listening(answer, timeout="30s", try_timeout="30s")
    client = Client(where)
    client.start("GET", "/courses/x")
    peer.wait_for_requests(1)
    vanish(client)
    cancelled(naru, peer)


@WAYS_TO_VANISH
def test_an_application_that_vanishes_inside_the_answer_cancels_it(listening, vanish):
    def answer(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        connection.read_to_end()
        return CLOSE

    naru, peer, where = listening(answer, timeout="30s")
    client = Client(where)
    client.start("GET", "/courses/x")
    client.read_response_head()
    assert client.read_chunk()[0] == b"hello"
    vanish(client)
    cancelled(naru, peer)


@WAYS_TO_VANISH
def test_an_application_that_half_closed_and_then_vanishes_cancels_the_attempt(listening, vanish):
    def answer(_, connection):
        connection.read_to_end()
        return CLOSE

    naru, peer, where = listening(answer, timeout="30s", try_timeout="30s")
    client = Client(where)
    client.start("GET", "/courses/x")
    peer.wait_for_requests(1)
    client.sock.shutdown(socket.SHUT_WR)
    assert not client.closed_within(0.3)
    assert not peer.connections[0].closed.is_set()
    vanish(client)
    cancelled(naru, peer)


def test_an_application_that_vanishes_inside_its_request_body_cancels_the_attempt(courses):
    seen = threading.Event()

    def answer(request, connection):
        assert connection.read_exactly(5) == b"hello"
        seen.set()
        connection.read_to_end()
        return CLOSE

    naru, peer = courses(answer, read_body=False)
    client = Client(naru.port)
    client.send(request_bytes("POST", "/courses/x", [("Content-Length", "1000")]) + b"hello")
    assert seen.wait(10)
    client.close()
    eventually(lambda: not peer.open_connections(), "half a request is not left standing at the service")
    eventually(lambda: naru.metric("naru_calls_total", outcome="cancelled") == 1, "the call is counted as cancelled")


def test_a_connection_on_which_a_call_was_cancelled_is_not_reused(courses):
    def answer(request, connection):
        if request.target == "/slow":
            connection.read_to_end()
            return CLOSE
        return ok(request.target.encode())

    naru, peer = courses(answer)
    client = Client(naru.port)
    client.start("GET", "/courses/slow")
    peer.wait_for_requests(1)
    client.abort()
    with Client(naru.port) as next_client:
        assert next_client.get("/courses/next").body == b"/next"
    assert len(peer.connections) == 2
