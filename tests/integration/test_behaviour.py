"""What a call is promised, whichever protocol the application speaks to naru and naru to the service: every test runs
for all four pairs."""

import contextlib
import json
import re
import threading

import pytest

from support.exchange import HTTP1, HTTP2, PROTOCOLS
from support.http2 import StreamReset
from support.http_message import ConnectionClosed
from support.upstream import Gate, refused_address
from support.waiting import PATIENCE, Stopwatch, eventually, settled

MIB = 1024 * 1024
CUT = {HTTP1: "closed", HTTP2: "reset"}  # how an answer ends that must not look complete
PLENTY = {"ratio": "100%", "floor": "1000/s"}  # where the budget is not what a test is about
PATIENT = {"timeout": "60s", "try_timeout": "60s"}  # where time is not


class Pair:
    """An application and services around naru, each with its protocol."""

    def __init__(self, caller_protocol, service_protocol, start_naru, serve, call_as):
        self.caller_protocol, self.service_protocol = caller_protocol, service_protocol
        self._start_naru, self._serve, self._call_as = start_naru, serve, call_as
        self.naru = None

    def service(self, handler=None, **options):
        return self._serve(self.service_protocol, handler, **options)

    def start(self, *endpoints, **policy):
        """naru in front of the service `courses` at these endpoints; returns an application that calls it."""
        self.naru = self._start_naru({"courses": {
            "squad": "learning", "endpoints": [getattr(one, "address", one) for one in endpoints],
            "protocol": self.service_protocol, **policy}})
        return self.caller()

    def caller(self):
        return self._call_as(self.caller_protocol, self.naru.port)

    def courses(self, handler=None, read_body=True, **policy):
        service = self.service(handler, read_body=read_body)
        return self.start(service, **policy), service

    def nothing_is_left(self):
        eventually(lambda: self.naru.metric("naru_in_flight") == 0, "no call is in flight")


@pytest.fixture(params=[(caller, service) for caller in PROTOCOLS for service in PROTOCOLS], ids="-to-".join)
def pair(request, start_naru, serve, call_as):
    return Pair(*request.param, start_naru, serve, call_as)


def lowered(fields):
    return [(name.lower(), value) for name, value in fields]


def echo(request, reply):
    reply.respond(200, request.body)


def never(_, reply):
    reply.wait_gone()


def retry(attempts=2, **more):
    return {"attempts": attempts, "budget": PLENTY, "backoff": {"base": "1ms", "max": "2ms"}, **more}


class Fails:
    """A script that fails `times` times at whichever endpoint is asked, then echoes."""

    def __init__(self, times, failure):
        self._left, self._failure = times, failure
        self._lock = threading.Lock()

    def __call__(self, request, reply):
        with self._lock:
            fails, self._left = self._left > 0, self._left - 1
        if fails:
            self._failure(reply)
        else:
            echo(request, reply)


def unavailable(reply):
    reply.respond(503, b"not now")


# Messages


def test_a_get_and_its_answer(pair):
    caller, service = pair.courses(lambda _, reply: reply.respond(200, b"hello", ("X-Answer", "yes")))
    for _ in range(3):
        answer = caller.request("GET", "/courses/v1/x?a=b", [("X-Asked", "c")])
        assert (answer.status, answer.body, answer.outcome) == (200, b"hello", "complete")
        assert (answer.get("x-answer"), answer.get("content-length")) == ("yes", "5")
    assert [(one.method, one.path, one.get("x-asked"), one.body) for one in service.requests] == [
        ("GET", "/v1/x?a=b", "c", b"")] * 3
    assert len(service.connections) == 1


