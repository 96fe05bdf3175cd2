"""What tests need besides naru, installed by the scripts of tests/."""

import subprocess

from support.naru import ROOT


def install(script, *arguments):
    """Runs tests/SCRIPT and fails with what it said unless it succeeds. Needs the network, so not from inside a private one."""
    done = subprocess.run([ROOT / "tests" / script, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, f"tests/{' '.join([script, *arguments])} failed:\n{done.stdout}{done.stderr}"
