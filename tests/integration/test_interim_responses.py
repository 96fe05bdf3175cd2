"""1xx responses and Expect: 100-continue."""

import socket

from support.client import Client, request_bytes
from support.upstream import CLOSE, answer_bytes, ok


def test_expect_100_continue_asks_the_service(courses):
    def answer(request, connection):
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.read_request_body(request)
        return ok(request.body)

    naru, peer = courses(answer, read_body=False)
    with Client(naru.port) as client:
        client.send(request_bytes("POST", "/courses/x", [("Expect", "100-continue"), ("Content-Length", "5")]))
        raw, start_line, _ = client.read_head()
        assert start_line == "HTTP/1.1 100 Continue"
        client.send(b"hello")
        assert client.read_response().body == b"hello"
    assert peer.request.get("expect") == "100-continue"


def test_a_refusal_of_expect_reaches_the_application_before_its_body_is_sent(courses):
    def answer(request, connection):
        if request.method == "GET":
            return ok(b"next")
        connection.send(answer_bytes("417 Expectation Failed", b"no", ("Connection", "close")))
        return CLOSE

    naru, peer = courses(answer, read_body=False)
    with Client(naru.port) as client:
        client.send(request_bytes("POST", "/courses/x", [("Expect", "100-continue"), ("Content-Length", "5")]))
        answer_read = client.read_response()
        assert (answer_read.status, answer_read.informational) == (417, [])
        # RFC 9110 10.1.1: it closes, or it says by silence that it goes on to read the body.
        if answer_read.get("connection") == "close":
            assert client.closed_within()
        else:
            client.send(b"hello")
            assert client.get("/courses/next").body == b"next"


def test_a_body_sent_without_waiting_for_100_is_carried(courses):
    naru, _ = courses(lambda request, _: ok(request.body))
    with Client(naru.port) as client:
        client.send(request_bytes("POST", "/courses/x", [("Expect", "100-continue")], b"hello"))
        answer = client.read_response()
        assert (answer.status, answer.body) == (200, b"hello")


def test_103_early_hints_come_before_the_answer(courses):
    def answer(_, connection):
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </script.js>\r\n\r\n")
        return ok(b"page")

    naru, _ = courses(answer)
    with Client(naru.port) as client:
        answer_read = client.get("/courses/x")
    assert [(hint.status, hint.get("link")) for hint in answer_read.informational] == [
        (103, "</style.css>"), (103, "</script.js>")]
    assert (answer_read.status, answer_read.body) == (200, b"page")


def test_interim_and_final_response_in_one_packet_are_told_apart(courses):
    naru, _ = courses(b"HTTP/1.1 102 Processing\r\n\r\n" + ok(b"done"))
    with Client(naru.port) as client:
        answer = client.call("PUT", "/courses/x")
    assert [interim.status for interim in answer.informational] == [102]
    assert answer.body == b"done"


def test_http_1_0_gets_no_interim_response(courses):
    naru, _ = courses(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok(b"done"))
    with Client(naru.port) as client:
        client.start("GET", "/courses/x", version="HTTP/1.0")
        data = client.read_to_end()  # RFC 9110 15.2: a 1xx is never sent to HTTP/1.0
    assert b" 103 " not in data
    assert data.endswith(b"\r\n\r\ndone")


def test_the_deadline_counts_on_while_interim_responses_arrive(courses):
    def answer(_, connection):
        while True:
            connection.send(b"HTTP/1.1 102 Processing\r\n\r\n")
            try:
                connection.sock.settimeout(0.05)
                connection.more("the close")
            except socket.timeout:
                pass

    naru, _ = courses(answer, timeout="400ms", try_timeout="400ms")
    with Client(naru.port) as client:
        answer_read = client.get("/courses/x")
    assert answer_read.status == 504
    assert answer_read.get("x-naru-outcome") == "timeout"
