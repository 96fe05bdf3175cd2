"""timeout, try_timeout, connect_timeout, and deadlines that callers send."""

import contextlib
import socket

import pytest

from support.client import Client, call, get
from support.http_message import ConnectionClosed
from support.upstream import CLOSE, Gate, answer_bytes, ok
from support.waiting import PATIENCE, Stopwatch, eventually


def hang(_, connection):
    connection.read_to_end()
    return CLOSE


def elapsed(function):
    watch = Stopwatch()
    return function(), watch.seconds


def test_timeout_covers_the_whole_wait_for_an_answer(courses):
    naru, peer = courses(hang, timeout="400ms", try_timeout="200ms", retry={"attempts": 5, "on": ["reset"]})
    answer, seconds = elapsed(lambda: get(naru.port, "/courses/x"))
    assert (answer.status, answer.get("x-naru-outcome")) == (504, "timeout")
    assert 0.35 < seconds < 0.5 * PATIENCE
    eventually(lambda: not peer.open_connections(), "no attempt is left behind")


def test_the_callers_deadline_shortens_the_timeout(courses):
    naru, peer = courses(hang, timeout="30s", try_timeout="30s")
    answer, seconds = elapsed(lambda: get(naru.port, "/courses/x", ("x-naru-deadline-ms", "1000")))
    assert (answer.status, answer.get("x-naru-outcome")) == (504, "timeout")
    assert 0.9 < seconds < 0.5 * PATIENCE
    assert 0 < int(peer.request.get("x-naru-deadline-ms")) <= 1000


def test_the_callers_deadline_never_lengthens_the_timeout(courses):
    naru, peer = courses(hang, timeout="1s", try_timeout="1s")
    answer, seconds = elapsed(lambda: get(naru.port, "/courses/x", ("x-naru-deadline-ms", "60000")))
    assert answer.status == 504
    assert seconds < 0.5 * PATIENCE
    assert int(peer.request.get("x-naru-deadline-ms")) <= 1000


def test_a_deadline_that_has_passed_reaches_nobody(courses):
    naru, peer = courses()
    answer = get(naru.port, "/courses/x", ("x-naru-deadline-ms", "0"))
    assert (answer.status, answer.get("x-naru-outcome")) == (504, "timeout")
    assert peer.connections == []


def test_every_attempt_is_told_what_is_left(courses):
    def answer(request, connection):
        if request.get("x-naru-attempt") is None:
            return hang(request, connection)
        return ok()

    naru, peer = courses(answer, timeout="10s", try_timeout="1s",
                         retry={"attempts": 2, "on": ["reset"], "backoff": {"base": "1ms", "max": "1ms"}})
    assert get(naru.port, "/courses/x").status == 200
    first, second = [int(request.get("x-naru-deadline-ms")) for request in peer.requests]
    assert first - second >= 980


def test_an_attempt_ends_at_try_timeout_and_the_next_goes_elsewhere(start_naru, upstream):
    peers = [upstream(hang), upstream()]
    naru = start_naru({"courses": {
        "squad": "learning", "endpoints": [peer.address for peer in peers], "timeout": "20s", "try_timeout": "200ms",
        "balance": "round-robin", "ejection": "off", "retry": {"attempts": 2, "on": ["reset"]}}})
    for _ in range(4):
        answer, seconds = elapsed(lambda: get(naru.port, "/courses/x"))
        assert answer.status == 200
        assert seconds < 0.5 * PATIENCE


def test_a_call_that_may_not_be_repeated_has_no_try_timeout(courses):
    """Its only attempt is its last: cutting it short could only turn a late answer into none."""
    gate = Gate()

    def answer(*_):
        gate.wait()
        return ok(b"slow but there")

    naru, peer = courses(answer, timeout="30s", try_timeout="100ms")
    with Client(naru.port) as client:
        client.start("POST", "/courses/x", body=b"pay")
        peer.wait_for_requests(1)
        assert not client.closed_within(0.5)
        gate.open()
        assert client.read_response().body == b"slow but there"
    assert len(peer.requests) == 1


def test_the_last_attempt_has_no_try_timeout(courses):
    gate = Gate()

    def answer(*_):
        gate.wait()
        return ok(b"slow but there")

    naru, peer = courses(answer, timeout="30s", try_timeout="100ms", retry={"attempts": 1})
    with Client(naru.port) as client:
        client.start("GET", "/courses/x")
        peer.wait_for_requests(1)
        assert not client.closed_within(0.5)
        gate.open()
        assert client.read_response().body == b"slow but there"


