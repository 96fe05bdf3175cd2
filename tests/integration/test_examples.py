"""What examples/ shows, run as a reader would run it. CI runs the quickstart by itself."""

import os
import re
import subprocess

import pytest

from support.naru import BINARY, ROOT, SANITIZER_ENVIRONMENT
from support.waiting import PATIENCE


@pytest.mark.limit(120)
def test_the_grpc_example_shows_what_it_says():
    ran = subprocess.run([ROOT / "examples" / "grpc" / "run.sh"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         check=False, timeout=9 * PATIENCE, env={**os.environ, **SANITIZER_ENVIRONMENT, "NARU_BINARY": BINARY})
    said = ran.stdout
    assert ran.returncode == 0, said + ran.stderr
    assert re.search(r"courses-1 answered 3\d, courses-2 answered 3\d, courses-3 answered 3\d, 0 failed", said), said
    assert re.search(r'tried again: naru_retries_total.*reason="unavailable"} 3$', said, re.M), said
    assert re.search(r"course 7, asked for by video/video-api", said), said
    assert re.search(r'route="Get",outcome="ok",code="OK"} 100$', said, re.M), said
    assert re.search(r'route="Watch",outcome="ok",code="OK"} 1$', said, re.M), said
    assert re.search(r"DEADLINE_EXCEEDED after \d{3,4} ms", said), said
    assert re.search(r"UNAVAILABLE after \d+ ms: no service is called .*did you mean", said), said
