"""The errors that naru answers itself, as the contract prints them."""

import contextlib
import datetime
import json
import re
import ssl
import time

import pytest

from support.client import Client, call, get
from support.naru import run_command
from support.upstream import CLOSE, Gate, answer_bytes, ok, refused_address
from support.waiting import Stopwatch, eventually


def error_of(answer):
    assert answer.get("content-type") == "application/json"
    error = json.loads(answer.body)
    assert answer.get("x-naru-outcome") == error["outcome"]
    assert answer.status == error["status"]
    return error


def proxy_status_error(answer):
    """The RFC 9209 error word of naru's own member."""
    match = re.fullmatch(r'naru; ?error=(\w+)(;.*)?', answer.get("proxy-status"))
    assert match, answer.get("proxy-status")
    return match[1]


def test_a_connect_error_lists_its_attempts_with_times(start_naru, upstream, tmp_path):
    first, second = refused_address(), refused_address()
    naru = start_naru({}, text=f"""caller: {{squad: video, service: video-api}}
listen: 127.0.0.1:PORT
admin: 127.0.0.1:ADMIN
drain_timeout: 10ms
services:
  courses:
    squad: learning
    endpoints: ["{first}", "{second}"]
    retry:
      attempts: 2
""")
    answer = get(naru.port, "/courses/x", ("x-request-id", "r-1"))
    error = error_of(answer)
    assert list(error) == ["outcome", "status", "service", "squad", "request_id", "detail", "policy", "attempts"]
    assert (error["outcome"], error["status"], error["service"], error["squad"], error["request_id"]) == (
        "connect_error", 502, "courses", "learning", "r-1")
    assert re.fullmatch(r"2 attempts failed within \d+(\.\d+)? ms", error["detail"]), error["detail"]
    assert error["policy"] == f"{naru.config_path}:10 retry.attempts = 2"
    assert sorted(attempt["endpoint"] for attempt in error["attempts"]) == sorted([first, second])
    for attempt in error["attempts"]:
        assert list(attempt) == ["endpoint", "outcome", "ms", "detail"]
        assert (attempt["outcome"], attempt["detail"]) == ("connect_error", "connection refused")
        assert 0 <= attempt["ms"] < 5000
    assert proxy_status_error(answer) == "connection_refused"
    assert answer.get("x-request-id") in (None, "r-1")


def test_a_policy_that_is_a_default_says_so(start_naru):
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [refused_address(), refused_address()]}})
    assert error_of(get(naru.port, "/courses/x"))["policy"] == "default retry.attempts = 2"


def test_a_reset_is_502_connection_terminated(courses):
    naru, peer = courses(lambda *_: CLOSE)
    answer = call(naru.port, "POST", "/courses/x", body=b"b")
    error = error_of(answer)
    assert (error["outcome"], error["status"]) == ("reset", 502)
    assert [(attempt["endpoint"], attempt["outcome"]) for attempt in error["attempts"]] == [(peer.address, "reset")]
    assert proxy_status_error(answer) == "connection_terminated"


def test_a_bad_response_is_502_http_protocol_error(courses):
    naru, peer = courses(b"garbage\r\n\r\n")
    answer = call(naru.port, "POST", "/courses/x", body=b"b")
    assert error_of(answer)["outcome"] == "bad_response"
    assert proxy_status_error(answer) == "http_protocol_error"


def hang(_, connection):
    connection.read_to_end()
    return CLOSE


def test_a_timeout_is_504_http_response_timeout(courses):
    naru, peer = courses(hang, timeout="1s", try_timeout="1s")
    answer = get(naru.port, "/courses/x")
    error = error_of(answer)
    assert (error["outcome"], error["status"]) == ("timeout", 504)
    assert [attempt["outcome"] for attempt in error["attempts"]] == ["timeout"]
    assert 500 < error["attempts"][0]["ms"] < 5000
    assert re.fullmatch(re.escape(f"{naru.config_path}:") + r"\d+ timeout = 1s", error["policy"]), error["policy"]
    assert proxy_status_error(answer) == "http_response_timeout"


def test_an_unknown_service_is_502_destination_not_found(courses):
    naru, _ = courses()
    answer = get(naru.port, "/corses/x", ("x-request-id", "r-2"))
    error = error_of(answer)
    assert (error["outcome"], error["status"]) == ("unknown_service", 502)
    assert (error["service"], error["detail"] != "", "squad" in error) == ("corses", True, False)
    assert "courses" in error["detail"], "a near name"
    assert error["request_id"] == "r-2"
    assert error.get("attempts", []) == []
    assert proxy_status_error(answer) == "destination_not_found"


