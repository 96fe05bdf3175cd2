"""Bodies of every framing and size, streamed both ways."""

import hashlib
import random
import threading

import pytest

from support.client import Client, call, chunked, request_bytes
from support.http_message import ConnectionClosed
from support.upstream import CLOSE, Gate, answer_bytes, ok
from support.waiting import eventually, settled

MIB = 1024 * 1024


def test_a_request_body_with_a_length_keeps_its_length(courses):
    naru, peer = courses()
    assert call(naru.port, "POST", "/courses/x", body=b"z" * 1000).status == 200
    assert peer.request.get("content-length") == "1000"
    assert peer.request.body == b"z" * 1000


def test_a_chunked_request_body_stays_chunked(courses):
    naru, peer = courses()
    body = chunked(b"hello", b" ", b"world")
    assert call(naru.port, "POST", "/courses/x", [("Transfer-Encoding", "chunked")], body).status == 200
    assert peer.request.chunked
    assert peer.request.body == b"hello world"
    assert peer.request.trailers == []


def test_chunk_extensions_are_dropped(courses):
    naru, peer = courses()
    body = b'5;name=value;q="a;b"\r\nhello\r\n0;last\r\n\r\n'
    assert call(naru.port, "POST", "/courses/x", [("Transfer-Encoding", "chunked")], body).status == 200
    assert peer.request.body == b"hello"
    assert b";" not in peer.request.raw_body


def test_request_trailers_reach_the_service(courses):
    naru, peer = courses()
    body = chunked(b"hello", trailers=b"X-Checksum: abc\r\nX-Other: d\r\n")
    fields = [("Transfer-Encoding", "chunked"), ("Trailer", "X-Checksum, X-Other")]
    assert call(naru.port, "POST", "/courses/x", fields, body).status == 200
    assert peer.request.trailers == [("X-Checksum", "abc"), ("X-Other", "d")]
    assert peer.request.get("trailer") == "X-Checksum, X-Other"


def test_response_trailers_reach_the_application(courses):
    naru, _ = courses(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                      b"5\r\nhello\r\n0\r\nX-Sum: 5d41\r\n\r\n")
    answer = call(naru.port, "GET", "/courses/x", [("TE", "trailers")])
    assert answer.body == b"hello"
    assert answer.trailers == [("X-Sum", "5d41")]


def test_framing_fields_in_trailers_are_not_forwarded(courses):
    naru, peer = courses()
    body = chunked(b"hello", trailers=b"Content-Length: 3\r\nTransfer-Encoding: gzip\r\nHost: evil\r\nX-Fine: 1\r\n")
    answer = call(naru.port, "POST", "/courses/x", [("Transfer-Encoding", "chunked")], body)
    if answer.status == 400:  # to refuse them is sound too (RFC 9110 6.5.1)
        assert peer.requests == []
        return
    assert answer.status == 200
    assert peer.request.trailers == [("X-Fine", "1")]


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_answers_without_a_body_end_with_their_head(courses, status):
    naru, _ = courses(f"HTTP/1.1 {status}\r\nETag: \"a\"\r\n\r\n".encode())
    with Client(naru.port) as client:
        for _ in range(2):
            answer = client.get("/courses/x")
            assert answer.start_line == f"HTTP/1.1 {status}"
            assert answer.get("etag") == '"a"'
            assert answer.all("transfer-encoding") == []


