"""dns:// and dns+srv:// against a scripted DNS server, dnsmasq and CoreDNS. Many of these are what other proxies got
wrong: an outage of the DNS is no reason to forget where a service is."""

import contextlib
import json
import os
import signal
import subprocess
import time

import pytest

from support.client import get
from support.dns_server import NXDOMAIN, REFUSED, SERVFAIL, SILENT, DnsServer, Record, Says
from support.installing import install
from support.naru import ROOT, free_port
from support.upstream import ok
from support.waiting import PATIENCE, Stopwatch, eventually

# In this order: nothing can be installed from inside the private network.
pytestmark = pytest.mark.usefixtures("real_servers", "private_network")

NAME = "courses.test"
FAILURES = {"SERVFAIL": Says(code=SERVFAIL), "REFUSED": Says(code=REFUSED), "no answer": SILENT}


@pytest.fixture(scope="module")
def real_servers():
    """Debian's dnsmasq, and a CoreDNS."""
    install("install_dependencies.sh", "dnsmasq-base")
    install("install_coredns.sh")


@pytest.fixture
def dns():
    with contextlib.ExitStack() as stack:

        def start(**options):
            server = DnsServer(**options)
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture
def instances(upstream):
    """Instances of a service on several addresses and one port; each answers with its address."""

    def start(*hosts):
        first = upstream(ok(hosts[0].encode()), host=hosts[0])
        for host in hosts[1:]:
            upstream(ok(host.encode()), host=host, port=first.port)
        return first.port

    return start


@pytest.fixture
def naru_with(start_naru):
    """naru that asks this server for `courses`."""

    def start(server, uri, wait_ready=True, **dns):
        address = server if isinstance(server, str) else server.address
        settings = {"state": "off", "dns": {"servers": [address], "min_ttl": "100ms", "max_ttl": "60s", **dns}}
        services = {"courses": {"squad": "learning", "endpoints": uri, "breaker": "off", "balance": "round-robin"}}
        return start_naru(services, discovery=settings, wait_ready=wait_ready)

    return start


def bodies(naru, count=12):
    return {get(naru.port, "/courses/x").body.decode() for _ in range(count)}


def source_of(naru):
    return naru.admin_json("/services/courses")["source"]


def endpoints_of(naru):
    return {endpoint["address"]: endpoint.get("weight", 1) for endpoint in naru.admin_json("/services/courses")["endpoints"]}


def failures(naru):
    return naru.metric("naru_discovery_updates_total", callee_service="courses", result="failed")


def serves(naru, *hosts, within=2 * PATIENCE):
    eventually(lambda: bodies(naru) == set(hosts), f"calls go to {hosts}", within)


def outcome_of(naru):
    return get(naru.port, "/courses/x").get("x-naru-outcome")


# A and AAAA


def test_calls_follow_the_records(dns, instances, naru_with):
    server = dns()
    port = instances("10.77.0.1", "10.77.0.2", "10.77.0.3")
    server.set(NAME, "10.77.0.1", "10.77.0.2")
    naru = naru_with(server, f"dns://{NAME}:{port}")
    assert bodies(naru, 40) == {"10.77.0.1", "10.77.0.2"}
    server.set(NAME, "10.77.0.2", "10.77.0.3")
    serves(naru, "10.77.0.2", "10.77.0.3")


def test_both_families_are_used(dns, instances, naru_with):
    server = dns()
    port = instances("10.77.0.1", "fd77::1")
    server.set(NAME, "10.77.0.1", "fd77::1")
    naru = naru_with(server, f"dns://{NAME}:{port}")
    serves(naru, "10.77.0.1", "fd77::1")


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_refresh_takes_nothing_away(dns, instances, naru_with, failure):
    server = dns()
    port = instances("10.77.0.1", "10.77.0.2")
    server.set(NAME, "10.77.0.1")
    naru = naru_with(server, f"dns://{NAME}:{port}")
    before = len(server.asked(NAME))
    server.set_both(NAME, FAILURES[failure])
    # Counted may be one alone: while AAAA is believed to be empty, of A that keeps failing it is told once.
    twice = 3 if FAILURES[failure] is SILENT else 2  # a query without an answer is sent once more
    eventually(lambda: failures(naru) >= 1 and len(server.asked(NAME)) >= before + twice, "refreshes fail")
    assert bodies(naru) == {"10.77.0.1"}
    asked = {"no answer": "did not answer"}.get(failure, f"answered {failure}")
    told = f"the DNS server {server.address} {asked}"
    eventually(lambda: source_of(naru).get("error", "").endswith(told), "the trouble is told")
    server.set(NAME, "10.77.0.2")
    serves(naru, "10.77.0.2")
    eventually(lambda: "error" not in source_of(naru), "the trouble is over")


