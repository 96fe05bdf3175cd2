"""Active health checks: who is asked, what it means for calls, and what naru says of it."""

import json
import threading

import pytest

from support.client import get
from support.grpc_health import NOT_SERVING, SERVING, GrpcHealthServer
from support.naru import free_port
from support.upstream import Gate, answer_bytes, ok, refused_address
from support.waiting import eventually, settled

QUICK = {"interval": "100ms", "timeout": "20s"}  # a busy machine alone makes no check fail
IMPATIENT = {"timeout": "50ms"}  # where the check has to fail by time


class Checked:
    """An answer of an upstream: `/healthz` says what the test wants, every other path names the upstream."""

    def __init__(self, name):
        self.name = name
        self.health = ok()

    def __call__(self, request, _):
        return self.health if request.target == "/healthz" else ok(self.name)


@pytest.fixture
def grpc_server():
    servers = []

    def start(**options):
        servers.append(GrpcHealthServer(**options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def service(*endpoints, **policy):
    return {"courses": {"squad": "learning", "endpoints": list(endpoints), "balance": "round-robin", **policy}}


def by_path(**more):
    return {"path": "/healthz", **QUICK, **more}


def by_grpc(name="", **more):
    return {"grpc": name, **QUICK, **more}


def states(naru):
    return {one["address"]: one["state"] for one in naru.admin_json("/services/courses")["endpoints"]}


def why(naru, address):
    return {one["address"]: one.get("why", "") for one in naru.admin_json("/services/courses")["endpoints"]}[address]


def says_why(naru, address, text):
    """Sooner or later: on a busy machine the last check may have failed of something else. What ends with a colon is a
    beginning."""
    def it_does():
        said = why(naru, address)
        return said == text or (text.endswith(": ") and said.startswith(text))

    eventually(it_does, f"the health of {address} is told: {text}")


def becomes(naru, address, state):
    eventually(lambda: states(naru)[address] == state, f"{address} becomes {state}")


def lines(naru, message):
    found = [json.loads(line) for line in naru.log().splitlines() if line.endswith("}")]  # the last may not be whole
    return [line for line in found if line["message"] == message]


def bodies(naru, calls=8):
    return {get(naru.port, "/courses/x").body for _ in range(calls)}


def checks_of(upstream):
    return [request for request in upstream.requests if request.target.startswith("/healthz")]


def test_an_endpoint_that_turns_unhealthy_gets_no_calls_until_it_is_healthy_again(start_naru, upstream):
    sick, well = Checked(b"sick"), Checked(b"well")
    one, other = upstream(sick), upstream(well)
    naru = start_naru(service(one.address, other.address, health_check=by_path()))
    assert bodies(naru) == {b"sick", b"well"}
    sick.health = answer_bytes("503 Service Unavailable")
    becomes(naru, one.address, "unhealthy")
    assert bodies(naru) == {b"well"}
    says_why(naru, one.address, "its health check failed: GET /healthz: status 503")
    assert naru.metric("naru_endpoints", callee_service="courses", state="unhealthy") == 1
    assert naru.metric("naru_endpoints", callee_service="courses", state="serving") == 1
    sick.health = ok()
    becomes(naru, one.address, "serving")
    assert bodies(naru) == {b"sick", b"well"}
    assert naru.metric("naru_endpoints", callee_service="courses", state="unhealthy") == 0


def test_the_log_says_who_changed_why_and_whose_it_is(start_naru, upstream):
    answer = Checked(b"x")
    peer = upstream(answer)
    naru = start_naru(service(peer.address, health_check=by_path()))
    answer.health = answer_bytes("500 Internal Server Error")
    [line] = eventually(lambda: lines(naru, "endpoint is unhealthy"), "the change is logged")
    assert {key: line[key] for key in ("level", "service", "squad", "endpoint", "check", "error")} == {
        "level": "warn", "service": "courses", "squad": "learning", "endpoint": peer.address,
        "check": "GET /healthz", "error": "status 500"}
    answer.health = ok()
    [line] = eventually(lambda: lines(naru, "endpoint is healthy again"), "the way back is logged")
    assert (line["level"], line["endpoint"]) == ("info", peer.address)


def test_a_check_is_a_plain_get_of_the_service(start_naru, upstream):
    peer = upstream()
    start_naru(service(peer.address, health_check=by_path(path="/healthz?deep=1")))
    request = peer.wait_for_requests(1)[0]
    assert (request.method, request.target, request.version) == ("GET", "/healthz?deep=1", "HTTP/1.1")
    assert request.get("host") == "courses"
    assert request.get("connection") == "close"
    assert request.get("user-agent") == "naru-health-check"


@pytest.mark.parametrize("health, error", [
    (answer_bytes("302 Found", b"", ("Location", "/login")), "status 302"),
    (answer_bytes("404 Not Found"), "status 404"),
    (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "waiting for the answer: "),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "waiting for the answer: not done within health_check.timeout"),
    (None, "waiting for the answer: not done within health_check.timeout"),
], ids=["redirected", "not found", "not HTTP", "cut short", "silent"])
def test_what_is_not_well(start_naru, upstream, health, error):
    answer = Checked(b"x")
    answer.health = health
    peer = upstream(answer)
    naru = start_naru(service(peer.address, health_check=by_path(**(IMPATIENT if "timeout" in error else {}))))
    becomes(naru, peer.address, "unhealthy")
    says_why(naru, peer.address, f"its health check failed: GET /healthz: {error}")


def test_an_endpoint_where_nobody_listens_is_unhealthy(start_naru, upstream):
    address, well = refused_address(), upstream()
    naru = start_naru(service(address, well.address, health_check=by_path()))
    becomes(naru, address, "unhealthy")
    says_why(naru, address, "its health check failed: GET /healthz: connecting: Connection refused")


@pytest.mark.parametrize("health", [answer_bytes("204 No Content"), ok(b"x" * 200_000)], ids=["short", "long"])
def test_every_2xx_is_well_whatever_its_length(start_naru, upstream, health):
    answer = Checked(b"x")
    answer.health = answer_bytes("500 Internal Server Error")
    peer = upstream(answer)
    naru = start_naru(service(peer.address, health_check=by_path()))
    becomes(naru, peer.address, "unhealthy")
    answer.health = health
    becomes(naru, peer.address, "serving")


def test_one_failed_check_is_told_but_changes_nothing(start_naru, upstream):
    answer = Checked(b"x")
    answer.health = answer_bytes("500 Internal Server Error")
    peer = upstream(answer)
    naru = start_naru(service(peer.address, health_check=by_path(unhealthy=1000)))
    eventually(lambda: why(naru, peer.address) == "its last health check failed: GET /healthz: status 500", "it is told")
    assert states(naru) == {peer.address: "serving"}


def test_all_are_tried_when_all_are_unhealthy(start_naru, upstream):
    one, other = Checked(b"one"), Checked(b"other")
    one.health = other.health = answer_bytes("503 Service Unavailable")
    peers = [upstream(one), upstream(other)]
    naru = start_naru(service(*[peer.address for peer in peers], health_check=by_path()))
    for peer in peers:
        becomes(naru, peer.address, "unhealthy")
    assert bodies(naru) == {b"one", b"other"}


def test_the_only_endpoint_is_tried_though_it_is_unhealthy(start_naru, upstream):
    answer = Checked(b"only")
    answer.health = answer_bytes("503 Service Unavailable")
    peer = upstream(answer)
    naru = start_naru(service(peer.address, health_check=by_path()))
    becomes(naru, peer.address, "unhealthy")
    assert bodies(naru) == {b"only"}


def test_nobody_is_asked_unless_that_is_configured(start_naru, upstream):
    peer = upstream()
    naru = start_naru(service(peer.address))
    assert get(naru.port, "/courses/x").status == 200
    assert [request.target for request in peer.requests] == ["/x"]
    assert set(naru.thread_names()) == {"naru", "naru-0"}


def test_grpc_starts_nothing_while_nobody_is_asked_by_it(start_naru, upstream, grpc_server):
    peer, server = upstream(), grpc_server()
    naru = start_naru(service(peer.address, health_check=by_path()))
    peer.wait_for_requests(2)
    assert set(naru.thread_names()) == {"naru", "naru-0", "naru-health"}
    reload(naru, endpoints=[server.address], health_check=by_grpc())
    server.wait_for_checks(2)
    reload(naru, endpoints=[peer.address], health_check=by_path())
    eventually(lambda: set(naru.thread_names()) == {"naru", "naru-0", "naru-health"}, "gRPC's threads end with its checks")


# Reloads


def reload(naru, **policy):
    naru.services["courses"].update(policy)
    naru.write_config()
    assert naru.reload().status == 200


def test_a_reload_keeps_the_verdict_of_an_endpoint_that_stays(start_naru, upstream):
    answer = Checked(b"sick")
    answer.health = answer_bytes("503 Service Unavailable")
    sick, well, new = upstream(answer), upstream(), upstream()
    naru = start_naru(service(sick.address, well.address, health_check=by_path()))
    becomes(naru, sick.address, "unhealthy")
    eventually(lambda: lines(naru, "endpoint is unhealthy"), "the change is logged")
    # With this it would take too long to find out again.
    reload(naru, endpoints=[sick.address, new.address], health_check=by_path(interval="1h"))
    assert states(naru) == {sick.address: "unhealthy", new.address: "serving"}
    assert len(lines(naru, "endpoint is unhealthy")) == 1


def test_endpoints_that_come_are_checked_and_those_that_go_are_not(start_naru, upstream):
    old, new = upstream(), upstream()
    naru = start_naru(service(old.address, health_check=by_path()))
    old.wait_for_requests(1)
    reload(naru, endpoints=[new.address])
    new.wait_for_requests(3)
    before = settled(lambda: len(checks_of(old)), for_seconds=0.5)  # one may have been under way
    new.wait_for_requests(len(new.requests) + 5)
    assert len(checks_of(old)) == before


def test_an_endpoint_that_is_not_checked_any_more_serves(start_naru, upstream):
    answer = Checked(b"sick")
    answer.health = answer_bytes("503 Service Unavailable")
    sick, well = upstream(answer), upstream(ok(b"well"))
    naru = start_naru(service(sick.address, well.address, health_check=by_path()))
    becomes(naru, sick.address, "unhealthy")
    reload(naru, health_check="off")
    becomes(naru, sick.address, "serving")
    assert bodies(naru) == {b"sick", b"well"}


def test_checks_can_begin_with_a_reload(start_naru, upstream):
    answer = Checked(b"sick")
    answer.health = answer_bytes("503 Service Unavailable")
    sick, well = upstream(answer), upstream()
    naru = start_naru(service(sick.address, well.address))
    reload(naru, health_check=by_path())
    becomes(naru, sick.address, "unhealthy")


@pytest.mark.parametrize("check", [by_path(timeout="30s"), by_grpc(timeout="30s")])
def test_a_check_that_hangs_holds_up_neither_a_reload_nor_the_end(start_naru, upstream, check):
    gate = Gate()

    def answer(*_):
        gate.wait()

    hanging = upstream(answer, read_body=False)
    naru = start_naru(service(hanging.address, health_check=check))
    hanging.wait_for_requests(1)
    reload(naru, health_check={**check, "unhealthy": 5})
    hanging.wait_for_requests(2)
    naru.signal()
    assert naru.wait_exit(within=10) == 0
    gate.open()


def test_many_reloads_leave_nothing_behind(start_naru, upstream, grpc_server):
    peers, server = [upstream() for _ in range(3)], grpc_server()
    naru = start_naru({**service(*[peer.address for peer in peers], health_check=by_path()),
                       "rpc": {"squad": "learning", "endpoints": [server.address], "health_check": by_grpc()}})
    server.wait_for_checks(1)

    def rounds(count):
        for number in range(count):
            naru.services["courses"]["endpoints"] = [peer.address for peer in peers[number % 3:]]
            naru.services["rpc"]["health_check"] = by_grpc(healthy=number % 5 + 1)
            reload(naru)

    rounds(20)
    descriptors, threads = naru.open_descriptors(), len(naru.thread_names())
    rounds(40)
    eventually(lambda: naru.open_descriptors() <= descriptors + 4, "descriptors are given back")
    eventually(lambda: len(naru.thread_names()) <= threads + 4, "threads end")


# gRPC


def test_a_grpc_server_that_stops_serving_and_serves_again(start_naru, upstream, grpc_server):
    server, well = grpc_server(), grpc_server()
    naru = start_naru(service(server.address, well.address, health_check=by_grpc()))
    server.wait_for_checks(1)
    server.say(NOT_SERVING)
    becomes(naru, server.address, "unhealthy")
    assert states(naru)[well.address] == "serving"
    says_why(naru, server.address, 'its health check failed: grpc.health.v1 "": NOT_SERVING')
    [line] = eventually(lambda: lines(naru, "endpoint is unhealthy"), "the change is logged")
    assert (line["check"], line["error"], line["squad"]) == ('grpc.health.v1 ""', "NOT_SERVING", "learning")
    server.say(SERVING)
    becomes(naru, server.address, "serving")


def test_a_grpc_service_is_asked_for_by_its_name(start_naru, grpc_server):
    server = grpc_server(services={"": SERVING, "courses.v1.Courses": NOT_SERVING})
    naru = start_naru({
        **service(server.address, health_check=by_grpc("courses.v1.Courses")),
        "whole": {"squad": "s", "endpoints": [server.address], "health_check": by_grpc("")},
        "unknown": {"squad": "s", "endpoints": [server.address], "health_check": by_grpc("nobody.v1.Nobody")}})
    becomes(naru, server.address, "unhealthy")
    unknown = eventually(lambda: [one for one in naru.admin_json("/services/unknown")["endpoints"]
                                  if one["state"] == "unhealthy"], "an unknown service is not well")
    assert unknown[0]["why"] == ('its health check failed: grpc.health.v1 "nobody.v1.Nobody": NOT_FOUND: '
                                 'the server\'s health service does not know "nobody.v1.Nobody"')
    assert naru.admin_json("/services/whole")["endpoints"][0]["state"] == "serving"


def test_a_grpc_server_without_the_health_service_is_unhealthy_and_the_log_says_what_it_lacks(start_naru, grpc_server):
    server = grpc_server(implements_health=False)
    naru = start_naru(service(server.address, health_check=by_grpc()))
    becomes(naru, server.address, "unhealthy")
    [line] = eventually(lambda: lines(naru, "endpoint is unhealthy"), "the change is logged")
    assert line["error"] == ("UNIMPLEMENTED: the server does not implement grpc.health.v1.Health; let it, or check a path")


def test_a_grpc_server_that_dies_and_comes_back(start_naru, grpc_server):
    server = grpc_server(port=free_port())  # nobody else gets it meanwhile
    naru = start_naru(service(server.address, health_check=by_grpc()))
    server.wait_for_checks(1)
    server.stop()
    becomes(naru, server.address, "unhealthy")
    says_why(naru, server.address, 'its health check failed: grpc.health.v1 "": UNAVAILABLE: ')
    grpc_server(port=server.port)
    becomes(naru, server.address, "serving")


def test_a_grpc_server_that_answers_too_late_is_unhealthy(start_naru, grpc_server):
    released = threading.Event()
    released.set()
    server = grpc_server(before_answer=released.wait)
    naru = start_naru(service(server.address, health_check=by_grpc(timeout="100ms")))
    server.wait_for_checks(1)
    released.clear()
    becomes(naru, server.address, "unhealthy")
    says_why(naru, server.address, 'its health check failed: grpc.health.v1 "": DEADLINE_EXCEEDED: '
                                   "no answer within health_check.timeout")
    released.set()
    becomes(naru, server.address, "serving")


def test_grpc_checks_go_straight_to_the_endpoint_whatever_the_proxy_environment(start_naru, upstream, grpc_server,
                                                                                monkeypatch):
    proxy, server = upstream(), grpc_server()
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, f"http://{proxy.address}")
    start_naru(service(server.address, health_check=by_grpc()))
    server.wait_for_checks(3)
    assert proxy.connections == []


def test_an_ipv6_endpoint_is_checked_in_both_ways(start_naru, grpc_server):
    server = grpc_server(host="[::1]")
    naru = start_naru({**service(server.address, health_check=by_grpc()),
                       "path": {"squad": "s", "endpoints": [server.address], "health_check": by_path()}})
    server.wait_for_checks(5)
    assert states(naru) == {server.address: "serving"}
    # It does not speak HTTP/1.1, but it was reached.
    eventually(lambda: naru.admin_json("/services/path")["endpoints"][0]["state"] == "unhealthy", "it is no HTTP/1.1")
    assert "connecting" not in naru.admin_json("/services/path")["endpoints"][0]["why"]
