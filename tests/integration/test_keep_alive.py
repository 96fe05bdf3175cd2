"""Connections that live on, towards the application and towards the service, for HTTP/1.1 and 1.0."""

import pytest

from support.client import Client, call, request_bytes
from support.upstream import CLOSE, Gate, answer_bytes, ok
from support.waiting import eventually


def echo_target(request, _):
    return ok(request.target.encode())


def test_calls_on_one_connection_share_one_upstream_connection(courses):
    naru, peer = courses(echo_target)
    with Client(naru.port) as client:
        for number in range(20):
            assert client.get(f"/courses/{number}").body == b"/%d" % number
    assert len(peer.connections) == 1


def test_calls_of_different_applications_reuse_an_upstream_connection(courses):
    naru, peer = courses()
    for _ in range(5):
        assert call(naru.port, "GET", "/courses/x").status == 200
    assert len(peer.connections) == 1


def test_concurrent_calls_have_upstream_connections_of_their_own(courses):
    gate = Gate()

    def answer(*_):
        gate.wait()
        return ok()

    naru, peer = courses(answer, timeout="60s", try_timeout="60s")
    clients = [Client(naru.port) for _ in range(5)]
    for client in clients:
        client.start("GET", "/courses/x")
    peer.wait_for_requests(5)
    gate.open()
    assert [client.read_response().status for client in clients] == [200] * 5
    assert len(peer.connections) == 5


def test_pipelined_requests_are_answered_in_their_order(courses):
    naru, peer = courses(echo_target)
    with Client(naru.port) as client:
        client.send(b"".join(request_bytes("GET", f"/courses/{number}") for number in range(50)))
        bodies = [client.read_response().body for _ in range(50)]
    assert bodies == [b"/%d" % number for number in range(50)]
    assert [request.target for request in peer.requests] == [f"/{number}" for number in range(50)]


