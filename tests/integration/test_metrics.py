"""What /metrics says, by squad, and that a real Prometheus understands it."""

import json
import shutil
import subprocess
import urllib.parse
import urllib.request

import pytest

from support.client import call, get
from support.naru import free_port
from support.upstream import CLOSE, answer_bytes, ok, refused_address
from support.waiting import Stopwatch, eventually


@pytest.fixture
def busy(start_naru, upstream):
    """naru after calls of two squads' services with every kind of end."""

    def answer(request, _):
        if request.target == "/missing":
            return answer_bytes("404 Not Found", b"no")
        if request.target == "/broken":
            return answer_bytes("500 Internal Server Error", b"oh")
        return CLOSE if request.target == "/hangs-up" else ok(b"twelve bytes")

    naru = start_naru({
        "courses": {"squad": "learning", "endpoints": [upstream(answer).address], "retry": {"attempts": 1},
                    "routes": [{"match": "GET /v1/courses/{id}", "name": "course"}]},
        "media": {"squad": "video", "endpoints": [upstream(answer).address]},
        "refused": {"squad": "video", "endpoints": [refused_address()], "breaker": "off"},
    })
    for _ in range(5):
        assert get(naru.port, "/courses/v1/courses/42").status == 200
    assert get(naru.port, "/courses/missing").status == 404
    assert get(naru.port, "/courses/broken").status == 500
    assert call(naru.port, "POST", "/courses/hangs-up", body=b"12345").status == 502
    for _ in range(2):
        assert get(naru.port, "/media/x").status == 200
    assert get(naru.port, "/refused/x").status == 502
    eventually(lambda: naru.metric("naru_calls_total") == 11, "every call is counted")
    return naru


CALL = {"caller_squad": "video", "caller_service": "video-api"}


def test_calls_are_counted_by_squad_service_route_outcome_and_code(busy):
    counted = {(sample.labels["callee_squad"], sample.labels["callee_service"], sample.labels["route"],
                sample.labels["outcome"], sample.labels["code"]): sample.value
               for sample in busy.samples() if sample.name == "naru_calls_total" and sample.value}
    assert counted == {
        ("learning", "courses", "course", "ok", "200"): 5,
        ("learning", "courses", "other", "client_error", "404"): 1,
        ("learning", "courses", "other", "server_error", "500"): 1,
        ("learning", "courses", "other", "reset", "502"): 1,
        ("video", "media", "other", "ok", "200"): 2,
        ("video", "refused", "other", "connect_error", "502"): 1,
    }
    assert busy.metric("naru_calls_total", **CALL) == 11


def test_durations_are_a_histogram_by_squad(busy):
    assert busy.metric("naru_call_duration_seconds_count", callee_squad="learning", outcome="ok") == 5
    assert busy.metric("naru_call_duration_seconds_bucket", callee_squad="learning", outcome="ok", le="+Inf") == 5
    assert 0 < busy.metric("naru_call_duration_seconds_sum", callee_squad="learning", outcome="ok") < 30


def test_attempts_and_retries_are_counted(busy):
    assert busy.metric("naru_attempts_total", callee_service="courses", outcome="reset") == 1
    assert busy.metric("naru_attempts_total", callee_service="refused", outcome="connect_error") == 2
    assert busy.metric("naru_retries_total", callee_service="refused") == 1
    assert busy.metric("naru_overhead_seconds_count", callee_service="courses") >= 5


def test_bytes_are_counted_both_ways(busy):
    assert busy.metric("naru_bytes_total", callee_service="media", direction="down") >= 24
    assert busy.metric("naru_bytes_total", callee_service="courses", direction="up") >= 5


def test_gauges_say_how_things_are(busy):
    assert busy.metric("naru_endpoints", callee_squad="learning", callee_service="courses", state="serving") == 1
    assert busy.metric("naru_breaker_state", callee_service="courses") == 0
    assert busy.metric("naru_in_flight") == 0
    assert busy.metric("naru_build_info") == 1
    assert busy.metric("process_resident_memory_bytes") > 1e6
    assert busy.metric("process_open_fds") > 3


