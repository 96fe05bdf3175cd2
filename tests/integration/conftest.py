"""Fixtures: `upstream(answer)` starts a scripted service, `start_naru(services)` the real binary in front of it;
`serve(protocol, handler)` and `call_as(protocol, where)` are their likes in the words of both protocols."""

import contextlib
import itertools
import os
import signal

import pytest

from support.callers import CALLERS
from support.naru import BINARY, Naru, claim_ports
from support.network import private_network as enter_private_network
from support.services import SERVICES
from support.upstream import Upstream


def pytest_configure(config):
    if not os.access(BINARY, os.X_OK):
        pytest.exit(f"no naru binary at {BINARY}: build it (tests/run.sh does) or set NARU_BINARY", returncode=2)
    claim_ports()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """A test that hangs fails, and the ones after it run."""
    marker = item.get_closest_marker("limit")
    seconds = marker.args[0] if marker else 60

    def expired(*_):
        raise TimeoutError(f"the test hangs: not done after {seconds} s")

    signal.signal(signal.SIGALRM, expired)
    signal.alarm(int(seconds))
    try:
        yield
    finally:
        signal.alarm(0)


@pytest.fixture
def upstream():
    with contextlib.ExitStack() as stack:  # stops every one, whatever the others say

        def start(answer=None, **options):
            peer = Upstream(answer, **options)
            stack.callback(peer.stop)
            return peer

        yield start


@pytest.fixture
def serve():
    """A service of either protocol: serve("http2", handler)."""
    with contextlib.ExitStack() as stack:

        def start(protocol, handler=None, **options):
            service = SERVICES[protocol](handler, **options)
            stack.callback(service.stop)
            return service

        yield start


@pytest.fixture
def start_naru(tmp_path, upstream, serve):  # torn down before the upstreams
    numbers = itertools.count()
    with contextlib.ExitStack() as stack:

        def start(services, **settings):
            directory = tmp_path / f"naru{next(numbers)}"
            directory.mkdir()
            naru = Naru(directory, services, **settings)
            stack.callback(naru.stop)
            return naru.start()

        yield start


@pytest.fixture
def call_as(start_naru):  # torn down before naru
    """An application of either protocol: call_as("http2", naru.port)."""
    with contextlib.ExitStack() as stack:

        def start(protocol, where, **options):
            caller = CALLERS[protocol](where, **options)
            stack.callback(caller.close)
            return caller

        yield start


@pytest.fixture
def courses(start_naru, upstream):
    """naru in front of one service `courses` of the squad `learning` with one endpoint: courses(answer, policy...)."""

    def start(answer=None, read_body=True, **policy):
        peer = upstream(answer, read_body=read_body)
        naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address], **policy}})
        return naru, peer

    return start


@pytest.fixture(scope="module")
def private_network():
    """For `pytestmark = pytest.mark.usefixtures("private_network")`: see support/network.py."""
    with enter_private_network():
        yield
