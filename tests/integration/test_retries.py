"""Which failures are tried again, where, and how often; what is never done twice."""

import email.utils
import time

import pytest

from support.client import Client, call, chunked, get
from support.upstream import CLOSE, answer_bytes, ok, refused_address
from support.waiting import Stopwatch

UNAVAILABLE = answer_bytes("503 Service Unavailable", b"not now")
PLENTY = {"ratio": "100%", "floor": "1000/s"}  # where the budget is not what a test is about


def service(*endpoints, **policy):
    return {"courses": {"squad": "learning", "endpoints": list(endpoints), **policy}}


def retry(attempts=2, **more):
    return {"attempts": attempts, "budget": PLENTY, "backoff": {"base": "1ms", "max": "2ms"}, **more}


class Fails:
    """An answer that fails `times` times at whichever endpoint is asked, then succeeds."""

    def __init__(self, times, failure):
        self.left, self.failure = times, failure

    def __call__(self, request, connection):
        if self.left > 0:
            self.left -= 1
            return self.failure(request, connection) if callable(self.failure) else self.failure
        return ok(request.body or b"ok")


def hang_up(*_):
    return CLOSE


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_connection_moves_any_call_to_another_endpoint(start_naru, upstream, method):
    peer = upstream()
    naru = start_naru(service(refused_address(), peer.address, retry=retry(), ejection="off"))
    for _ in range(30):
        assert call(naru.port, method, "/courses/x", body=b"b").status == 200
    assert len(peer.requests) == 30
    assert max(peer.ids().values()) == 1


def test_a_repeated_attempt_says_its_number(courses):
    naru, peer = courses(Fails(2, UNAVAILABLE), retry=retry(3))
    assert get(naru.port, "/courses/x").status == 200
    assert [request.get("x-naru-attempt") for request in peer.requests] == [None, "2", "3"]


def test_a_get_that_was_reset_is_repeated_at_another_endpoint(start_naru, upstream):
    script = Fails(1, hang_up)
    peers = [upstream(script), upstream(script)]
    naru = start_naru(service(*[peer.address for peer in peers], retry=retry()))
    assert get(naru.port, "/courses/x").status == 200
    assert [len(peer.requests) for peer in peers] == [1, 1]
    assert naru.metric("naru_retries_total", reason="reset") == 1


def test_a_post_that_was_sent_and_reset_is_not_repeated(start_naru, upstream):
    script = Fails(1, hang_up)
    peers = [upstream(script), upstream(script)]
    naru = start_naru(service(*[peer.address for peer in peers], retry=retry()))
    answer = call(naru.port, "POST", "/courses/x", body=b"pay")
    assert (answer.status, answer.get("x-naru-outcome")) == (502, "reset")
    assert sum(len(peer.requests) for peer in peers) == 1
    assert naru.metric("naru_retries_suppressed_total", reason="not_idempotent") == 1


def test_a_post_with_an_idempotency_key_is_repeated(start_naru, upstream):
    script = Fails(1, hang_up)
    peers = [upstream(script), upstream(script)]
    naru = start_naru(service(*[peer.address for peer in peers], retry=retry()))
    answer = call(naru.port, "POST", "/courses/x", [("Idempotency-Key", "k1")], b"pay")
    assert (answer.status, answer.body) == (200, b"pay")
    assert [len(peer.requests) for peer in peers] == [1, 1]


def test_a_post_on_a_route_marked_idempotent_is_repeated(start_naru, upstream):
    script = Fails(1, UNAVAILABLE)
    peers = [upstream(script), upstream(script)]
    naru = start_naru(service(*[peer.address for peer in peers], retry=retry(),
                              routes=[{"match": "POST /v1/enrolments", "retry": {"idempotent": True}}]))
    assert call(naru.port, "POST", "/courses/v1/enrolments", body=b"e").status == 200
    script.left = 1
    assert call(naru.port, "POST", "/courses/v1/others", body=b"e").status == 503


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"])
def test_a_get_answered_with_a_gateway_error_is_repeated(start_naru, upstream, status):
    script = Fails(1, answer_bytes(status, b"no"))
    peers = [upstream(script), upstream(script)]
    naru = start_naru(service(*[peer.address for peer in peers], retry=retry()))
    answer = get(naru.port, "/courses/x")
    assert (answer.status, answer.body) == (200, b"ok")
    assert [len(peer.requests) for peer in peers] == [1, 1]
    assert naru.metric("naru_retries_total", reason=status[:3]) == 1


@pytest.mark.parametrize("status", ["500 Internal Server Error", "429 Too Many Requests", "404 Not Found"])
def test_other_answers_are_not_repeated(courses, status):
    naru, peer = courses(answer_bytes(status, b"no"), retry=retry())
    assert get(naru.port, "/courses/x").status == int(status[:3])
    assert len(peer.requests) == 1


