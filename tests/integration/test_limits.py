"""Limits, their queue, breakers, ejection and balancing, end to end."""

import collections
import contextlib
import itertools

import pytest

from support.client import Client, call, get
from support.upstream import CLOSE, Gate, answer_bytes, ok, refused_address
from support.waiting import PATIENCE, Stopwatch, eventually

FAILS = answer_bytes("500 Internal Server Error", b"oh")


class Held:
    """An answer that waits for the gate."""

    def __init__(self):
        self.gate = Gate()

    def __call__(self, *_):
        self.gate.wait()
        return ok()


def start_calls(naru, count):
    clients = [Client(naru.port) for _ in range(count)]
    for client in clients:
        client.start("GET", "/courses/x")
    return clients


@pytest.mark.parametrize("workers", [1, 2])
def test_no_more_than_the_limit_are_in_flight(courses, start_naru, upstream, workers):
    held = Held()
    peer = upstream(held)
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address],
                                   "limits": {"concurrent": 5, "queue": 100, "queue_timeout": "30s"}, "timeout": "60s",
                                   "try_timeout": "60s"}}, workers=workers)
    clients = start_calls(naru, 20)
    peer.wait_for_requests(5)
    eventually(lambda: naru.metric("naru_queued", callee_service="courses") == 15, "the others wait in the queue")
    assert naru.metric("naru_in_flight", callee_service="courses") == 5
    assert len(peer.requests) == 5
    held.gate.open()
    assert [client.read_response().status for client in clients] == [200] * 20
    assert len(peer.requests) == 20
    eventually(lambda: naru.metric("naru_in_flight") == 0 and naru.metric("naru_queued") == 0, "all permits returned")


@pytest.mark.parametrize("workers", [1, 2])
def test_what_finds_limit_and_queue_full_is_refused_at_once(start_naru, upstream, workers):
    held = Held()
    peer = upstream(held)
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address],
                                   "limits": {"concurrent": 3, "queue": 2, "queue_timeout": "30s"}, "timeout": "60s",
                                   "try_timeout": "60s"}}, workers=workers)
    clients = start_calls(naru, 5)
    peer.wait_for_requests(3)
    eventually(lambda: naru.metric("naru_queued") == 2, "two wait")
    for _ in range(10):
        answer = get(naru.port, "/courses/x")
        assert (answer.status, answer.get("x-naru-outcome")) == (503, "limit")
    held.gate.open()
    assert [client.read_response().status for client in clients] == [200] * 5
    assert len(peer.requests) == 5


def test_the_queue_gives_up_after_queue_timeout(courses):
    held = Held()
    naru, peer = courses(held, limits={"concurrent": 1, "queue": 10, "queue_timeout": "200ms"}, timeout="60s",
                         try_timeout="60s")
    first, = start_calls(naru, 1)
    peer.wait_for_requests(1)
    watch = Stopwatch()
    answer = get(naru.port, "/courses/x")
    assert (answer.status, answer.get("x-naru-outcome")) == (503, "limit")
    assert 0.15 < watch.seconds < 5
    held.gate.open()
    assert first.read_response().status == 200


def test_a_waiting_call_whose_application_vanishes_leaves_the_queue(courses):
    held = Held()
    naru, peer = courses(held, limits={"concurrent": 1, "queue": 10, "queue_timeout": "60s"}, timeout="60s",
                         try_timeout="60s")
    first, = start_calls(naru, 1)
    peer.wait_for_requests(1)
    second, = start_calls(naru, 1)
    eventually(lambda: naru.metric("naru_queued") == 1, "one waits")
    second.abort()
    eventually(lambda: naru.metric("naru_queued") == 0, "it leaves")
    held.gate.open()
    assert first.read_response().status == 200
    assert get(naru.port, "/courses/x").status == 200
    assert len(peer.requests) == 2


