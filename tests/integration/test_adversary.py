"""Peers that mean harm or die at the worst moment: nothing may hang, leak or be answered by somebody else's words."""

import contextlib
import signal
import threading

import pytest

from support.client import Client, request_bytes
from support.http_message import ConnectionClosed
from support.naru import free_port
from support.upstream import Gate, answer_bytes, ok
from support.waiting import PATIENCE, Stopwatch, eventually

SMALL_BUFFER = 16 * 1024  # BufferPool::kSmallBytes


@contextlib.contextmanager
def asleep(naru):
    """What happens inside, naru sees all at once, in the order in which it happened."""
    naru.signal(signal.SIGSTOP)
    eventually(naru.stopped, "every thread of naru stands still")  # the signal alone does not wait for them
    try:
        yield
    finally:
        naru.signal(signal.SIGCONT)


class Held:
    """Answers a target's request when it is let go, and says when the answer has been sent."""

    def __init__(self, *targets):
        self._go = {target: threading.Event() for target in targets}
        self._sent = {target: threading.Event() for target in targets}

    def __call__(self, request, connection):
        assert self._go[request.target].wait(3 * PATIENCE), f"nobody let {request.target} go"
        connection.send(ok(request.target.encode()))
        self._sent[request.target].set()

    def let_go(self, *targets):
        for target in targets:
            self._go[target].set()

    def answer(self, target):
        self.let_go(target)
        assert self._sent[target].wait(PATIENCE)


def in_flight(naru):
    return naru.metric("naru_in_flight", callee_service="courses")


def nothing_is_left(naru):
    eventually(lambda: in_flight(naru) == 0, "no call is in flight")
    eventually(lambda: naru.metric("naru_queued", callee_service="courses") == 0, "no call waits")


def test_an_answer_that_falls_silent_behind_a_full_buffer_is_cut(courses):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"

    def answer(_, connection):
        connection.send(head + b"x" * (SMALL_BUFFER - len(head)))  # one read of naru, to the last byte
        return hold.wait()

    hold = Gate()
    naru, _ = courses(answer, timeout="2s")
    with Client(naru.port) as client:
        client.start("GET", "/courses/x")
        assert client.read_response_head().status == 200
        with pytest.raises((ConnectionClosed, ConnectionResetError)):
            client.read_exactly(100000)
    hold.open()
    nothing_is_left(naru)
    eventually(lambda: naru.metric("naru_calls_total", outcome="truncated") == 1, "the call is counted")


def test_a_call_whose_application_is_gone_before_it_begins_is_not_carried(courses):
    hold = Gate()
    naru, peer = courses(lambda request, _: ok() if request.method == "GET" else hold.wait())
    with Client(naru.port) as client:  # leaves an idle connection to the service
        assert client.get("/courses/x").status == 200
    with asleep(naru):
        with Client(naru.port) as client:
            client.start("POST", "/courses/x", body=b"once")
    eventually(lambda: naru.metric("naru_calls_total", outcome="cancelled") == 1, "the call is over")
    nothing_is_left(naru)
    assert len(peer.requests) == 1
    hold.open()


def test_two_places_that_come_free_at_once_let_two_calls_go_at_once(courses):
    held = Held("/a", "/b", "/c", "/d")
    naru, peer = courses(held, timeout="30s", try_timeout="30s",
                         limits={"concurrent": 2, "queue": 10, "queue_timeout": f"{PATIENCE:g}s"})
    with contextlib.ExitStack() as stack:
        clients = {name: stack.enter_context(Client(naru.port)) for name in "abcd"}
        for name in "abc":
            clients[name].start("GET", f"/courses/{name}")
            eventually(lambda: in_flight(naru) + naru.metric("naru_queued") == "abc".index(name) + 1, "it has begun")
        with asleep(naru):  # c is given a place, another stays free, and d comes before c has gone
            held.answer("/a")
            held.answer("/b")
            clients["d"].start("GET", "/courses/d")
        watch = Stopwatch()
        held.let_go("/c", "/d")
        assert [client.read_response().body for client in clients.values()] == [b"/a", b"/b", b"/c", b"/d"]
        assert watch.seconds < 0.5 * PATIENCE
    nothing_is_left(naru)


def test_a_place_given_to_a_call_that_has_just_been_cancelled_goes_to_the_next_in_line(courses):
    held = Held("/holder", "/gone", "/next")
    held.let_go("/next")
    naru, peer = courses(held, timeout="30s", try_timeout="30s",
                         limits={"concurrent": 1, "queue": 10, "queue_timeout": f"{PATIENCE:g}s"})
    with contextlib.ExitStack() as stack:
        clients = {name: stack.enter_context(Client(naru.port)) for name in ("holder", "gone", "next")}
        for begun, (name, client) in enumerate(clients.items(), 1):
            client.start("GET", f"/courses/{name}")
            eventually(lambda: in_flight(naru) + naru.metric("naru_queued") == begun, "it has begun")
        with asleep(naru):
            held.answer("/holder")
            clients["gone"].abort()
        watch = Stopwatch()
        assert clients["holder"].read_response().body == b"/holder"
        assert clients["next"].read_response().body == b"/next"
        assert watch.seconds < 0.5 * PATIENCE
    nothing_is_left(naru)


