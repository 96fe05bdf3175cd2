"""xds://: endpoints from a real control plane, go-control-plane, as it changes its mind, dies and comes back."""

import contextlib

import pytest

from support.client import get
from support.go_tools import go_tools
from support.naru import free_port
from support.upstream import ok
from support.waiting import PATIENCE, Stopwatch, eventually
from support.xds_server import CDS, EDS, XdsServer, assignment, eds_cluster

SOON = PATIENCE / 10  # 1 s, and more only where everything is slow


@pytest.fixture(scope="module")
def tools():
    return go_tools()  # from outside of the private network: it may have to fetch modules


pytestmark = pytest.mark.usefixtures("tools", "private_network")


@pytest.fixture
def control_plane(tools):
    with contextlib.ExitStack() as stack:

        def start(**options):
            server = XdsServer(tools, **options)
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture
def service_at(upstream):
    """A service at a private address that answers with its name."""
    def start(name, host):
        return upstream(ok(name.encode()), host=host)

    return start


def xds(server, **more):
    return {"xds": {"server": server if isinstance(server, str) else server.address, **more}}


def courses(**policy):
    return {"courses": {"squad": "learning", "endpoints": "xds://courses", "balance": "round-robin", **policy}}


def bodies(naru, calls=6, name="courses"):
    return {get(naru.port, f"/{name}/x").body for _ in range(calls)}


def call(naru, name="courses"):
    answer = get(naru.port, f"/{name}/x")
    return answer.status, answer.get("x-naru-outcome")


def source(naru, name="courses"):
    return naru.admin_json(f"/services/{name}")["source"]


def test_calls_go_where_the_control_plane_says_within_a_second(start_naru, control_plane, service_at):
    one, other = service_at("one", "10.77.0.1"), service_at("other", "10.77.0.2")
    server = control_plane()
    server.serve("1", assignment("courses", one.address))
    naru = start_naru(courses(), discovery=xds(server))
    assert bodies(naru) == {b"one"}
    both, took = {b"one": one, b"other": other}, []
    for number, names in enumerate([{b"one", b"other"}, {b"other"}, {b"one"}] * 2, 2):
        server.serve(str(number), assignment("courses", *[both[name].address for name in names]))
        watch = Stopwatch()
        eventually(lambda: bodies(naru) == names, f"calls go to {names}")
        took.append(watch.seconds)
    assert sorted(took)[3] < SOON, f"the machine may stall, but not at most of the changes: {took}"
    assert source(naru)["revision"] == "7"
    server.acknowledged("7")


def test_naru_says_who_it_is_and_asks_for_all_clusters_at_once(start_naru, control_plane, service_at):
    peer = service_at("one", "10.77.0.1")
    server = control_plane()
    server.serve("1", assignment("courses", peer.address), assignment("users", peer.address))
    services = {**courses(), "users": {"squad": "people", "endpoints": "xds://users"}}
    start_naru(services, discovery=xds(server))
    acknowledgement = server.acknowledged("1")
    first = server.requests[0]
    assert {key: first[key] for key in ("type", "names", "version", "nonce", "error", "node", "cluster")} == {
        "type": EDS, "names": ["courses", "users"], "version": "", "nonce": "", "error": "",
        "node": "video/video-api", "cluster": "video-api"}
    assert acknowledgement["nonce"] == "1"
    assert server.requests[1]["node"] == "video/video-api"  # go-control-plane keeps the first one's


def test_zones_weights_health_and_priorities(start_naru, control_plane, service_at):
    peers = [service_at(f"p{i}", f"10.77.0.{i}") for i in (1, 2, 3, 4)]
    said = assignment("courses", *[peer.address for peer in peers[:3]], locality={"zone": "eu-west-1a"})
    said["endpoints"][0]["lbEndpoints"][0]["loadBalancingWeight"] = 3
    said["endpoints"][0]["lbEndpoints"][2]["healthStatus"] = "DRAINING"
    said["endpoints"] += assignment("courses", peers[3].address, priority=1)["endpoints"]
    server = control_plane()
    server.serve("1", said)
    naru = start_naru(courses(), discovery=xds(server))
    endpoints = naru.admin_json("/services/courses")["endpoints"]
    assert [(one["address"], one.get("zone"), one.get("weight", 1)) for one in endpoints] == [
        (peers[0].address, "eu-west-1a", 3), (peers[1].address, "eu-west-1a", 1)]
    assert bodies(naru, 12) == {b"p1", b"p2"}


