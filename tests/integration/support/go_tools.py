"""The programs of tests/go_tools, built when they are first needed."""

from support.installing import install
from support.naru import ROOT


def go_tools():
    """The folder of their binaries."""
    install("install_go_tools.sh")
    return ROOT / "build" / "go-tools" / "bin"
