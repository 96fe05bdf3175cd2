"""The admin port."""

import json

import pytest

from support.client import call, get
from support.upstream import CLOSE, Upstream, answer_bytes, ok
from support.waiting import eventually


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
        assert "failed-1" not in json.dumps(naru.admin_json(f"/calls/recent?{narrowed}"))


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


def test_a_scrape_does_not_hold_calls_up_nor_the_other_way_round(courses):
    naru, _ = courses(ok())
    for _ in range(50):
        assert naru.admin("GET", "/metrics").status == 200
        assert get(naru.port, "/courses/x").status == 200


def test_services_say_why_an_endpoint_is_not_serving(start_naru, upstream):
    bad: Upstream = upstream(answer_bytes("500 Internal Server Error", b""))
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [bad.address, upstream().address],
                                   "balance": "round-robin", "retry": {"attempts": 1},
                                   "ejection": {"consecutive": 2, "base": "60s", "max": "60s"}}})
    for _ in range(4):
        get(naru.port, "/courses/x")
    text = json.dumps(naru.admin_json("/services/courses"))
    assert "ejected" in text
