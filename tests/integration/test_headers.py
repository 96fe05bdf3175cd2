"""What naru adds, replaces, removes and leaves alone in heads."""

import re

import pytest

from support.client import Client, call, chunked, get
from support.upstream import answer_bytes, ok


def test_names_keep_their_case_and_values_and_order_their_own(courses):
    fields = [("x-lower", "a"), ("X-UPPER", "B"), ("X-MiXeD", "c, d"), ("Accept", "*/*"), ("X-Empty", ""),
              ("X-Latin", "caf\xe9")]
    naru, peer = courses(answer_bytes("200 OK", b"", ("x-answer-lower", "1"), ("X-Answer-UPPER", "2"), ("eTaG", '"e"')))
    answer = get(naru.port, "/courses/x", *fields)
    assert [field for field in peer.request.fields if field in fields] == fields
    assert [field for field in answer.fields if field[0].lower() in ("x-answer-lower", "x-answer-upper", "etag")] == [
        ("x-answer-lower", "1"), ("X-Answer-UPPER", "2"), ("eTaG", '"e"')]


def test_repeated_fields_stay_repeated(courses):
    naru, peer = courses(answer_bytes("200 OK", b"", ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2, c")))
    answer = get(naru.port, "/courses/x", ("X-List", "one"), ("X-List", "two"), ("Cookie", "a=1"))
    assert peer.request.all("x-list") == ["one", "two"]
    assert answer.all("set-cookie") == ["a=1", "b=2, c"]


HOP_BY_HOP = [("Connection", "X-Private, keep-alive"), ("X-Private", "secret"), ("Keep-Alive", "timeout=5"),
              ("Proxy-Connection", "keep-alive"), ("TE", "gzip"), ("Upgrade", "h2c-not-really")]


def test_hop_by_hop_fields_of_a_request_stay_here(courses):
    naru, peer = courses()
    assert get(naru.port, "/courses/x", *HOP_BY_HOP, ("X-Kept", "yes")).status == 200
    names = [name.lower() for name in peer.request.names()]
    assert {"connection", "x-private", "keep-alive", "proxy-connection", "upgrade"} & set(names) == set()
    assert peer.request.get("te") in (None, "trailers")
    assert peer.request.get("x-kept") == "yes"


def test_hop_by_hop_fields_of_an_answer_stay_here(courses):
    naru, _ = courses(answer_bytes("200 OK", b"ok", ("Connection", "X-Private"), ("X-Private", "secret"),
                                   ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "x"), ("X-Kept", "yes")))
    answer = get(naru.port, "/courses/x")
    names = [name.lower() for name in answer.names()]
    assert {"x-private", "keep-alive", "proxy-connection"} & set(names) == set()
    assert answer.get("x-kept") == "yes"


def test_every_connection_field_is_read(courses):
    naru, peer = courses()
    get(naru.port, "/courses/x", ("Connection", "X-One"), ("connection", "X-Two ,, X-Three"), ("X-One", "1"),
        ("X-Two", "2"), ("X-Three", "3"), ("X-Four", "4"))
    names = [name.lower() for name in peer.request.names()]
    assert "x-four" in names
    assert {"x-one", "x-two", "x-three"} & set(names) == set()


def test_connection_cannot_remove_what_ends_the_message_or_names_the_service(courses):
    naru, peer = courses(lambda request, _: ok(request.body))
    answer = call(naru.port, "POST", "/courses/x", [("Connection", "Content-Length, Host, X-Naru-Caller")], b"body")
    assert answer.body == b"body"
    assert peer.request.get("host") == "courses"
    assert peer.request.get("content-length") == "4"
    assert peer.request.get("x-naru-caller") == "video/video-api"


def test_proxy_authorization_and_credentials(courses):
    naru, peer = courses()
    get(naru.port, "/courses/x", ("Authorization", "Bearer t0ken"), ("Cookie", "s=1"))
    assert peer.request.get("authorization") == "Bearer t0ken"
    assert peer.request.get("cookie") == "s=1"


def test_the_caller_is_named_and_cannot_be_claimed(courses):
    naru, peer = courses()
    get(naru.port, "/courses/x", ("x-naru-caller", "admin/root"), ("X-Naru-Caller", "admin/other"))
    assert peer.request.get("x-naru-caller") == "video/video-api"


def test_a_first_attempt_carries_no_attempt_number(courses):
    naru, peer = courses()
    get(naru.port, "/courses/x")
    assert peer.request.get("x-naru-attempt") is None


def test_a_request_id_is_made_when_there_is_none(courses):
    naru, peer = courses()
    for _ in range(10):
        get(naru.port, "/courses/x")
    ids = [request.get("x-request-id") for request in peer.requests]
    assert len(set(ids)) == 10
    assert all(re.fullmatch(r"[\w-]{8,64}", one) for one in ids), ids


def test_a_request_id_that_is_there_stays(courses):
    naru, peer = courses()
    get(naru.port, "/courses/x", ("X-Request-ID", "mine-42"))
    assert peer.request.get("x-request-id") == "mine-42"


def test_via_is_appended(courses):
    naru, peer = courses(answer_bytes("200 OK", b"", ("Via", "1.1 inner")))
    answer = get(naru.port, "/courses/x", ("Via", "1.0 outer"))
    assert ", ".join(peer.request.all("via")) == "1.0 outer, 1.1 naru"
    assert ", ".join(answer.all("via")) in ("1.1 inner", "1.1 inner, 1.1 naru")  # RFC 9110 7.6.3: MAY for answers


@pytest.mark.parametrize("name, value", [
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("tracestate", "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"),
    ("baggage", "userId=alice,serverNode=DF%2028"),
    ("X-Forwarded-For", "10.1.2.3"),
    ("Forwarded", "for=10.1.2.3"),
])
def test_fields_for_others_pass_untouched(courses, name, value):
    naru, peer = courses()
    get(naru.port, "/courses/x", (name, value))
    assert peer.request.get(name) == value


def test_the_deadline_is_told_in_milliseconds(courses):
    naru, peer = courses(timeout="3s")
    get(naru.port, "/courses/x")
    assert 0 < int(peer.request.get("x-naru-deadline-ms")) <= 3000


def test_host_is_the_services_name(courses):
    naru, peer = courses()
    get(naru.port, "/courses/x")
    assert peer.request.get("host") == "courses"


def test_the_query_and_odd_paths_are_not_normalised(courses):
    naru, peer = courses()
    targets = ["/a//b", "/a/../b", "/%2e%2E/%2F?x=%20&y=a+b", "/?", "/;p=1,2", "/" + "long" * 500, "/a?b?c=/d"]
    with Client(naru.port) as client:
        for target in targets:
            assert client.call("GET", target, [("Host", "courses")]).status == 200
    assert [request.target for request in peer.requests] == targets


def test_answers_of_the_service_carry_no_outcome_of_naru(courses):
    naru, _ = courses(answer_bytes("503 Service Unavailable", b"mine"), retry={"attempts": 1})
    answer = get(naru.port, "/courses/x")
    assert (answer.status, answer.body) == (503, b"mine")
    assert answer.get("x-naru-outcome") is None


def test_a_large_head_within_the_bounds_is_carried(courses):
    naru, peer = courses()
    fields = [(f"X-Field-{number}", "v" * 100) for number in range(80)]
    assert get(naru.port, "/courses/x", *fields).status == 200
    assert [field for field in peer.request.fields if field in fields] == fields


def test_te_trailers_is_for_this_hop_only(courses):
    naru, peer = courses()
    body = chunked(b"x")
    fields = [("TE", "trailers"), ("Connection", "TE"), ("Transfer-Encoding", "chunked")]
    assert call(naru.port, "POST", "/courses/x", fields, body).status == 200
    te = peer.request.get("te")
    # Either it is dropped, or naru says it for itself and lists it (RFC 9110 10.1.4).
    assert te is None or (te == "trailers" and "te" in peer.request.get("connection", "").lower())