def client_hello():
    """What an application that takes naru's port for one with TLS sends."""
    sent = ssl.MemoryBIO()
    connection = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname="courses")
    with contextlib.suppress(ssl.SSLWantReadError):
        connection.do_handshake()
    return sent.read()


@pytest.mark.parametrize("status, request_sent", [
    (400, lambda: b"GET /courses/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    (400, lambda: b"nonsense\r\n\r\n"),
    (400, client_hello),
    (431, lambda: b"GET /courses/x HTTP/1.1\r\nHost: a\r\nX: " + b"z" * 200_000 + b"\r\n\r\n"),
    (405, lambda: b"CONNECT courses:443 HTTP/1.1\r\nHost: courses:443\r\n\r\n"),
], ids=["two-hosts", "nonsense", "tls", "too-large", "connect"])
def test_a_bad_request_is_answered_and_the_connection_closed(courses, status, request_sent):
    naru, peer = courses()
    with Client(naru.port) as client:
        with contextlib.suppress(ConnectionError):
            client.send(request_sent())
        answer = client.read_response()
        assert client.closed_within()
    error = error_of(answer)
    assert (answer.status, error["outcome"]) == (status, "bad_request")
    assert error["detail"]
    assert not {"squad", "policy"} & set(error), "no policy decided it, and no squad is to blame"
    assert proxy_status_error(answer) == "http_request_error"
    assert answer.get("connection") == "close"
    assert peer.connections == []
    assert get(naru.port, "/courses/x").status == 200


def test_no_endpoint_is_503_destination_unavailable(start_naru):
    naru = start_naru({"courses": {"squad": "learning", "endpoints": []}})
    answer = get(naru.port, "/courses/x")
    assert (error_of(answer)["outcome"], answer.status) == ("no_endpoint", 503)
    assert proxy_status_error(answer) == "destination_unavailable"


def test_a_full_limit_is_503_connection_limit_reached_with_retry_after(courses):
    gate = Gate()

    def answer(*_):
        gate.wait()
        return ok()

    naru, peer = courses(answer, limits={"concurrent": 1, "queue": 0})
    with Client(naru.port) as first:
        first.start("GET", "/courses/x")
        peer.wait_for_requests(1)
        answer_read = get(naru.port, "/courses/x")
        gate.open()
        assert first.read_response().status == 200
    error = error_of(answer_read)
    assert (error["outcome"], error["status"]) == ("limit", 503)
    assert error["policy"].endswith("limits.concurrent = 1") or error["policy"].endswith("limits.queue = 0")
    assert int(answer_read.get("retry-after")) >= 1
    assert proxy_status_error(answer_read) == "connection_limit_reached"


def test_an_open_breaker_is_503_destination_unavailable_with_retry_after(courses):
    naru, peer = courses(answer_bytes("500 Internal Server Error", b""),
                         breaker={"failure_rate": "50%", "min_calls": 3, "open_for": "30s"})
    for _ in range(3):
        assert get(naru.port, "/courses/x").status == 500
    answer = get(naru.port, "/courses/x")
    error = error_of(answer)
    assert (error["outcome"], error["status"]) == ("breaker_open", 503)
    assert 1 <= int(answer.get("retry-after")) <= 30
    assert proxy_status_error(answer) == "destination_unavailable"
    assert (error["service"], error["squad"], error["attempts"]) == ("courses", "learning", [])
    assert re.fullmatch(re.escape(f"{naru.config_path}:") + r"\d+ breaker\.failure_rate = 50%", error["policy"])
    assert len(peer.requests) == 3


def test_a_head_request_gets_the_error_without_its_body(start_naru):
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [refused_address()]}})
    with Client(naru.port) as client:
        for _ in range(2):
            answer = client.call("HEAD", "/courses/x")
            assert answer.status == 502
            assert answer.get("x-naru-outcome") == "connect_error"


def test_the_connection_lives_on_after_an_error(start_naru, upstream):
    naru = start_naru({"broken": {"squad": "learning", "endpoints": [refused_address()]},
                       "courses": {"squad": "learning", "endpoints": [upstream().address]}})
    with Client(naru.port) as client:
        for _ in range(3):
            assert client.call("POST", "/broken/x", body=b"a body that nobody reads").status == 502
            assert client.get("/courses/x").status == 200