def test_a_304_keeps_the_length_it_speaks_of(courses):
    naru, _ = courses(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n")
    with Client(naru.port) as client:
        for _ in range(2):
            assert client.get("/courses/x").get("content-length") == "1000"


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_the_answer_to_head_has_no_body_whatever_its_fields_say(courses, framing):
    naru, peer = courses(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
    with Client(naru.port) as client:
        for _ in range(3):
            answer = client.call("HEAD", "/courses/x")
            assert answer.status == 200
            # RFC 9112 6.1 leaves it open whether an answer to HEAD says how the body would have been framed.
            assert answer.get("content-length") == ("1000" if "Length" in framing else None)
    assert len(peer.connections) == 1


def test_an_empty_answer_with_length_0_is_an_empty_answer(courses):
    naru, _ = courses(answer_bytes("200 OK", b""))
    with Client(naru.port) as client:
        for _ in range(2):
            answer = client.get("/courses/x")
            assert (answer.get("content-length"), answer.body) == ("0", b"")


def test_a_body_that_ends_with_the_connection_is_carried_whole(courses):
    def answer(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"part one, ")
        connection.send(b"part two")
        return CLOSE

    naru, _ = courses(answer)
    with Client(naru.port) as client:
        for _ in range(2):
            assert client.get("/courses/x").body == b"part one, part two"


def test_a_body_that_dies_mid_chunk_is_cut_for_the_application_too(courses):
    def answer(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        return CLOSE

    naru, _ = courses(answer)
    with Client(naru.port) as client:
        client.start("GET", "/courses/x")
        with pytest.raises((ConnectionClosed, ConnectionResetError)):
            client.read_response()
    eventually(lambda: naru.metric("naru_calls_total", outcome="truncated") == 1, "the call is counted as truncated")


def test_a_body_shorter_than_its_length_is_cut_for_the_application_too(courses):
    def answer(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        return CLOSE

    naru, _ = courses(answer)
    with Client(naru.port) as client:
        client.start("GET", "/courses/x")
        with pytest.raises((ConnectionClosed, ConnectionResetError)):
            client.read_response()
    eventually(lambda: naru.metric("naru_calls_total", outcome="truncated") == 1, "the call is counted as truncated")


def test_an_answer_that_comes_before_the_request_body_ends_is_carried(courses):
    def answer(request, connection):
        connection.send(answer_bytes("413 Content Too Large", b"too much", ("Connection", "close")))
        return CLOSE

    naru, peer = courses(answer, read_body=False)
    with Client(naru.port) as client:
        client.send(request_bytes("POST", "/courses/x", [("Content-Length", str(100 * MIB))]) + b"z" * 1000)
        answer_read = client.read_response()
    assert (answer_read.status, answer_read.body) == (413, b"too much")
    assert len(peer.requests) == 1


def pieces(total, size=MIB):
    block = bytes(range(256)) * (size // 256)
    for _ in range(total // size):
        yield block


def digest(total):
    summed = hashlib.blake2b()
    for piece in pieces(total):
        summed.update(piece)
    return summed.hexdigest()


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.limit(180)
def test_memory_stays_flat_while_a_slow_reader_takes_a_gigabyte(courses, framing):
    total = 1024 * MIB
    sent = [0]

    def answer(_, connection):
        head = f"Content-Length: {total}" if framing == "length" else "Transfer-Encoding: chunked"
        connection.send(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
        connection.sock.settimeout(None)
        for piece in pieces(total):
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if framing == "chunked" else piece)
            sent[0] += len(piece)
        if framing == "chunked":
            connection.send(b"0\r\n\r\n")

    naru, _ = courses(answer, timeout="60s", try_timeout="60s")
    call_before = naru.rss_bytes()
    with Client(naru.port, timeout=60) as client:
        client.start("GET", "/courses/x")
        client.read_response_head()
        # Nobody reads: what the service got rid of lies in socket buffers, not in naru.
        held_back = settled(lambda: sent[0])
        assert held_back < 64 * MIB
        assert naru.rss_bytes() - call_before < 8 * MIB
        received, summed, peak = 0, hashlib.blake2b(), 0
        while received < total:
            if framing == "chunked":
                piece = client.read_chunk()[0]
                assert piece, "the body ended early"
            else:
                piece = client.read_some()
            summed.update(piece)
            if received // (128 * MIB) != (received + len(piece)) // (128 * MIB):
                peak = max(peak, naru.rss_bytes())
            received += len(piece)
    assert received == total
    assert summed.hexdigest() == digest(total)
    assert peak - call_before < 8 * MIB


@pytest.mark.limit(300)
def test_memory_stays_flat_while_a_slow_reader_takes_ten_gigabytes(courses):
    """Ten times as much again, compared with a pattern, as summing would take most of the time."""
    total = 10 * 1024 * MIB
    pattern = random.Random(7).randbytes(MIB)
    sent = [0]

    def answer(_, connection):
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n".encode())
        connection.sock.settimeout(None)
        for _ in range(total // MIB):
            connection.send(pattern)
            sent[0] += MIB

    naru, _ = courses(answer, timeout="60s", try_timeout="60s")
    before = naru.rss_bytes()
    with Client(naru.port, timeout=60) as client:
        client.start("GET", "/courses/x")
        client.read_response_head()
        assert settled(lambda: sent[0]) < 64 * MIB, "nobody reads"
        received, peak, expected = 0, 0, pattern * 2
        while received < total:
            piece = client.read_some()
            at = received % MIB
            assert piece == expected[at:at + len(piece)], f"other bytes behind {received}"
            if received // (512 * MIB) != (received + len(piece)) // (512 * MIB):
                peak = max(peak, naru.rss_bytes())
            received += len(piece)
    assert received == total
    assert peak - before < 8 * MIB


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.limit(180)
def test_memory_stays_flat_while_a_slow_service_takes_a_gigabyte(courses, framing):
    total = 1024 * MIB
    gate = Gate()
    summed = hashlib.blake2b()

    def answer(request, connection):
        gate.wait()
        received = 0
        while received < total:
            piece = connection.read_chunk()[0] if request.chunked else connection.read_some()
            summed.update(piece)
            received += len(piece)
        if request.chunked:
            assert connection.read_chunk()[0] == b""
            connection.read_trailers()
        return ok(b"%d" % received)

    naru, peer = courses(answer, read_body=False, timeout="60s", try_timeout="60s")
    before = naru.rss_bytes()
    sent = [0]
    with Client(naru.port, timeout=60) as client:
        head = ("Content-Length", str(total)) if framing == "length" else ("Transfer-Encoding", "chunked")
        client.start("POST", "/courses/x", [head])

        def send_all():
            for piece in pieces(total):
                client.send(b"%x\r\n%b\r\n" % (len(piece), piece) if framing == "chunked" else piece)
                sent[0] += len(piece)
            if framing == "chunked":
                client.send(b"0\r\n\r\n")

        sender = threading.Thread(target=send_all, daemon=True)
        sender.start()
        assert settled(lambda: sent[0]) < 64 * MIB, "naru reads no faster than the service"
        assert naru.rss_bytes() - before < 8 * MIB
        gate.open()
        answer_read = client.read_response()
        sender.join()
    assert answer_read.body == b"%d" % total
    assert summed.hexdigest() == digest(total)
    assert naru.rss_bytes() - before < 8 * MIB


def test_the_application_may_send_its_body_while_it_reads_the_answer(courses):
    def answer(request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            data, raw = connection.read_chunk()
            if not data:
                connection.read_trailers()
                return b"0\r\n\r\n"
            connection.send(raw)

    naru, _ = courses(answer, read_body=False)
    with Client(naru.port) as client:
        client.start("POST", "/courses/x", [("Transfer-Encoding", "chunked")])
        assert client.read_response_head().status == 200
        for number in range(20):
            client.send(b"2\r\n%02d\r\n" % number)
            assert client.read_chunk()[0] == b"%02d" % number
        client.send(b"0\r\n\r\n")
        assert client.read_chunk()[0] == b""
