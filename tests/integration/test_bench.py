"""The tools of tests/bench measure what they say. The figures themselves are for a quiet machine and no test."""

import contextlib
import re
import subprocess

import pytest

from support.client import Client, get
from support.naru import ROOT, free_port
from support.upstream import refused_address
from support.waiting import PATIENCE, eventually

BENCH = ROOT / "tests" / "bench"


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """origin and paced_load, built as compare.sh builds them but for their speed."""
    directory = tmp_path_factory.mktemp("bench")
    building = [subprocess.Popen(["g++", "-std=c++20", "-o", directory / name, BENCH / f"{name}.cc"],
                                 stdin=subprocess.DEVNULL) for name in ("origin", "paced_load")]
    assert [one.wait(12 * PATIENCE) for one in building] == [0, 0]
    return directory


@pytest.fixture
def origin(tools):
    port = free_port()
    process = subprocess.Popen([tools / "origin", str(port)], stdin=subprocess.DEVNULL)

    def listens():
        with contextlib.suppress(OSError), Client(port):
            return True
        assert process.poll() is None, f"origin ended with {process.returncode}"
        return False

    try:
        eventually(listens, "the origin listens")
        yield port
    finally:
        process.kill()
        process.wait()


def paced_load(tools, port, connections, rate, seconds):
    return subprocess.run([tools / "paced_load", *map(str, (port, connections, rate, seconds))],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=3 * PATIENCE)


def test_the_origin_answers_with_bodies_of_three_sizes(origin):
    with Client(origin) as client:
        for path, size in (("/", 100), ("/1m", 1 << 20), ("/100m", 100 << 20), ("/", 100)):
            answer = client.get(path)
            assert (answer.status, len(answer.body)) == (200, size)


@pytest.mark.parametrize("through", ["nothing", "naru"])
def test_paced_load_makes_the_calls_that_it_counts(tools, origin, start_naru, through):
    port = origin
    if through == "naru":
        port = free_port()
        naru = start_naru({"courses": {"squad": "learning", "endpoints": [f"127.0.0.1:{origin}"], "port": port}})
        assert get(port, "/").status == 200
    done = paced_load(tools, port, connections=4, rate=500, seconds=1)
    assert done.returncode == 0, done.stderr
    total, *tenths = done.stdout.splitlines()
    calls, p50, p99 = map(float, total.split(" "))
    assert calls == 500 and 0 < p50 <= p99, done.stdout
    assert len(tenths) == 10 and all(re.fullmatch(r"\d+(\.\d+)? \d+(\.\d+)?", tenth) for tenth in tenths), done.stdout
    medians = [float(tenth.split(" ")[0]) for tenth in tenths]
    assert min(medians) <= p50 <= max(medians), "the tenths are of the same calls"
    if through == "naru":
        eventually(lambda: naru.metric("naru_calls_total", outcome="ok") == 501, "naru carried them, and no more")


def test_paced_load_measures_nothing_where_nobody_answers(tools):
    done = paced_load(tools, refused_address().split(":")[1], connections=1, rate=10, seconds=1)
    assert done.returncode != 0 and done.stdout == "" and done.stderr != ""
