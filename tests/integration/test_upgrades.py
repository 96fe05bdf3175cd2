"""Upgrades such as WebSocket become tunnels that only silence ends."""

import socket

import pytest

from support.client import Client, request_bytes
from support.http_message import ConnectionClosed
from support.upstream import CLOSE, ok
from support.waiting import Stopwatch, eventually

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
           ("Sec-WebSocket-Version", "13")]
SWITCHING = (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")


def echo(request, connection):
    connection.send(SWITCHING)
    while True:
        connection.send(connection.read_some())


def test_an_upgrade_becomes_a_tunnel(courses):
    naru, peer = courses(echo)
    with Client(naru.port) as client:
        answer = client.get("/courses/chat", *UPGRADE)
        assert answer.status == 101
        assert answer.get("upgrade") == "websocket"
        assert answer.get("connection").lower() == "upgrade"
        assert answer.get("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        for number in range(10):
            client.send(b"\x81\x05hello" + bytes([number]))
            assert client.read_exactly(8) == b"\x81\x05hello" + bytes([number])
    request = peer.request
    assert request.get("upgrade") == "websocket"
    assert request.get("connection").lower() == "upgrade"
    assert request.get("sec-websocket-key") == "dGhlIHNhbXBsZSBub25jZQ=="
    eventually(lambda: not peer.open_connections(), "the service sees the end of the tunnel")


def test_bytes_sent_together_with_the_101_are_the_tunnels(courses):
    def answer(_, connection):
        connection.send(SWITCHING + b"first words")
        connection.read_to_end()

    naru, _ = courses(answer)
    with Client(naru.port) as client:
        assert client.get("/courses/chat", *UPGRADE).status == 101
        assert client.read_exactly(11) == b"first words"


def test_a_service_that_declines_answers_as_ever(courses):
    naru, peer = courses(ok(b"plain"))
    with Client(naru.port) as client:
        assert client.get("/courses/chat", *UPGRADE).body == b"plain"
        assert client.get("/courses/next").body == b"plain"
    assert [request.target for request in peer.requests] == ["/chat", "/next"]


def test_a_tunnel_closes_for_the_application_when_the_service_closes(courses):
    def answer(_, connection):
        connection.send(SWITCHING + b"goodbye")
        return CLOSE

    naru, _ = courses(answer)
    with Client(naru.port) as client:
        client.start("GET", "/courses/chat", UPGRADE)
        assert client.read_response_head().status == 101
        assert client.read_to_end() == b"goodbye"


def test_a_tunnel_can_be_half_closed(courses):
    def answer(_, connection):
        connection.send(SWITCHING)
        heard = connection.read_to_end()
        connection.send(b"you said " + heard)
        return CLOSE

    naru, _ = courses(answer)
    with Client(naru.port) as client:
        assert client.get("/courses/chat", *UPGRADE).status == 101
        client.send(b"all of it")
        client.sock.shutdown(socket.SHUT_WR)
        assert client.read_to_end() == b"you said all of it"


def test_a_tunnel_outlives_timeout_and_ends_after_idle_timeout(courses):
    naru, peer = courses(echo, timeout="200ms", try_timeout="200ms", idle_timeout="3s")
    with Client(naru.port) as client:
        # Where the machine stalls until timeout, the upgrade is asked for again.
        eventually(lambda: client.get("/courses/chat", *UPGRADE).status == 101, "the tunnel is there")
        watch = Stopwatch()
        while watch.seconds < 3.5:  # longer than either timeout, and never silent
            since_ping = Stopwatch()
            client.send(b"ping")
            assert client.read_exactly(4) == b"ping"
        assert client.closed_within()
        assert 2.9 < since_ping.seconds < 9
    eventually(lambda: not peer.open_connections(), "the service's side of the tunnel is closed too")


def test_a_tunnel_gives_its_place_in_the_limit_back(courses):
    def answer(request, connection):
        return echo(request, connection) if request.target == "/chat" else ok()

    naru, _ = courses(answer, limits={"concurrent": 1, "queue": 0})
    with Client(naru.port) as tunnel, Client(naru.port) as client:
        assert tunnel.get("/courses/chat", *UPGRADE).status == 101
        assert client.get("/courses/x").status == 200


@pytest.mark.limit(120)
def test_a_tunnel_holds_a_fast_sender_back(courses):
    mib = 1024 * 1024

    def answer(_, connection):
        connection.send(SWITCHING)
        connection.sock.settimeout(None)
        for _ in range(256):
            connection.send(b"z" * mib)
        return CLOSE

    naru, _ = courses(answer)
    before = naru.rss_bytes()
    with Client(naru.port, timeout=30) as client:
        assert client.get("/courses/chat", *UPGRADE).status == 101
        received = 0
        try:
            while True:
                received += len(client.read_some())
        except ConnectionClosed:
            pass
    assert received == 256 * mib
    assert naru.rss_bytes() - before < 8 * mib


def test_an_upgrade_without_connection_upgrade_is_not_one(courses):
    naru, peer = courses()
    with Client(naru.port) as client:
        client.send(request_bytes("GET", "/courses/x", [("Upgrade", "websocket")]))
        assert client.read_response().status == 200
    assert peer.request.get("upgrade") is None
