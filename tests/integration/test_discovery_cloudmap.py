"""Endpoints from AWS Cloud Map: with moto, an emulation by others, and with a scripted one that verifies signatures,
moves revisions as AWS does and uses quotas up. (moto's revision is a count of instances: nothing is shown on it.)"""

import contextlib
import json
import subprocess
import urllib.request

import pytest

from support.client import get
from support.cloud_map import ACCESS_KEY, REGION, SECRET, TASK_CREDENTIALS, TOKEN, running
from support.installing import install
from support.naru import ROOT, free_port
from support.upstream import ok
from support.waiting import PATIENCE, eventually

# In this order: nothing can be installed from inside the private network.
pytestmark = pytest.mark.usefixtures("moto_server", "private_network")

KEYS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN}


@pytest.fixture(scope="module")
def moto_server():
    """The program."""
    install("install_moto.sh")
    return ROOT / "build/moto/bin/moto_server"


@pytest.fixture
def cloud_map():
    with running() as server:
        yield server


@pytest.fixture
def instance(upstream):
    """An instance of a service on one of the private addresses, which answers with its own address."""

    def start(host):
        return upstream(ok(host.encode()), host=host)

    return start


@pytest.fixture
def start(start_naru, cloud_map):
    def start(environment=None, region=REGION, services=None, **more):
        settings = {"endpoint": cloud_map.url, "interval": "1s"}
        if region:
            settings["region"] = region
        return start_naru(services or {"courses": service("cloudmap://prod/courses")},
                          environment=KEYS if environment is None else environment,
                          discovery={"state": "off", "cloudmap": settings}, **more)

    return start


def service(uri):
    # In turn: by latency, an instance that was slow once would get no calls for a while.
    return {"squad": "learning", "endpoints": uri, "balance": "round-robin"}


def port_of(peer):
    return int(peer.address.rsplit(":", 1)[1])


def register(target, peer, **attributes):
    host = peer.address.rsplit(":", 1)[0]
    target.register(host, host, port_of(peer), **attributes)


def bodies(naru, path="/courses/x", count=20):
    return {get(naru.port, path).body.decode() for _ in range(count)}


def source_of(naru, name="courses"):
    return naru.admin_json(f"/services/{name}")["source"]


def trouble_is_seen(naru, text, name="courses"):
    # Waited for: a server that stalls is another trouble, and passes.
    eventually(lambda: text in json.dumps(source_of(naru, name).get("error")), f"the trouble is seen: {text}")


# The scripted one


def test_calls_follow_the_instances_that_cloud_map_knows(cloud_map, start, instance):
    courses = cloud_map.service("prod", "courses")
    register(courses, instance("10.77.0.1"), AVAILABILITY_ZONE=f"{REGION}a", version="2")
    naru = start()
    assert bodies(naru) == {"10.77.0.1"}
    (endpoint,) = naru.admin_json("/services/courses")["endpoints"]
    assert endpoint["zone"] == f"{REGION}a"
    register(courses, instance("10.77.0.2"))
    eventually(lambda: bodies(naru) == {"10.77.0.1", "10.77.0.2"}, "the new instance gets calls")
    courses.deregister("10.77.0.1")
    eventually(lambda: bodies(naru) == {"10.77.0.2"}, "the old instance gets none")
    assert cloud_map.unsigned == []


def test_a_revision_that_goes_backwards_is_a_change(cloud_map, start, instance):
    courses = cloud_map.service("prod", "courses")
    register(courses, instance("10.77.0.1"))
    courses.revision = 1_000
    naru = start()
    register(courses, instance("10.77.0.2"))
    courses.revision = 3
    eventually(lambda: bodies(naru) == {"10.77.0.1", "10.77.0.2"}, "the new instance gets calls")


def test_what_has_not_changed_costs_only_the_cheap_request(cloud_map, start, instance):
    register(cloud_map.service("prod", "courses"), instance("10.77.0.1"))
    start()
    # The first refresh comes anywhere in half a minute, the next ones every half minute.
    eventually(lambda: cloud_map.count("DiscoverInstancesRevision") >= 4, "it was asked for the revision")
    assert cloud_map.count("DiscoverInstances") <= 2


def test_a_quota_that_is_used_up_costs_nothing_but_time(cloud_map, start, instance):
    register(cloud_map.service("prod", "courses"), instance("10.77.0.1"))
    naru = start()
    cloud_map.throttles = True
    trouble_is_seen(naru, "is answered by RequestLimitExceeded: the quota is used up; the quota of the account and "
                          "region is used up: naru asks less often meanwhile")
    assert bodies(naru) == {"10.77.0.1"}
    register(cloud_map.service("prod", "courses"), instance("10.77.0.2"))
    cloud_map.throttles = False
    eventually(lambda: bodies(naru) == {"10.77.0.1", "10.77.0.2"}, "it asks again")


def test_a_service_that_goes_is_believed_the_second_time(cloud_map, start, instance):
    register(cloud_map.service("prod", "courses"), instance("10.77.0.1"))
    naru = start()
    cloud_map.failures = ["ServiceNotFound"]
    eventually(lambda: not cloud_map.failures, "it was told once")
    assert bodies(naru) == {"10.77.0.1"}
    del cloud_map.services["prod", "courses"]
    eventually(lambda: get(naru.port, "/courses/x").status == 503, "it is gone")


