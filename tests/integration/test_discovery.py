"""What holds for every source of endpoints: shown with files, the source that needs no peer."""

import http.server
import json
import os
import socket
import threading

import pytest

from support.client import get
from support.naru import run_command, sanitized
from support.upstream import Gate, ok
from support.waiting import Stopwatch, eventually

pytestmark = pytest.mark.usefixtures("private_network")


class ListFile:
    """A file_sd file that is replaced by renaming."""

    def __init__(self, path):
        self.path = path

    @property
    def uri(self):
        return f"file://{self.path}"

    def write(self, *targets, **labels):
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps([{"targets": list(targets), "labels": labels}]))
        os.replace(fresh, self.path)


@pytest.fixture
def listed(tmp_path):
    def make(name="courses", *targets, **labels):
        file = ListFile(tmp_path / f"{name}.json")
        if targets:
            file.write(*targets, **labels)
        return file

    return make


@pytest.fixture
def instance(upstream):
    """An instance of a service on one of the private addresses, which answers with its own address."""

    def start(host, answer=None):
        return upstream(answer or ok(host.encode()), host=host)

    return start


def outcome_of(answer):
    return answer.get("x-naru-outcome")


def service(uri, **more):
    return {"squad": "learning", "endpoints": uri, **more}


def source_of(naru, name="courses"):
    return naru.admin_json(f"/services/{name}")["source"]


def bodies(naru, count=20, path="/courses/x"):
    return {get(naru.port, path).body.decode() for _ in range(count)}


def test_calls_go_to_what_the_source_names_and_follow_it(start_naru, listed, instance):
    first, second = instance("10.77.0.1"), instance("10.77.0.2")
    file = listed("courses", first.address)
    # In turn: by latency, an instance that was slow once would get no calls for a while.
    naru = start_naru({"courses": service(file.uri, balance="round-robin")}, discovery={"state": "off"})
    assert bodies(naru) == {"10.77.0.1"}
    file.write(first.address, second.address)
    eventually(lambda: bodies(naru) == {"10.77.0.1", "10.77.0.2"}, "the new endpoint gets calls")
    file.write(second.address)
    eventually(lambda: bodies(naru) == {"10.77.0.2"}, "the old endpoint gets none")


def test_a_call_on_an_endpoint_that_goes_is_finished(start_naru, listed, instance):
    gate = Gate()

    def late(request, connection):
        gate.wait()
        return ok(b"late")

    slow, other = instance("10.77.0.1", late), instance("10.77.0.2")
    file = listed("courses", slow.address)
    naru = start_naru({"courses": service(file.uri, timeout="60s", try_timeout="off")}, discovery={"state": "off"})
    answers = []
    caller = threading.Thread(target=lambda: answers.append(get(naru.port, "/courses/x").body))
    caller.start()
    slow.wait_for_requests(1)
    file.write(other.address)
    eventually(lambda: source_of(naru)["version"] == 2, "the other one is known")
    assert bodies(naru) == {"10.77.0.2"}
    gate.open()
    caller.join()
    assert answers == [b"late"]


def test_policy_state_of_endpoints_that_stay_is_kept(start_naru, listed, instance):
    """An endpoint that was ejected stays so when another one appears."""
    bad, good = instance("10.77.0.1", b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), instance("10.77.0.2")
    file = listed("courses", bad.address, good.address)
    naru = start_naru({"courses": service(file.uri, balance="round-robin", breaker="off",
                                          ejection={"consecutive": 3, "base": "60s"})}, discovery={"state": "off"})

    def standing():
        return {e["address"]: e["state"] for e in naru.admin_json("/services/courses")["endpoints"]}

    eventually(lambda: get(naru.port, "/courses/x") and standing()[bad.address] == "ejected", "it is ejected")
    file.write(bad.address, good.address, instance("10.77.0.3").address)
    eventually(lambda: len(standing()) == 3, "the third is there")
    assert standing()[bad.address] == "ejected"