def test_what_makes_no_sense_is_refused_with_the_reason_and_calls_go_on(start_naru, control_plane, service_at):
    one, other = service_at("one", "10.77.0.1"), service_at("other", "10.77.0.2")
    server = control_plane()
    server.serve("1", assignment("courses", one.address))
    naru = start_naru(courses(), discovery=xds(server))
    server.serve("2", assignment("courses", "courses.internal:80"))
    why = 'endpoints[0] lb_endpoints[0] has the address "courses.internal", which is no IP address'
    assert server.asked(error=f'"courses": {why}')["version"] == "1"
    told = (f'the xDS server {server.address} says of "courses" what cannot be used: {why}; '
            "what it said before stays in use until it is corrected there")
    eventually(lambda: source(naru).get("error") == told, "the trouble is shown")
    assert bodies(naru) == {b"one"}
    server.serve("3", assignment("courses", other.address))
    eventually(lambda: bodies(naru) == {b"other"}, "the correction is used")
    eventually(lambda: "error" not in source(naru), "the trouble is over")


def test_a_resource_that_is_gone_from_the_snapshot_changes_nothing_and_an_empty_one_does(start_naru, control_plane,
                                                                                      service_at):
    one = service_at("one", "10.77.0.1")
    server = control_plane()
    server.serve("1", assignment("courses", one.address), assignment("users", one.address))
    naru = start_naru({**courses(), "users": {"squad": "people", "endpoints": "xds://users"}}, discovery=xds(server))
    server.serve("2", assignment("users", one.address))
    server.acknowledged("2")
    assert bodies(naru) == {b"one"}
    server.serve("3", assignment("courses"), assignment("users", one.address))
    eventually(lambda: call(naru) == (503, "no_endpoint"), "it has no endpoint")


def test_a_control_plane_that_dies_costs_nothing_and_is_found_again(start_naru, control_plane, service_at):
    one, other = service_at("one", "10.77.0.1"), service_at("other", "10.77.0.2")
    server = control_plane()
    server.serve("1", assignment("courses", one.address))
    naru = start_naru(courses(), discovery=xds(server))
    server.stop()
    told = f"the xDS server {server.address} (discovery.xds.server) does not answer: UNAVAILABLE: "
    eventually(lambda: source(naru).get("error", "").startswith(told), "the trouble is shown")
    assert bodies(naru) == {b"one"}
    assert naru.ready()
    again = control_plane(port=server.port)
    again.serve("2", assignment("courses", other.address))
    eventually(lambda: bodies(naru) == {b"other"}, "what it says now is used")
    again.acknowledged("2")
    assert again.requests[0]["version"] == "1"
    eventually(lambda: "error" not in source(naru), "the trouble is over")
    # And it is followed as before.
    again.serve("3", assignment("courses", one.address))
    eventually(lambda: bodies(naru) == {b"one"}, "a change is used")


def test_naru_starts_without_a_control_plane_and_waits_for_it(start_naru, control_plane, service_at):
    one = service_at("one", "10.77.0.1")
    port = free_port()
    naru = start_naru(courses(), discovery=xds(f"127.0.0.1:{port}"), wait_ready=False)
    told = f"the xDS server 127.0.0.1:{port} (discovery.xds.server) does not answer: UNAVAILABLE: "
    eventually(lambda: source(naru).get("error", "").startswith(told), "the trouble is shown")
    assert call(naru) == (503, "no_endpoint")
    assert not naru.ready()
    control_plane(port=port).serve("1", assignment("courses", one.address))
    eventually(lambda: bodies(naru) == {b"one"}, "calls go through")
    eventually(naru.ready, "naru is ready")


def test_a_control_plane_at_an_ipv6_address(start_naru, control_plane, service_at):
    one = service_at("one", "10.77.0.1")
    server = control_plane(host="[fd77::1]")
    server.serve("1", assignment("courses", one.address))
    naru = start_naru(courses(), discovery=xds(server))
    assert bodies(naru) == {b"one"}


def test_a_public_address_is_never_called(start_naru, control_plane):
    server = control_plane()
    server.serve("1", assignment("courses", "203.0.113.7:80"))
    naru = start_naru(courses(), discovery=xds(server))
    assert call(naru) == (502, "refused_public")
    assert source(naru)["refused"] == ["203.0.113.7:80"]


