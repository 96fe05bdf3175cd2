"""Files that name endpoints: every way in which they are written, swapped, broken and removed.

What holds for every source is in test_discovery.py.
"""

import itertools
import json
import os
import threading

import pytest

from support.client import get
from support.upstream import Gate, ok
from support.waiting import PATIENCE, Stopwatch, eventually

pytestmark = pytest.mark.usefixtures("private_network")
SOON = PATIENCE / 10  # 1 s, in which a change has to be in use, and more only where everything is slow


@pytest.fixture
def instance(upstream):
    """An instance of a service on one of the private addresses, which answers with its own address."""

    def start(host, answer=None):
        return upstream(answer or ok(host.encode()), host=host)

    return start


@pytest.fixture
def pair(instance):
    """The addresses of two instances, 10.77.0.1 and 10.77.0.2."""
    return instance("10.77.0.1").address, instance("10.77.0.2").address


@pytest.fixture
def listing(start_naru):
    """naru with the service courses of the file: listing(path)."""

    def start(path, **more):
        return start_naru({"courses": {"squad": "learning", "endpoints": f"file://{path}", "balance": "round-robin", **more}},
                          discovery={"state": "off"})

    return start


def as_json(*targets, **labels):
    return json.dumps([{"targets": list(targets), "labels": labels}])


def replace(path, text):
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text)
    os.replace(fresh, path)


def bodies(naru, count=20):
    return {get(naru.port, "/courses/x").body.decode() for _ in range(count)}


def serves(naru, *hosts):
    eventually(lambda: bodies(naru, 8) == set(hosts), f"calls go to {hosts}")


def serves_soon(naru, change):
    """change(0) and change(1), in turn, are in use within a second: not each of them, because the machine may stall."""
    took = []
    for which in (1, 0) * 3:
        change(which)
        watch = Stopwatch()
        serves(naru, ["10.77.0.1", "10.77.0.2"][which])
        took.append(watch.seconds)
    assert sorted(took)[3] < SOON, took


def error_of(naru):
    return naru.admin_json("/services/courses")["source"].get("error", "")


def version_of(naru):
    return naru.admin_json("/services/courses")["source"]["version"]


def test_a_file_that_is_replaced_is_in_use_within_a_second(listing, tmp_path, pair):
    path = tmp_path / "courses.json"
    replace(path, as_json(pair[0]))
    naru = listing(path)
    assert bodies(naru) == {"10.77.0.1"}
    serves_soon(naru, lambda which: replace(path, as_json(pair[which])))


def test_a_file_that_is_written_in_place_is_in_use_within_a_second(listing, tmp_path, pair):
    path = tmp_path / "courses.yml"
    path.write_text(f"- targets: [{pair[0]}]\n")
    naru = listing(path)
    serves_soon(naru, lambda which: path.write_text(f"- targets: [{pair[which]}]\n"))


def test_a_mounted_directory_that_is_swapped_is_in_use_within_a_second(listing, tmp_path, pair):
    """As Kubernetes does it: the file is a link through ..data into a directory that is never written to again."""
    numbers = itertools.count()

    def swap(which):
        name = f"..{next(numbers)}"
        (tmp_path / name).mkdir()
        (tmp_path / name / "courses.json").write_text(as_json(pair[which]))
        (tmp_path / "..data_tmp").symlink_to(name)
        os.rename(tmp_path / "..data_tmp", tmp_path / "..data")

    swap(0)
    (tmp_path / "courses.json").symlink_to("..data/courses.json")
    naru = listing(tmp_path / "courses.json")
    assert bodies(naru) == {"10.77.0.1"}
    serves_soon(naru, swap)


def test_what_is_written_halfway_is_not_in_use(listing, tmp_path, pair):
    """Half of a YAML list is a YAML list: nothing is read until the writer is done."""
    path = tmp_path / "courses.yaml"
    path.write_text(f"- targets: [{pair[0]}]\n")
    naru = listing(path)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"- targets: [{pair[1]}]\n")
        file.flush()
        replace(tmp_path / "other.yaml", "[]")  # something happens beside it
        assert bodies(naru) == {"10.77.0.1"}
        file.write(f"- targets: [{pair[0]}]\n")
    serves(naru, "10.77.0.1", "10.77.0.2")


