"""What a real Consul leaves out for want of access, and what naru makes of it. Run by real_consul/run.sh."""

import os

import pytest

from support.client import get
from support.consul_agent import ConsulAgent
from support.consul_server import ConsulApi
from support.upstream import ok
from support.waiting import eventually

pytestmark = pytest.mark.usefixtures("private_network")
ANONYMOUS = "00000000-0000-0000-0000-000000000002"
CONFIG = """
acl {
  enabled = true
  default_policy = "deny"
  tokens { initial_management = "root", agent = "root" }
}
"""
PATIENT = 60  # seconds: agents keep what a token may do for a while


@pytest.fixture
def api(tmp_path):
    agent = ConsulAgent(os.environ["NARU_REAL_CONSUL"], tmp_path / "consul", CONFIG)
    yield ConsulApi(agent.address, "root")
    agent.stop()


def allow(api, name, rules, token=None):
    """A token that may do this, or what a token that exists may do from now on. Returns its secret."""
    policies = []
    if rules:
        eventually(lambda: _put(api, "/v1/acl/policy", {"Name": name, "Rules": rules}), "the ACL system is ready")
        policies = [{"Name": name}]
    path = f"/v1/acl/token/{token}" if token else "/v1/acl/token"
    return api.put(path, {"Policies": policies})["SecretID"]


def _put(api, path, body):
    try:
        return api.put(path, body)
    except OSError:
        return None


def outcome(naru):
    return get(naru.port, "/courses/x").get("x-naru-outcome")


def error_of(naru):
    return naru.admin_json("/services/courses")["source"].get("error", "")


def start(start_naru, api, **settings):
    return start_naru({"courses": {"squad": "learning", "endpoints": "consul://courses"}},
                      discovery={"state": "off", "consul": {"address": api.address, **settings}})


@pytest.mark.limit(180)
def test_access_that_the_anonymous_token_loses_empties_nothing(start_naru, api, upstream):
    everything = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }'
    allow(api, "everything", everything, ANONYMOUS)
    api.register("c1", upstream(ok(b"one"), host="10.77.0.1").address)
    naru = start(start_naru, api)
    assert get(naru.port, "/courses/x").body == b"one"
    allow(api, "", None, ANONYMOUS)
    number = iter(range(1_000_000))

    def wakes_and_finds_nothing():
        api.report("c1", ["warning", "passing"][next(number) % 2])
        return "no service at all can be seen" in error_of(naru)

    eventually(wakes_and_finds_nothing, "the trouble is seen", PATIENT)
    assert get(naru.port, "/courses/x").body == b"one"


@pytest.mark.limit(180)
def test_access_that_a_token_loses_empties_nothing(start_naru, api, upstream):
    everything = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }'
    token = allow(api, "everything", everything)
    api.register("c1", upstream(ok(b"one"), host="10.77.0.1").address)
    # A blocking query that has nothing to show any more is not woken by changes: the next one tells.
    naru = start(start_naru, api, token=token, wait="5s")
    assert get(naru.port, "/courses/x").body == b"one"
    policy = next(one for one in api.get("/v1/acl/policies") if one["Name"] == "everything")
    api.put(f"/v1/acl/policy/{policy['ID']}", {"Name": "everything", "Rules": 'node_prefix "" { policy = "read" }'})
    number = iter(range(1_000_000))

    def wakes_and_finds_nothing():
        api.report("c1", ["warning", "passing"][next(number) % 2])
        return "the token may not read all instances of courses" in error_of(naru)

    eventually(wakes_and_finds_nothing, "the trouble is seen", PATIENT)
    assert get(naru.port, "/courses/x").body == b"one"


@pytest.mark.limit(180)
def test_a_token_for_one_service_believes_that_it_is_empty(start_naru, api, upstream):
    token = allow(api, "courses", 'service "courses" { policy = "read" } node_prefix "" { policy = "read" }')
    api.register("c1", upstream(ok(b"one"), host="10.77.0.1").address)
    naru = start(start_naru, api, token=token)
    assert get(naru.port, "/courses/x").body == b"one"
    api.deregister("c1")
    eventually(lambda: outcome(naru) == "no_endpoint", "it is believed", PATIENT)