@pytest.mark.parametrize("size", [5, MIB], ids=["small", "1MiB"])
def test_a_body_with_a_length_is_carried_both_ways(pair, size):
    caller, service = pair.courses(echo)
    body = bytes(range(256)) * (size // 256) or b"small"
    answer = caller.request("POST", "/courses/x", body=body)
    assert (answer.status, answer.outcome, answer.get("content-length")) == (200, "complete", str(len(body)))
    assert answer.body == body
    assert service.request.get("content-length") == str(len(body))
    assert service.request.body == body


def test_a_body_of_unknown_length_is_carried_both_ways(pair):
    def pieces(request, reply):
        reply.head(200)
        for at in range(0, len(request.body), 1000):
            reply.send(request.body[at:at + 1000])
        reply.end()

    caller, service = pair.courses(pieces)
    answer = caller.request("POST", "/courses/x", body=[b"%03d" % number * 100 for number in range(100)])
    assert (answer.status, answer.outcome) == (200, "complete")
    assert answer.body == service.request.body == b"".join(b"%03d" % number * 100 for number in range(100))
    for message in (answer, service.request):
        assert message.get("content-length") is None
    assert ("transfer-encoding" in [name.lower() for name in answer.names()]) == (pair.caller_protocol == HTTP1)


def test_an_empty_body_of_unknown_length_stays_empty(pair):
    caller, service = pair.courses(lambda _, reply: (reply.head(200), reply.end()))
    answer = caller.request("POST", "/courses/x", body=[])
    assert (answer.status, answer.body, answer.outcome) == (200, b"", "complete")
    assert service.request.body == b""


def test_answers_without_a_body(pair):
    def answer(request, reply):
        reply.respond(int(request.path[1:]), b"four", ("ETag", '"e"'))

    caller, service = pair.courses(answer)
    got = [caller.request(method, f"/courses/{status}") for method, status in
           (("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 404), ("GET", 200))]
    assert [(one.status, one.get("content-length"), one.get("etag"), one.body, one.outcome) for one in got] == [
        (200, "4", '"e"', b"", "complete"), (204, None, '"e"', b"", "complete"), (304, None, '"e"', b"", "complete"),
        (404, "4", '"e"', b"", "complete"), (200, "4", '"e"', b"four", "complete")]
    assert [one.method for one in service.requests] == ["HEAD", "GET", "GET", "HEAD", "GET"]


def test_trailers_are_carried_both_ways(pair):
    caller, service = pair.courses(
        lambda request, reply: reply.respond(200, request.body, ("Trailer", "X-Sum"), trailers=[("X-Sum", "5d41")]))
    answer = caller.request("POST", "/courses/x", [("TE", "trailers"), ("Trailer", "X-Check")], [b"hello"],
                            trailers=[("X-Check", "1"), ("X-Other", "two")])
    assert (answer.body, lowered(answer.trailers)) == (b"hello", [("x-sum", "5d41")])
    assert lowered(service.request.trailers) == [("x-check", "1"), ("x-other", "two")]


def test_early_hints_come_before_the_answer(pair):
    def answer(_, reply):
        reply.interim(103, ("Link", "</one.css>"))
        reply.interim(103, ("Link", "</two.css>"))
        hints_read.wait()
        reply.respond(200, b"ok")

    hints_read = Gate()
    caller, _ = pair.courses(answer)
    exchange = caller.start("GET", "/courses/x")
    status, fields = exchange.interim()
    assert (status, lowered(fields)) == (103, [("link", "</one.css>")])
    hints_read.open()
    answer_read = exchange.answer()
    assert answer_read.body == b"ok"
    assert [(status, lowered(fields)) for status, fields in answer_read.informational] == [
        (103, [("link", "</one.css>")]), (103, [("link", "</two.css>")])]


def test_expect_100_continue_asks_the_service(pair):
    def answer(_, reply):
        reply.interim(100)
        reply.respond(200, reply.read_body())

    caller, service = pair.courses(answer, read_body=False)
    exchange = caller.start("POST", "/courses/x", [("Expect", "100-continue")], length=5, end=False)
    assert exchange.interim()[0] == 100
    exchange.send(b"hello")
    exchange.end()
    assert exchange.answer().body == b"hello"
    assert service.request.get("expect") == "100-continue"


def test_a_refused_expectation_reaches_the_application_before_its_body(pair):
    caller, _ = pair.courses(lambda _, reply: reply.respond(417, b"no"), read_body=False)
    exchange = caller.start("POST", "/courses/x", [("Expect", "100-continue")], length=5, end=False)
    answer = exchange.head()
    assert (answer.status, answer.informational) == (417, [])
    assert exchange.read_exactly(2) == b"no"


def test_an_answer_that_comes_before_the_request_ends_is_carried(pair):
    caller, service = pair.courses(lambda _, reply: reply.respond(413, b"too much"), read_body=False)
    exchange = caller.start("POST", "/courses/x", length=100 * MIB, end=False)
    with contextlib.suppress(ConnectionClosed, ConnectionError, StreamReset):  # the answer may be there already
        exchange.send(b"z" * 1000)
    assert exchange.head().status == 413
    assert exchange.read_exactly(8) == b"too much"
    exchange.abandon()
    pair.nothing_is_left()
    assert len(service.requests) == 1


def test_both_sides_may_speak_at_once(pair):
    def echo_pieces(_, reply):
        reply.head(200)
        while piece := reply.read_some():
            reply.send(piece)
        reply.end()

    caller, _ = pair.courses(echo_pieces, read_body=False)
    exchange = caller.start("POST", "/courses/x", end=False)
    assert exchange.head().status == 200
    for number in range(20):
        exchange.send(b"%02d" % number)
        assert exchange.read_exactly(2) == b"%02d" % number
    exchange.end()
    assert exchange.answer().outcome == "complete"


def test_every_event_arrives_before_the_next_is_sent(pair):
    read = [threading.Event() for _ in range(10)]

    def events(_, reply):
        reply.head(200, ("Content-Type", "text/event-stream"))
        for number in range(10):
            reply.send(b"data: %d\n\n" % number)
            assert read[number].wait(PATIENCE), f"event {number} did not arrive by itself"
        reply.end()

    caller, _ = pair.courses(events)
    exchange = caller.start("GET", "/courses/events")
    assert exchange.head().get("content-type") == "text/event-stream"
    for number in range(10):
        assert exchange.read_exactly(9) == b"data: %d\n\n" % number
        read[number].set()
    assert exchange.answer().outcome == "complete"


# Heads


def test_what_naru_adds_to_a_request(pair):
    caller, service = pair.courses(timeout="3s")
    fields = [("x-naru-caller", "admin/root"), ("Via", "1.0 outer"), ("x-naru-deadline-ms", "60000")]
    caller.request("GET", "/courses/x", fields)
    request = service.request
    assert request.get("x-naru-caller") == "video/video-api"
    assert request.get("x-naru-attempt") is None
    assert 0 < int(request.get("x-naru-deadline-ms")) <= 3000
    assert re.fullmatch(r"[\w-]{8,64}", request.get("x-request-id"))
    outer, own = ", ".join(request.all("via")).split(", ")
    assert outer == "1.0 outer"
    # RFC 9110 7.6.3: the version in which naru received it; 1.1 is what the contract promises everybody.
    assert own in ({"1.1 naru"} if pair.caller_protocol == HTTP1 else {"1.1 naru", "2 naru", "2.0 naru"})


def test_a_request_id_that_is_there_stays(pair):
    caller, service = pair.courses()
    caller.request("GET", "/courses/x", [("X-Request-ID", "mine-42")])
    assert service.request.get("x-request-id") == "mine-42"


@pytest.mark.parametrize("authority, path, seen", [
    ("localhost", "/courses/v1/x", "courses"), ("courses", "/v1/x", "courses"), ("COURSES:80", "/v1/x", "courses"),
    ("api.example.com", "/v1/x", "api.example.com")])
def test_the_service_is_named_by_authority_or_path(pair, authority, path, seen):
    caller, service = pair.courses(hosts=["api.example.com"])
    assert caller.request("GET", path, authority=authority).status == 200
    assert (service.request.authority, service.request.path) == (seen, "/v1/x")
    if pair.service_protocol == HTTP2:
        assert service.request.get("host") in (None, seen)


def test_hop_by_hop_fields_of_a_request_stay_here(pair):
    caller, service = pair.courses()
    fields = [("TE", "trailers"), ("X-Kept", "yes")]
    if pair.caller_protocol == HTTP1:  # in HTTP/2 they are malformed
        fields += [("Connection", "X-Private, TE"), ("X-Private", "secret"), ("Keep-Alive", "timeout=5"),
                   ("Proxy-Connection", "keep-alive"), ("Upgrade", "something")]
    assert caller.request("GET", "/courses/x", fields).status == 200
    names = {name.lower() for name in service.request.names()}
    assert names & {"x-private", "keep-alive", "proxy-connection", "upgrade", "transfer-encoding"} == set()
    assert service.request.get("x-kept") == "yes"
    assert service.request.get("te") in (None, "trailers")


def test_hop_by_hop_fields_of_an_answer_stay_here(pair):
    fields = [("X-Kept", "yes")]
    if pair.service_protocol == HTTP1:
        fields += [("Connection", "X-Private"), ("X-Private", "secret"), ("Keep-Alive", "timeout=5"),
                   ("Proxy-Connection", "x")]
    caller, _ = pair.courses(lambda _, reply: reply.respond(200, b"ok", *fields))
    answer = caller.request("GET", "/courses/x")
    assert answer.get("x-kept") == "yes"
    assert {name.lower() for name in answer.names()} & {"x-private", "keep-alive", "proxy-connection"} == set()


def test_http2_names_are_lower_case(pair):
    caller, service = pair.courses(
        lambda _, reply: reply.respond(200, b"ok", ("X-Answer-MiXeD", "A"), trailers=[("X-Sum", "B")]))
    answer = caller.request("GET", "/courses/x", [("X-MiXeD", "C"), ("X-UPPER", "D"), ("TE", "trailers")])
    for message, protocol in ((service.request, pair.service_protocol), (answer, pair.caller_protocol)):
        if protocol == HTTP2:
            assert [name for name in message.names() if name != name.lower()] == []
    assert (service.request.get("x-mixed"), service.request.get("x-upper"), answer.get("x-answer-mixed")) == (
        "C", "D", "A")
    assert lowered(answer.trailers) == [("x-sum", "B")]


def test_values_repetitions_and_order_are_kept(pair):
    asked = [("x-list", "one"), ("x-list", "two"), ("x-empty", ""), ("x-latin", "caf\xe9"), ("x-comma", "a, b;c=\"d\""),
             ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("authorization", "Bearer t")]
    answered = [("set-cookie", "a=1"), ("set-cookie", "b=2; Path=/"), ("x-answer", ""), ("etag", '"e"')]
    caller, service = pair.courses(lambda _, reply: reply.respond(200, b"", *answered))
    answer = caller.request("GET", "/courses/x", asked)
    assert [field for field in lowered(service.request.fields) if field in asked] == asked
    assert [field for field in lowered(answer.fields) if field in answered] == answered


@pytest.mark.parametrize("path", ["/a//b", "/a/../b", "/%2e%2E/%2F?x=%20&y=a+b", "/?", "/;p=1,2", "/" + "long" * 500,
                                  "/a?b?c=/d"])
def test_paths_are_not_normalised(pair, path):
    caller, service = pair.courses()
    assert caller.request("GET", path, authority="courses").status == 200
    assert service.request.path == path


def test_options_of_everything_reaches_the_service(pair):
    caller, service = pair.courses()
    assert caller.request("OPTIONS", "*", authority="courses").status == 200
    assert (service.request.method, service.request.path) == ("OPTIONS", "*")


def test_a_large_head_is_carried(pair):
    fields = [(f"x-field-{number}", "v" * 100) for number in range(80)]
    caller, service = pair.courses(lambda _, reply: reply.respond(200, b"ok", *fields))
    answer = caller.request("GET", "/courses/x", fields)
    assert [field for field in lowered(service.request.fields) if field in fields] == fields
    assert [field for field in lowered(answer.fields) if field in fields] == fields


def test_a_head_beyond_the_bounds_is_431(pair):
    caller, service = pair.courses()
    answer = caller.request("GET", "/courses/x", [(f"x-field-{number}", "v" * 1000) for number in range(80)])
    assert (answer.status, answer.get("x-naru-outcome")) == (431, "bad_request")
    assert service.requests == []
    assert pair.caller().request("GET", "/courses/x").status == 200


def test_cookies_arrive_as_one_list(pair):
    caller, service = pair.courses()
    crumbs = [("Cookie", "a=1; b=2")] if pair.caller_protocol == HTTP1 else [("cookie", "a=1"), ("cookie", "b=2")]
    caller.request("GET", "/courses/x", crumbs)
    cookies = service.request.all("cookie")
    assert "; ".join(cookies) == "a=1; b=2"
    if pair.service_protocol == HTTP1:
        assert len(cookies) == 1, "RFC 9113 8.2.3: joined before they leave HTTP/2"


# The errors that naru answers


def error_of(answer, pair):
    error = json.loads(answer.body)
    assert answer.get("content-type") == "application/json"
    assert (answer.get("x-naru-outcome"), answer.status) == (error["outcome"], error["status"])
    if pair.caller_protocol == HTTP2:
        assert [name for name in answer.names() if name != name.lower()] == []
    return error


def proxy_status_error(answer):
    return re.match(r"naru; ?error=(\w+)", answer.get("proxy-status"))[1]


def test_an_unknown_service_is_502(pair):
    caller, service = pair.courses()
    answer = caller.request("GET", "/corses/x")
    error = error_of(answer, pair)
    assert (error["outcome"], error["status"]) == ("unknown_service", 502)
    assert "courses" in error["detail"]
    assert proxy_status_error(answer) == "destination_not_found"
    assert caller.request("GET", "/courses/x").status == 200, "the connection lives on"


def test_refused_connections_are_502_with_their_attempts(pair):
    refused = [refused_address(), refused_address()]
    caller = pair.start(*refused)
    answer = caller.request("POST", "/courses/x", [("x-request-id", "r-1")], b"a body that nobody reads")
    error = error_of(answer, pair)
    assert (error["outcome"], error["status"], error["request_id"]) == ("connect_error", 502, "r-1")
    assert sorted(attempt["endpoint"] for attempt in error["attempts"]) == sorted(refused)
    assert {(attempt["outcome"], attempt["detail"]) for attempt in error["attempts"]} == {
        ("connect_error", "connection refused")}
    assert proxy_status_error(answer) == "connection_refused"


def test_a_reset_is_502(pair):
    caller, service = pair.courses(lambda _, reply: reply.cut())
    answer = caller.request("POST", "/courses/x", body=b"b")
    error = error_of(answer, pair)
    assert (error["outcome"], error["status"]) == ("reset", 502)
    assert [(attempt["endpoint"], attempt["outcome"]) for attempt in error["attempts"]] == [(service.address, "reset")]
    assert proxy_status_error(answer) == "connection_terminated"


def test_a_timeout_is_504_and_leaves_no_attempt_behind(pair):
    caller, service = pair.courses(never, timeout="1s", try_timeout="1s")
    answer = caller.request("GET", "/courses/x")
    error = error_of(answer, pair)
    assert (error["outcome"], error["status"]) == ("timeout", 504)
    assert [attempt["outcome"] for attempt in error["attempts"]] == ["timeout"]
    assert proxy_status_error(answer) == "http_response_timeout"
    eventually(lambda: service.cancelled, "the attempt is given up")


def test_a_full_limit_is_503_with_retry_after(pair):
    gate = Gate()

    def held(request, reply):
        gate.wait()
        echo(request, reply)

    caller, service = pair.courses(held, limits={"concurrent": 1, "queue": 0}, **PATIENT)
    first = caller.start("GET", "/courses/x")
    service.wait_for_requests(1)
    answer = caller.request("GET", "/courses/x")
    gate.open()
    assert first.answer().status == 200
    assert error_of(answer, pair)["outcome"] == "limit"
    assert (answer.status, int(answer.get("retry-after")) >= 1) == (503, True)
    assert proxy_status_error(answer) == "connection_limit_reached"
    assert len(service.requests) == 1


def test_a_head_request_gets_the_error_without_its_body(pair):
    caller = pair.start(refused_address())
    for _ in range(2):
        answer = caller.request("HEAD", "/courses/x")
        assert (answer.status, answer.get("x-naru-outcome"), answer.body) == (502, "connect_error", b"")


# Attempts


def two_services(pair, script, **policy):
    services = [pair.service(script) for _ in range(2)]
    return pair.start(*services, retry=retry(), **policy), services


def test_a_get_answered_503_is_repeated_at_another_endpoint(pair):
    caller, services = two_services(pair, Fails(1, unavailable))
    answer = caller.request("GET", "/courses/x")
    assert (answer.status, answer.body) == (200, b"")
    assert [len(service.requests) for service in services] == [1, 1]
    attempts = {request.get("x-naru-attempt") for service in services for request in service.requests}
    assert attempts == {None, "2"}
    assert pair.naru.metric("naru_retries_total", reason="503") == 1


def test_a_body_that_was_kept_is_sent_again_whole(pair):
    caller, services = two_services(pair, Fails(1, unavailable))
    body = bytes(range(256)) * 200  # 50 KiB of the 64 that are kept
    answer = caller.request("PUT", "/courses/x", body=[body[at:at + 1000] for at in range(0, len(body), 1000)])
    assert (answer.status, answer.body) == (200, body)
    assert [request.body for service in services for request in service.requests] == [body, body]


def test_an_answer_of_the_last_attempt_is_the_services(pair):
    caller, services = two_services(pair, lambda _, reply: unavailable(reply))
    answer = caller.request("GET", "/courses/x")
    assert (answer.status, answer.body, answer.get("x-naru-outcome")) == (503, b"not now", None)
    assert [len(service.requests) for service in services] == [1, 1]


@pytest.mark.parametrize("how", ["cut", "hang_up"])
def test_a_get_that_was_reset_is_repeated_at_another_endpoint(pair, how):
    caller, services = two_services(pair, Fails(1, lambda reply: getattr(reply, how)()))
    assert caller.request("GET", "/courses/x").status == 200
    assert [len(service.requests) for service in services] == [1, 1]
    assert pair.naru.metric("naru_retries_total", reason="reset") == 1


@pytest.mark.parametrize("how", ["cut", "hang_up"])
def test_a_post_that_was_sent_and_reset_is_not_repeated(pair, how):
    caller, services = two_services(pair, Fails(1, lambda reply: getattr(reply, how)()))
    answer = caller.request("POST", "/courses/x", body=b"pay")
    assert (answer.status, answer.get("x-naru-outcome")) == (502, "reset")
    assert sum(len(service.requests) for service in services) == 1
    assert pair.naru.metric("naru_retries_suppressed_total", reason="not_idempotent") == 1


def test_a_post_with_an_idempotency_key_is_repeated(pair):
    caller, services = two_services(pair, Fails(1, lambda reply: reply.cut()))
    answer = caller.request("POST", "/courses/x", [("Idempotency-Key", "k1")], b"pay")
    assert (answer.status, answer.body) == (200, b"pay")
    assert [len(service.requests) for service in services] == [1, 1]


def test_a_post_that_was_never_sent_goes_elsewhere(pair):
    service = pair.service(echo)
    caller = pair.start(refused_address(), service, retry=retry(), ejection="off")
    for number in range(20):
        assert caller.request("POST", "/courses/x", body=b"%d" % number).body == b"%d" % number
    assert [request.body for request in service.requests] == [b"%d" % number for number in range(20)]


def test_an_attempt_ends_at_try_timeout_and_the_next_goes_elsewhere(pair):
    services = [pair.service(never), pair.service(echo)]
    caller = pair.start(*services, timeout="20s", try_timeout="200ms", balance="round-robin", ejection="off",
                        retry=retry(on=["reset"]))
    for _ in range(4):
        assert caller.request("GET", "/courses/x").status == 200
    eventually(lambda: len(services[0].cancelled) == len(services[0].requests), "no attempt is left behind")


# Deadlines


def test_the_callers_deadline_shortens_the_timeout(pair):
    caller, service = pair.courses(never, timeout="30s", try_timeout="30s")
    watch = Stopwatch()
    answer = caller.request("GET", "/courses/x", [("x-naru-deadline-ms", "1000")])
    assert (answer.status, answer.get("x-naru-outcome")) == (504, "timeout")
    assert 0.9 < watch.seconds < PATIENCE
    assert 0 < int(service.request.get("x-naru-deadline-ms")) <= 1000
    eventually(lambda: service.cancelled, "the attempt is given up")


def test_a_deadline_that_has_passed_reaches_nobody(pair):
    caller, service = pair.courses()
    answer = caller.request("GET", "/courses/x", [("x-naru-deadline-ms", "0")])
    assert (answer.status, answer.get("x-naru-outcome")) == (504, "timeout")
    assert service.requests == []


def test_the_callers_deadline_covers_the_whole_answer(pair):
    def trickle(_, reply):
        reply.head(200)
        while True:
            reply.send(b"z")
            pause.wait(0.05)

    pause = threading.Event()
    caller, service = pair.courses(trickle, timeout="30s", try_timeout="30s")
    watch = Stopwatch()
    answer = caller.request("GET", "/courses/x", [("x-naru-deadline-ms", "2000")])
    assert (answer.status, answer.outcome) == (200, CUT[pair.caller_protocol])
    assert 1.9 < watch.seconds < PATIENCE
    eventually(lambda: service.cancelled, "the service is told")


def test_an_answer_that_falls_silent_for_timeout_is_cut(pair):
    def half(_, reply):
        reply.head(200, length=12)
        reply.send(b"half")
        reply.wait_gone()

    caller, service = pair.courses(half, timeout="2s", try_timeout="2s")
    answer = caller.request("GET", "/courses/x")
    assert (answer.status, answer.body, answer.outcome) == (200, b"half", CUT[pair.caller_protocol])
    eventually(lambda: service.cancelled, "the service is told")
    eventually(lambda: pair.naru.metric("naru_calls_total", outcome="truncated") == 1, "the call counts as truncated")


# Who goes away


def cancelled(pair, service):
    eventually(lambda: service.cancelled, "the service is told")
    eventually(lambda: pair.naru.metric("naru_calls_total", outcome="cancelled") == 1, "the call counts as cancelled")
    pair.nothing_is_left()


def abandons_the_call(_, exchange):
    exchange.abandon()


def closes_its_connection(caller, _):
    caller.close()


def resets_its_connection(caller, exchange):
    (exchange.client if caller.protocol == HTTP1 else caller.client).abort()


WAYS_TO_LEAVE = pytest.mark.parametrize("leave", [abandons_the_call, closes_its_connection, resets_its_connection])


@WAYS_TO_LEAVE
def test_an_application_that_goes_away_while_it_waits_cancels_the_attempt(pair, leave):
    caller, service = pair.courses(never, timeout="30s", try_timeout="30s")
    exchange = caller.start("GET", "/courses/x")
    service.wait_for_requests(1)
    leave(caller, exchange)
    cancelled(pair, service)


@WAYS_TO_LEAVE
def test_an_application_that_goes_away_inside_the_answer_cancels_it(pair, leave):
    def half(_, reply):
        reply.head(200)
        reply.send(b"half")
        reply.wait_gone()

    caller, service = pair.courses(half, timeout="30s")
    exchange = caller.start("GET", "/courses/x")
    assert exchange.head().status == 200
    assert exchange.read_exactly(4) == b"half"
    leave(caller, exchange)
    cancelled(pair, service)


@pytest.mark.parametrize("length", [None, 1000])
def test_an_application_that_goes_away_inside_its_request_cancels_the_attempt(pair, length):
    def read_all(_, reply):
        begun.set()
        reply.respond(200, reply.read_body())

    begun = threading.Event()
    caller, service = pair.courses(read_all, read_body=False, timeout="30s")
    exchange = caller.start("POST", "/courses/x", length=length, end=False)
    exchange.send(b"hello")
    assert begun.wait(PATIENCE)
    exchange.abandon()
    cancelled(pair, service)


def test_a_cancelled_call_harms_no_other(pair):
    gate = Gate()

    def held(request, reply):
        if request.path == "/gone":
            return reply.wait_gone()
        gate.wait()
        return reply.respond(200, request.path.encode())

    caller, service = pair.courses(held, timeout="30s", try_timeout="30s")
    stays, goes = caller.start("GET", "/courses/stays"), caller.start("GET", "/courses/gone")
    service.wait_for_requests(2)
    goes.abandon()
    cancelled_at = eventually(lambda: service.cancelled, "the service is told")
    assert [request.path for request in cancelled_at] == ["/gone"]
    gate.open()
    assert stays.answer().body == b"/stays"
    assert caller.request("GET", "/courses/next").body == b"/next"


@pytest.mark.parametrize("length", [None, 100], ids=["unknown-length", "length"])
@pytest.mark.parametrize("how", ["cut", "hang_up"])
def test_a_service_that_dies_inside_the_answer_never_looks_complete(pair, how, length):
    def half(_, reply):
        reply.head(200, length=length)
        reply.send(b"half")
        half_read.wait()
        getattr(reply, how)()

    half_read = Gate()
    caller, service = pair.courses(half, retry=retry(3))
    exchange = caller.start("GET", "/courses/x")
    assert exchange.head().status == 200
    assert exchange.read_exactly(4) == b"half"
    half_read.open()
    assert exchange.answer().outcome == CUT[pair.caller_protocol]
    eventually(lambda: pair.naru.metric("naru_calls_total", outcome="truncated") == 1, "the call counts as truncated")
    assert len(service.requests) == 1, "an answer that began is never repeated"


# Who is slow


def test_a_slow_reader_slows_only_its_own_answer(pair):
    sent, enough = [0], threading.Event()

    def endless(request, reply):
        if request.path == "/quick":
            return reply.respond(200, b"z" * MIB)
        reply.head(200)
        while not enough.is_set():
            reply.send(b"z" * 64 * 1024)
            sent[0] += 64 * 1024
        return reply.end()

    caller, service = pair.courses(endless, timeout="30s", try_timeout="30s")
    before = pair.naru.rss_bytes()
    slow = caller.start("GET", "/courses/slow", held=True)
    assert slow.head().status == 200
    assert settled(lambda: sent[0]) < 64 * MIB, "what the service got rid of lies in socket buffers"
    for _ in range(5):
        answer = caller.request("GET", "/courses/quick")
        assert (len(answer.body), answer.outcome) == (MIB, "complete")
    assert pair.naru.rss_bytes() - before < 8 * MIB
    enough.set()
    answer = slow.answer()
    assert (len(answer.body), answer.outcome) == (sent[0], "complete")


def test_a_slow_service_slows_only_the_request_that_it_does_not_read(pair):
    sent, enough = [0], threading.Event()

    def deaf(request, reply):
        if request.path == "/slow":
            gate.wait()
        reply.respond(200, b"%d" % len(reply.read_body()))

    gate = Gate()
    caller, service = pair.courses(deaf, read_body=False, timeout="30s", try_timeout="30s")
    before = pair.naru.rss_bytes()
    slow = caller.start("POST", "/courses/slow", end=False)

    def send_all():
        while not enough.is_set():
            slow.send(b"z" * 64 * 1024)
            sent[0] += 64 * 1024
        slow.end()

    sender = threading.Thread(target=send_all, daemon=True)
    sender.start()
    service.wait_for_requests(1)
    assert settled(lambda: sent[0]) < 64 * MIB, "naru reads no faster than the service"
    for _ in range(5):
        assert caller.request("POST", "/courses/quick", body=b"z" * MIB).body == b"%d" % MIB
    assert pair.naru.rss_bytes() - before < 8 * MIB
    enough.set()
    gate.open()
    assert slow.answer().body == b"%d" % sent[0]
    sender.join()


# Upgrades


def echo_tunnel(_, reply):
    tunnel = reply.tunnel(("Sec-WebSocket-Protocol", "chat"))
    while piece := tunnel.read_some():
        tunnel.send(piece)
    tunnel.end()


def test_a_websocket_becomes_a_tunnel(pair):
    caller, service = pair.courses(echo_tunnel)
    answer, tunnel = caller.tunnel("/courses/chat?room=1", [("Sec-WebSocket-Protocol", "chat"), ("Origin", "http://a")])
    assert answer.status == (101 if pair.caller_protocol == HTTP1 else 200)
    assert answer.get("sec-websocket-protocol") == "chat"
    for number in range(10):
        tunnel.send(b"\x81\x05hello%d" % number)
        assert tunnel.read_exactly(8) == b"\x81\x05hello%d" % number
    tunnel.end()
    assert tunnel.read_some() == b"", "the service ends its side, too"
    request = service.request
    assert (request.method, request.upgrade) == ("GET" if pair.service_protocol == HTTP1 else "CONNECT", "websocket")
    assert (request.path, request.authority) == ("/chat?room=1", "courses")
    assert (request.get("sec-websocket-version"), request.get("sec-websocket-protocol")) == ("13", "chat")
    assert request.get("origin") == "http://a"
    assert request.get("x-naru-caller") == "video/video-api"


def test_a_websocket_is_shaken_hands_about_as_each_protocol_does(pair):
    """RFC 8441 5: the key and its acceptance belong to HTTP/1.1 alone, in which they are needed."""
    caller, service = pair.courses(echo_tunnel)
    answer, tunnel = caller.tunnel("/courses/chat")
    key, accept = service.request.get("sec-websocket-key"), answer.get("sec-websocket-accept")
    if pair.service_protocol == HTTP1:
        assert re.fullmatch(r"[A-Za-z0-9+/]{22}==", key)
        assert service.request.get("connection").lower() == "upgrade"
    else:
        assert key is None
    assert answer.all("transfer-encoding") + answer.all("content-length") == [], "RFC 9110 8.6, RFC 9112 6.1"
    if pair.caller_protocol == HTTP1:
        assert (answer.get("upgrade"), answer.get("connection").lower()) == ("websocket", "upgrade")
        assert accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    else:
        assert accept is None
    tunnel.end()


def test_a_websocket_that_is_declined_is_answered_as_ever(pair):
    caller, service = pair.courses(lambda request, reply: reply.respond(403, b"not you"))
    answer, tunnel = caller.tunnel("/courses/chat")
    assert (answer.status, tunnel) == (403, None)
    assert pair.caller().request("GET", "/courses/x").status == 403


def test_a_tunnel_ends_for_the_service_when_the_application_goes_away(pair):
    ended = threading.Event()

    def listen(_, reply):
        tunnel = reply.tunnel()
        tunnel.send(b"hello")
        try:
            while tunnel.read_some():
                pass
        finally:
            ended.set()

    caller, _ = pair.courses(listen)
    _, tunnel = caller.tunnel("/courses/chat")
    assert tunnel.read_exactly(5) == b"hello"
    tunnel.abandon()
    assert ended.wait(PATIENCE), "the service sees the end of the tunnel"
    pair.nothing_is_left()


def test_a_tunnel_ends_for_the_application_when_the_service_ends_it(pair):
    def goodbye(_, reply):
        tunnel = reply.tunnel()
        tunnel.send(b"goodbye")
        tunnel.end()

    caller, _ = pair.courses(goodbye)
    _, tunnel = caller.tunnel("/courses/chat")
    assert tunnel.read_exactly(7) == b"goodbye"
    assert tunnel.read_some() == b""


def test_a_tunnel_gives_its_place_in_the_limit_back(pair):
    caller, _ = pair.courses(lambda request, reply: (echo_tunnel if request.upgrade else echo)(request, reply),
                             limits={"concurrent": 1, "queue": 0})
    _, tunnel = caller.tunnel("/courses/chat")
    tunnel.send(b"hello")
    assert tunnel.read_exactly(5) == b"hello"
    assert caller.request("GET", "/courses/x").status == 200
    tunnel.end()


# What is counted


def test_every_end_of_a_call_is_counted(pair):
    def answer(request, reply):
        what = request.path[1:]
        if what.isdigit():
            reply.respond(int(what), b"said")
        elif what == "cut":
            reply.cut()
        elif what == "half":
            reply.head(200, length=100)
            reply.send(b"half")
            reply.wait_gone()
        else:
            reply.wait_gone()

    def within(seconds, path):
        return {"match": f"POST {path}", "name": path[1:], "timeout": seconds, "try_timeout": seconds}

    caller, service = pair.courses(answer, breaker="off", ejection="off", retry={"attempts": 1}, **PATIENT,
                                   routes=[within("2s", "/half"), within("1s", "/never")])
    for what in ("200", "204", "404", "500", "cut", "half", "never"):
        caller.request("POST", f"/courses/{what}", body=b"12345")
    exchange = caller.start("GET", "/courses/never")
    service.wait_for_requests(8)
    exchange.abandon()
    caller.request("GET", "/nobody/x")
    eventually(lambda: pair.naru.metric("naru_calls_total") == 9, "every call is counted")
    counted = {(sample.labels["callee_service"], sample.labels["outcome"], sample.labels["code"]): sample.value
               for sample in pair.naru.samples() if sample.name == "naru_calls_total" and sample.value}
    assert counted == {
        ("courses", "ok", "200"): 1, ("courses", "ok", "204"): 1, ("courses", "client_error", "404"): 1,
        ("courses", "server_error", "500"): 1, ("courses", "reset", "502"): 1, ("courses", "truncated", "200"): 1,
        ("courses", "timeout", "504"): 1, ("courses", "cancelled", "none"): 1,
        ("unknown", "unknown_service", "502"): 1}
    pair.nothing_is_left()
    assert pair.naru.metric("naru_attempts_total", callee_service="courses", outcome="reset") == 1
    assert pair.naru.metric("naru_bytes_total", callee_service="courses", direction="up") == 7 * 5
    assert pair.naru.metric("naru_bytes_total", callee_service="courses", direction="down") == 3 * 4 + 4


def test_connections_are_counted_by_side_and_protocol(pair):
    caller, service = pair.courses()
    assert caller.request("GET", "/courses/x").status == 200
    open_connections = {
        (sample.labels["side"], sample.labels["protocol"]): sample.value
        for sample in pair.naru.samples() if sample.name == "naru_connections" and sample.value}
    assert open_connections == {("downstream", pair.caller_protocol): 1, ("upstream", pair.service_protocol): 1}
    caller.close()
    eventually(lambda: pair.naru.metric("naru_connections", side="downstream") == 0, "the application's is gone")
