"""The Debian package, built from the tree that the tested binary came from, unpacked and used."""

import configparser
import os
import pathlib
import re
import subprocess

import pytest

from support.client import get
from support.naru import BINARY, Naru, run_command, sanitized
from support.upstream import ok

BUILD = pathlib.Path(BINARY).resolve().parent


def run(*command):
    return subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    assert (BUILD / "CPackConfig.cmake").exists(), f"{BINARY} is in no build directory: build it by CMake to test its package"
    directory = tmp_path_factory.mktemp("package")
    run("cpack", "--config", BUILD / "CPackConfig.cmake", "-G", "DEB", "-B", directory)
    (built,) = directory.glob("*.deb")
    return built


@pytest.fixture(scope="module")
def root(package, tmp_path_factory):
    """Where the package's files are, as if in /."""
    directory = tmp_path_factory.mktemp("root")
    run("dpkg-deb", "-x", package, directory)
    return directory


@pytest.fixture
def installed(root, monkeypatch):
    """The installed binary is what runs."""
    binary = str(root / "usr/bin/naru")
    monkeypatch.setattr("support.naru.BINARY", binary)
    return binary


@pytest.fixture
def unit(root):
    parser = configparser.ConfigParser(strict=False)
    parser.optionxform = str
    parser.read(root / "usr/lib/systemd/system/naru.service")
    return parser["Service"]


def control(package, field):
    return run("dpkg-deb", "-f", package, field).strip()


def seconds(duration):
    number, unit = re.fullmatch(r"(\d+)(s|m)", duration).groups()
    return int(number) * {"s": 1, "m": 60}[unit]


def test_it_says_what_it_is_and_what_it_needs(package):
    assert control(package, "Package") == "naru"
    assert control(package, "Section") == "net"
    assert control(package, "Version") in run_command("version").stdout.splitlines()[0]
    assert re.search(r"\blibc6 \(>= ", control(package, "Depends"))
    lines = control(package, "Description").splitlines()
    assert lines[0] == "sidecar for internal HTTP and gRPC calls" and all(re.match(r" \S", line) for line in lines[1:])


def test_it_has_the_files_that_the_documentation_names(root):
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert files == {"usr/bin/naru", "usr/lib/systemd/system/naru.service", "etc/naru/naru.yaml",
                     "usr/share/doc/naru/README.md", "usr/share/doc/naru/CHANGELOG.md", "usr/share/doc/naru/copyright",
                     "usr/share/doc/naru/configuration.md", "usr/share/doc/naru/metrics.md"}


def test_an_upgrade_keeps_the_configuration(package):
    assert run("dpkg-deb", "-I", package, "conffiles").split() == ["/etc/naru/naru.yaml"]


def test_its_scripts_are_sound(package, tmp_path):
    run("dpkg-deb", "-e", package, tmp_path)
    scripts = [tmp_path / name for name in ("postinst", "prerm", "postrm")]
    for script in scripts:
        assert os.access(script, os.X_OK)
        run("sh", "-n", script)


def test_the_installed_binary_says_its_version(installed):
    assert run_command("version").stdout == subprocess.run([BINARY, "version"], check=True, capture_output=True, text=True).stdout


def test_the_shipped_configuration_is_sound(installed, root):
    done = run_command("check", "-c", root / "etc/naru/naru.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_commented_parts_of_the_shipped_configuration_are_sound_too(installed, root, tmp_path):
    text = (root / "etc/naru/naru.yaml").read_text()
    text = re.sub(r"^services: \{\}\n", "", text, flags=re.M)
    text = re.sub(r"^#(?=[a-z ])", "", text[text.index("# Who calls"):], flags=re.M)
    text = re.sub(r"^ (?=[A-Z])", "# ", text, flags=re.M)
    (tmp_path / "naru.yaml").write_text(text)
    done = run_command("check", "-c", tmp_path / "naru.yaml")
    assert done.returncode == 0, text + done.stdout + done.stderr
    assert "courses" in done.stdout


def test_the_installed_binary_carries_a_call(installed, start_naru, upstream):
    peer = upstream(ok(b"hello"))
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [peer.address]}})
    assert os.readlink(f"/proc/{naru.pid}/exe") == installed
    assert get(naru.port, "/courses/").body == b"hello"


def test_the_unit_runs_what_is_installed_and_the_file_that_is_the_default(unit, root):
    binary, *arguments = unit["ExecStart"].split()
    assert (root / binary.lstrip("/")).exists() and arguments == ["run"]
    assert "/etc/naru/naru.yaml" in run_command("run", "--help").stdout


def test_the_unit_gives_calls_the_time_that_the_configuration_gives_them(unit, root):
    drain = re.search(r"^drain_timeout: (\S+)", (root / "etc/naru/naru.yaml").read_text(), re.M)[1]
    assert seconds(unit["TimeoutStopSec"]) > seconds(drain)


@pytest.mark.parametrize("setting, value", [
    ("DynamicUser", "yes"), ("StateDirectory", "naru"), ("ProtectSystem", "strict"), ("NoNewPrivileges", "yes"),
    ("CapabilityBoundingSet", ""), ("MemoryDenyWriteExecute", "yes")])
def test_the_unit_takes_away_what_naru_does_not_need(unit, setting, value):
    assert unit[setting] == value


def test_the_unit_reloads_by_sighup(root):
    text = (root / "usr/lib/systemd/system/naru.service").read_text()
    assert re.findall(r"^ExecReload=(.*)$", text, re.M) == ["/usr/bin/naru check", "/bin/kill -HUP $MAINPID"]


def needed(binary):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", binary))


def test_abseil_is_in_the_process_once():
    """Two copies would be two sets of its globals: either it is shared, or the binary has it and shares nothing of it."""
    of_its_own = re.search(r" T _ZN4absl\w*5Mutex4LockEv$", run("nm", "--defined-only", BINARY), re.M) is not None
    loaded = re.findall(r"^\s*(lib(?:absl|grpc|gpr|upb)\S*) =>", run("ldd", BINARY), re.M)
    assert of_its_own == (not loaded), loaded


def test_grpc_is_static_where_a_release_can_have_it_so():
    cache = (BUILD / "CMakeCache.txt").read_text()
    can = "NARU_STATIC_GRPC_LINKS:INTERNAL=1" in cache and "NARU_STATIC_GRPC:BOOL=ON" in cache
    assert can == (not any(name.startswith("libgrpc") for name in needed(BINARY)))
    assert not (can and sanitized())
