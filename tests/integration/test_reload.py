"""A new configuration takes effect without dropping a call; a bad one is refused and says why."""

import collections
import os
import signal
import threading

import pytest

from support.client import Client, call, get
from support.naru import free_port, sanitized
from support.upstream import Gate, answer_bytes, ok
from support.waiting import eventually


def by_signal(naru):
    naru.signal(signal.SIGHUP)


def by_admin(naru):
    assert naru.reload().status == 200


def by_file(naru):
    """Nothing more: naru watches the file."""


TRIGGERS = pytest.mark.parametrize("trigger", [by_signal, by_admin, by_file])


def named(upstream, name):
    return upstream(ok(name.encode()))


@TRIGGERS
def test_a_new_service_appears(start_naru, upstream, trigger):
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [named(upstream, "courses").address]}})
    assert get(naru.port, "/media/x").status == 502
    naru.services["media"] = {"squad": "video", "endpoints": [named(upstream, "media").address]}
    naru.write_config()
    trigger(naru)
    eventually(lambda: get(naru.port, "/media/x").status == 200, "the new service is known")
    assert get(naru.port, "/media/x").body == b"media"
    assert get(naru.port, "/courses/x").body == b"courses"


def test_the_file_is_watched_whether_renamed_over_or_written_in_place(start_naru, upstream):
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [named(upstream, "0").address]}})
    for round_number in range(1, 7):
        body = str(round_number).encode()
        naru.services["courses"]["endpoints"] = [named(upstream, str(round_number)).address]
        if round_number % 2:
            naru.write_config()
        else:
            naru.config_path.write_text(naru.config_text())
        eventually(lambda: get(naru.port, "/courses/x").body == body, f"the endpoints of round {round_number}")


def test_a_symlink_that_is_switched_is_noticed(start_naru, upstream, tmp_path):
    """Kubernetes and ECS config mounts replace a directory that a link points to."""
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [named(upstream, "old").address]}})
    (tmp_path / "v2").mkdir()
    naru.services["courses"]["endpoints"] = [named(upstream, "new").address]
    (tmp_path / "v2" / "naru.yaml").write_text(naru.config_text())
    os.symlink(tmp_path / "v2" / "naru.yaml", tmp_path / "link")
    os.replace(tmp_path / "link", naru.config_path)
    eventually(lambda: get(naru.port, "/courses/x").body == b"new", "the file behind the link is read")


def test_an_included_file_is_watched_too(start_naru, upstream, tmp_path):
    catalog = tmp_path / "catalog"
    catalog.mkdir()

    def write(name):
        fresh = tmp_path / "fresh"
        fresh.write_text(f'services:\n  media:\n    squad: video\n    endpoints: ["{named(upstream, name).address}"]\n')
        os.replace(fresh, catalog / "video.yaml")

    write("old")
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [named(upstream, "courses").address]}},
                      include=[f"{catalog}/*.yaml"])
    assert get(naru.port, "/media/x").body == b"old"
    write("new")
    eventually(lambda: get(naru.port, "/media/x").body == b"new", "the included file is read again")


@TRIGGERS
def test_a_bad_configuration_is_refused_and_the_old_one_keeps_running(start_naru, upstream, trigger):
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [named(upstream, "courses").address]}})
    naru.write_config(naru.config_text().replace("squad: learning", "sqad: learning"))
    if trigger is by_admin:
        answer = naru.reload()
        assert 400 <= answer.status < 500
        assert b"sqad" in answer.body and b"did you mean" in answer.body
    else:
        trigger(naru)
    eventually(lambda: "sqad" in naru.log(), "the log says what is wrong")
    eventually(lambda: [s for s in naru.samples() if s.name == "naru_config_reloads_total" and s.value >= 1
                        and s.labels["result"] not in ("ok", "success")], "the refusal is counted")
    assert get(naru.port, "/courses/x").body == b"courses"
    assert naru.ready()
    naru.write_config()
    by_signal(naru)
    eventually(lambda: [s for s in naru.samples() if s.name == "naru_config_reloads_total" and s.value >= 1
                        and s.labels["result"] in ("ok", "success")], "a sound one is taken again")


