"""What others wrote to judge HTTP/2 servers and gRPC implementations: h2spec, and gRPC's interoperability tests."""

import contextlib
import json
import re
import socket
import subprocess
import xml.etree.ElementTree

import pytest

from support.client import Client
from support.go_tools import go_tools
from support.naru import free_port
from support.upstream import ok
from support.waiting import PATIENCE, eventually

LOOPBACK = "127.0.0.1"


@pytest.fixture(scope="module")
def tools():
    """The folder of the tools' binaries."""
    return go_tools()


# h2spec


def unpassed(report):
    """(how many test cases there were, those that did not pass with what h2spec says of them) of a JUnit report, into
    which h2spec writes bytes of frames as they are."""
    text = re.sub(rb"[^\n\x20-\x7e]", b"?", report.read_bytes())
    cases = list(xml.etree.ElementTree.fromstring(text).iter("testcase"))
    return len(cases), [f"{case.get('package')}: {case.get('classname')}: {' '.join(''.join(part.itertext()).split())}"
                        for case in cases for part in case if part.tag in ("failure", "error")]


# It expects nothing but frames; on a port that speaks HTTP/1 too, what is no preface is a malformed request. RFC 9113 3.4
# wants the connection ended, which the next test sees to.
ANSWERED_IN_HTTP1 = "http2/3.5: Sends invalid connection preface:"


@pytest.mark.limit(300)
@pytest.mark.parametrize("spec, at_least", [("generic", 40), ("http2", 90), ("hpack", 7)])
def test_h2spec_finds_nothing(tools, upstream, start_naru, tmp_path, spec, at_least):
    port = free_port()
    start_naru({"courses": {"squad": "learning", "endpoints": [upstream(ok(b"an answer")).address], "port": port}})
    report = tmp_path / "h2spec.xml"
    ran = subprocess.run([tools / "h2spec", spec, "--strict", "--host", LOOPBACK, "--port", str(port), "--timeout", "5",
                          "--junit-report", report], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert report.exists(), f"h2spec did not get to its end:\n{ran.stdout}{ran.stderr}"
    count, failed = unpassed(report)
    failed = [each for each in failed if not each.startswith(ANSWERED_IN_HTTP1)]
    assert not failed, "h2spec found:\n" + "\n".join(failed)
    assert count >= at_least, "the tool has lost its tests"


@pytest.mark.parametrize("bytes_sent", [b"INVALID CONNECTION PREFACE\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n"])
def test_what_is_no_preface_is_answered_in_http_1_and_closed(courses, bytes_sent):
    naru, _ = courses()
    with Client(naru.port) as client:
        client.send(bytes_sent)
        answer = client.read_response()
        assert (answer.status, answer.get("x-naru-outcome")) == (400, "bad_request")
        assert client.closed_within()


# gRPC's interoperability tests: every case that needs no TLS and no cloud.


REPORTS_LOAD = json.dumps({"loadBalancingConfig": [{"test_backend_metrics_load_balancer": {}}]})
CASES = {
    **dict.fromkeys(["empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream",
                     "timeout_on_sleeping_server", "cancel_after_begin", "cancel_after_first_response",
                     "status_code_and_message", "special_status_message", "custom_metadata", "unimplemented_method",
                     "unimplemented_service"], []),
    **dict.fromkeys(["rpc_soak", "channel_soak"], [
        "-soak_per_iteration_max_acceptable_latency_ms", f"{PATIENCE * 1000:.0f}",
        "-soak_overall_timeout_seconds", f"{3 * PATIENCE:.0f}"]),
    "orca_per_rpc": ["-service_config_json", REPORTS_LOAD],
    "orca_oob": ["-service_config_json", REPORTS_LOAD],
}
every_case = pytest.mark.parametrize("case", CASES)


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), PATIENCE):
        return True


@pytest.fixture(scope="module")
def interop_server(tools):
    """The port of a gRPC server that knows what the client's cases ask."""
    port = free_port()
    with subprocess.Popen([tools / "interop_server", "-port", str(port)], stdin=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: process.poll() is not None or accepts(port), "the interop server listens")
            assert process.poll() is None, "the interop server ended"
            yield port
        finally:
            process.kill()


def interop(tools, port, case):
    ran = subprocess.run([tools / "interop_client", "-server_host", LOOPBACK, "-server_port", str(port), "-test_case", case,
                          *CASES[case]], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                         timeout=4 * PATIENCE)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@every_case
def test_interop_without_naru(tools, interop_server, case):
    interop(tools, interop_server, case)


@every_case
def test_interop_through_naru(tools, interop_server, start_naru, case):
    port = free_port()
    start_naru({"interop": {"squad": "learning", "endpoints": [f"{LOOPBACK}:{interop_server}"], "port": port}})
    interop(tools, port, case)
