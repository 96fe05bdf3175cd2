"""Services that are registered with Consul.

The scripted Consul of support/consul_server.py answers; with NARU_REAL_CONSUL, the path of a Consul binary, a real agent
does (tests/integration/real_consul/run.sh), in every case that is not marked `scripted`.
"""

import os

import pytest

from support.client import get
from support.consul_agent import ConsulAgent
from support.consul_server import ConsulApi, ConsulServer
from support.upstream import ok
from support.waiting import PATIENCE, Stopwatch, eventually

pytestmark = pytest.mark.usefixtures("private_network")
scripted = pytest.mark.scripted
SOON = PATIENCE / 2  # within a second on an idle machine


@pytest.fixture
def consul(tmp_path):
    binary = os.environ.get("NARU_REAL_CONSUL")
    server = ConsulAgent(binary, tmp_path / "consul") if binary else ConsulServer()
    yield server
    server.stop()


@pytest.fixture
def api(consul):
    return ConsulApi(consul.address)


@pytest.fixture
def instance(upstream):
    """An instance of a service on one of the private addresses, which answers with its own address."""

    def start(host):
        return upstream(ok(host.encode()), host=host)

    return start


@pytest.fixture
def watching(start_naru, consul):
    """naru with the service courses of the URI: watching("consul://courses")."""

    def start(uri="consul://courses", settings=None, **more):
        discovery = {"state": "off", "consul": {"address": consul.address, **(settings or {})}}
        return start_naru({"courses": {"squad": "learning", "endpoints": uri, "balance": "round-robin"}},
                          discovery=discovery, **more)

    return start


def bodies(naru, count=20):
    return {get(naru.port, "/courses/x").body.decode() for _ in range(count)}


def serves(naru, *hosts):
    eventually(lambda: bodies(naru) == set(hosts), f"calls go to {hosts}", SOON)


def outcome(naru):
    return get(naru.port, "/courses/x").get("x-naru-outcome")


def view(naru):
    return naru.admin_json("/services/courses")


def source_of(naru):
    return view(naru)["source"]


def error_of(naru):
    return source_of(naru).get("error", "")


def test_calls_follow_what_is_registered(watching, api, instance):
    one, other = instance("10.77.0.1"), instance("10.77.0.2")
    api.register("c1", one.address)
    naru = watching()
    serves(naru, "10.77.0.1")
    api.register("c2", other.address)
    serves(naru, "10.77.0.1", "10.77.0.2")
    api.deregister("c1")
    serves(naru, "10.77.0.2")
    api.deregister("c2")
    eventually(lambda: outcome(naru) == "no_endpoint", "the service is gone", SOON)
    api.register("c3", one.address)
    serves(naru, "10.77.0.1")


def test_a_service_that_nobody_has_registered_is_known_to_be_empty(watching):
    naru = watching()
    assert outcome(naru) == "no_endpoint"
    assert source_of(naru)["exists"] is False


def test_critical_instances_get_no_calls_and_warning_ones_do(watching, api, instance):
    one, other = instance("10.77.0.1"), instance("10.77.0.2")
    api.register("c1", one.address)
    api.register("c2", other.address)
    naru = watching()
    serves(naru, "10.77.0.1", "10.77.0.2")
    api.report("c1", "critical")
    serves(naru, "10.77.0.2")
    api.report("c1", "warning")
    serves(naru, "10.77.0.1", "10.77.0.2")
    api.report("c1", "critical")
    api.report("c2", "critical")
    eventually(lambda: outcome(naru) == "no_endpoint", "none is healthy", SOON)
    assert "exists" not in source_of(naru)


def test_passing_leaves_those_that_warn_out(watching, api, instance):
    api.register("c1", instance("10.77.0.1").address)
    api.register("c2", instance("10.77.0.2").address, status="warning")
    serves(watching("consul://courses?passing"), "10.77.0.1")


def test_every_tag_is_wanted(watching, api, instance):
    api.register("c1", instance("10.77.0.1").address, Tags=["v2", "blue"])
    api.register("c2", instance("10.77.0.2").address, Tags=["v2"])
    api.register("c3", instance("10.77.0.3").address, Tags=["blue"])
    serves(watching("consul://courses?tag=v2&tag=blue"), "10.77.0.1")
    serves(watching("consul://courses?tag=v2"), "10.77.0.1", "10.77.0.2")


def test_weight_and_zone_are_those_of_the_registration(watching, api, instance):
    peer = instance("10.77.0.1")
    api.register("c1", peer.address, Meta={"zone": "seoul-a"}, Weights={"Passing": 7, "Warning": 2})
    naru = watching()
    (endpoint,) = view(naru)["endpoints"]
    assert (endpoint["address"], endpoint["zone"], endpoint["weight"]) == (peer.address, "seoul-a", 7)
    api.report("c1", "warning")
    eventually(lambda: view(naru)["endpoints"][0]["weight"] == 2, "it has the weight for warning", SOON)


def test_options_that_consul_has_are_understood_by_it(watching, api, instance):
    api.register("c1", instance("10.77.0.1").address)
    serves(watching("consul://courses?dc=dc1", {"stale": False}), "10.77.0.1")
    serves(watching("consul://courses", {"cached": True}), "10.77.0.1")