def test_public_addresses_are_never_called(start_naru, listed, instance):
    one = instance("10.77.0.1")
    file = listed("courses", one.address, "8.8.8.8:80", "[::ffff:1.1.1.1]:80", "127.0.0.1:80", "169.254.169.254:80")
    naru = start_naru({"courses": service(file.uri)}, discovery={"state": "off"})
    assert bodies(naru) == {"10.77.0.1"}
    assert source_of(naru)["refused"] == ["1.1.1.1:80", "8.8.8.8:80", "127.0.0.1:80", "169.254.169.254:80"]
    assert naru.metric("naru_endpoints", state="refused", callee_service="courses") == 4
    eventually(lambda: "refused addresses outside the private ranges" in naru.log(), "the log says so")


def test_a_service_with_public_addresses_only_is_refused_with_the_reason(start_naru, listed):
    file = listed("courses", "8.8.8.8:80")
    naru = start_naru({"courses": service(file.uri)}, discovery={"state": "off"})
    answer = get(naru.port, "/courses/x")
    assert (answer.status, outcome_of(answer)) == (502, "refused_public")
    assert json.loads(answer.body)["detail"] == (
        f"{file.uri} knows 1 address of it, such as 8.8.8.8:80, and none in a private range; a network of your own "
        "can be added under private.allow")
    assert "policy" not in json.loads(answer.body)
    assert naru.metric("naru_refused_public_total", callee_service="courses") == 1
    file.write("10.77.0.9:1")
    eventually(lambda: outcome_of(get(naru.port, "/courses/x")) == "connect_error", "a private one is called")


def test_a_network_that_is_allowed_later_takes_effect_at_once(start_naru, listed):
    file = listed("courses", "198.51.100.7:80")
    naru = start_naru({"courses": service(file.uri)}, discovery={"state": "off"})
    assert outcome_of(get(naru.port, "/courses/x")) == "refused_public"
    naru.settings["private"] = {"allow": ["198.51.100.0/24"]}
    naru.write_config()
    assert naru.reload().status == 200
    assert source_of(naru)["refused"] == []
    assert outcome_of(get(naru.port, "/courses/x")) == "connect_error"


def test_a_source_that_knows_no_endpoint_is_told_apart_from_one_in_trouble(start_naru, listed):
    file = listed("courses")
    file.path.write_text("[]")
    other = listed("media")
    naru = start_naru({"courses": service(file.uri), "media": service(other.uri)}, discovery={"state": "off"},
                      wait_ready=False)
    eventually(lambda: "error" in source_of(naru, "media") and source_of(naru)["version"] == 1, "both were asked")
    answer = get(naru.port, "/courses/x")
    assert (answer.status, outcome_of(answer)) == (503, "no_endpoint")
    assert json.loads(answer.body)["detail"] == f"{file.uri} knows the service and no endpoint of it"
    # /services shows the trouble a moment before calls are told of it.
    told = f"{other.uri} has not answered yet: "
    eventually(lambda: json.loads(get(naru.port, "/media/x").body)["detail"].startswith(told), "calls are told why")
    answer = get(naru.port, "/media/x")
    assert (answer.status, outcome_of(answer)) == (503, "no_endpoint")
    assert json.loads(answer.body)["detail"].startswith(told)


def test_ready_means_that_every_source_has_answered_once(start_naru, listed, instance):
    file = listed("courses")
    naru = start_naru({"courses": service(file.uri)}, discovery={"state": "off"}, wait_ready=False)
    answer = naru.admin("GET", "/readyz")
    assert answer.status == 503
    assert b"no source has said yet where 1 service is: courses (file://" in answer.body
    file.write(instance("10.77.0.1").address)
    eventually(naru.ready, "it is ready")


def test_the_last_good_answer_stays_when_the_source_fails(start_naru, listed, instance):
    file = listed("courses", instance("10.77.0.1").address)
    naru = start_naru({"courses": service(file.uri)}, discovery={"state": "off"})
    file.path.write_text("[{")
    eventually(lambda: source_of(naru).get("error"), "the trouble is seen")
    assert bodies(naru) == {"10.77.0.1"}
    assert naru.metric("naru_discovery_updates_total", callee_service="courses", source="file", result="failed") >= 1
    assert naru.metric("naru_discovery_age_seconds", callee_service="courses", source="file") < 60
    eventually(lambda: "a source is in trouble: what it answered last stays in use" in naru.log(), "the log says so")
    file.write(instance("10.77.0.2").address)
    eventually(lambda: bodies(naru) == {"10.77.0.2"}, "the source is used again")
    eventually(lambda: "a source answers again" in naru.log(), "the log says so")