def test_permits_return_whatever_way_a_call_ends(start_naru, upstream):
    def answer(request, connection):
        kind = request.target.strip("/")
        if kind == "reset":
            return CLOSE
        if kind == "garbage":
            return b"garbage\r\n\r\n"
        if kind == "cut":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            return CLOSE
        return ok()

    peer = upstream(answer)
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address], "breaker": "off", "ejection": "off",
                                   "limits": {"concurrent": 2, "queue": 0}, "timeout": "60s"}})
    for kind in ["reset", "garbage", "cut", "fine"] * 10:
        with Client(naru.port) as client:
            client.start("POST", f"/courses/{kind}")
            with contextlib.suppress(OSError):  # an answer that was cut may have reset the connection already
                client.sock.shutdown(1)
            assert client.read_to_end()
    eventually(lambda: naru.metric("naru_in_flight") == 0, "all permits returned")
    assert get(naru.port, "/courses/fine").status == 200


def test_a_breaker_opens_refuses_and_closes_after_a_probe(courses):
    naru, peer = courses(FAILS, retry={"attempts": 1}, ejection="off",
                         breaker={"failure_rate": "50%", "min_calls": 4, "window": "60s", "open_for": "4s"})
    for _ in range(4):
        assert get(naru.port, "/courses/x").status == 500
    eventually(lambda: naru.metric("naru_breaker_state", callee_service="courses") == 2, "the breaker opens")
    for _ in range(10):
        assert get(naru.port, "/courses/x").get("x-naru-outcome") == "breaker_open"
    assert len(peer.requests) == 4
    peer.answer = ok()
    eventually(lambda: get(naru.port, "/courses/x").status == 200, "a probe is let through after open_for")
    eventually(lambda: naru.metric("naru_breaker_state", callee_service="courses") == 0, "the breaker closes")
    assert get(naru.port, "/courses/x").status == 200


class FreshCalls:
    """Calls on a connection each, which any worker may get, one after the other: a call is over when it is counted."""

    def __init__(self, naru):
        self.naru, self.made = naru, 0

    def get(self):
        answer = get(self.naru.port, "/courses/x")
        self.made += 1
        eventually(lambda: self.naru.metric("naru_calls_total") == self.made, "the call is counted")
        return answer


@pytest.mark.parametrize("workers", [1, 2])
def test_a_breaker_counts_calls_and_probes_of_all_workers(start_naru, upstream, workers):
    peer = upstream(FAILS)
    naru = start_naru({"courses": {
        "squad": "learning", "endpoints": [peer.address], "retry": {"attempts": 1}, "ejection": "off", "timeout": "60s",
        "breaker": {"failure_rate": "50%", "min_calls": 20, "window": "60s", "open_for": "300ms", "probes": 1}}},
        workers=workers)
    calls = FreshCalls(naru)
    for _ in range(20):
        assert naru.metric("naru_breaker_state") == 0
        assert calls.get().status == 500
    assert naru.metric("naru_breaker_state") == 2
    opened = Stopwatch()
    eventually(lambda: opened.seconds > 0.4, "open_for is over")
    peer.answer = held = Held()
    clients = start_calls(naru, 20)
    eventually(lambda: naru.metric("naru_calls_total") == 20 + 19, "all but the probe are refused")
    assert len(peer.requests) == 20 + 1
    assert naru.metric("naru_breaker_state") == 1, "probing"
    assert naru.admin_json("/services/courses")["breaker"] == "probing"
    held.gate.open()
    answers = [client.read_response() for client in clients]
    assert sorted(answer.status for answer in answers) == [200] + [503] * 19
    eventually(lambda: naru.metric("naru_breaker_state") == 0, "the probe closes the breaker")
    assert get(naru.port, "/courses/x").status == 200


def test_a_failed_probe_opens_the_breaker_again(courses):
    naru, peer = courses(FAILS, retry={"attempts": 1}, ejection="off",
                         breaker={"failure_rate": "50%", "min_calls": 4, "window": "60s", "open_for": "4s"})
    for _ in range(4):
        get(naru.port, "/courses/x")
    eventually(lambda: get(naru.port, "/courses/x").status == 500, "the probe")
    assert get(naru.port, "/courses/x").get("x-naru-outcome") == "breaker_open"


