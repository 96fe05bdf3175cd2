"""Too many, too slow, too few descriptors: what is bounded stays bounded, and calls go on."""

import contextlib
import json
import resource
import select
import socket

import pytest

from support.client import Client, get, request_bytes
from support.http_message import Stream
from support.http2_client import Http2Client
from support.http2_upstream import Http2Upstream
from support.naru import sanitized
from support.upstream import Gate, ok
from support.waiting import PATIENCE, Stopwatch, eventually, settled

MIB = 1024 * 1024
GRPC_FIELDS = [("content-type", "application/grpc"), ("te", "trailers")]


def test_descriptors_that_run_out_refuse_and_recover(start_naru, upstream):
    peer = upstream()
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address]}}, descriptors=100)
    crowd = connect_many(naru, 150)  # the backlog takes those that naru cannot accept
    used = settled(naru.open_descriptors)
    assert used <= 100
    cpu_before = cpu_seconds(naru)
    settled(naru.open_descriptors, for_seconds=0.5)
    assert cpu_seconds(naru) - cpu_before < 0.3, "it does not spin on accept"
    assert naru.running()
    for sock in crowd:
        sock.close()
    eventually(lambda: naru.open_descriptors() < 40, "the descriptors come back")
    for _ in range(20):
        assert get(naru.port, "/courses/x").status == 200
    assert naru.ready()


def connect_many(naru, count, first_words=b""):
    crowd = []
    for _ in range(count):
        sock = socket.socket()
        sock.settimeout(5)
        sock.connect(("127.0.0.1", naru.port))
        sock.sendall(first_words)
        crowd.append(sock)
    return crowd


def cpu_seconds(naru):
    with open(f"/proc/{naru.pid}/stat") as stat:
        columns = stat.read().rsplit(")", 1)[1].split()
    return (int(columns[11]) + int(columns[12])) / 100


def test_a_call_in_flight_ends_well_while_descriptors_are_gone(start_naru, upstream):
    gate = Gate()

    def answer(*_):
        gate.wait()
        return ok()

    peer = upstream(answer)
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address], "timeout": "60s",
                                   "try_timeout": "60s"}}, descriptors=60)
    with Client(naru.port) as client:
        client.start("GET", "/courses/x")
        peer.wait_for_requests(1)
        crowd = connect_many(naru, 100)
        settled(naru.open_descriptors)
        gate.open()
        assert client.read_response().status == 200, "only idle connections are closed to make room"
        for sock in crowd:
            sock.close()


def test_a_crowd_leaves_descriptors_for_the_admin_port_and_for_its_own_calls(start_naru, upstream):
    peer = upstream()
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address], "retry": {"attempts": 1},
                                   "breaker": "off", "ejection": "off"}}, descriptors=60)
    head = request_bytes("GET", "/courses/x")
    crowd = connect_many(naru, 100, head[:20])  # a begun request is not idle, so it makes no room
    eventually(lambda: "cannot accept connections" in naru.log(), "it is full")
    settled(naru.open_descriptors)
    for path in ("/healthz", "/readyz", "/metrics"):
        assert naru.admin("GET", path).status == 200
    assert naru.reload().status == 200
    accepted = int(naru.metric("naru_connections", side="downstream"))
    assert 5 <= accepted < 30, "half of what is free, less a reserve"
    for sock in crowd[:accepted]:
        sock.sendall(head[20:])
        assert Stream(sock).read_response().status == 200
    for sock in crowd:
        sock.close()
    eventually(lambda: naru.metric("naru_connections", side="downstream") == 0, "the descriptors come back")
    assert get(naru.port, "/courses/x").status == 200


def test_no_descriptor_for_the_upstream_is_a_clear_error(start_naru, upstream):
    gate = Gate()

    def answer(*_):
        gate.wait()
        return ok()

    peer = upstream(answer)
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address], "protocol": "http1",
                                   "retry": {"attempts": 1}, "breaker": "off", "ejection": "off"}}, descriptors=60)
    with Http2Client(naru.port) as client:  # one connection, whose calls need one upstream each
        streams = [client.start("GET", "/courses/x") for _ in range(60)]
        pseudo, fields = streams[-1].wait_head()
        assert (pseudo[":status"], dict(fields)["x-naru-outcome"]) == ("502", "connect_error")
        assert b"Too many open files" in streams[-1].read_to_end()
        gate.open()
        assert streams[0].wait_head()[0][":status"] == "200"


@pytest.mark.limit(120)
def test_a_thousand_slow_senders_take_little_and_stop_nobody(start_naru, upstream):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [upstream().address]}})
    get(naru.port, "/courses/x")
    before = naru.rss_bytes()
    crowd = [Client(naru.port) for _ in range(1000)]
    head = request_bytes("GET", "/courses/x", [("X-A", "b" * 50)])
    watch = Stopwatch()
    for at in range(20):
        if watch.seconds > 5:  # on a busy machine: a head has ten seconds in all
            break
        for client in crowd:
            client.send(head[at:at + 1])
        assert get(naru.port, "/courses/x").status == 200
    per_connection = (naru.rss_bytes() - before) / 1000
    assert per_connection < (64 if sanitized() else 20) * 1024, f"{per_connection:.0f} bytes a connection"
    for client in crowd:
        client.close()
    eventually(lambda: naru.metric("naru_connections", side="downstream") <= 1, "they are all gone")