# Over a restart


def test_the_last_good_answer_serves_a_start_without_the_source(start_naru, listed, instance, tmp_path):
    file = listed("courses", instance("10.77.0.1").address, zone="a")
    state = tmp_path / "state"
    settings = {"services": {"courses": service(file.uri)}, "discovery": {"state": str(state)}}
    first = start_naru(**settings)
    assert bodies(first) == {"10.77.0.1"}
    eventually(lambda: list(state.glob("*.json")), "the answer is on disk")
    first.stop()
    file.path.unlink()
    second = start_naru(**settings)  # ready without the source
    assert bodies(second) == {"10.77.0.1"}
    source = source_of(second)
    assert source["kept_from_an_earlier_run"] is True and source["version"] == 1
    assert second.admin_json("/services/courses")["endpoints"][0]["zone"] == "a"
    file.write(instance("10.77.0.2").address)
    eventually(lambda: bodies(second) == {"10.77.0.2"}, "the source is used once it answers")
    assert "kept_from_an_earlier_run" not in source_of(second)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"naru_last_good": 99}'])
def test_what_is_kept_and_damaged_is_not_used(start_naru, listed, instance, tmp_path, content):
    file = listed("courses", instance("10.77.0.1").address)
    state = tmp_path / "state"
    settings = {"services": {"courses": service(file.uri)}, "discovery": {"state": str(state)}}
    first = start_naru(**settings)
    (kept,) = eventually(lambda: list(state.glob("*.json")), "the answer is on disk")
    first.stop()
    kept.write_text(content)
    file.path.unlink()
    second = start_naru(**settings, wait_ready=False)
    assert outcome_of(get(second.port, "/courses/x")) == "no_endpoint"
    eventually(lambda: str(kept) in second.log(), "it says which file is damaged")
    file.write(instance("10.77.0.2").address)
    eventually(lambda: bodies(second) == {"10.77.0.2"}, "the source is used")


def test_a_state_directory_that_cannot_be_written_costs_nothing_but_a_warning(start_naru, listed, instance):
    file = listed("courses", instance("10.77.0.1").address)
    naru = start_naru({"courses": service(file.uri)}, discovery={"state": "/proc/nowhere"})
    assert bodies(naru) == {"10.77.0.1"}
    eventually(lambda: "the last good answer is not kept for a restart" in naru.log(), "it says so")


# Services that the file does not name


def default_settings(tmp_path, **more):
    return {"discovery": {"state": "off", "default": f"file://{tmp_path}/{{service}}.json"}, **more}


def test_a_service_that_the_file_does_not_name_is_found(start_naru, listed, instance, tmp_path):
    listed("orders", instance("10.77.0.1").address, squad="shop")
    naru = start_naru({}, **default_settings(tmp_path, defaults={"timeout": "3s"}))
    answer = get(naru.port, "/orders/x")
    assert (answer.status, answer.body) == (200, b"10.77.0.1")
    assert get(naru.port, "/x", ("Host", "Orders")).status == 200
    view = naru.admin_json("/services/orders")
    assert (view["squad"], view["discovered"]) == ("shop", True)
    assert {"key": "timeout", "value": "3s"}.items() <= next(p for p in view["policy"] if p["key"] == "timeout").items()
    eventually(lambda: naru.metric("naru_calls_total", callee_squad="shop", callee_service="orders",
                                   outcome="ok") == 2, "both calls are counted")


def test_a_squad_that_the_source_does_not_say_is_unknown(start_naru, listed, instance, tmp_path):
    listed("orders", instance("10.77.0.1").address)
    naru = start_naru({}, **default_settings(tmp_path))
    assert get(naru.port, "/orders/x").status == 200
    assert naru.admin_json("/services/orders")["squad"] == "unknown"


