"""SIGTERM lets calls finish, new ones too, until it has been quiet for a second; a second signal ends at once."""

import signal

import pytest

from support.client import Client, call, get
from support.http_message import ConnectionClosed
from support.upstream import CLOSE, Gate, ok
from support.waiting import Stopwatch, eventually


@pytest.fixture
def held(start_naru, upstream):
    """naru with a service whose /slow waits for the gate."""

    def start(drain_timeout="20s"):
        gate = Gate()

        def answer(request, _):
            if request.target == "/slow":
                gate.wait()
            return ok(request.target.encode())

        peer = upstream(answer)
        naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address], "timeout": "60s",
                                       "try_timeout": "60s"}}, drain_timeout=drain_timeout)
        return naru, peer, gate

    return start


def not_ready(naru):
    eventually(lambda: not naru.ready(), "readyz fails while naru drains")


def test_sigterm_carries_what_is_there_and_what_comes_until_it_is_quiet(held):
    naru, peer, gate = held()
    with Client(naru.port) as client, Client(naru.port) as other:
        assert other.get("/courses/before").status == 200
        client.start("GET", "/courses/slow")
        peer.wait_for_requests(2)
        naru.signal()
        not_ready(naru)
        assert naru.admin("GET", "/readyz").status == 503
        assert naru.admin("GET", "/healthz").status == 200
        assert other.get("/courses/on-an-open-connection").body == b"/on-an-open-connection"
        assert get(naru.port, "/courses/on-a-new-connection").body == b"/on-a-new-connection"
        assert naru.running()
        gate.open()
        assert client.read_response().body == b"/slow"
    watch = Stopwatch()
    assert naru.wait_exit() == 0
    assert watch.seconds < 10


def drain_with_calls(naru):
    """A call every 300 ms keeps naru up, for two seconds. Returns the time since the last answer; None when naru ended
    because a machine that stalled made more than a second of a pause."""
    watch = since_answer = Stopwatch()
    naru.signal()
    while watch.seconds < 2:
        try:
            assert get(naru.port, "/courses/x").status == 200
        except (ConnectionClosed, ConnectionError):
            assert since_answer.seconds > 0.9, "naru ended within a second of a call"
            return None
        since_answer = pause = Stopwatch()
        eventually(lambda: pause.seconds > 0.3, "a pause")
    return since_answer


def test_sigterm_waits_for_a_second_of_quiet(held):
    for _ in range(5):
        naru, peer, gate = held()
        if since_answer := drain_with_calls(naru):
            break
    assert naru.wait_exit() == 0
    assert 0.8 < since_answer.seconds < 9


def test_an_idle_naru_ends_about_a_second_after_sigterm(held):
    naru, _, _ = held()
    watch = Stopwatch()
    naru.signal()
    assert naru.wait_exit() == 0
    assert 0.8 < watch.seconds < 9


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(held, second):
    naru, peer, gate = held()
    with Client(naru.port) as client:
        client.start("GET", "/courses/slow")
        peer.wait_for_requests(1)
        naru.signal()
        not_ready(naru)
        watch = Stopwatch()
        naru.signal(second)
        naru.wait_exit()
        assert watch.seconds < 9, "and not after drain_timeout"
        assert naru.process.returncode == 0
    gate.open()


def test_drain_timeout_ends_a_call_that_does_not_end(held):
    naru, peer, gate = held("700ms")
    with Client(naru.port) as client:
        client.start("GET", "/courses/slow")
        peer.wait_for_requests(1)
        watch = Stopwatch()
        naru.signal()
        assert naru.wait_exit() == 0
        assert 0.6 < watch.seconds < 9
        client.read_to_end()
    gate.open()


def test_a_long_answer_is_finished_while_draining(start_naru, upstream):
    gate = Gate()

    def answer(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        gate.wait()
        return b"4\r\nlast\r\n0\r\n\r\n"

    peer = upstream(answer)
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address]}}, drain_timeout="20s")
    with Client(naru.port) as client:
        client.start("GET", "/courses/x")
        client.read_response_head()
        assert client.read_chunk()[0] == b"first"
        naru.signal()
        not_ready(naru)
        gate.open()
        assert client.read_chunk()[0] == b"last"
        assert client.read_chunk()[0] == b""
    assert naru.wait_exit() == 0


def test_post_drain_drains_as_sigterm_does(held):
    naru, peer, gate = held()
    with Client(naru.port) as client:
        client.start("GET", "/courses/slow")
        peer.wait_for_requests(1)
        assert naru.admin("POST", "/drain").status == 403, "not without x-naru-admin: 1"
        assert naru.ready()
        assert naru.admin("POST", "/drain", {"x-naru-admin": "1"}).status in (200, 202)
        not_ready(naru)
        assert get(naru.port, "/courses/x").status == 200
        gate.open()
        assert client.read_response().status == 200


def test_a_tunnel_does_not_hold_the_drain_for_ever(start_naru, upstream):
    def answer(_, connection):
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        connection.read_to_end()
        return CLOSE

    peer = upstream(answer)
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address]}}, drain_timeout="1500ms")
    with Client(naru.port) as client:
        answer_read = client.get("/courses/x", ("Connection", "Upgrade"), ("Upgrade", "websocket"))
        assert answer_read.status == 101
        naru.signal()
        assert naru.wait_exit() == 0
    eventually(lambda: not peer.open_connections(), "the service sees the end of the tunnel")


def test_sigint_ends_at_once(held):
    """Whoever presses Ctrl-C does not wait for calls, as with a second SIGTERM."""
    naru, peer, gate = held()
    with Client(naru.port) as client:
        client.start("GET", "/courses/slow")
        peer.wait_for_requests(1)
        watch = Stopwatch()
        naru.signal(signal.SIGINT)
        assert naru.wait_exit() == 0
        assert watch.seconds < 9, "and not after drain_timeout, nor when the call has ended"
        assert client.closed_within(), "the call that was under way is cut"
    gate.open()
    eventually(lambda: not peer.open_connections(), "the service sees the end of it")


def test_nothing_listens_after_the_end(held):
    naru, _, _ = held("10ms")
    assert call(naru.port, "GET", "/courses/x").status == 200
    naru.stop()
    with pytest.raises(ConnectionRefusedError):
        Client(naru.port)