def test_what_is_not_in_on_is_not_repeated(courses):
    naru, peer = courses(UNAVAILABLE, retry=retry(on=["502"]))
    assert get(naru.port, "/courses/x").status == 503
    assert len(peer.requests) == 1


def test_when_attempts_run_out_the_last_answer_is_the_services(start_naru, upstream):
    peers = [upstream(UNAVAILABLE) for _ in range(3)]
    naru = start_naru(service(*[peer.address for peer in peers], retry=retry(3), breaker="off"))
    answer = get(naru.port, "/courses/x")
    assert (answer.status, answer.body) == (503, b"not now")
    assert [len(peer.requests) for peer in peers] == [1, 1, 1], "every attempt goes to another endpoint"


def test_a_single_endpoint_is_tried_again(courses):
    naru, peer = courses(Fails(1, UNAVAILABLE), retry=retry())
    assert get(naru.port, "/courses/x").status == 200
    assert len(peer.requests) == 2


def test_attempts_1_never_repeats(courses):
    naru, peer = courses(Fails(1, UNAVAILABLE), retry=retry(1))
    assert get(naru.port, "/courses/x").status == 503
    assert len(peer.requests) == 1


def test_retry_after_is_waited_for(courses):
    times = []

    def answer(*_):
        times.append(time.monotonic())
        if len(times) == 1:
            return answer_bytes("503 Service Unavailable", b"", ("Retry-After", "1"))
        return ok()

    naru, _ = courses(answer, retry=retry(), timeout="30s")
    assert get(naru.port, "/courses/x").status == 200
    assert 0.95 < times[1] - times[0] < 9


def test_retry_after_as_a_date_is_waited_for(courses):
    times = []

    def answer(*_):
        times.append(time.time())
        if len(times) == 1:
            at = email.utils.formatdate(int(times[0]) + 2, usegmt=True)
            return answer_bytes("503 Service Unavailable", b"", ("Retry-After", at))
        return ok()

    naru, _ = courses(answer, retry=retry(), timeout="30s")
    assert get(naru.port, "/courses/x").status == 200
    assert int(times[0]) + 2 <= times[1] < int(times[0]) + 10


def test_a_retry_after_beyond_the_deadline_is_not_waited_for(courses):
    naru, peer = courses(answer_bytes("503 Service Unavailable", b"later", ("Retry-After", "60")), retry=retry(),
                         timeout="30s")
    watch = Stopwatch()
    answer = get(naru.port, "/courses/x")
    assert (answer.status, answer.body, answer.get("retry-after")) == (503, b"later", "60")
    assert watch.seconds < 9
    assert len(peer.requests) == 1
    assert naru.metric("naru_retries_suppressed_total", reason="deadline") == 1


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_within_its_limit_is_sent_again_whole(courses, framing):
    body = bytes(range(256)) * 240  # 60 KiB
    naru, peer = courses(Fails(1, UNAVAILABLE), retry=retry(body="64KiB"))
    if framing == "length":
        answer = call(naru.port, "PUT", "/courses/x", body=body)
    else:
        raw = chunked(*[body[at:at + 1000] for at in range(0, len(body), 1000)])
        answer = call(naru.port, "PUT", "/courses/x", [("Transfer-Encoding", "chunked")], raw)
    assert (answer.status, answer.body) == (200, body)
    assert [request.body for request in peer.requests] == [body, body]


def test_a_body_above_its_limit_is_sent_once(courses):
    naru, peer = courses(Fails(1, UNAVAILABLE), retry=retry(body="64KiB"))
    assert call(naru.port, "PUT", "/courses/x", body=b"z" * 65 * 1024).status == 503
    assert len(peer.requests) == 1
    assert naru.metric("naru_retries_suppressed_total", reason="body") == 1


def test_retries_do_not_multiply_along_a_chain(courses):
    naru, peer = courses(UNAVAILABLE, retry=retry())
    assert get(naru.port, "/courses/x", ("x-naru-attempt", "2")).status == 503
    assert len(peer.requests) == 1
    assert naru.metric("naru_retries_suppressed_total", reason="upstream_retrying") == 1
    assert peer.request.get("x-naru-attempt") == "2", "passed on: the call as a whole is in its second attempt"


def test_along_a_chain_what_was_never_sent_is_still_tried_elsewhere(start_naru, upstream):
    peer = upstream()
    naru = start_naru(service(refused_address(), peer.address, retry=retry(), ejection="off"))
    for _ in range(20):
        assert call(naru.port, "POST", "/courses/x", [("x-naru-attempt", "2")], b"b").status == 200