@pytest.mark.parametrize("failing, other", [("A", "AAAA"), ("AAAA", "A")])
def test_one_family_without_an_answer_takes_nothing_from_the_other(dns, instances, naru_with, failing, other):
    server = dns()
    port = instances("10.77.0.1", "fd77::1")
    server.set(NAME, "10.77.0.1", "fd77::1")
    naru = naru_with(server, f"dns://{NAME}:{port}")
    serves(naru, "10.77.0.1", "fd77::1")
    server.says[NAME, failing] = SILENT
    eventually(lambda: failures(naru) >= 1, "one family fails")
    assert bodies(naru) == {"10.77.0.1", "fd77::1"}
    before = len(server.asked(NAME, other))  # which still answers and changes nothing of its own
    eventually(lambda: len(server.asked(NAME, other)) >= before + 2, "the other is asked for")
    assert bodies(naru) == {"10.77.0.1", "fd77::1"}


def test_a_start_needs_one_family_only(dns, instances, naru_with):
    server = dns()
    port = instances("10.77.0.1")
    server.set(NAME, "10.77.0.1")
    server.says[NAME, "AAAA"] = SILENT
    naru = naru_with(server, f"dns://{NAME}:{port}")
    assert bodies(naru) == {"10.77.0.1"}


def test_the_least_ttl_of_a_chain_counts(dns, instances, naru_with):
    """A day of the last record must not outlive a second of the CNAME before it."""
    server = dns()
    port = instances("10.77.0.1", "10.77.0.2")
    chain = [Record(NAME, "CNAME", 1, "blue.test"), Record("blue.test", "A", 86400, "10.77.0.1")]
    server.says[NAME, "A"] = Says(*chain)
    naru = naru_with(server, f"dns://{NAME}:{port}")
    assert bodies(naru) == {"10.77.0.1"}
    server.says[NAME, "A"] = Says(Record(NAME, "CNAME", 1, "green.test"), Record("green.test", "A", 86400, "10.77.0.2"))
    serves(naru, "10.77.0.2")


def test_a_name_that_is_gone_is_believed_once_it_was_said_twice(dns, instances, naru_with):
    server = dns()
    port = instances("10.77.0.1")
    server.set(NAME, "10.77.0.1")
    naru = naru_with(server, f"dns://{NAME}:{port}")
    denied = []

    def deny_once(query):
        denied.append(query.kind)
        return Says(code=NXDOMAIN if denied.count(query.kind) == 1 else SERVFAIL)

    server.set_both(NAME, deny_once)
    # In the log: a second later the source's trouble is another one.
    eventually(lambda: "(NXDOMAIN)" in naru.log(), "the first denial is trouble")
    assert "may keep saying so for up to 300 s" in naru.log()
    eventually(lambda: denied.count("A") >= 2, "it is asked for again")
    assert bodies(naru) == {"10.77.0.1"}
    del server.says[NAME, "A"], server.says[NAME, "AAAA"]
    eventually(lambda: outcome_of(naru) == "no_endpoint", "the second one is believed")
    server.set(NAME, "10.77.0.1")  # its zone says 300 s
    serves(naru, "10.77.0.1")


def test_a_name_without_records_is_believed_once_it_was_said_twice(dns, instances, naru_with):
    server = dns()
    port = instances("10.77.0.1")
    server.set(NAME, "10.77.0.1")
    naru = naru_with(server, f"dns://{NAME}:{port}")
    server.set("empty.test")
    denied, nothing = [], server.says["empty.test", "A"]

    def deny(query):
        denied.append(query)
        return nothing

    server.says[NAME, "A"] = deny
    eventually(lambda: outcome_of(naru) == "no_endpoint", "it is empty")
    assert time.monotonic() - denied[0].at > 0.9  # in which it was asked for again
    assert len(denied) >= 2