BAD = [
    ("", ": the file is empty, which says nothing: write [] for a service without endpoints"),
    ('[{"targets": ["10.77.0.9:80"', ":1:29: the JSON ends before its list does: was the file written to its end?"),
    ('[{"targets": ["courses.internal:80"]}]',
     ': entry 1 has the target "courses.internal:80" does not begin with an IP address: "courses.internal" is none; '
     "targets are IP:PORT, and a name belongs into a dns:// URI"),
]


@pytest.mark.parametrize("text, why", BAD, ids=["empty", "cut short", "a name"])
def test_bad_content_changes_nothing_and_is_told(listing, tmp_path, pair, text, why):
    path = tmp_path / "courses.json"
    replace(path, as_json(pair[0]))
    naru = listing(path)
    replace(path, text)
    eventually(lambda: error_of(naru) == f"{path}{why}", "the trouble is told")
    assert bodies(naru) == {"10.77.0.1"}
    replace(path, as_json(pair[1]))
    serves(naru, "10.77.0.2")
    eventually(lambda: error_of(naru) == "", "the trouble is over")


def test_a_file_that_vanishes_changes_nothing_and_is_told(listing, tmp_path, pair):
    path = tmp_path / "courses.json"
    replace(path, as_json(pair[0]))
    naru = listing(path)
    path.unlink()
    eventually(lambda: error_of(naru) == f"{path} cannot be read: No such file or directory", "the trouble is told")
    assert bodies(naru) == {"10.77.0.1"}
    replace(path, as_json(pair[1]))
    serves(naru, "10.77.0.2")


def test_a_directory_that_vanishes_and_comes_back(listing, tmp_path, pair):
    directory = tmp_path / "lists"
    directory.mkdir()
    path = directory / "courses.json"
    path.write_text(as_json(pair[0]))
    naru = listing(path)
    os.rename(directory, tmp_path / "away")
    eventually(lambda: error_of(naru), "the trouble is told")
    directory.mkdir()
    path.write_text(as_json(pair[1]))
    serves(naru, "10.77.0.2")


def test_an_empty_list_is_believed(listing, tmp_path, pair):
    path = tmp_path / "courses.json"
    replace(path, as_json(pair[0]))
    naru = listing(path)
    replace(path, "[]")
    eventually(lambda: get(naru.port, "/courses/x").get("x-naru-outcome") == "no_endpoint", "it is believed")
    replace(path, as_json(pair[0]))
    serves(naru, "10.77.0.1")


def test_labels_are_seen_on_the_admin_port(listing, tmp_path, pair):
    path = tmp_path / "courses.json"
    replace(path, as_json(pair[0], zone="seoul-a", weight="3"))
    (endpoint,) = listing(path).admin_json("/services/courses")["endpoints"]
    assert (endpoint["address"], endpoint["zone"], endpoint["weight"]) == (pair[0], "seoul-a", 3)


def test_no_call_fails_while_endpoints_come_and_go(listing, tmp_path, instance):
    hosts = [f"10.77.0.{number}" for number in range(1, 6)]
    addresses = [instance(host).address for host in hosts]
    path = tmp_path / "courses.json"
    replace(path, as_json(*addresses))
    naru = listing(path)
    statuses, done = [], threading.Event()

    def keep_calling():
        while not done.is_set():
            statuses.append(get(naru.port, "/courses/x").status)

    callers = [threading.Thread(target=keep_calling) for _ in range(4)]
    for caller in callers:
        caller.start()
    try:
        for number in range(10):
            kept = [number % 5, (number + 1) % 5]
            replace(path, as_json(*[addresses[i] for i in kept]))
            serves(naru, *[hosts[i] for i in kept])
    finally:
        done.set()
        for caller in callers:
            caller.join()
    assert set(statuses) == {200}


def test_a_long_answer_of_an_endpoint_that_goes_is_finished(listing, tmp_path, instance):
    gate = Gate()

    def in_two_parts(request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        gate.wait()
        return b"later"

    slow, other = instance("10.77.0.1", in_two_parts), instance("10.77.0.2")
    path = tmp_path / "courses.json"
    replace(path, as_json(slow.address))
    naru = listing(path, timeout="60s")
    answers = []
    caller = threading.Thread(target=lambda: answers.append(get(naru.port, "/courses/x").body))
    caller.start()
    slow.wait_for_requests(1)
    replace(path, as_json(other.address))
    eventually(lambda: version_of(naru) == 2, "the other one is known")
    assert bodies(naru) == {"10.77.0.2"}
    gate.open()
    caller.join()
    assert answers == [b"firstlater"]