def test_many_calls_for_one_unknown_name_ask_once_and_all_are_carried(start_naru, listed, instance, tmp_path):
    listed("orders", instance("10.77.0.1").address)
    naru = start_naru({}, workers=2, **default_settings(tmp_path))
    statuses = []
    callers = [threading.Thread(target=lambda: statuses.append(get(naru.port, "/orders/x").status)) for _ in range(20)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert statuses == [200] * 20


def test_a_name_that_its_source_cannot_tell_about_fails_soon_and_says_why(start_naru, tmp_path):
    naru = start_naru({}, **default_settings(tmp_path))
    answer = get(naru.port, "/orders/x")
    assert outcome_of(answer) in ("no_endpoint", "unknown_service")
    assert "no service is called" in json.loads(answer.body)["detail"]
    assert naru.metric("naru_calls_total", callee_service="orders") == 0  # no label from a request


@pytest.mark.parametrize("name", ["x-", "-x", "a" * 101, "%2e%2e", "a$b"])
def test_what_no_service_can_be_called_is_never_asked_for(start_naru, tmp_path, name):
    naru = start_naru({}, **default_settings(tmp_path))
    assert outcome_of(get(naru.port, f"/{name}/x")) == "unknown_service"
    assert naru.admin_json("/services")["services"] == []


def test_found_services_survive_a_reload_and_the_file_wins(start_naru, listed, instance, tmp_path):
    listed("orders", instance("10.77.0.1").address, squad="shop")
    naru = start_naru({}, **default_settings(tmp_path))
    assert get(naru.port, "/orders/x").status == 200
    assert naru.reload().status == 200
    assert naru.admin_json("/services/orders")["squad"] == "shop"
    naru.services["orders"] = {"squad": "sales", "endpoints": [instance("10.77.0.2").address]}
    naru.write_config()
    assert naru.reload().status == 200
    assert get(naru.port, "/orders/x").body == b"10.77.0.2"
    assert naru.admin_json("/services/orders")["squad"] == "sales"


# Who calls


class TaskMetadata(http.server.BaseHTTPRequestHandler):
    """The task metadata endpoint, version 4, as the ECS agent answers it."""

    task = {"Cluster": "arn:aws:ecs:ap-northeast-2:1:cluster/prod", "Family": "video-api", "ServiceName": "video",
            "TaskARN": "arn:aws:ecs:ap-northeast-2:1:task/prod/0123abcd", "AvailabilityZone": "ap-northeast-2a",
            "TaskTags": {"squad": "video-squad"},
            "Containers": [{"DockerId": "naru", "Type": "NORMAL", "KnownStatus": "RUNNING"},
                           {"DockerId": "app", "Type": "NORMAL", "KnownStatus": "RUNNING"}]}

    def do_GET(self):
        own = self.task["Containers"][0]
        body = json.dumps(self.task if "/task" in self.path else own).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def agent():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), TaskMetadata) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        server.environment = {"ECS_CONTAINER_METADATA_URI_V4": f"http://127.0.0.1:{server.server_port}/v4/x"}
        yield server
        server.shutdown()
        serving.join()


@pytest.fixture
def start_on_ecs(start_naru, agent):
    """naru in a task of which the agent has told it. naru waits a second for that: where the machine stalls for as
    long, another one is started."""

    def start(services, **settings):
        for _ in range(3):
            naru = start_naru(services, caller={}, environment=agent.environment, **settings)
            if naru.admin_json("/config")["caller"].get("squad") == "video-squad":
                break
        return naru

    return start


def test_on_ecs_the_task_says_who_calls(start_on_ecs, instance):
    one = instance("10.77.0.1")
    naru = start_on_ecs({"courses": {"squad": "learning", "endpoints": [one.address]}})
    assert get(naru.port, "/courses/x").status == 200
    assert one.request.get("x-naru-caller") == "video-squad/video"
    assert naru.admin_json("/config")["caller"] == {
        "squad": "video-squad", "service": "video", "zone": "ap-northeast-2a", "cluster": "prod", "task": "0123abcd"}
    eventually(lambda: naru.metric("naru_calls_total", caller_squad="video-squad", caller_service="video",
                                   outcome="ok") == 1, "the call is counted")
    assert naru.reload().status == 200
    assert naru.admin_json("/config")["caller"]["squad"] == "video-squad"


