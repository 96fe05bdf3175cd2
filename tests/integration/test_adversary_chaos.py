"""A short run of chaos.py: everything at once, from both sides, while the configuration changes. Longer: chaos.py --help.

Each run is a process of its own: what its threads still hold at its end cannot meet the tests after it.
"""

import ast
import pathlib
import subprocess
import sys

import pytest

from support.waiting import PATIENCE

CHAOS = pathlib.Path(__file__).with_name("chaos.py")


def run_chaos(*arguments):
    """What was seen, and how often."""
    done = subprocess.run([sys.executable, CHAOS, "--applications", "8", *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False, timeout=12 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    return ast.literal_eval(done.stdout.splitlines()[-1])


@pytest.mark.limit(180)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_naru_survives_abuse_from_both_sides(workers):
    for seconds in ("3", "20"):  # a busy machine carries little in the first of them
        seen = run_chaos("--seconds", seconds, "--seed", workers, "--workers", workers)
        if seen.get(200, 0) > 50:
            return
    pytest.fail(f"too little was carried to prove anything: {seen}")


@pytest.mark.parametrize("seed", ["1", "2"])
def test_sigterm_in_the_middle_of_abuse_ends_cleanly(seed):
    run_chaos("--seconds", "2", "--seed", seed, "--workers", "2", "--drain")
