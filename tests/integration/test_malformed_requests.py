"""Malformed requests are refused, the connection is closed, and nothing of them reaches a service (RFC 9112)."""

import json

import pytest

from support.client import Client, call, request_bytes
from support.upstream import ok
from support.waiting import eventually

CHUNKED = b"Transfer-Encoding: chunked\r\n"


def post(fields, body=b""):
    return b"POST /courses/x HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n" + body


def get(fields=b"", start=b"GET /courses/x HTTP/1.1"):
    return start + b"\r\nHost: localhost\r\n" + fields + b"\r\n"


MALFORMED_HEADS = {
    # RFC 9112 6.1, 6.3: the message's length
    "content-length and transfer-encoding": post(b"Content-Length: 5\r\n" + CHUNKED, b"0\r\n\r\n"),
    "transfer-encoding and content-length": post(CHUNKED + b"Content-Length: 5\r\n", b"0\r\n\r\n"),
    "two lengths that differ": post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello!"),
    "two lengths that agree": post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"),
    "a list of lengths": post(b"Content-Length: 5, 5\r\n", b"hello"),
    "a negative length": post(b"Content-Length: -5\r\n", b"hello"),
    "a length with a plus": post(b"Content-Length: +5\r\n", b"hello"),
    "a length in hexadecimal": post(b"Content-Length: 0x5\r\n", b"hello"),
    "a length with a space inside": post(b"Content-Length: 1 0\r\n", b"helloworld"),
    "a length that overflows": post(b"Content-Length: 18446744073709551616\r\n", b"hello"),
    "a length that overflows far": post(b"Content-Length: " + b"9" * 60 + b"\r\n", b"hello"),
    "an empty length": post(b"Content-Length: \r\n", b"hello"),
    "a length that is a word": post(b"Content-Length: five\r\n", b"hello"),
    "chunked not last": post(b"Transfer-Encoding: chunked, gzip\r\n", b"0\r\n\r\n"),
    "chunked twice": post(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"),
    "chunked in two fields": post(CHUNKED + CHUNKED, b"0\r\n\r\n"),
    "an unknown transfer coding": post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
    "identity": post(b"Transfer-Encoding: identity\r\n", b"hello"),
    "chunked in quotes": post(b'Transfer-Encoding: "chunked"\r\n', b"0\r\n\r\n"),
    "chunked after a vertical tab": post(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"),
    "transfer-encoding on HTTP/1.0": b"POST /courses/x HTTP/1.0\r\nHost: localhost\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    # RFC 9112 2.2, 5: lines
    "bare LF after the request line": b"GET /courses/x HTTP/1.1\nHost: localhost\r\n\r\n",
    "bare LF after a field": b"GET /courses/x HTTP/1.1\r\nHost: localhost\nX-A: b\r\n\r\n",
    "bare LF as the last line end": b"GET /courses/x HTTP/1.1\r\nHost: localhost\r\n\n",
    "bare CR in a value": get(b"X-A: b\rc\r\n"),
    "bare CR after a field": b"GET /courses/x HTTP/1.1\r\nHost: localhost\rX-A: b\r\n\r\n",
    "bare CR in place of the last line end": b"GET /courses/x HTTP/1.1\r\nHost: localhost\r\n\rX\r\n\r\n",
    "NUL in a value": get(b"X-A: b\0c\r\n"),
    "NUL in a name": get(b"X-\0A: b\r\n"),
    "control character in a value": get(b"X-A: b\x01c\r\n"),
    "obs-fold": get(b"X-A: b\r\n c\r\n"),
    "obs-fold with a tab": get(b"X-A: b\r\n\tc\r\n"),
    "a folded first field": b"GET /courses/x HTTP/1.1\r\n Host: localhost\r\n\r\n",
    "space before the colon": get(b"X-A : b\r\n"),
    "tab before the colon": get(b"X-A\t: b\r\n"),
    "space before the colon of a length": post(b"Content-Length : 5\r\n", b"hello"),
    "no colon": get(b"X-A b\r\n"),
    "an empty name": get(b": b\r\n"),
    "a name that is no token": get(b"X(A): b\r\n"),
    "a name with bytes above 127": get("X-\xe9: b\r\n".encode("latin-1")),
    # RFC 9112 3: the request line
    "no version": get(start=b"GET /courses/x"),
    "a version that is no version": get(start=b"GET /courses/x HTTP/1.x"),
    "lower-case http": get(start=b"GET /courses/x http/1.1"),
    "HTTP/2.0 in a request line": get(start=b"GET /courses/x HTTP/2.0"),
    "HTTP/1.10": get(start=b"GET /courses/x HTTP/1.10"),
    "two spaces": get(start=b"GET  /courses/x HTTP/1.1"),
    "a space in the target": get(start=b"GET /courses/x y HTTP/1.1"),
    "a tab between": get(start=b"GET\t/courses/x\tHTTP/1.1"),
    "a space at the line's end": get(start=b"GET /courses/x HTTP/1.1 "),
    "a method that is no token": get(start=b"GE(T /courses/x HTTP/1.1"),
    "control character in the target": get(start=b"GET /courses/\x01 HTTP/1.1"),
    "a target without slash": get(start=b"GET courses/x HTTP/1.1"),
    "bytes that are no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    # RFC 9112 3.2: Host
    "no Host": b"GET /courses/x HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /x HTTP/1.1\r\nHost: courses\r\nHost: courses\r\n\r\n",
    "a Host that is no host": b"GET /x HTTP/1.1\r\nHost: a b\r\n\r\n",
}

MALFORMED_CHUNKS = {
    "a size that is no number": b"zz\r\nhello\r\n0\r\n\r\n",
    "a negative size": b"-5\r\nhello\r\n0\r\n\r\n",
    "a size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "an empty size": b"\r\nhello\r\n0\r\n\r\n",
    "a size that overflows": b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "bare LF after the size": b"5\nhello\r\n0\r\n\r\n",
    "bare LF after the data": b"5\r\nhello\n0\r\n\r\n",
    "data longer than its size": b"5\r\nhello world\r\n0\r\n\r\n",
    "space before the size": b" 5\r\nhello\r\n0\r\n\r\n",
    "bare CR in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "bare LF in the trailers": b"0\r\nX-A: b\n\r\n",
    "space before the colon of a trailer": b"0\r\nX-A : b\r\n\r\n",
    "obs-fold in the trailers": b"0\r\nX-A: b\r\n c\r\n\r\n",
}

TOO_LARGE = {
    "a field of 1 MiB": get(b"X-A: " + b"a" * (1 << 20) + b"\r\n"),
    "a name of 1 MiB": get(b"a" * (1 << 20) + b": b\r\n"),
    "100,000 fields": get(b"X-A: b\r\n" * 100_000),
    "a target of 1 MiB": get(start=b"GET /courses/" + b"a" * (1 << 20) + b" HTTP/1.1"),
    "a head that never ends": b"GET /courses/x HTTP/1.1\r\n" + b"X-A: b\r\n" * 200_000,
}


def send_whatever_it_takes(client, data):
    """The rest of a message that naru refuses early may find the connection closed."""
    try:
        client.send(data)
    except (BrokenPipeError, ConnectionResetError):
        pass


def assert_refused(naru, data, status):
    with Client(naru.port) as client:
        send_whatever_it_takes(client, data)
        answer = client.read_response()
        assert answer.status == status, answer
        assert answer.get("connection") == "close"
        assert answer.get("x-naru-outcome") == "bad_request"
        assert answer.get("content-type") == "application/json"
        error = json.loads(answer.body)
        assert (error["outcome"], error["status"]) == ("bad_request", status)
        assert error["detail"]
        assert client.closed_within()


@pytest.mark.parametrize("data", MALFORMED_HEADS.values(), ids=MALFORMED_HEADS.keys())
def test_a_malformed_head_is_answered_400_and_reaches_nobody(courses, data):
    naru, peer = courses()
    assert_refused(naru, data, 400)
    assert peer.connections == []
    assert call(naru.port, "GET", "/courses/x").status == 200, "others are served as before"


@pytest.mark.parametrize("data", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_a_head_too_large_is_answered_431_and_reaches_nobody(courses, data):
    naru, peer = courses()
    assert_refused(naru, data, 431)
    assert peer.connections == []


@pytest.mark.parametrize("body", MALFORMED_CHUNKS.values(), ids=MALFORMED_CHUNKS.keys())
def test_a_malformed_chunk_ends_the_call_on_both_sides(courses, body):
    complete = []

    def answer(request, connection):
        connection.read_request_body(request)
        complete.append(request)
        return ok()

    naru, _ = courses(answer, read_body=False)
    with Client(naru.port) as client:
        client.send(post(CHUNKED, body))
        answer_read = client.read_response()
        assert answer_read.status == 400
        assert answer_read.get("connection") == "close"
        assert client.closed_within()
    assert complete == [], "the service never sees a complete request"
    assert call(naru.port, "GET", "/courses/x").status == 200


def test_what_follows_a_malformed_request_is_never_read(courses):
    naru, peer = courses()
    with Client(naru.port) as client:
        client.send(MALFORMED_HEADS["obs-fold"] + request_bytes("GET", "/courses/smuggled"))
        assert client.read_response().status == 400
        assert client.read_to_end() == b""
    assert peer.requests == []


def test_requests_before_a_malformed_one_are_answered(courses):
    naru, peer = courses()
    with Client(naru.port) as client:
        client.send(request_bytes("GET", "/courses/fine") + MALFORMED_HEADS["space before the colon"])
        assert client.read_response().status == 200
        assert client.read_response().status == 400
        assert client.closed_within()
    assert [request.target for request in peer.requests] == ["/fine"]


@pytest.mark.parametrize("body, framing", [
    (b"5\r\nhello\r\n0\r\n\r\nGET /courses/smuggled HTTP/1.1\r\nHost: a\r\n\r\n", b"Content-Length: 5\r\n" + CHUNKED),
    (b"0\r\n\r\nGET /courses/smuggled HTTP/1.1\r\nHost: a\r\n\r\n", b"Content-Length: 70\r\nTransfer-Encoding : chunked\r\n"),
    (b"0\r\n\r\nGET /courses/smuggled HTTP/1.1\r\nHost: a\r\n\r\n", b"Content-Length: 70\r\nTransfer-Encoding:\x0bchunked\r\n"),
])
def test_known_smuggling_requests_smuggle_nothing(courses, body, framing):
    naru, peer = courses()
    with Client(naru.port) as client:
        client.send(post(framing, body))
        assert client.read_response().status == 400
        assert client.read_to_end() == b""
    assert peer.requests == []


def test_an_empty_line_before_a_request_is_allowed(courses):
    naru, _ = courses()
    with Client(naru.port) as client:
        client.send(b"\r\n" + request_bytes("GET", "/courses/x"))  # RFC 9112 2.2
        assert client.read_response().status == 200


def test_a_hundred_malformed_requests_leave_nothing_open(courses):
    naru, _ = courses()
    before = naru.open_descriptors()
    for data in list(MALFORMED_HEADS.values()) * 2:
        with Client(naru.port) as client:
            send_whatever_it_takes(client, data)
            assert client.read_response().status == 400
            client.read_to_end()
    eventually(lambda: naru.open_descriptors() <= before + 1, "their connections are closed")