def test_a_head_that_takes_too_long_is_given_up(courses):
    """A slow-loris that sends a byte now and then does not keep its connection for ever: the limit is one of the head."""
    naru, peer = courses(timeout="300ms", try_timeout="300ms")
    with Client(naru.port, timeout=40) as client, Client(naru.port, timeout=40) as undecided:
        client.send(b"GET /courses/x HTTP/1.1\r\nHost: localhost\r\nX: ")
        undecided.send(b"PRI * HTTP/2.0\r\n")  # and no more: it may be the preface of HTTP/2, or may not
        watch = Stopwatch()
        while not select.select([client.sock], [], [], 0.2)[0] and watch.seconds < 10 + PATIENCE:
            client.send(b"x")
        assert 9 < watch.seconds < 10 + PATIENCE
        for one in (client, undecided):
            answer = one.read_response()
            assert (answer.status, answer.get("x-naru-outcome"), answer.get("connection")) == (408, "bad_request", "close")
            assert "not complete 10000 ms after its first byte" in json.loads(answer.body)["detail"]
            assert one.read_to_end() == b""
    assert peer.requests == []
    eventually(lambda: naru.log().count('"failed call"') >= 2, "both are logged")
    naru.stop()  # so that every line is whole
    logged = [line for line in map(json.loads, naru.log().splitlines()) if line["message"] == "failed call"]
    assert sorted((line["method"], line["path"], line["status"]) for line in logged) == [
        ("", "", 408), ("GET", "/courses/x", 408)]


def test_idle_connections_are_cheap(start_naru, upstream):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [upstream().address]}})
    get(naru.port, "/courses/x")
    before = naru.rss_bytes()
    crowd = [Client(naru.port) for _ in range(1000)]
    for client in crowd:
        assert client.get("/courses/x").status == 200
    per_connection = (naru.rss_bytes() - before) / 1000
    for client in crowd:
        client.close()
    assert per_connection < (64 if sanitized() else 4) * 1024, f"{per_connection:.0f} bytes a connection"


def test_idle_grpc_streams_are_cheap(start_naru):
    """Streams on which heads went both ways and that are silent since, as watches are for hours."""

    def begin(stream):
        stream.send_fields([(":status", "200"), ("content-type", "application/grpc")])

    peer = Http2Upstream(begin)
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address], "limits": {"concurrent": 2000},
                                   "timeout": "60s"}})

    def hold(count=100):
        client = Http2Client(naru.port)
        streams = [client.start("POST", "/learning.Courses/Watch", GRPC_FIELDS, end=False, authority="courses")
                   for _ in range(count)]
        for stream in streams:
            pseudo, _ = stream.wait_head()
            assert pseudo[":status"] == "200"
        return client

    crowd = [hold()]  # with what the first of everything costs
    before = settled(naru.rss_bytes)
    crowd += [hold() for _ in range(8)]
    per_stream = (settled(naru.rss_bytes) - before) / 800
    for client in crowd:
        client.close()
    peer.stop()
    assert per_stream < (64 if sanitized() else 5) * 1024, f"{per_stream:.0f} bytes a stream"


def test_a_burst_larger_than_the_accept_queue_is_served(start_naru, upstream):
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [upstream().address],
                                   "limits": {"concurrent": 1000}, "connect_timeout": "30s", "timeout": "60s",
                                   "try_timeout": "60s"}})
    clients = []
    for _ in range(600):
        client = Client(naru.port)
        client.start("GET", "/courses/x")
        clients.append(client)
    assert [client.read_response().status for client in clients] == [200] * 600
    for client in clients:
        client.close()


def test_a_service_whose_accept_queue_is_full_is_no_hang(start_naru):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        naru = start_naru({"courses": {"squad": "learning", "endpoints": ["127.0.0.1:%d" % deaf.getsockname()[1]],
                                       "timeout": "500ms", "try_timeout": "500ms", "connect_timeout": "100ms"}})
        clients = [Client(naru.port) for _ in range(20)]
        for client in clients:
            client.start("GET", "/courses/x")
        statuses = {client.read_response().status for client in clients}
        assert statuses <= {502, 504}
        for client in clients:
            client.close()
    eventually(lambda: naru.metric("naru_in_flight") == 0, "nothing is left behind")


def test_a_pipelining_flood_is_read_no_faster_than_it_is_answered(courses):
    gate = Gate()

    def answer(*_):
        gate.wait()
        return ok()

    naru, peer = courses(answer, timeout="60s", try_timeout="60s")
    before = naru.rss_bytes()
    with Client(naru.port, timeout=5) as client:
        client.sock.settimeout(0.5)
        flood = request_bytes("GET", "/courses/x") * 1000
        sent = 0
        try:
            for _ in range(2000):
                client.sock.sendall(flood)
                sent += len(flood)
        except (TimeoutError, socket.timeout):
            pass
        peer.wait_for_requests(1)
        assert naru.rss_bytes() - before < 8 * MIB
        assert len(peer.requests) == 1
        gate.open()
        client.sock.settimeout(PATIENCE)
        assert client.read_response().status == 200