def test_a_request_id_that_would_break_json_is_escaped(start_naru):
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [refused_address()]}})
    answer = get(naru.port, "/courses/x", ("x-request-id", 'a"b\\c'))
    assert error_of(answer)["request_id"] == 'a"b\\c'


@pytest.mark.parametrize("outcome, call_it", [
    ("connect_error", "/refused/x"), ("reset", "/resets/x"), ("unknown_service", "/nobody/x")])
def test_failed_calls_are_logged_as_json(start_naru, upstream, outcome, call_it):
    naru = start_naru({"refused": {"squad": "learning", "endpoints": [refused_address()]},
                       "resets": {"squad": "learning", "endpoints": [upstream(lambda *_: CLOSE).address]}})
    call(naru.port, "POST", call_it, [("x-request-id", "logged-1")])
    assert logged(naru, "logged-1")["outcome"] == outcome


def logged(naru, request_id):
    """The line of the log about a call."""
    def about_it():
        return [line for line in naru.log().splitlines() if line.endswith("}") and f'"{request_id}"' in line]

    line, = eventually(about_it, "a line about the call")
    return json.loads(line)


def test_the_line_about_a_failed_call_says_all_that_is_known(start_naru):
    refused = [refused_address(), refused_address()]
    naru = start_naru({"courses": {"squad": "learning", "endpoints": refused, "retry": {"attempts": 2},
                                   "routes": [{"match": "GET /v1/courses/{id}", "name": "course"}]}})
    before = time.time()
    get(naru.port, "/courses/v1/courses/7?token=secret", ("x-request-id", "logged-1"))
    line = logged(naru, "logged-1")
    said_at = datetime.datetime.strptime(line.pop("time") + "+0000", "%Y-%m-%dT%H:%M:%S.%fZ%z").timestamp()
    assert before - 1 <= said_at <= time.time() + 1
    assert 0 < line.pop("ms") < 5000
    assert line.pop("endpoint") in refused, "the last that was tried"
    assert line.pop("detail")
    said = {"level": "warn", "message": "failed call", "outcome": "connect_error", "status": 502, "squad": "learning",
            "service": "courses", "route": "course", "method": "GET", "path": "/v1/courses/7", "attempts": 2,
            "request_id": "logged-1"}
    assert said.items() <= line.items(), line
    assert "secret" not in naru.log()


def test_a_slow_call_is_logged_and_remembered(courses):
    def answer(request, _):
        work = Stopwatch()
        eventually(lambda: request.target != "/slow" or work.seconds > 1.1, "1.1 s of work")
        return ok()

    naru, peer = courses(answer, timeout="60s", try_timeout="60s")

    def seconds_of(target):
        watch = Stopwatch()
        assert get(naru.port, f"/courses/{target}", ("x-request-id", target)).status == 200
        return watch.seconds

    assert seconds_of("slow") > 1
    # One or the other may be slow, too, where the machine stands still.
    quick = next(target for target in ("quick-1", "quick-2", "quick-3") if seconds_of(target) < 1)
    line = logged(naru, "slow")
    assert (line["message"], line["outcome"], line["status"]) == ("slow call", "ok", 200)
    assert line["endpoint"] == peer.address
    assert line["ms"] > 1050
    for path in ("/calls/recent", "/calls/recent?outcome=ok"):
        calls = eventually(lambda: naru.admin_json(path)["calls"], "it is remembered")
        remembered = [one["request_id"] for one in calls]
        assert "slow" in remembered and quick not in remembered
    assert f'"{quick}"' not in naru.log()


@pytest.mark.parametrize("level, messages", [
    ("info", {"ready", "failed call"}), ("warn", {"failed call"}), ("error", set())])
def test_the_command_line_says_what_is_logged(start_naru, level, messages):
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [refused_address()]}},
                      arguments=["--log-level", level])
    get(naru.port, "/courses/x")
    eventually(lambda: naru.metric("naru_calls_total") == 1, "the call is counted")
    naru.stop()  # which writes what is queued
    said = {json.loads(line)["message"] for line in naru.log().splitlines()}
    assert said & {"ready", "failed call"} == messages


def test_a_log_level_that_does_not_exist_is_refused():
    done = run_command("run", "--log-level", "loud")
    assert done.returncode != 0
    assert "loud" in done.stderr and "debug" in done.stderr