def test_a_file_that_disappears_changes_nothing(start_naru, upstream):
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [named(upstream, "courses").address]}})
    naru.config_path.unlink()
    naru.signal(signal.SIGHUP)
    eventually(lambda: str(naru.config_path) in naru.log(), "the log says so")
    assert get(naru.port, "/courses/x").status == 200


def test_a_service_that_is_removed_is_unknown_and_its_calls_in_flight_end_well(start_naru, upstream):
    gate = Gate()

    def answer(*_):
        gate.wait()
        return ok(b"finished")

    peer = upstream(answer)
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address]},
                       "media": {"squad": "video", "endpoints": [named(upstream, "media").address]}})
    with Client(naru.port) as client:
        client.start("GET", "/courses/x")
        peer.wait_for_requests(1)
        del naru.services["courses"]
        naru.write_config()
        by_admin(naru)
        assert get(naru.port, "/courses/x").get("x-naru-outcome") == "unknown_service"
        gate.open()
        assert client.read_response().body == b"finished"
        assert client.call("GET", "/media/x").body == b"media", "the application's connection lives on"


def test_policies_change_and_state_is_carried_over(start_naru, upstream):
    peer = upstream(answer_bytes("500 Internal Server Error", b""))
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address], "retry": {"attempts": 1},
                                   "breaker": {"min_calls": 4, "open_for": "60s"}, "ejection": "off"}})
    for _ in range(4):
        get(naru.port, "/courses/x")
    assert get(naru.port, "/courses/x").get("x-naru-outcome") == "breaker_open"
    naru.services["courses"]["timeout"] = "4s"
    naru.write_config()
    by_admin(naru)
    assert get(naru.port, "/courses/x").get("x-naru-outcome") == "breaker_open", "a reload does not close a breaker"


def test_pooled_connections_survive_a_reload(start_naru, upstream):
    peer = upstream()
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address]}})
    with Client(naru.port) as client:
        assert client.get("/courses/x").status == 200
        naru.services["courses"]["timeout"] = "4s"
        naru.write_config()
        by_admin(naru)
        assert client.get("/courses/x").status == 200
    assert len(peer.connections) == 1


@pytest.mark.limit(120)
def test_200_reloads_under_load_drop_no_call(start_naru, upstream):
    peers = [upstream() for _ in range(2)]
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address for peer in peers],
                                   "timeout": "60s", "try_timeout": "off"}})  # late is not lost
    listening = naru.listening_inodes()
    assert len(listening) == 2
    problems, calls, done = [], collections.Counter(), threading.Event()

    def load(method, fresh_connections):
        client = Client(naru.port)
        while not done.is_set():
            try:
                if fresh_connections:
                    client.close()
                    client = Client(naru.port)
                answer = client.call(method, "/courses/x", body=b"b" if method == "POST" else b"")
                if answer.status != 200:
                    problems.append(answer)
                calls[method] += 1
            except Exception as error:
                problems.append(error)
                return

    threads = [threading.Thread(target=load, args=(method, fresh_connections), daemon=True)
               for method in ("GET", "POST") for fresh_connections in (True, False) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(200):
        naru.services["courses"]["timeout"] = f"{60_000 + number}ms"
        if number % 10 == 9:
            naru.services["courses"]["endpoints"].reverse()
        naru.write_config()
        by_admin(naru)
        if problems:
            break
    done.set()
    for thread in threads:
        thread.join()
    assert problems == []
    assert min(calls["GET"], calls["POST"]) > 100, calls
    assert sum(calls.values()) == sum(len(peer.requests) for peer in peers), "none was done twice"
    assert naru.listening_inodes() == listening, "the listening sockets are the same"


def test_listening_sockets_come_and_go_with_the_configuration(start_naru, upstream):
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [upstream().address]}})
    before = naru.listening_inodes()
    port = naru.services["courses"]["port"] = free_port()
    naru.write_config()
    by_admin(naru)
    assert get(port, "/x").status == 200
    assert naru.listening_inodes() > before
    del naru.services["courses"]["port"]
    naru.write_config()
    by_admin(naru)
    eventually(lambda: naru.listening_inodes() == before, "the service's port is let go")