def test_a_long_answer_is_not_cut_for_being_long(courses):
    """Bytes every half a second for twice the timeout."""

    def answer(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n")
        connection.sock.settimeout(0.5)
        for _ in range(12):
            connection.send(b"z")
            try:
                connection.more("the pause")
            except (TimeoutError, socket.timeout):
                pass

    naru, _ = courses(answer, timeout="3s", try_timeout="3s")
    answer_read, seconds = elapsed(lambda: get(naru.port, "/courses/x"))
    assert answer_read.body == b"z" * 12
    assert seconds > 5


def test_an_answer_that_falls_silent_for_timeout_is_cut(courses):
    def answer(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhalf")
        return hang(_, connection)

    naru, peer = courses(answer, timeout="2s", try_timeout="2s")
    with Client(naru.port) as client:
        client.start("GET", "/courses/x")
        assert client.read_response_head().status == 200
        data, seconds = elapsed(client.read_to_end)
    assert data == b"half"
    assert 1 < seconds < PATIENCE  # less than the timeout if this thread was late
    eventually(lambda: not peer.open_connections(), "naru hangs up on the service")
    eventually(lambda: naru.metric("naru_calls_total", outcome="truncated") == 1, "the call is counted")


def test_a_slow_reader_is_not_taken_for_a_silent_service(courses):
    """The application stops reading for longer than the timeout: the service is not to blame, nothing is cut."""
    total = 64 * 1024 * 1024
    naru, _ = courses(answer_bytes("200 OK", b"z" * total), timeout="2s", try_timeout="2s")
    with Client(naru.port) as client:
        client.start("GET", "/courses/x")
        client.read_response_head()
        gate = Stopwatch()
        eventually(lambda: gate.seconds > 4, "a pause of two timeouts")
        assert len(client.read_exactly(total)) == total


def test_a_deadline_of_the_caller_covers_the_whole_answer(courses):
    def answer(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sock.settimeout(0.05)
        while True:
            connection.send(b"1\r\nz\r\n")
            try:
                connection.more("the pause")
            except (TimeoutError, socket.timeout):
                pass

    naru, _ = courses(answer, timeout="30s", try_timeout="30s")
    with Client(naru.port) as client:
        client.start("GET", "/courses/x", [("x-naru-deadline-ms", "2000")])
        assert client.read_response_head().status == 200
        watch = Stopwatch()
        with pytest.raises((ConnectionClosed, ConnectionResetError)):
            while True:
                client.read_chunk()
        assert watch.seconds < PATIENCE


def test_a_deadline_ends_a_call_that_waits_for_a_place(courses):
    gate = Gate()

    def answer(request, _):
        gate.wait()
        return ok(request.target.encode())

    naru, peer = courses(answer, timeout="60s", try_timeout="60s",
                         limits={"concurrent": 1, "queue": 1, "queue_timeout": "60s"})
    with Client(naru.port) as holder, Client(naru.port) as heir:
        holder.start("GET", "/courses/holder")
        peer.wait_for_requests(1)
        answer_read, seconds = elapsed(lambda: get(naru.port, "/courses/late", ("x-naru-deadline-ms", "300")))
        assert (answer_read.status, answer_read.get("x-naru-outcome")) == (504, "timeout"), "the caller's time ran out"
        assert 0.25 < seconds < 0.5 * PATIENCE
        heir.start("GET", "/courses/heir")
        eventually(lambda: naru.metric("naru_queued") == 1, "the only place in the queue is free again")
        gate.open()
        assert (holder.read_response().body, heir.read_response().body) == (b"/holder", b"/heir")
    assert [request.target for request in peer.requests] == ["/holder", "/heir"]
    eventually(lambda: naru.metric("naru_calls_total", outcome="timeout") == 1, "it counts as timeout")
    assert naru.metric("naru_calls_total", outcome="limit") == 0


@contextlib.contextmanager
def deaf_address():
    """An address at which a connect neither succeeds nor fails: a full backlog drops further SYNs."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with contextlib.suppress(TimeoutError, socket.timeout):
            while True:
                filler = stack.enter_context(socket.socket())
                filler.settimeout(0.2)
                filler.connect(listener.getsockname())
        yield "127.0.0.1:%d" % listener.getsockname()[1]


def test_connect_timeout_ends_a_connect_that_nobody_answers(start_naru):
    with deaf_address() as deaf:
        naru = start_naru({"courses": {"squad": "learning", "endpoints": [deaf], "connect_timeout": "200ms",
                                       "retry": {"attempts": 1}}})
        answer, seconds = elapsed(lambda: call(naru.port, "POST", "/courses/x", body=b"b"))
    assert (answer.status, answer.get("x-naru-outcome")) == (502, "connect_error")
    assert "error=connection_timeout" in answer.get("proxy-status")
    assert b"no answer in connect_timeout" in answer.body
    assert 0.15 < seconds < 0.5 * PATIENCE


def test_after_connect_timeout_a_post_goes_to_another_endpoint(start_naru, upstream):
    """Nothing of it was sent, so it is no repetition."""
    peer = upstream(lambda request, _: ok(request.body))
    with deaf_address() as deaf:
        naru = start_naru({"courses": {
            "squad": "learning", "endpoints": [deaf, peer.address], "balance": "round-robin", "ejection": "off",
            "connect_timeout": "1s", "timeout": "30s"}})
        for number in range(4):
            answer = call(naru.port, "POST", "/courses/x", body=b"pay %d" % number)
            assert (answer.status, answer.body) == (200, b"pay %d" % number)
    assert [request.body for request in peer.requests] == [b"pay %d" % number for number in range(4)]
    assert naru.metric("naru_attempts_total", outcome="connect_error") >= 1, "the deaf endpoint was tried"


def test_the_callers_deadline_ends_a_connect_before_connect_timeout(start_naru):
    with deaf_address() as deaf:
        naru = start_naru({"courses": {"squad": "learning", "endpoints": [deaf], "connect_timeout": "30s",
                                       "timeout": "60s", "try_timeout": "60s"}})
        answer, seconds = elapsed(
            lambda: call(naru.port, "POST", "/courses/x", [("x-naru-deadline-ms", "300")], b"b"))
    assert (answer.status, answer.get("x-naru-outcome")) == (504, "timeout")
    assert 0.25 < seconds < 0.5 * PATIENCE