@pytest.mark.parametrize("negative_ttl", [0, 1])
def test_a_missing_name_is_not_asked_for_in_a_busy_loop(dns, naru_with, negative_ttl):
    server = dns(negative_ttl=negative_ttl)
    watch = Stopwatch()
    naru = naru_with(server, f"dns://{NAME}:8080", wait_ready=False, min_ttl="1s")
    eventually(lambda: len(server.asked(NAME)) >= 6, "it is asked for again")
    # 1 s before it is believed, and 0.8 to 1 s each from then on: 4.2 s. A query that no answer comes to for half a
    # second, as on a machine that stalls, is sent once more: 3.3 s if that happens to each of them.
    assert watch.seconds > 3
    assert naru.admin("GET", "/readyz").status in (200, 503)


def test_a_refused_connection_breaks_nothing(dns, instances, naru_with):
    server = dns()
    port = instances("10.77.0.1", "10.77.0.2")
    server.set(NAME, "10.77.0.1")
    naru = naru_with(server, f"dns://{NAME}:{port}")
    server.stop()
    eventually(lambda: "could not be reached" in source_of(naru).get("error", ""), "nobody listens")
    assert bodies(naru) == {"10.77.0.1"}
    back = dns(port=server.port)
    back.set(NAME, "10.77.0.2")
    serves(naru, "10.77.0.2")


def test_a_truncated_answer_is_asked_for_over_tcp(dns, instances, naru_with):
    server = dns()
    port = instances("10.77.0.1")
    many = [Record(NAME, "A", 1, f"10.78.{i // 250}.{i % 250}") for i in range(499)] + [Record(NAME, "A", 1, "10.77.0.1")]
    server.says[NAME, "A"] = lambda query: Says(*many) if query.protocol == "tcp" else Says(truncated=True)
    naru = naru_with(server, f"dns://{NAME}:{port}")
    assert source_of(naru)["version"] == 1
    assert len(endpoints_of(naru)) == 500
    assert {query.protocol for query in server.asked(NAME)} == {"udp", "tcp"}


def test_a_public_address_is_never_called(dns, naru_with):
    server = dns()
    server.set(NAME, "8.8.8.8", ttl=60)
    naru = naru_with(server, f"dns://{NAME}:8080")
    assert outcome_of(naru) == "refused_public"


def test_ready_and_a_call_say_what_is_wrong_with_the_dns(dns, naru_with):
    server = dns()
    server.set_both(NAME, SILENT)
    naru = naru_with(server, f"dns://{NAME}:8080", wait_ready=False)
    eventually(lambda: "error" in source_of(naru), "it was asked for")
    assert outcome_of(naru) == "no_endpoint"
    eventually(lambda: f"the DNS server {server.address} did not answer" in json.loads(
        get(naru.port, "/courses/x").body)["detail"], "the call's answer says so")
    assert naru.admin("GET", "/readyz").status == 503


def test_services_of_one_name_share_its_queries(dns, instances, start_naru):
    server = dns()
    port = instances("10.77.0.1")
    server.set(NAME, "10.77.0.1", ttl=60)
    services = {f"s{i}": {"squad": "learning", "endpoints": f"dns://{NAME}:{port + i}"} for i in range(5)}
    naru = start_naru(services, discovery={"state": "off", "dns": {"servers": [server.address], "max_ttl": "60s"}})
    assert get(naru.port, "/s0/x").body == b"10.77.0.1"
    assert len(server.asked(NAME, "A")) < 5  # one, and sent once more where the machine stalls


def test_queries_are_fifty_a_second_at_most(dns, start_naru):
    server = dns()
    services = {f"s{i}": {"squad": "learning", "endpoints": f"dns://s{i}.test:80"} for i in range(100)}
    watch = Stopwatch()
    start_naru(services, discovery={"state": "off", "dns": {"servers": [server.address], "min_ttl": "100ms"}},
               wait_ready=False)
    eventually(lambda: len(server.queries) >= 200, "each name is asked for by A and AAAA")
    # Ten, and 40 a second: 4.75 s. Without a limit they would come at once. While the machine stalls for two seconds,
    # those that get no answer are sent once more: 80 at most.
    assert watch.seconds > 2.5


# SRV