def outlives_silence(naru):
    naru.signal()
    eventually(lambda: "draining" in naru.log(), "it drains")
    watch = Stopwatch()
    eventually(lambda: watch.seconds > 2, "longer than the second of silence that ends it elsewhere")
    return naru.running()


def test_on_ecs_naru_carries_calls_until_the_other_containers_have_stopped(start_on_ecs, instance, monkeypatch):
    services = {"courses": {"squad": "learning", "endpoints": [instance("10.77.0.1").address]}}
    for _ in range(3):  # an agent that does not answer within half a second, as on a machine that stalls, is given up
        naru = start_on_ecs(services, drain_timeout="60s")
        if outlives_silence(naru):
            break
    assert get(naru.port, "/courses/x").status == 200
    stopped = [{**container, "KnownStatus": "STOPPED"} for container in TaskMetadata.task["Containers"]]
    monkeypatch.setitem(TaskMetadata.task, "Containers", stopped)
    assert naru.wait_exit() == 0


def test_a_task_that_does_not_answer_delays_the_start_by_a_second_at_most(start_naru):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        watch = Stopwatch()
        naru = start_naru({}, caller={}, environment={
            "ECS_CONTAINER_METADATA_URI_V4": f"http://127.0.0.1:{silent.getsockname()[1]}/v4/x", "NARU_SQUAD": "video"})
        assert sanitized() or watch.seconds < 6  # on an idle machine little more than one
    assert naru.admin_json("/config")["caller"]["squad"] == "video"
    eventually(lambda: "the ECS task does not say who it is" in naru.log(), "the log says so")


# What stays private


def test_the_page_says_how_much_stayed_private(start_naru, upstream):
    services = {"courses": {"squad": "learning", "endpoints": [upstream(ok(b"x" * 2048)).address],
                            "hosts": ["api.example.com"]},
                "media": {"squad": "video", "endpoints": [upstream(ok(b"x" * 1024)).address]}}
    naru = start_naru(services)
    assert get(naru.port, "/v1", ("Host", "api.example.com")).status == 200  # a former public URL, privately
    assert get(naru.port, "/media/x").status == 200
    said = "3.0 KiB of bodies stayed on the private network since the start, 2.0 KiB of them with services"
    eventually(lambda: said in naru.admin("GET", "/").body.decode(), "the page says it once the calls are counted")


# What the commands say


def test_check_warns_of_a_host_that_is_still_public_only_when_asked(tmp_path):
    config = tmp_path / "naru.yaml"
    config.write_text("caller: {squad: video, service: api}\n"
                      "services:\n  courses:\n    {squad: learning, endpoints: [10.0.0.1:80], hosts: [203.0.113.9]}\n")
    assert "203.0.113.9 still" not in run_command("check", "-c", config).stdout
    asked = run_command("check", "-c", config, "--resolve")
    assert asked.returncode == 0
    assert "courses: its host 203.0.113.9 still resolves to the public address 203.0.113.9" in asked.stdout


def test_check_and_explain_say_where_endpoints_come_from(tmp_path):
    config = tmp_path / "naru.yaml"
    config.write_text("caller: {squad: video, service: api}\n"
                      "discovery:\n  default: cloudmap://prod/{service}\n"
                      "services:\n  courses: {squad: learning, endpoints: 'dns://courses.internal:8080'}\n")
    checked = run_command("check", "-c", config)
    assert "courses (squad learning, endpoints from dns://courses.internal:8080," in checked.stdout
    explained = run_command("explain", "-c", config, "GET", "http://127.0.0.1:4000/courses/x")
    assert f"endpoints  from dns://courses.internal:8080 ({config}:5)" in explained.stdout
    explained = run_command("explain", "-c", config, "GET", "http://127.0.0.1:4000/orders/x")
    assert explained.returncode == 0
    assert f"endpoints  from cloudmap://prod/orders ({config}:3)" in explained.stdout