def test_client_errors_do_not_open_a_breaker(courses):
    naru, peer = courses(answer_bytes("404 Not Found", b""), breaker={"failure_rate": "50%", "min_calls": 4})
    for _ in range(20):
        assert get(naru.port, "/courses/x").status == 404
    assert len(peer.requests) == 20


def test_breakers_of_services_are_apart(start_naru, upstream):
    naru = start_naru({
        "bad": {"squad": "a", "endpoints": [upstream(FAILS).address], "breaker": {"min_calls": 4, "open_for": "60s"}},
        "good": {"squad": "b", "endpoints": [upstream().address], "breaker": {"min_calls": 4, "open_for": "60s"}}})
    for _ in range(8):
        get(naru.port, "/bad/x")
    assert get(naru.port, "/bad/x").get("x-naru-outcome") == "breaker_open"
    assert get(naru.port, "/good/x").status == 200


def test_an_endpoint_that_keeps_failing_is_ejected_and_comes_back(start_naru, upstream):
    bad, good = upstream(FAILS), upstream()
    naru = start_naru({"courses": {
        "squad": "learning", "endpoints": [bad.address, good.address], "balance": "round-robin", "breaker": "off",
        "retry": {"attempts": 1}, "ejection": {"consecutive": 3, "base": "6s", "max": "6s"}}})  # half of it at least
    with Client(naru.port) as client:
        eventually(lambda: client.get("/courses/x") and naru.metric("naru_endpoints", state="ejected") == 1, "it is ejected")
        assert naru.metric("naru_endpoints", state="serving") == 1
        assert len(bad.requests) == 3
        bad.answer = ok(b"well again")
        eventually(lambda: client.get("/courses/x").body == b"well again", "it comes back", 2 * PATIENCE)
        eventually(lambda: naru.metric("naru_endpoints", state="serving") == 2, "both serve again")


@pytest.mark.parametrize("workers", [1, 2])
def test_ejection_counts_failures_of_all_workers(start_naru, upstream, workers):
    bad, good = upstream(FAILS), upstream()
    naru = start_naru({"courses": {
        "squad": "learning", "endpoints": [bad.address, good.address], "balance": "round-robin", "breaker": "off",
        "retry": {"attempts": 1},
        "ejection": {"consecutive": 8, "min_calls": 1000, "window": "60s", "base": "60s", "max": "60s"}}},
        workers=workers)
    calls = FreshCalls(naru)
    for _ in range(80):
        calls.get()
        assert naru.metric("naru_endpoints", state="ejected") == (1 if len(bad.requests) >= 8 else 0)
    assert (len(bad.requests), len(good.requests)) == (8, 72)


@pytest.mark.parametrize("balance", ["round-robin", "least-request", "p2c"])
def test_when_ejection_may_keep_none_all_are_tried(start_naru, upstream, balance):
    peers = [upstream(FAILS) for _ in range(4)]
    naru = start_naru({"courses": {
        "squad": "learning", "endpoints": [peer.address for peer in peers], "balance": balance, "breaker": "off",
        "retry": {"attempts": 1}, "ejection": {"consecutive": 2, "base": "600s", "max": "600s", "keep": "0%"}}})
    with Client(naru.port) as client:
        eventually(lambda: client.get("/courses/x") and naru.metric("naru_endpoints", state="ejected") == 4,
                   "all are ejected")
        before = [len(peer.requests) for peer in peers]
        for _ in range(80):
            assert client.get("/courses/x").status == 500, "never refused for want of endpoints"
    shares = [len(peer.requests) - earlier for peer, earlier in zip(peers, before)]
    assert sum(shares) == 80
    assert min(shares) >= 2, f"every one of them is tried: {shares}"  # of 20 that it has on the average