def test_the_last_good_answer_stays_when_the_agent_is_gone(watching, api, consul, instance):
    api.register("c1", instance("10.77.0.1").address)
    naru = watching()
    serves(naru, "10.77.0.1")
    consul.stop()
    eventually(lambda: error_of(naru), "the trouble is seen", SOON)
    assert bodies(naru) == {"10.77.0.1"}


@scripted
def test_an_agent_that_comes_back_is_asked_again(watching, api, consul, instance):
    api.register("c1", instance("10.77.0.1").address)
    naru = watching()
    consul.stop()
    eventually(lambda: error_of(naru), "the trouble is seen", SOON)
    consul.start()
    api.register("c2", instance("10.77.0.2").address)
    serves(naru, "10.77.0.1", "10.77.0.2")
    assert error_of(naru) == ""


@scripted
def test_an_index_that_goes_backwards_is_started_again(watching, api, consul, instance):
    api.register("c1", instance("10.77.0.1").address)
    naru = watching()
    consul.wait_until_blocked()
    consul.restore(5)
    eventually(lambda: [q.get("index") for _, q, _ in consul.health_requests()][-2:] == [None, ["5"]], "it starts again")
    api.register("c2", instance("10.77.0.2").address)
    serves(naru, "10.77.0.1", "10.77.0.2")


@scripted
def test_an_index_that_churns_is_asked_for_once_a_second(watching, api, consul, instance):
    api.register("c1", instance("10.77.0.1").address)
    naru = watching()
    consul.wait_until_blocked()
    watch, before = Stopwatch(), len(consul.health_requests())

    def six_more():
        consul.touch("courses")
        return len(consul.health_requests()) >= before + 6

    eventually(six_more, "it is asked six times more")
    assert watch.seconds > 2  # a burst of at most three, and then one a second
    assert bodies(naru) == {"10.77.0.1"}
    assert source_of(naru)["version"] == 1


@scripted
def test_access_that_is_lost_empties_nothing(watching, api, consul, instance):
    api.register("c1", instance("10.77.0.1").address)
    naru = watching()
    serves(naru, "10.77.0.1")
    consul.set(readable=False)
    told = (f"{consul.address}/v1/catalog/services?stale: the list of instances is empty, which is not believed: no "
            "service at all can be seen, not even Consul's own: let discovery.consul.token be one that has service:read "
            "and node:read")
    eventually(lambda: error_of(naru) == told, "the trouble is seen", SOON)
    assert bodies(naru) == {"10.77.0.1"}
    consul.set(readable=True)
    eventually(lambda: error_of(naru) == "", "access is back", 3 * SOON)


@scripted
@pytest.mark.parametrize("status", [403, 429, 500])
def test_a_refusal_is_told_and_empties_nothing(watching, api, consul, instance, status):
    api.register("c1", instance("10.77.0.1").address)
    naru = watching()
    consul.set(refusal=(status, "the reason"))
    eventually(lambda: f": status {status} (the reason)" in error_of(naru), "the trouble is seen", SOON)
    assert bodies(naru) == {"10.77.0.1"}
    consul.set(refusal=None)
    eventually(lambda: error_of(naru) == "", "it is asked again", 3 * SOON)


@scripted
@pytest.mark.parametrize("fields", [{"X-Consul-KnownLeader": "false"}, {"X-Consul-LastContact": 60_000}, {"Age": 60}])
def test_what_may_be_outdated_is_used_and_told(watching, api, consul, instance, fields):
    api.register("c1", instance("10.77.0.1").address)
    consul.set(fields=fields)
    naru = watching()
    eventually(lambda: "so that its answer may be outdated" in error_of(naru), "the trouble is seen", SOON)
    assert bodies(naru) == {"10.77.0.1"}
    api.report("c1", "critical")  # would empty it
    before = len(consul.health_requests())
    eventually(lambda: len(consul.health_requests()) > before, "it is asked again", 3 * SOON)
    assert bodies(naru) == {"10.77.0.1"}


@scripted
def test_the_token_is_sent_and_the_environment_fills_in(watching, start_naru, consul):
    watching(settings={"token": "from-the-file"})
    assert {token for _, _, token in consul.requests} == {"from-the-file"}
    consul.requests.clear()
    start_naru({"courses": {"squad": "learning", "endpoints": "consul://courses"}}, discovery={"state": "off"},
               environment={"CONSUL_HTTP_ADDR": consul.address.removeprefix("http://"), "CONSUL_HTTP_TOKEN": "from-outside"})
    assert {token for _, _, token in consul.requests} >= {"from-outside"}


@scripted
def test_a_query_ends_with_its_service(watching, consul, instance):
    naru = watching()
    consul.wait_until_blocked()
    naru.services["courses"]["endpoints"] = [instance("10.77.0.1").address]
    naru.write_config()
    assert naru.reload().status == 200
    eventually(lambda: (consul.blocked, consul.hung_up) == (0, 1), "naru has hung up")