# Reloads


def test_a_service_that_goes_and_comes_back_is_asked_for_again(start_naru, control_plane, service_at):
    one = service_at("one", "10.77.0.1")
    server = control_plane()
    server.serve("1", assignment("courses", one.address), assignment("users", one.address))
    users = {"users": {"squad": "people", "endpoints": "xds://users"}}
    naru = start_naru({**courses(), **users}, discovery=xds(server))

    def reload(services):
        naru.services = services
        naru.write_config()
        assert naru.reload().status == 200

    reload(users)
    server.asked(names=["users"])
    reload({**users, **courses()})
    eventually(lambda: bodies(naru) == {b"one"}, "it is known again")


def test_grpc_starts_nothing_while_nobody_is_asked_by_xds(start_naru, upstream, control_plane, service_at):
    peer = service_at("one", "10.77.0.1")
    server = control_plane()
    server.serve("1", assignment("courses", peer.address))
    fixed = {"courses": {"squad": "learning", "endpoints": [peer.address]}}
    naru = start_naru(fixed, discovery=xds(server))
    before = set(naru.thread_names())
    assert server.requests == []
    naru.services = courses()
    naru.write_config()
    assert naru.reload().status == 200
    server.acknowledged("1")
    naru.services = fixed
    naru.write_config()
    assert naru.reload().status == 200
    eventually(lambda: set(naru.thread_names()) <= before | {"naru-discovery"},
               "gRPC's threads end with the last source")


# Services that the file does not name


def test_services_of_the_default_source(start_naru, control_plane, service_at):
    one = service_at("one", "10.77.0.1")
    server = control_plane()
    server.serve("1", assignment("courses", one.address))
    naru = start_naru({}, discovery={"default": "xds://{service}", **xds(server)})
    eventually(lambda: bodies(naru, 1) == {b"one"}, "the service is found")


# Clusters first


def test_with_clusters_their_endpoints_may_have_another_name(start_naru, control_plane, service_at):
    blue, green = service_at("blue", "10.77.0.1"), service_at("green", "10.77.0.2")
    both = assignment("courses-blue", blue.address), assignment("courses-green", green.address)
    server = control_plane()
    server.serve("1", *both, clusters=[eds_cluster("courses", "courses-blue")])
    naru = start_naru(courses(), discovery=xds(server, clusters=True))
    assert bodies(naru) == {b"blue"}
    server.asked(type=EDS)
    assert [each["type"] for each in server.requests[:3]] == [CDS, CDS, EDS]
    server.serve("2", *both, clusters=[eds_cluster("courses", "courses-green")])
    eventually(lambda: bodies(naru) == {b"green"}, "the other endpoints are used")


def test_a_control_plane_in_ads_mode_is_satisfied(start_naru, control_plane, service_at):
    one = service_at("one", "10.77.0.1")
    server = control_plane(ads=True)
    server.serve("1", assignment("courses", one.address), clusters=[eds_cluster("courses")])
    naru = start_naru(courses(), discovery=xds(server, clusters=True))
    assert bodies(naru) == {b"one"}
    server.acknowledged("1", CDS)
    server.acknowledged("1", EDS)


def test_a_cluster_that_is_gone_does_not_exist_until_it_is_back(start_naru, control_plane, service_at):
    one = service_at("one", "10.77.0.1")
    server = control_plane()
    server.serve("1", assignment("courses", one.address), clusters=[eds_cluster("courses")])
    naru = start_naru(courses(), discovery=xds(server, clusters=True))
    assert bodies(naru) == {b"one"}
    server.serve("2")
    eventually(lambda: call(naru) == (503, "no_endpoint"), "it is gone")
    assert source(naru)["exists"] is False
    server.serve("3", assignment("courses", one.address), clusters=[eds_cluster("courses")])
    eventually(lambda: bodies(naru) == {b"one"}, "it is back")


def test_the_default_source_tells_the_squad_of_a_cluster(start_naru, control_plane, service_at):
    one = service_at("one", "10.77.0.1")
    server = control_plane()
    server.serve("1", assignment("courses", one.address), clusters=[eds_cluster("courses", squad="learning")])
    naru = start_naru({}, discovery={"default": "xds://{service}", **xds(server, clusters=True)})
    eventually(lambda: bodies(naru, 1) == {b"one"}, "the service is found")
    assert naru.admin_json("/services/courses")["squad"] == "learning"