def test_an_upgrade_is_not_asked_for_with_a_request_that_has_a_body(courses):
    """101 before the end of the body would leave two readers on one connection (RFC 9110 7.8)."""
    naru, peer = courses(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
                         read_body=False)
    with Client(naru.port) as client:
        fields = [("Connection", "upgrade"), ("Upgrade", "echo"), ("Content-Length", "10")]
        client.start("POST", "/courses/x", fields, b"half")
        assert client.read_response().status == 502
    assert peer.request.all("upgrade") == []
    nothing_is_left(naru)


def test_an_answer_that_began_is_not_cut_by_the_silence_of_its_request(courses):
    """With a deadline of the caller, which covers the whole call, and no other limit."""
    finish = Gate()

    def answer(request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        connection.read_exactly(4)
        for _ in range(8):
            connection.send(b"1\r\n.\r\n")
            tick.wait(0.5)
        finish.wait()
        return b"0\r\n\r\n"

    tick = threading.Event()
    naru, _ = courses(answer, read_body=False, timeout="3s")
    with Client(naru.port) as client:
        client.start("POST", "/courses/x", [("Content-Length", "100"), ("x-naru-deadline-ms", "60000")])
        assert client.read_response_head().status == 200
        client.send(b"more")
        finish.open()
        response = client.read_until(b"0\r\n\r\n")
    assert response.count(b".") == 8


def test_the_callers_deadline_cuts_an_answer_that_the_application_does_not_read(courses):
    naru, _ = courses(ok(b"x" * (64 * 1024 * 1024)))
    with Client(naru.port) as client:
        client.start("GET", "/courses/x", [("x-naru-deadline-ms", "500")])
        eventually(lambda: naru.metric("naru_calls_total", callee_service="courses") == 1, "the call has ended")
        nothing_is_left(naru)


@pytest.mark.parametrize("field", ["Connection: close", "Transfer-Encoding: chunked", "Content-Length: 5",
                                   "Keep-Alive: timeout=5", "Upgrade: echo"])
def test_hop_by_hop_fields_of_interim_answers_stay_here(courses, field):
    naru, _ = courses(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n" + field.encode() + b"\r\n\r\n" + ok())
    with Client(naru.port) as client:
        answer = client.get("/courses/x")
        assert (answer.status, answer.body) == (200, b"ok")
        assert [interim.names() for interim in answer.informational] in ([["Link"]], [])


def test_a_204_announces_no_length(courses):
    """RFC 9110 8.6: a reader who believed it would take the next answer for its body."""
    naru, _ = courses(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n")
    with Client(naru.port) as client:
        for _ in range(2):
            answer = client.get("/courses/x")
            assert (answer.status, answer.all("content-length")) == (204, [])


@pytest.mark.parametrize("field", ["Keep-Alive: timeout=999999999", "Keep-Alive: timeout=0", "Keep-Alive: timeout=-1",
                                   "Keep-Alive: timeout=99999999999999999999", "Retry-After: 99999999999999999999",
                                   "Retry-After: 999999999", "Retry-After: Thu, 01 Jan 9999 00:00:00 GMT"])
@pytest.mark.parametrize("status", ["200 OK", "503 Service Unavailable"])
def test_absurd_numbers_of_a_service_are_harmless(courses, field, status):
    name, value = field.split(": ", 1)
    naru, _ = courses(answer_bytes(status, b"ok", (name, value)))
    with Client(naru.port) as client:
        assert [client.get("/courses/x").status for _ in range(3)] == [int(status[:3])] * 3


@pytest.mark.parametrize("deadline", ["999999999", "9223372036854775807", "-1", "1e9", " ", "00000001"])
def test_absurd_deadlines_are_answered(courses, deadline):
    naru, _ = courses()
    with Client(naru.port) as client:
        answer = client.get("/courses/x", ("x-naru-deadline-ms", deadline), ("x-naru-attempt", deadline))
        assert answer.status in (200, 400, 504)
    nothing_is_left(naru)


def test_bytes_behind_an_answer_are_nobodys_answer(courses):
    """A service that says more than it was asked loses its connection."""
    naru, peer = courses(lambda request, _: ok(request.target.encode()) + ok(b"poison"))
    with Client(naru.port) as client:
        for turn in range(5):
            assert client.get(f"/courses/{turn}").body == b"/%d" % turn
    assert len(peer.connections) == 5


def test_pipelined_requests_behind_a_refused_one_are_not_carried(courses):
    naru, peer = courses()
    with Client(naru.port) as client:
        client.send(request_bytes("GET", "/courses/1") +
                    b"GET /courses/2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked"
                    b"\r\n\r\n0\r\n\r\n" + request_bytes("GET", "/courses/3"))
        assert client.read_response().status == 200
        assert client.read_response().status == 400
        assert client.closed_within()
    assert [request.target for request in peer.requests] == ["/1"]


def test_a_port_that_a_reload_opens_knows_its_service_from_the_first_call(start_naru, upstream):
    peer = upstream()
    services = {f"service{i}": {"squad": "learning", "endpoints": [peer.address]} for i in range(300)}
    naru = start_naru(services, workers=2)
    statuses = []

    def call_as_soon_as_it_listens(port):
        deadline = Stopwatch()
        while deadline.seconds < PATIENCE:
            with contextlib.suppress(ConnectionRefusedError), Client(port) as client:
                return statuses.append(client.get("/x").status)

    for turn in range(5):
        services[f"service{turn}"]["port"] = port = free_port()
        naru.write_config()
        callers = [threading.Thread(target=call_as_soon_as_it_listens, args=(port,)) for _ in range(2)]
        for caller in callers:
            caller.start()
        assert naru.reload().status == 200
        for caller in callers:
            caller.join()
    assert statuses == [200] * 10
