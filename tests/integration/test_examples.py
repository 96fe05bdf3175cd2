"""What examples/ shows, run as a reader would run it."""

import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from support.naru import BINARY, ROOT, SANITIZER_ENVIRONMENT
from support.waiting import PATIENCE, eventually

QUICKSTART = ROOT / "examples" / "quickstart"
ENVIRONMENT = {**os.environ, **SANITIZER_ENVIRONMENT, "NARU_BINARY": BINARY}


def processes_of(session):
    """The command lines of a session's processes, by their ids."""
    found = {}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            state, *fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
            if int(fields[2]) == session and state != "Z":
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
        except OSError:
            pass  # it has ended meanwhile
    return found


@pytest.fixture
def quickstart():
    """Starts a program in a session of its own, and leaves nothing of it behind."""
    started = []

    def start(*command):
        started.append(subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT, start_new_session=True))
        return started[-1]

    yield start
    for program in started:
        left = processes_of(program.pid)
        for process in left:
            os.kill(process, signal.SIGKILL)
        program.communicate()
        assert not left, "nothing is left running"


def shares_are_right(well, killed, slow):
    """Of the three phases: calls, those that failed, and those of each endpoint."""
    return (min(well[2:]) > 0  # all endpoints have a share while all is well
            and killed[3] <= 0.05 * killed[0] and slow[3] <= 0.05 * slow[0]  # the killed endpoint's share
            and slow[4] < 0.2 * slow[2])  # the slow endpoint's share beside the one that is well


@pytest.mark.limit(240)
def test_the_quickstart_shows_what_it_says(quickstart):
    def run():
        program = quickstart(QUICKSTART / "run.sh")
        said, _ = program.communicate(timeout=9 * PATIENCE)
        assert program.returncode == 0, said
        line = r"(\d+) calls, (\d+) failed, .* courses-1 (\d+), courses-2 (\d+), courses-3 (\d+)$"
        phases = [list(map(int, phase)) for phase in re.findall(line, said, re.M)]
        assert [failed for _, failed, *_ in phases] == [0, 0, 0]
        return program, said, phases

    program, said, phases = run()
    if not shares_are_right(*phases):  # an endpoint that is well may have stood still for half of a phase
        program, said, phases = run()
    assert shares_are_right(*phases), said
    assert len(re.findall(r"200 from \w+-\d, which saw /v1/\S+ called by video/video-api", said)) == 4, said
    assert re.search(r"courses-2 is (?:serving|ejected) \(.+\)", said), "why the killed one gets nothing"
    for squad in ("learning", "video"):
        assert re.search(rf"video -> {squad} +\d+ calls, 100.00 % ok, mean \d+\.\d ms", said), said
    assert re.search(r'naru_calls_total{.*callee_squad="learning",.*route="course",outcome="ok"', said), said
    assert re.search(r'502, x-naru-outcome: unknown_service\s.*did you mean .*courses', said), said
    assert re.search(r"^\d+ calls while things broke, 0 failed\.\nEverything is stopped\.$", said, re.M), said
    assert processes_of(program.pid) == {}


@pytest.mark.limit(120)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
@pytest.mark.parametrize("whole_group", [False, True], ids=["program", "group"])
def test_a_quickstart_that_is_kept_ends_with_all_that_it_started(quickstart, tmp_path, number, whole_group):
    """As Ctrl-C, a terminal that is closed, and kill do; a terminal tells the whole group."""
    program = quickstart(sys.executable, QUICKSTART / "quickstart.py", "--naru", BINARY, "--work", tmp_path, "--keep",
                         "--phase-seconds", "0.1")
    for line in program.stdout:
        if "Ctrl-C ends it" in line:
            break
    running = processes_of(program.pid)
    assert sum("service.py" in command for command in running.values()) == 4, "one of five was killed"
    assert sum(command.startswith(BINARY) for command in running.values()) == 1
    (os.killpg if whole_group else os.kill)(program.pid, number)
    said, _ = program.communicate(timeout=3 * PATIENCE)
    assert "Traceback" not in said, said
    eventually(lambda: processes_of(program.pid) == {}, "nothing is left running")


@pytest.mark.limit(120)
def test_the_grpc_example_shows_what_it_says():
    ran = subprocess.run([ROOT / "examples" / "grpc" / "run.sh"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         check=False, timeout=9 * PATIENCE, env=ENVIRONMENT)
    said = ran.stdout
    assert ran.returncode == 0, said + ran.stderr
    assert re.search(r"courses-1 answered 3\d, courses-2 answered 3\d, courses-3 answered 3\d, 0 failed", said), said
    assert re.search(r'tried again: naru_retries_total.*reason="unavailable"} 3$', said, re.M), said
    assert re.search(r"course 7, asked for by video/video-api", said), said
    assert re.search(r'route="Get",outcome="ok",code="OK"} 100$', said, re.M), said
    assert re.search(r'route="Watch",outcome="ok",code="OK"} 1$', said, re.M), said
    assert re.search(r"DEADLINE_EXCEEDED after \d{3,4} ms", said), said
    assert re.search(r"UNAVAILABLE after \d+ ms: no service is called .*did you mean", said), said
