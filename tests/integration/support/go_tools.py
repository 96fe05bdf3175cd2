"""The programs of tests/go_tools, built when they are first needed."""

import subprocess

from support.naru import ROOT


def go_tools():
    """The folder of their binaries."""
    built = subprocess.run([ROOT / "tests" / "install_go_tools.sh"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                           check=False)
    assert built.returncode == 0, f"tests/install_go_tools.sh could not build the tools:\n{built.stdout}{built.stderr}"
    return ROOT / "build" / "go-tools" / "bin"