def srv(*targets, **more):
    return Says(*[Record("_courses._tcp.test", "SRV", 1, target) for target in targets], **more)


def test_services_give_ports_weights_and_priorities(dns, upstream, naru_with):
    server = dns()
    one, two = upstream(ok(b"one"), host="10.77.0.1"), upstream(ok(b"two"), host="10.77.0.2")
    spare = upstream(ok(b"spare"), host="10.77.0.3")
    server.says["_courses._tcp.test", "SRV"] = srv(
        (1, 3, one.port, "one.test"), (1, 0, two.port, "two.test"), (2, 1, spare.port, "spare.test"),
        additional=[Record("one.test", "A", 1, "10.77.0.1")])
    server.set("two.test", "10.77.0.2")
    server.set("spare.test", "10.77.0.3")
    naru = naru_with(server, "dns+srv://_courses._tcp.test")
    serves(naru, "one", "two")
    assert server.asked("one.test") == [] and server.asked("spare.test") == []
    assert endpoints_of(naru) == {one.address: 3, two.address: 1}
    server.says["_courses._tcp.test", "SRV"] = srv((2, 1, spare.port, "spare.test"))
    serves(naru, "spare")


def test_a_target_that_cannot_be_resolved_any_more_keeps_its_address(dns, upstream, naru_with):
    server = dns()
    one, two = upstream(ok(b"one"), host="10.77.0.1"), upstream(ok(b"two"), host="10.77.0.2")
    server.says["_courses._tcp.test", "SRV"] = srv((1, 1, one.port, "one.test"), (1, 1, two.port, "two.test"))
    server.set("one.test", "10.77.0.1")
    server.set("two.test", "10.77.0.2")
    naru = naru_with(server, "dns+srv://_courses._tcp.test")
    serves(naru, "one", "two")
    before = len(server.asked("two.test"))
    server.set_both("two.test", Says(code=SERVFAIL))
    eventually(lambda: failures(naru) >= 1 and len(server.asked("two.test")) >= before + 2,
               "the target cannot be resolved")
    assert bodies(naru) == {"one", "two"}
    server.set_both("_courses._tcp.test", Says(code=SERVFAIL))
    server.says["_courses._tcp.test", "SRV"] = Says(code=SERVFAIL)
    before = failures(naru)
    eventually(lambda: failures(naru) >= before + 1, "the service cannot be resolved either")
    assert bodies(naru) == {"one", "two"}


# Real servers