def test_pipelined_requests_with_bodies_are_cut_where_their_lengths_say(courses):
    naru, peer = courses(lambda request, _: ok(request.body))
    with Client(naru.port) as client:
        client.send(request_bytes("POST", "/courses/x", body=b"one")
                    + request_bytes("POST", "/courses/x", [("Transfer-Encoding", "chunked")], b"3\r\ntwo\r\n0\r\n\r\n")
                    + request_bytes("POST", "/courses/x", body=b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
        assert [client.read_response().body for _ in range(3)] == [b"one", b"two", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"]
    assert len(peer.requests) == 3


def test_a_pipelined_request_waits_until_the_one_before_is_answered(courses):
    gate = Gate()

    def answer(request, _):
        if request.target == "/first":
            gate.wait()
        return ok(request.target.encode())

    naru, peer = courses(answer)
    with Client(naru.port) as client:
        client.send(request_bytes("GET", "/courses/first") + request_bytes("GET", "/courses/second"))
        peer.wait_for_requests(1)
        gate.open()
        assert client.read_response().body == b"/first"
        assert client.read_response().body == b"/second"


def test_a_request_that_arrives_byte_by_byte_is_read(courses):
    naru, peer = courses(lambda request, _: ok(request.body))
    with Client(naru.port) as client:
        for byte in request_bytes("POST", "/courses/x", [("X-Thing", "value")], b"hello"):
            client.send(bytes([byte]))
        assert client.read_response().body == b"hello"
    assert peer.request.get("X-Thing") == "value"


def test_connection_close_from_the_application_closes_after_the_answer(courses):
    naru, peer = courses()
    with Client(naru.port) as client:
        answer = client.get("/courses/x", ("Connection", "close"))
        assert answer.status == 200
        assert answer.get("connection") == "close"
        assert client.closed_within()
    assert peer.request.get("connection") is None, "what the application wants of its connection is not the service's"
    assert call(naru.port, "GET", "/courses/x").status == 200
    assert len(peer.connections) == 1


def test_connection_close_from_the_service_costs_the_application_nothing(courses):
    naru, peer = courses(ok(b"bye", ("Connection", "close")))
    with Client(naru.port) as client:
        for _ in range(3):
            answer = client.get("/courses/x")
            assert (answer.status, answer.body) == (200, b"bye")
            assert answer.get("connection") is None
    assert len(peer.connections) == 3


def test_a_request_after_connection_close_is_not_carried(courses):
    naru, peer = courses()
    with Client(naru.port) as client:
        client.send(request_bytes("GET", "/courses/x", [("Connection", "close")]) + request_bytes("GET", "/courses/late"))
        assert client.read_response().status == 200
        assert client.closed_within()
    assert [request.target for request in peer.requests] == ["/x"]


def test_http_1_0_is_answered_and_closed(courses):
    naru, peer = courses()
    with Client(naru.port) as client:
        answer = client.call("GET", "/courses/x", version="HTTP/1.0")
        assert (answer.status, answer.body) == (200, b"ok")
        assert client.closed_within()
    assert peer.request.version == "HTTP/1.1", "RFC 9112 2.5: an intermediary sends its own version"


def test_http_1_0_with_keep_alive_stays_open(courses):
    naru, _ = courses()
    with Client(naru.port) as client:
        for _ in range(2):
            answer = client.call("GET", "/courses/x", [("Connection", "keep-alive")], version="HTTP/1.0")
            assert answer.status == 200
            assert answer.get("connection").lower() == "keep-alive"


def test_a_chunked_answer_reaches_http_1_0_without_chunks(courses):
    naru, _ = courses(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
    with Client(naru.port) as client:
        answer = client.call("GET", "/courses/x", [("Connection", "keep-alive")], version="HTTP/1.0")
        assert answer.all("transfer-encoding") == [], "RFC 9112 6.1: never sent to HTTP/1.0"
        assert answer.framed_by_close
        assert answer.body == b"hello world"


def test_an_http_1_0_service_is_understood(courses):
    def answer(_, connection):
        connection.send(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold but fine")
        return CLOSE

    naru, peer = courses(answer)
    with Client(naru.port) as client:
        for _ in range(2):
            answer_read = client.get("/courses/x")
            assert (answer_read.status, answer_read.body) == (200, b"old but fine")
            assert answer_read.version == "HTTP/1.1"
            assert not answer_read.framed_by_close, "HTTP/1.1 applications get chunks and keep their connection"
    assert len(peer.connections) == 2


def test_an_http_1_0_service_that_does_not_keep_alive_is_not_reused(courses):
    naru, peer = courses(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
    with Client(naru.port) as client:
        assert [client.get("/courses/x").status for _ in range(3)] == [200] * 3
    assert len(peer.connections) == 3


def test_an_idle_upstream_connection_that_the_service_closes_is_noticed(courses):
    naru, peer = courses()
    assert call(naru.port, "GET", "/courses/x").status == 200
    peer.connections[0].sock.shutdown(2)
    eventually(lambda: peer.connections[0].closed.is_set(), "the service's side is closed")
    assert call(naru.port, "POST", "/courses/x", body=b"once").status == 200
    assert len(peer.connections) == 2
    eventually(lambda: naru.metric("naru_connections", side="upstream") == 1, "the closed one is counted no more")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_any_method_is_carried(courses, method):
    naru, peer = courses()
    answer = call(naru.port, method, "/courses/x")
    assert answer.status == 200
    assert peer.request.method == method


@pytest.mark.parametrize("status, reason", [(200, "OK"), (201, "Created"), (299, "Odd"), (301, "Moved Permanently"),
                                            (404, "Not Found"), (418, "I'm a teapot"), (500, "Oh dear"), (599, "x")])
def test_status_and_reason_come_as_they_are(courses, status, reason):
    naru, _ = courses(answer_bytes(f"{status} {reason}", b"body"))
    answer = call(naru.port, "POST", "/courses/x")
    assert (answer.status, answer.reason, answer.body) == (status, reason, b"body")