def test_ejection_keeps_its_share_and_then_all_are_tried(start_naru, upstream):
    peers = [upstream(FAILS) for _ in range(4)]
    naru = start_naru({"courses": {
        "squad": "learning", "endpoints": [peer.address for peer in peers], "balance": "round-robin", "breaker": "off",
        "retry": {"attempts": 1}, "ejection": {"consecutive": 2, "base": "60s", "max": "60s", "keep": "50%"}}})
    with Client(naru.port) as client:
        for _ in range(40):
            assert client.get("/courses/x").status == 500, "never refused for want of endpoints"
    eventually(lambda: naru.metric("naru_endpoints", state="ejected") == 2, "half of them are ejected")


def test_round_robin_takes_turns(start_naru, upstream):
    peers = [upstream() for _ in range(3)]
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address for peer in peers],
                                   "balance": "round-robin"}})
    with Client(naru.port) as client:
        for _ in range(30):
            client.get("/courses/x")
    assert [len(peer.requests) for peer in peers] == [10, 10, 10]


def test_least_request_avoids_the_busy_one(start_naru, upstream):
    held = Held()
    busy, free = upstream(held), upstream()
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [busy.address, free.address],
                                   "balance": "least-request", "timeout": "60s", "try_timeout": "60s"}})
    for count in itertools.count(1):
        held_back = Client(naru.port)
        held_back.start("GET", "/courses/x")
        eventually(lambda: len(busy.requests) + len(free.requests) == count, "it arrived")
        if busy.requests:
            break
        assert held_back.read_response().status == 200  # and counts no longer as in flight
    with Client(naru.port) as client:
        for _ in range(20):
            assert client.get("/courses/x").status == 200
    assert len(busy.requests) == 1
    held.gate.open()
    assert held_back.read_response().status == 200


def test_p2c_sends_little_to_an_endpoint_that_fails_fast(start_naru, upstream):
    fast_failing = upstream(answer_bytes("503 Service Unavailable", b""))

    def slower(*_):
        watch = Stopwatch()
        eventually(lambda: watch.seconds > 0.01, "10 ms of work")
        return ok()

    others = [upstream(slower) for _ in range(4)]
    naru = start_naru({"courses": {
        "squad": "learning", "endpoints": [fast_failing.address, *[peer.address for peer in others]], "breaker": "off",
        "ejection": "off", "retry": {"attempts": 1}}})
    with Client(naru.port) as client:
        statuses = collections.Counter(client.get("/courses/x").status for _ in range(300))
    assert statuses[503] <= 15, "the fast failure attracts nothing"


def test_a_dead_endpoint_among_living_ones_costs_no_call(start_naru, upstream):
    peers = [upstream() for _ in range(3)]
    naru = start_naru({"courses": {"squad": "learning",
                                   "endpoints": [refused_address(), *[peer.address for peer in peers]]}})
    for _ in range(100):
        assert call(naru.port, "POST", "/courses/x", body=b"b").status == 200


def test_a_dead_endpoint_hands_no_calls_to_a_slow_one(start_naru, upstream):
    pause = [0.0]

    def slow(*_):
        watch = Stopwatch()
        eventually(lambda: watch.seconds >= pause[0], "its work is done")
        return ok()

    dead, slowing, fine = upstream(), upstream(slow), upstream()
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [dead.address, slowing.address, fine.address],
                                   "timeout": "60s", "try_timeout": "60s"}})
    with Client(naru.port) as client:
        for _ in range(100):
            assert client.get("/courses/x").status == 200
        dead.stop()
        for _ in range(100):
            assert client.get("/courses/x").status == 200
        pause[0] = 2  # longer than the machine stalls: of two that are slow, either may be right
        before = len(slowing.requests)
        for _ in range(200):
            assert client.get("/courses/x").status == 200
    assert len(slowing.requests) - before <= 20, "of 200 calls, those that found out that it is slow"


def test_an_endpoint_that_dies_under_load_costs_no_get(start_naru, upstream):
    peers = [upstream() for _ in range(3)]
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address for peer in peers]}})
    with Client(naru.port) as client:
        for number in range(300):
            if number == 100:
                peers[0].stop()
            assert client.get("/courses/x").status == 200
