"""A network of the tests' own: a namespace whose loopback device has private addresses, 10.77.0.1 to 10.77.0.20.

Endpoints that a source names must lie in a private range, and loopback does not count as one. The namespace belongs to
the thread that enters it and to whatever that thread starts: nothing outside can be reached from it.
"""

import contextlib
import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000  # sched.h
ADDRESSES = [f"10.77.0.{i}" for i in range(1, 21)]

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}: these tests make a network namespace, which needs root")


@contextlib.contextmanager
def private_network():
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _check(_libc.unshare(CLONE_NEWNET), "unshare")
        try:
            _run("ip", "link", "set", "lo", "up")
            for address in ADDRESSES:
                _run("ip", "address", "add", f"{address}/32", "dev", "lo")
            _run("ip", "address", "add", "fd77::1/128", "dev", "lo")
            yield
        finally:
            _check(_libc.setns(before, CLONE_NEWNET), "setns")
    finally:
        os.close(before)


def _run(*command):
    subprocess.run(command, check=True, capture_output=True)
