"""The admin port."""

import json
import threading

import pytest

from support.client import Client, call, get
from support.upstream import CLOSE, Gate, Upstream, answer_bytes, ok
from support.waiting import PATIENCE, Stopwatch, eventually


def test_healthz_and_readyz(courses):
    naru, _ = courses()
    assert naru.admin("GET", "/healthz").status == 200
    assert naru.admin("GET", "/readyz").status == 200


def test_services_are_listed_with_endpoints_and_policy(courses):
    naru, peer = courses(timeout="3s")
    assert get(naru.port, "/courses/x").status == 200
    assert "courses" in json.dumps(naru.admin_json("/services"))
    one = naru.admin_json("/services/courses")
    text = json.dumps(one)
    assert peer.address in text and "learning" in text and "serving" in text
    assert naru.admin("GET", "/services/nobody").status == 404


def test_config_says_where_every_value_came_from(courses):
    naru, _ = courses(timeout="3s")
    text = json.dumps(naru.admin_json("/config"))
    assert f"{naru.config_path}:" in text
    assert "default" in text


def test_recent_calls_keep_failures_with_their_attempts(courses):
    naru, peer = courses(lambda *_: CLOSE)
    call(naru.port, "POST", "/courses/x", [("x-request-id", "failed-1")], b"b")
    found = eventually(lambda: [one for one in json.dumps(naru.admin_json("/calls/recent")).split("{")
                                if "failed-1" in one], "the call is remembered")
    assert found
    text = json.dumps(naru.admin_json("/calls/recent?outcome=reset&service=courses&squad=learning"))
    assert "failed-1" in text and peer.address in text
    for narrowed in ("outcome=timeout", "service=media", "squad=video"):
        assert b"failed-1" not in naru.admin("GET", f"/calls/recent?{narrowed}").body


@pytest.mark.parametrize("path", ["/reload", "/drain"])
@pytest.mark.parametrize("headers", [{}, {"x-naru-admin": "0"}, {"Origin": "http://evil.example"}])
def test_a_post_needs_the_header_that_a_web_page_cannot_send(courses, path, headers):
    naru, _ = courses()
    assert naru.admin("POST", path, headers).status == 403
    assert naru.ready()


@pytest.mark.parametrize("method, path", [("GET", "/reload"), ("GET", "/drain"), ("DELETE", "/services"), ("POST", "/metrics")])
def test_a_wrong_method_is_405(courses, method, path):
    naru, _ = courses()
    assert naru.admin(method, path, {"x-naru-admin": "1"}).status == 405
    assert naru.ready()


def test_an_unknown_page_is_404(courses):
    naru, _ = courses()
    assert naru.admin("GET", "/nonsense").status == 404
    assert naru.admin("GET", "/").status == 200


def test_the_admin_port_carries_no_calls(courses):
    naru, peer = courses()
    assert call(naru.admin_port, "GET", "/x", [("Host", "courses")]).status == 404
    assert peer.requests == []


def test_answers_say_what_to_do_instead(courses):
    naru, _ = courses()
    detail = json.loads(naru.admin("GET", "/courses/x").body)["detail"]
    assert f"admin port, which carries no calls; they go to 127.0.0.1:{naru.port}" in detail
    command = f"curl -X POST -H 'x-naru-admin: 1' http://127.0.0.1:{naru.admin_port}/reload"
    for method, status in (("GET", 405), ("POST", 403)):
        answer = naru.admin(method, "/reload")
        assert answer.status == status and json.loads(answer.body)["detail"].endswith(command)
    for path in ("/metrics?squad=nope", "/services?squad=nope", "/calls/recent?squad=nope"):
        answer = naru.admin("GET", path)
        assert answer.status == 404 and "learning" in json.loads(answer.body)["detail"], path
    assert naru.admin("GET", "/metrics?squad=learning").status == 200
    pretty = naru.admin("GET", "/services?pretty").body.decode()
    assert json.loads(pretty) and '\n  "services": [' in pretty


def test_a_scrape_does_not_hold_calls_up_nor_the_other_way_round(courses):
    naru, _ = courses(ok())
    for _ in range(50):
        assert naru.admin("GET", "/metrics").status == 200
        assert get(naru.port, "/courses/x").status == 200


