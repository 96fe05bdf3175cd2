"""Waiting for something to become true, with a deadline: the only place where the tests sleep."""

import os
import time

# A sanitized binary on a loaded machine is slow; a deadline is there to end a hang, not to measure.
PATIENCE = float(os.environ.get("NARU_TEST_PATIENCE", "10"))


def eventually(condition, what, within=PATIENCE):
    """Returns the first true value of condition(); fails with `what` and its last value after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within:g} s in vain: {what} (last value: {value!r})")
        time.sleep(0.005)


def settled(measure, for_seconds=0.3, within=PATIENCE):
    """Returns measure() once it has kept its value for `for_seconds`."""
    deadline = time.monotonic() + within
    value, since = measure(), time.monotonic()
    while time.monotonic() - since < for_seconds:
        if time.monotonic() > deadline:
            raise AssertionError(f"still changing after {within:g} s, now {value!r}")
        time.sleep(0.01)
        now = measure()
        if now != value:
            value, since = now, time.monotonic()
    return value


class Stopwatch:
    def __init__(self):
        self.started = time.monotonic()

    @property
    def seconds(self):
        return time.monotonic() - self.started