def log_lines(naru, *words):
    """The lines of naru's log that have all these words."""
    return [json.loads(line) for line in naru.log().splitlines()
            if line.endswith("}") and all(word in line for word in words)]


def test_a_failed_call_is_logged_with_the_cause_of_its_last_attempt(start_naru):
    address = refused_address()
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [address]}})
    get(naru.port, "/courses/x")
    line = eventually(lambda: log_lines(naru, "failed call"), "a line about the call")[0]
    assert re.fullmatch(rf"2 attempts failed within \d+ ms; last at {address}: connection refused", line["detail"])


@pytest.mark.parametrize("words, method, path, detail", [
    (b"\x16\x03\x01\x02\x00\x01\x00", "", "", "this is TLS"),
    (b"POST /x HTTP/1.1\r\nHost: courses\r\nContent-Length: abc\r\n\r\n", "POST", "/x", "Content-Length is not a"),
    (b"PUT /x HTTP/1.1\r\nHost: courses\n", "PUT", "/x", "a line ends in LF without CR"),
    (b"GET /x HTTP/1.1\nHost: courses\n\n", "", "", "a line ends in LF without CR")])
def test_a_malformed_request_is_logged_as_far_as_it_was_read_and_with_its_client(courses, words, method, path, detail):
    naru, _ = courses()
    with Client(naru.port) as client:
        host, port = client.sock.getsockname()
        client.send(words)
        assert client.read_response().status == 400
        line = eventually(lambda: log_lines(naru, "failed call"), "a line about the call")[0]
        assert (line["method"], line["path"], line["peer"]) == (method, path, f"{host}:{port}")
        assert line["detail"].startswith(detail)
        told = eventually(lambda: naru.admin_json("/calls/recent")["calls"], "it is told")[0]
        assert (told["method"], told["path"], told["peer"]) == (method, path, f"{host}:{port}")


def test_a_truncated_call_shows_an_attempt_that_was_cut(courses):
    def break_off(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
        return CLOSE

    naru, _ = courses(break_off)
    with Client(naru.port) as client:
        client.start("GET", "/courses/x")
        client.read_to_end()
    told = eventually(lambda: naru.admin_json("/calls/recent?outcome=truncated")["calls"], "it is told")[0]
    assert [(attempt["outcome"], attempt["detail"]) for attempt in told["attempts"]] == [
        ("truncated", "closed inside the body of its answer")]


def test_a_breaker_and_an_ejection_are_logged_when_they_change(start_naru, upstream):
    failing = [True]

    def answer(*_):
        return answer_bytes("500 Internal Server Error", b"") if failing[0] else ok()

    peers = [upstream(answer), upstream(answer)]
    naru = start_naru({"courses": {
        "squad": "learning", "endpoints": [peer.address for peer in peers], "balance": "round-robin",
        "retry": {"attempts": 1}, "breaker": {"failure_rate": "50%", "min_calls": 4, "open_for": "3s"},
        "ejection": {"consecutive": 2, "base": "3s"}}})
    for _ in range(4):
        assert get(naru.port, "/courses/x").status == 500
    assert get(naru.port, "/courses/x").status == 503
    opened, = eventually(lambda: log_lines(naru, "breaker opened"), "it says that the breaker opened")
    assert (opened["level"], opened["squad"], opened["service"], opened["why"], opened["open_for"]) == (
        "warn", "learning", "courses", "4 of 4 calls failed in 10s", "3s")
    ejected, = eventually(lambda: log_lines(naru, "endpoint ejected"), "it says that an endpoint was ejected")
    assert (ejected["level"], ejected["squad"], ejected["service"], ejected["why"]) == (
        "warn", "learning", "courses", "2 failures in a row")
    assert ejected["endpoint"] in [peer.address for peer in peers]
    failing[0] = False
    eventually(lambda: get(naru.port, "/courses/x").status == 200, "calls go through again")
    closed, = eventually(lambda: log_lines(naru, "breaker closed"), "it says that the breaker closed")
    assert (closed["level"], closed["why"]) == ("info", "1 call that tested it went well")

    def returned():
        get(naru.port, "/courses/x")
        return log_lines(naru, "endpoint returned")

    assert eventually(returned, "it says that the endpoint returned")[0]["endpoint"] == ejected["endpoint"]
    assert len(log_lines(naru, '"message":"breaker')) == 2, "nothing but the changes"