def test_a_service_that_is_made_later_is_found(cloud_map, start, instance):
    cloud_map.service("prod", "other")
    naru = start(wait_ready=False)
    eventually(lambda: len(cloud_map.asked) >= 2, "it was not found")
    register(cloud_map.service("prod", "courses"), instance("10.77.0.1"))
    eventually(lambda: get(naru.port, "/courses/x").status == 200, "it is found")


def test_public_instances_are_never_called(cloud_map, start, instance):
    courses = cloud_map.service("prod", "courses")
    register(courses, instance("10.77.0.1"))
    courses.register("public", "8.8.8.8", 80)
    naru = start()
    assert bodies(naru) == {"10.77.0.1"}
    assert source_of(naru)["refused"] == ["8.8.8.8:80"]


def test_instances_without_a_port_are_said(cloud_map, start):
    cloud_map.service("prod", "courses").instances = {"a": {"AWS_INSTANCE_IPV4": "10.77.0.1"}}
    naru = start(wait_ready=False)
    trouble_is_seen(naru, "no instance of it has an address and a port (1 registered)")


def test_a_task_signs_with_its_role_in_the_region_of_its_task(cloud_map, start, instance):
    register(cloud_map.service("prod", "courses"), instance("10.77.0.1"))
    naru = start(region=None, environment={
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": cloud_map.url + TASK_CREDENTIALS,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "the agent's token",
        "ECS_CONTAINER_METADATA_URI_V4": cloud_map.url + "/v4/task"})
    assert bodies(naru) == {"10.77.0.1"}
    assert (cloud_map.credentials_asked, cloud_map.unsigned) == (1, [])


def test_an_instance_signs_with_its_role_in_its_region(cloud_map, start, instance):
    register(cloud_map.service("prod", "courses"), instance("10.77.0.1"))
    naru = start(region=None, environment={"AWS_EC2_METADATA_SERVICE_ENDPOINT": cloud_map.url})
    assert bodies(naru) == {"10.77.0.1"}
    assert (cloud_map.credentials_asked, cloud_map.unsigned) == (1, [])


def test_wrong_keys_are_said(cloud_map, start):
    naru = start(environment={**KEYS, "AWS_SECRET_ACCESS_KEY": "wrong"}, wait_ready=False)
    trouble_is_seen(naru, "is answered by InvalidSignatureException: the signature should be")


def test_the_default_source_finds_services_and_their_squads(cloud_map, start_naru, instance):
    register(cloud_map.service("prod", "orders"), instance("10.77.0.1"), squad="shop")
    naru = start_naru({}, environment=KEYS, discovery={
        "state": "off", "default": "cloudmap://prod/{service}",
        "cloudmap": {"endpoint": cloud_map.url, "region": REGION}})
    assert get(naru.port, "/orders/x").body == b"10.77.0.1"
    assert naru.admin_json("/services/orders")["squad"] == "shop"


# moto


class Moto:
    """moto's server, and the few calls with which a test sets it up."""

    def __init__(self, program, directory, port):
        self.url = f"http://127.0.0.1:{port}"
        self._log = open(directory / "moto.log", "wb")
        self._process = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)], stdin=subprocess.DEVNULL,
                                         stdout=self._log, stderr=self._log)

    def answers(self):
        assert self._process.poll() is None, "moto has ended: see moto.log"
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"{self.url}/moto-api/data.json", timeout=PATIENCE).status == 200
        return False

    def stop(self):
        self._process.kill()  # it has nothing to keep, and takes seconds to end
        self._process.wait(PATIENCE)
        self._log.close()

    def call(self, action, **arguments):
        credential = f"AWS4-HMAC-SHA256 Credential=test/20261124/{REGION}/servicediscovery/aws4_request"
        request = urllib.request.Request(self.url, json.dumps(arguments).encode(), {
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"Route53AutoNaming_v20170314.{action}",
            "Authorization": f"{credential}, SignedHeaders=host, Signature=0"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read() or b"{}")


@pytest.fixture
def moto(moto_server, tmp_path):
    server = Moto(moto_server, tmp_path, free_port())
    try:
        eventually(server.answers, "moto answers", 6 * PATIENCE)
        yield server
    finally:
        server.stop()


def test_moto_is_asked_as_aws_is(moto, start_naru, instance):
    one = instance("10.77.0.1")
    moto.call("CreateHttpNamespace", Name="prod")
    (namespace,) = moto.call("ListNamespaces")["Namespaces"]
    courses = moto.call("CreateService", Name="courses", NamespaceId=namespace["Id"])["Service"]["Id"]
    moto.call("RegisterInstance", ServiceId=courses, InstanceId="one",
              Attributes={"AWS_INSTANCE_IPV4": "10.77.0.1", "AWS_INSTANCE_PORT": str(port_of(one)), "colour": "blue"})
    naru = start_naru({"courses": service("cloudmap://prod/courses"), "media": service("cloudmap://prod/media")},
                      environment={**KEYS, "AWS_REGION": REGION, "AWS_ENDPOINT_URL_SERVICEDISCOVERY": moto.url},
                      discovery={"state": "off"}, wait_ready=False)
    eventually(lambda: get(naru.port, "/courses/x").body == b"10.77.0.1", "the instance gets calls")
    trouble_is_seen(naru, "Cloud Map knows no such service (ServiceNotFound)", "media")
