"""The four ways of naming a service, over TCP and over a Unix socket."""

import json
import socket

import pytest

from support.client import Client, call, get
from support.naru import free_port
from support.upstream import ok


@pytest.fixture
def two_services(start_naru, upstream):
    """`courses` (also a former public host and a port of its own) and `media`; each answers with its name and path."""

    def named(name):
        return upstream(lambda request, _: ok(f"{name} {request.get('host')} {request.target}".encode()))

    def start(**settings):
        start_naru.port_of_courses = free_port()
        return start_naru({
            "courses": {"squad": "learning", "endpoints": [named("courses").address],
                        "hosts": ["api.example.com"], "port": start_naru.port_of_courses},
            "media": {"squad": "video", "endpoints": [named("media").address]},
        }, **settings)

    return start


def said(answer):
    assert answer.status == 200, answer
    return answer.body.decode()


def test_by_port(two_services, start_naru):
    two_services()
    port = start_naru.port_of_courses
    assert said(get(port, "/v1/x", ("Host", f"127.0.0.1:{port}"))) == "courses courses /v1/x"
    assert said(get(port, "/media/x", ("Host", "localhost"))) == "courses courses /media/x"
    assert said(get(port, "/v1/x", ("Host", "media"))) == "courses courses /v1/x", "whatever the Host"


@pytest.mark.parametrize("host", ["courses", "COURSES", "courses:4000", "courses:80"])
def test_by_host(two_services, host):
    naru = two_services()
    assert said(get(naru.port, "/v1/x", ("Host", host))) == "courses courses /v1/x"


@pytest.mark.parametrize("host", ["api.example.com", "API.example.com", "api.example.com:443"])
def test_by_a_further_host_which_is_kept(two_services, host):
    naru = two_services()
    name, kept, path = said(get(naru.port, "/v1/x", ("Host", host))).split()
    assert (name, path) == ("courses", "/v1/x")
    assert kept == host


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:4000", "127.0.0.1", "127.0.0.1:4000", "127.1.2.3", "[::1]:4000"])
def test_by_the_first_path_segment_when_host_is_loopback(two_services, host):
    naru = two_services()
    assert said(get(naru.port, "/courses/v1/x?a=b", ("Host", host))) == "courses courses /v1/x?a=b"
    assert said(get(naru.port, "/media/v1/x", ("Host", host))) == "media media /v1/x"


@pytest.mark.parametrize("target, seen", [("/courses", "/"), ("/courses/", "/"), ("/courses?q=1", "/?q=1"),
                                          ("/courses/?q=1", "/?q=1"), ("/courses//x", "//x"),
                                          ("/courses/courses/x", "/courses/x")])
def test_what_is_left_of_the_path(two_services, target, seen):
    naru = two_services()
    assert said(get(naru.port, target)) == f"courses courses {seen}"


def test_the_path_is_not_cut_when_the_host_names_the_service(two_services):
    naru = two_services()
    assert said(get(naru.port, "/courses/v1/x", ("Host", "courses"))) == "courses courses /courses/v1/x"


@pytest.mark.parametrize("url, seen", [("http://courses/v1/x", "/v1/x"), ("http://courses:80/v1/x?a=b", "/v1/x?a=b"),
                                       ("http://courses", "/"), ("http://courses?a=b", "/?a=b"), ("HTTP://Courses/x", "/x")])
def test_by_absolute_url(two_services, url, seen):
    naru = two_services()
    assert said(get(naru.port, url, ("Host", "whatever.example"))) == f"courses courses {seen}"


def test_an_absolute_url_wins_over_host(two_services):
    naru = two_services()
    assert said(get(naru.port, "http://media/x", ("Host", "courses"))) == "media media /x"  # RFC 9112 3.2.2


def test_an_absolute_url_may_use_a_further_host(two_services):
    naru = two_services()
    assert said(get(naru.port, "http://api.example.com/x", ("Host", "api.example.com"))) == "courses api.example.com /x"


def test_connect_is_answered_405_with_the_reason_and_the_way_out(two_services):
    naru = two_services()
    with Client(naru.port) as client:
        client.send(b"CONNECT courses:443 HTTP/1.1\r\nHost: courses:443\r\n\r\n")
        answer = client.read_response()
    assert answer.status == 405
    detail = json.loads(answer.body)["detail"]
    assert "https" in detail and "http://" in detail, detail


def test_options_of_everything_reaches_the_named_service(two_services):
    naru = two_services()
    assert said(call(naru.port, "OPTIONS", "*", [("Host", "courses")])) == "courses courses *"  # RFC 9112 3.2.4


def test_a_unix_socket_is_listened_on(two_services, tmp_path):
    path = tmp_path / "naru.sock"
    naru = two_services(listen=[f"unix://{path}"])
    assert said(get(path, "/courses/v1/x", ("Host", "localhost"))) == "courses courses /v1/x"
    assert said(get(path, "/v1/x", ("Host", "media"))) == "media media /v1/x"
    naru.stop()
    assert not path.exists(), "the socket's file goes with the process"


def test_a_unix_socket_left_behind_is_taken_over(two_services, tmp_path):
    path = tmp_path / "naru.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    two_services(listen=[f"unix://{path}"])
    assert said(get(path, "/v1/x", ("Host", "courses"))) == "courses courses /v1/x"


def test_several_listeners_serve_the_same(start_naru, upstream, tmp_path):
    peer = upstream()
    ports = [free_port(), free_port()]
    path = tmp_path / "naru.sock"
    start_naru({"courses": {"squad": "learning", "endpoints": [peer.address]}},
               listen=[f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}", f"unix://{path}"])
    assert [get(where, "/courses/x").status for where in (*ports, path)] == [200] * 3


@pytest.mark.parametrize("fields, target", [
    ([("Host", "curses")], "/v1/x"), ([("Host", "localhost")], "/curses/v1/x"), ([("Host", "h")], "http://curses/v1/x")])
def test_an_unknown_service_is_502_and_near_names_are_listed(two_services, fields, target):
    naru = two_services()
    answer = get(naru.port, target, *fields)
    assert answer.status == 502, "not 404: an application reads 404 as an answer about its data"
    assert answer.get("x-naru-outcome") == "unknown_service"
    assert "curses" in answer.body.decode()
    assert "courses" in answer.body.decode().replace("curses", ""), "the near name"


def test_loopback_without_a_path_segment_names_nothing(two_services):
    naru = two_services()
    answer = get(naru.port, "/")
    assert answer.status == 502
    assert answer.get("x-naru-outcome") == "unknown_service"


def test_an_unknown_service_does_not_end_the_connection(two_services):
    naru = two_services()
    with Client(naru.port) as client:
        assert client.call("POST", "/curses/x", body=b"hello").status == 502
        assert client.get("/courses/x").status == 200