@contextlib.contextmanager
def running(*command, cwd):
    with open(cwd / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
        print((cwd / "log").read_text())


@pytest.fixture
def dnsmasq(tmp_path):
    """Debian's dnsmasq: give it lines as in /etc/hosts, and again to change them."""
    directory = tmp_path / "dnsmasq"
    directory.mkdir()
    hosts = directory / "hosts"
    with contextlib.ExitStack() as stack:

        class Dnsmasq:
            address = f"10.77.0.18:{free_port()}"

            def start(self, lines, *options):
                hosts.write_text(lines)
                self.process = stack.enter_context(running(
                    "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                    "--user=root", "--pid-file=", "--bind-interfaces", "--listen-address=10.77.0.18",
                    f"--port={self.address.split(':')[1]}", f"--addn-hosts={hosts}", "--local=/test/", "--local-ttl=1",
                    *options, cwd=directory))
                return self

            def change(self, lines):
                hosts.write_text(lines)
                self.process.send_signal(signal.SIGHUP)

        yield Dnsmasq()


def test_dnsmasq_is_followed(dnsmasq, instances, naru_with):
    port = instances("10.77.0.1", "10.77.0.2")
    server = dnsmasq.start("10.77.0.1 blue.test\n10.77.0.2 green.test\n", f"--cname={NAME},blue.test")
    naru = naru_with(server, f"dns://{NAME}:{port}")
    assert bodies(naru) == {"10.77.0.1"}
    dnsmasq.change("10.77.0.1 blue.test\n10.77.0.2 blue.test\n")
    serves(naru, "10.77.0.1", "10.77.0.2")
    dnsmasq.change("")
    eventually(lambda: outcome_of(naru) == "no_endpoint", "the name is gone")
    dnsmasq.change("10.77.0.2 blue.test\n")
    serves(naru, "10.77.0.2")


def test_services_of_dnsmasq(dnsmasq, upstream, naru_with):
    one, two = upstream(ok(b"one"), host="10.77.0.1"), upstream(ok(b"two"), host="10.77.0.2")
    server = dnsmasq.start("10.77.0.1 one.test\n10.77.0.2 two.test\n",
                           f"--srv-host=_courses._tcp.test,one.test,{one.port},1,10",
                           f"--srv-host=_courses._tcp.test,two.test,{two.port},1,20")
    naru = naru_with(server, "dns+srv://_courses._tcp.test")
    serves(naru, "one", "two")
    assert endpoints_of(naru) == {one.address: 10, two.address: 20}


ZONE = """$ORIGIN test.
$TTL 1
@ 3600 IN SOA ns admin SERIAL 7200 900 1209600 300
@ IN NS ns
ns IN A 10.77.0.19
RECORDS
"""


@pytest.fixture
def coredns(tmp_path):
    """A real CoreDNS with a zone of these records, which may be changed."""
    directory = tmp_path / "coredns"
    directory.mkdir()
    with contextlib.ExitStack() as stack:

        class CoreDns:
            address = f"10.77.0.19:{free_port()}"
            serial = 0

            def start(self, records):
                self.change(records)
                port = self.address.split(":")[1]
                (directory / "Corefile").write_text(
                    f"test:{port} {{\n  bind 10.77.0.19\n  errors\n  file zone {{\n    reload 100ms\n  }}\n}}\n")
                stack.enter_context(running(ROOT / "build" / "go-tools" / "bin" / "coredns", cwd=directory))
                return self

            def change(self, records):
                self.serial += 1
                fresh = directory / "zone.new"
                fresh.write_text(ZONE.replace("SERIAL", str(self.serial)).replace("RECORDS", records))
                os.replace(fresh, directory / "zone")

        yield CoreDns()


@pytest.mark.limit(300)  # CoreDNS is built first
def test_a_zone_of_coredns_is_followed(coredns, instances, naru_with):
    port = instances("10.77.0.1", "10.77.0.2", "fd77::1")
    server = coredns.start("courses IN CNAME blue\nblue 3600 IN A 10.77.0.1\n")
    naru = naru_with(server, f"dns://{NAME}:{port}", max_ttl="1s")
    assert bodies(naru) == {"10.77.0.1"}
    server.change("courses IN CNAME green\ngreen 3600 IN A 10.77.0.2\ngreen 3600 IN AAAA fd77::1\n")
    serves(naru, "10.77.0.2", "fd77::1")
    server.change("other IN A 10.77.0.1\n")
    eventually(lambda: outcome_of(naru) == "no_endpoint", "the name is gone")
    server.change("courses IN A 10.77.0.1\n")
    serves(naru, "10.77.0.1")


@pytest.mark.limit(300)
def test_services_of_coredns_are_followed(coredns, upstream, naru_with):
    one, two = upstream(ok(b"one"), host="10.77.0.1"), upstream(ok(b"two"), host="10.77.0.2")
    server = coredns.start(f"_courses._tcp IN SRV 1 10 {one.port} one\none IN A 10.77.0.1\n")
    naru = naru_with(server, "dns+srv://_courses._tcp.test")
    assert bodies(naru) == {"one"}
    server.change(f"_courses._tcp IN SRV 1 10 {one.port} one\n_courses._tcp IN SRV 1 20 {two.port} two\n"
                  "one IN A 10.77.0.1\ntwo IN A 10.77.0.2\n")
    serves(naru, "one", "two")
    assert endpoints_of(naru) == {one.address: 10, two.address: 20}
    server.change(f"_courses._tcp IN SRV 1 20 {two.port} two\ntwo IN A 10.77.0.2\n")
    serves(naru, "two")


@pytest.mark.limit(300)
def test_a_service_that_appears_after_it_was_asked_for_is_seen_soon(coredns, instances, naru_with):
    """The zone says that a missing name may be believed for 300 s."""
    port = instances("10.77.0.1")
    server = coredns.start("")
    naru = naru_with(server, f"dns://{NAME}:{port}", wait_ready=False)
    eventually(lambda: outcome_of(naru) == "no_endpoint" and "error" not in source_of(naru), "the name is missing")
    server.change("courses IN A 10.77.0.1\n")
    serves(naru, "10.77.0.1")