def test_scrapes_and_calls_go_on_at_the_same_time(courses):
    """Scrapers that read and ones that do not, calls that are held and ones that come and go."""
    gate, done = Gate(), threading.Event()

    def answer(request, _):
        if request.target == "/held":
            gate.wait()
        return ok()

    naru, peer = courses(answer, timeout="60s", try_timeout="60s")
    held = [Client(naru.port) for _ in range(20)]
    for client in held:
        client.start("GET", "/courses/held")
    peer.wait_for_requests(20)
    deaf_scrapers = [Client(naru.admin_port) for _ in range(5)]
    for scraper in deaf_scrapers:
        scraper.start("GET", "/metrics")
    in_flight = []

    def scrape():
        while not done.is_set():
            in_flight.append(naru.metric("naru_in_flight"))

    scrapers = [threading.Thread(target=scrape, daemon=True) for _ in range(2)]
    for scraper in scrapers:
        scraper.start()
    took = []
    with Client(naru.port) as client:
        while len(took) < 200 or len(in_flight) < 5:
            watch = Stopwatch()
            assert client.get("/courses/x").status == 200
            took.append(watch.seconds)
    done.set()
    for scraper in scrapers:
        scraper.join()
    gate.open()
    assert [client.read_response().status for client in held] == [200] * 20
    assert sorted(took)[190] < 0.2 * PATIENCE  # the machine may stand still for the few that took longer
    assert 20 <= min(in_flight) <= max(in_flight) <= 21


@pytest.mark.parametrize("rule, ejection", [
    ("ejection.consecutive", {"consecutive": 2, "min_calls": 100}),
    ("ejection.success_rate", {"consecutive": 100, "min_calls": 2, "success_rate": "80%"})])
def test_services_say_why_an_endpoint_is_not_serving(start_naru, upstream, rule, ejection):
    bad: Upstream = upstream(answer_bytes("500 Internal Server Error", b""))
    good = upstream()
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [bad.address, good.address],
                                   "balance": "round-robin", "retry": {"attempts": 1}, "breaker": "off",
                                   "ejection": {**ejection, "window": "60s", "base": "60s", "max": "60s"}}})
    for _ in range(4):
        get(naru.port, "/courses/x")
    eventually(lambda: naru.metric("naru_endpoints", state="ejected") == 1, "it is ejected")
    endpoints = {one["address"]: one for one in naru.admin_json("/services/courses")["endpoints"]}
    assert (endpoints[bad.address]["state"], endpoints[good.address]["state"]) == ("ejected", "serving")
    assert rule in endpoints[bad.address]["why"]
    assert 0 < endpoints[bad.address]["serving_again_in_ms"] <= 60_000
    assert "serving_again_in_ms" not in endpoints[good.address]


def test_services_say_how_the_breaker_stands(courses):
    naru, _ = courses(answer_bytes("500 Internal Server Error", b""), retry={"attempts": 1}, ejection="off",
                      breaker={"min_calls": 3, "open_for": "60s"})
    assert naru.admin_json("/services/courses")["breaker"] == "closed"
    for _ in range(3):
        get(naru.port, "/courses/x")
    eventually(lambda: naru.admin_json("/services/courses")["breaker"] == "open", "the breaker is open")
    assert [one["breaker"] for one in naru.admin_json("/services")["services"]] == ["open"]


def test_recent_calls_show_when_each_attempt_began_how_long_it_took_and_why_it_failed(start_naru, upstream):
    def slow_reset(*_):
        work = Stopwatch()
        eventually(lambda: work.seconds >= 0.2, "200 ms of work")
        return CLOSE

    peers = [upstream(slow_reset) for _ in range(2)]
    naru = start_naru({"courses": {
        "squad": "learning", "endpoints": [peer.address for peer in peers], "timeout": "60s", "try_timeout": "60s",
        "retry": {"attempts": 2, "budget": {"ratio": "100%", "floor": "100/s"}}}})
    assert get(naru.port, "/courses/v1/x?token=secret", ("x-request-id", "timeline-1")).status == 502
    call_made = eventually(lambda: naru.admin_json("/calls/recent")["calls"], "the call is remembered")[0]
    said = {"request_id": "timeline-1", "caller": "video/video-api", "squad": "learning", "service": "courses",
            "route": "other", "method": "GET", "path": "/v1/x", "outcome": "reset", "status": 502}
    assert said.items() <= call_made.items(), call_made
    assert "secret" not in json.dumps(naru.admin_json("/calls/recent"))
    first, second = call_made["attempts"]
    assert {first["endpoint"], second["endpoint"]} == {peer.address for peer in peers}
    for attempt in (first, second):
        assert attempt["outcome"] == "reset" and attempt["detail"]
        assert 195 <= attempt["ms"] <= call_made["ms"]
    assert 0 <= first["start_ms"]
    assert first["start_ms"] + first["ms"] <= second["start_ms"] + 1
    assert second["start_ms"] + second["ms"] <= call_made["ms"] + 1