def test_overhead_excludes_waiting_for_the_service(courses):
    def answer(_, connection):
        work(0.3)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        work(0.3)
        return b" half"

    def work(seconds):
        watch = Stopwatch()
        eventually(lambda: watch.seconds >= seconds, "the service works")

    naru, _ = courses(answer, timeout="60s", try_timeout="60s")

    def overhead_of_call(number):
        before = naru.metric("naru_overhead_seconds_sum", callee_service="courses")
        assert get(naru.port, "/courses/x").status == 200
        eventually(lambda: naru.metric("naru_overhead_seconds_count", callee_service="courses") == number and
                   naru.metric("naru_call_duration_seconds_count", callee_service="courses") == number,
                   "the call is counted")
        return naru.metric("naru_overhead_seconds_sum", callee_service="courses") - before

    # A machine that stalls holds one of them up, and not all.
    assert any(0 < overhead_of_call(number) < 0.15 for number in range(1, 6))
    assert naru.metric("naru_call_duration_seconds_sum", callee_service="courses") >= 0.59


def test_metrics_can_be_narrowed_to_a_squad(busy):
    squads = {sample.labels["callee_squad"] for sample in busy.samples("/metrics?squad=learning")
              if "callee_squad" in sample.labels}
    assert squads == {"learning"}


def test_labels_never_come_from_a_request(busy):
    before = len(busy.samples())
    for number in range(50):
        get(busy.port, f"/courses/{number}", ("x-naru-caller", f"squad{number}/x"), ("X-Request-Id", str(number)))
        get(busy.port, f"/nobody{number}/x")
        call(busy.port, f"METHOD{number}", "/courses/x")
    eventually(lambda: busy.metric("naru_calls_total") >= 11 + 150, "every call is counted")
    text = busy.admin("GET", "/metrics").body.decode()
    assert "squad7" not in text and "nobody7" not in text and "METHOD7" not in text
    assert len(busy.samples()) - before < 100


def test_unknown_services_are_counted_under_no_name(busy):
    get(busy.port, "/nobody/x")
    eventually(lambda: busy.metric("naru_calls_total", outcome="unknown_service") == 1, "it is counted")


def test_promtool_finds_the_exposition_sound(busy):
    text = busy.admin("GET", "/metrics").body
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr.decode()) == (0, "")


def test_content_types_are_what_scrapers_ask_for(busy):
    plain = busy.admin("GET", "/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    open_metrics = busy.admin("GET", "/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"})
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert open_metrics.body.endswith(b"# EOF\n")
    assert b"# TYPE naru_calls counter" in open_metrics.body


@pytest.mark.limit(90)
def test_a_real_prometheus_answers_latency_by_squad(busy, tmp_path):
    assert shutil.which("prometheus"), "tests/install_dependencies.sh installs it"
    port = free_port()
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        "scrape_configs:\n"
        f"  - {{job_name: naru, static_configs: [{{targets: ['127.0.0.1:{busy.admin_port}']}}]}}\n")

    def query(promql):
        url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": promql})
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                found = json.load(answer)["data"]["result"]
        except OSError:
            return {}
        return {one["metric"].get("callee_squad", ""): float(one["value"][1]) for one in found}

    with open(tmp_path / "prometheus.log", "wb") as log:
        prometheus = subprocess.Popen(
            ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/tsdb",
             f"--web.listen-address=127.0.0.1:{port}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        eventually(lambda: query('up{job="naru"}') == {"": 1.0}, "the scrape succeeds", 40)
        p99 = ("histogram_quantile(0.99, sum by (callee_squad, le) "
               "(naru_call_duration_seconds_bucket{outcome='ok'}))")
        answer = eventually(lambda: query(p99), "an answer by squad", 20)
        assert set(answer) == {"learning", "video"}
        assert all(0 < seconds < 10 for seconds in answer.values()), answer
        # Waited for: after a scrape that takes longer than a second there is nothing until the next.
        eventually(lambda: query("sum by (callee_squad) (naru_calls_total)") == {"learning": 8, "video": 3},
                   "the calls by squad", 20)
    finally:
        prometheus.terminate()
        prometheus.wait(20)