def test_two_narus_in_a_row_do_not_multiply_attempts(start_naru, upstream):
    peer = upstream(UNAVAILABLE)
    inner = start_naru(service(peer.address, retry=retry(), breaker="off"))
    outer = start_naru(service(f"127.0.0.1:{inner.port}", retry=retry(), breaker="off"))
    assert call(outer.port, "GET", "/x", [("Host", "courses")]).status == 503
    # The outer's first attempt costs two, its second only one.
    assert len(peer.requests) == 3


@pytest.mark.parametrize("attempts, narus, requests", [(2, 3, 4), (4, 2, 7), (4, 3, 10)])
def test_a_chain_of_narus_adds_attempts_and_does_not_multiply_them(start_naru, upstream, attempts, narus, requests):
    """Each naru but the first repeats only what arrives as the first attempt: 1 + narus * (attempts - 1) requests."""
    peer = upstream(UNAVAILABLE)
    address = peer.address
    for _ in range(narus):
        naru = start_naru(service(address, retry=retry(attempts), breaker="off"))
        address = f"127.0.0.1:{naru.port}"
    assert call(naru.port, "GET", "/x", [("Host", "courses")]).status == 503
    assert len(peer.requests) == requests
    assert [request.get("x-naru-attempt") for request in peer.requests].count(None) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_the_budget_is_earned_by_answers_that_succeed(start_naru, upstream, workers):
    script = Fails(0, UNAVAILABLE)
    peer = upstream(script)
    naru = start_naru(service(peer.address, retry=retry(budget={"ratio": "50%", "floor": "0/s", "window": "60s"}),
                              breaker="off", ejection="off"), workers=workers)
    for _ in range(20):  # on a connection each, which either worker may get
        assert get(naru.port, "/courses/x").status == 200
    script.left = 1000
    for _ in range(30):
        assert get(naru.port, "/courses/x").status == 503
    assert len(peer.requests) == 20 + 30 + 10
    assert naru.metric("naru_retries_suppressed_total", reason="budget") == 20


def test_an_outage_earns_no_retries(courses):
    naru, peer = courses(UNAVAILABLE, breaker="off", ejection="off",
                         retry={"backoff": {"base": "1ms", "max": "1ms"}})  # the default budget: 1/s over 10 s
    watch = Stopwatch()
    with Client(naru.port) as client:
        for _ in range(300):
            assert client.get("/courses/x").status == 503
    assert len(peer.requests) <= 300 + 15 + 2 * watch.seconds


def test_a_reused_connection_that_dies_unanswered_is_retried_once_for_free(courses):
    """As Go does: no attempt is counted and no budget spent, but only what is safe to repeat."""
    seen = []

    def answer(request, connection):
        if request.target == "/x" and len(connection.requests) == 2:
            return CLOSE
        seen.append(request.target)
        return ok()

    naru, peer = courses(answer, retry={"budget": {"ratio": "0%", "floor": "0/s"}})
    with Client(naru.port) as client:
        assert client.get("/courses/warm").status == 200
        assert client.get("/courses/x").status == 200
    assert seen == ["/warm", "/x"]
    assert len(peer.connections) == 2


def test_a_post_on_a_reused_connection_that_dies_unanswered_is_not_repeated(courses):
    def answer(request, connection):
        return CLOSE if len(connection.requests) == 2 else ok()

    naru, peer = courses(answer)
    with Client(naru.port) as client:
        assert client.get("/courses/warm").status == 200
        answer_read = client.call("POST", "/courses/x", body=b"pay")
    assert (answer_read.status, answer_read.get("x-naru-outcome")) == (502, "reset")
    assert len(peer.requests) == 2


def test_an_answer_that_began_is_never_repeated(courses):
    def answer(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        return CLOSE

    naru, peer = courses(answer, retry=retry(3))
    with Client(naru.port) as client:
        client.start("GET", "/courses/x")
        assert client.read_response_head().status == 200
        assert client.read_to_end() == b"half"
    assert len(peer.requests) == 1


def test_an_interim_response_does_not_stop_a_retry(courses):
    def interim_then_hang_up(_, connection):
        connection.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        return CLOSE

    naru, peer = courses(Fails(1, interim_then_hang_up), retry=retry())
    assert get(naru.port, "/courses/x").status == 200
    assert len(peer.requests) == 2


def test_backoff_does_not_pass_the_deadline(courses):
    naru, peer = courses(UNAVAILABLE, timeout="5s", try_timeout="5s",
                         retry={"attempts": 10, "budget": PLENTY, "backoff": {"base": "60s", "max": "600s"}})
    while True:
        before, watch = len(peer.requests), Stopwatch()
        answer = get(naru.port, "/courses/x")
        assert watch.seconds < 9
        if len(peer.requests) == before + 1:
            break  # otherwise the wait, which is random, was a short one
    assert (answer.status, answer.body) == (503, b"not now"), "the answer in hand is better than a timeout"