def test_a_dead_service_does_not_look_well(start_naru, upstream):
    peers = [upstream(ok()), upstream(ok())]
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address for peer in peers],
                                   "balance": "round-robin", "retry": {"attempts": 1}, "ejection": "off"}})
    for _ in range(2):
        assert get(naru.port, "/courses/x").status == 200

    def both_measured():
        endpoints = naru.admin_json("/services/courses")["endpoints"]
        return all("latency_ms" in endpoint for endpoint in endpoints) and endpoints

    measured = eventually(both_measured, "both answers are measured")
    assert all("last_failure" not in endpoint for endpoint in measured)
    for peer in peers:
        peer.stop()
    for _ in range(4):
        assert get(naru.port, "/courses/x").status == 502
    endpoints = naru.admin_json("/services/courses")["endpoints"]
    for before, now in zip(measured, endpoints):
        assert now["state"] == "serving" and now["last_failure"]["is_latest"], now
        assert now["last_failure"]["reason"] == "connect_refused" and "connect_refused" in now["why"], now
        assert now["latency_ms"] == before["latency_ms"] and now["latency_age_s"] >= before["latency_age_s"]
    page = naru.admin("GET", "/").body.decode()
    assert '<td class="bad">2 of 2 serving' in page and "connect_refused" in page


def test_the_worst_state_of_a_services_routes_is_told(start_naru, upstream):
    """A route may have a breaker and ejections of its own."""
    bad: Upstream = upstream(answer_bytes("503 Service Unavailable", b""))
    naru = start_naru({"courses": {
        "squad": "learning", "endpoints": [bad.address, upstream().address], "balance": "round-robin",
        "retry": {"attempts": 1}, "breaker": "off", "ejection": "off",
        "routes": [{"match": "GET /broken", "name": "broken", "breaker": {"min_calls": 2, "open_for": "1m"}},
                   {"match": "GET /aside", "name": "aside", "ejection": {"consecutive": 1, "base": "60s"}}]}})
    assert naru.admin_json("/services/courses")["breaker"] == "closed"
    for _ in range(4):
        get(naru.port, "/courses/broken")
    eventually(lambda: get(naru.port, "/courses/broken").get("x-naru-outcome") == "breaker_open", "the breaker opens")
    assert naru.metric("naru_breaker_state", callee_service="courses") == 2
    for _ in range(2):
        get(naru.port, "/courses/aside")
    eventually(lambda: naru.metric("naru_endpoints", callee_service="courses", state="ejected") == 1, "it is ejected")
    assert naru.metric("naru_endpoints", callee_service="courses", state="serving") == 1
    assert naru.admin_json("/services")["services"][0]["breaker"] == "open"
    one = naru.admin_json("/services/courses")
    assert one["breaker"] == "open"
    routes = {route["route"]: route for route in one["routes"]}
    assert routes["broken"]["breaker"] == "open" and routes["broken"]["match"] == "GET /broken"
    assert routes["aside"]["ejected"] == [bad.address] and routes["broken"]["ejected"] == []
    assert routes["other"]["breaker"] == "off" and routes["other"]["ejected"] == []
    assert {"key": "breaker.min_calls", "value": "2"} in [
        {"key": value["key"], "value": value["value"]} for value in routes["broken"]["policy"]]
    assert "route aside" in next(point for point in one["endpoints"] if point["state"] == "ejected")["why"]
