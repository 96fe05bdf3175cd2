"""A service that sends garbage, too much, too little or nothing: the application gets a clear answer, never the mess."""

import json
import re

import pytest

from support.client import Client, call, get
from support.http_message import ConnectionClosed
from support.upstream import CLOSE, Upstream, ok
from support.waiting import eventually

GARBAGE = {
    "bytes that are no HTTP": b"\x00\x01\x02 garbage\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
    "a status that is no number": b"HTTP/1.1 OK 200\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/2.0 in the status line": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "both lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a length that is no number": b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "a length that overflows": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "space before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
    "obs-fold": b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "bare CR in a value": b"HTTP/1.1 200 OK\r\nX-A: b\rc\r\nContent-Length: 0\r\n\r\n",
    "NUL in a value": b"HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 0\r\n\r\n",
    "a field without colon": b"HTTP/1.1 200 OK\r\nX-A b\r\nContent-Length: 0\r\n\r\n",
    "a head of 1 MiB": b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * (1 << 20) + b"\r\nContent-Length: 0\r\n\r\n",
    "101 without being asked": b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_in_place_of_a_head_is_answered_502(courses, data):
    naru, peer = courses(data)
    with Client(naru.port) as client:
        answer = client.call("POST", "/courses/x", body=b"once")
        assert answer.status == 502
        assert answer.get("x-naru-outcome") == "bad_response"
        error = json.loads(answer.body)
        assert [attempt["outcome"] for attempt in error["attempts"]] == ["bad_response"]
        begins = re.sub(r"[^ -~]", "?", data.decode("latin-1").split("\r")[0][:60])
        assert f"; it begins '{begins}'" in error["attempts"][0]["detail"] or len(data) > 65536 or "101" in begins
        peer.answer = ok(b"fine")
        assert client.call("POST", "/courses/x").body == b"fine", "and the application's connection lives on"
    assert len(peer.requests) == 2
    assert len(peer.connections) == 2, "a connection that carried garbage is not used again"


BROKEN_CHUNKS = {
    "a size that is no number": b"zz\r\nhello\r\n0\r\n\r\n",
    "a size that overflows": b"fffffffffffffffff\r\nhello\r\n",
    "data longer than its size": b"5\r\nhello world\r\n0\r\n\r\n",
    "no end of the trailers": b"5\r\nhello\r\n0\r\nX-A\r\n\r\n",
}


@pytest.mark.parametrize("body", BROKEN_CHUNKS.values(), ids=BROKEN_CHUNKS.keys())
def test_a_broken_body_is_cut_and_never_ended_as_if_complete(courses, body):
    def answer(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        connection.read_to_end()
        return CLOSE

    naru, _ = courses(answer)
    with Client(naru.port) as client:
        client.start("GET", "/courses/x")
        try:
            answer_read = client.read_response()
            # If nothing of it had been passed on yet, an honest 502 is as good.
            assert answer_read.status == 502
        except (ConnectionClosed, ConnectionResetError):
            pass
    eventually(lambda: naru.metric("naru_in_flight") == 0, "nothing of the call is left")


def test_bytes_after_an_answer_are_not_the_next_answer(courses):
    poison = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned"
    naru, peer = courses(ok(b"mine") + poison)
    with Client(naru.port) as client:
        for _ in range(10):
            assert client.get("/courses/x").body == b"mine"
    assert len(peer.connections) == 10


def test_bytes_on_an_idle_connection_close_it(courses):
    naru, peer = courses()
    with Client(naru.port) as client:
        assert client.get("/courses/x").body == b"ok"
        peer.connections[0].send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned")
        eventually(lambda: peer.connections[0].closed.is_set() or client.get("/courses/x").body == b"ok",
                   "the connection is closed or never answers with what was not asked for")
        for _ in range(5):
            assert client.get("/courses/x").body == b"ok"
    assert len(peer.connections) >= 2


def test_a_body_where_none_belongs_is_not_the_next_answer(courses):
    naru, _ = courses(b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned")
    with Client(naru.port) as client:
        for _ in range(5):
            assert client.get("/courses/x").status == 204


def test_a_service_that_closes_without_a_word_is_a_reset(courses):
    naru, peer = courses(lambda *_: CLOSE)
    answer = call(naru.port, "POST", "/courses/x", body=b"once")
    assert answer.status == 502
    assert answer.get("x-naru-outcome") == "reset"
    assert len(peer.requests) == 1


def test_a_service_that_closes_inside_the_head_is_a_reset(courses):
    def answer(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        return CLOSE

    naru, _ = courses(answer)
    answer_read = call(naru.port, "POST", "/courses/x", body=b"once")
    assert answer_read.status == 502
    assert answer_read.get("x-naru-outcome") == "reset"


def test_a_service_that_says_nothing_is_a_timeout(courses):
    def answer(_, connection):
        connection.read_to_end()
        return CLOSE

    naru, peer = courses(answer, timeout="300ms", try_timeout="300ms")
    answer_read = get(naru.port, "/courses/x")
    assert answer_read.status == 504
    assert answer_read.get("x-naru-outcome") == "timeout"
    eventually(lambda: not peer.open_connections(), "naru hangs up")


def test_a_service_that_accepts_and_closes_at_once_is_a_failure_of_the_attempt(start_naru):
    class Slammer(Upstream):
        def _serve_one(self, connection):
            return CLOSE

    peer = Slammer()
    try:
        naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address]}})
        answer = call(naru.port, "POST", "/courses/x", body=b"once")
        assert answer.status == 502
        assert answer.get("x-naru-outcome") == "reset"
    finally:
        peer.stop()


def test_a_service_that_never_ends_its_head_is_bounded(courses):
    def answer(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.send(b"X-More: and more\r\n" * 1000)

    naru, _ = courses(answer)
    before = naru.rss_bytes()
    answer_read = get(naru.port, "/courses/x")
    assert answer_read.status == 502
    assert answer_read.get("x-naru-outcome") == "bad_response"
    assert naru.rss_bytes() - before < 8 * 1024 * 1024