def leaks_nothing(naru, descriptors, memory):
    # Waited for: naru's end of the last connections may close later, and the file that changed is read once more.
    eventually(lambda: naru.open_descriptors() <= descriptors + 2, f"no more than {descriptors} descriptors and two")
    most = memory + (32 if sanitized() else 4) * 1024 * 1024
    eventually(lambda: naru.rss_bytes() < most, f"no more than {most} bytes")


def test_reload_leaks_no_descriptor_and_no_memory(start_naru, upstream):
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [upstream().address]}})
    for _ in range(20):
        by_admin(naru)
    descriptors, memory = naru.open_descriptors(), naru.rss_bytes()
    for _ in range(100):
        by_admin(naru)
    leaks_nothing(naru, descriptors, memory)


def a_key_that_does_not_exist(naru):
    naru.services["courses"]["sqad"] = "learning"


def a_value_of_the_wrong_type(naru):
    naru.services["courses"]["timeout"] = "5 parsecs"


def a_port_that_is_taken(naru):
    """Behind ports that are free, whose sockets have been opened by then."""
    service = {"squad": "learning", "endpoints": ["10.0.1.11:8080"]}
    naru.services |= {f"opened-{number}": {**service, "port": free_port()} for number in range(5)}
    naru.services["refused"] = {**service, "port": naru.taken_port}


def a_file_that_is_gone(naru):
    naru.write_config = lambda: naru.config_path.unlink(missing_ok=True)


@pytest.mark.parametrize("mistake", [a_key_that_does_not_exist, a_value_of_the_wrong_type, a_port_that_is_taken,
                                     a_file_that_is_gone])
def test_a_refused_reload_leaks_no_descriptor_and_no_memory(start_naru, upstream, mistake):
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [upstream().address]}})
    naru.taken_port = upstream().port
    listening = naru.listening_inodes()
    mistake(naru)

    def refuse():
        naru.write_config()
        assert naru.reload().status >= 400

    for _ in range(20):
        refuse()
    descriptors, memory = naru.open_descriptors(), naru.rss_bytes()
    for _ in range(100):
        refuse()
    leaks_nothing(naru, descriptors, memory)
    eventually(lambda: naru.listening_inodes() == listening, "the listening sockets are the same")
    assert get(naru.port, "/courses/x").status == 200
    assert naru.metric("naru_config_reloads_total", result="refused") >= 120


def test_a_port_that_is_taken_refuses_the_reload(start_naru, upstream):
    taken = upstream()
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [upstream().address]}})
    naru.services["courses"]["port"] = taken.port
    naru.write_config()
    answer = naru.reload()
    assert 400 <= answer.status < 600
    assert str(taken.port).encode() in answer.body
    del naru.services["courses"]["port"]
    assert get(naru.port, "/courses/x").status == 200
    assert call(taken.port, "GET", "/x").status == 200


def test_a_refused_file_is_shown_until_it_is_mended(courses):
    naru, _ = courses()
    good = naru.config_text()
    assert "refused" not in naru.admin_json("/config")
    naru.write_config(good + "no_such_key: 1\n")
    refused = eventually(lambda: naru.admin_json("/config").get("refused"), "the refusal is shown")
    assert refused["file"] == str(naru.config_path) and refused["why"] == "a file changed"
    assert "no_such_key" in refused["problems"][0]
    page = naru.admin("GET", "/").body.decode()
    assert " was refused at " in page and "no_such_key" in page and "stays in force" in page
    assert naru.admin("GET", "/readyz").status == 200
    assert naru.reload().status == 422
    assert naru.admin_json("/config")["refused"]["why"] == "POST /reload"
    eventually(lambda: '"why":"POST /reload"' in naru.log(), "the log says so")
    naru.write_config(good)
    eventually(lambda: "refused" not in naru.admin_json("/config"), "the refusal is forgotten")
