"""The real binary, run with a configuration on ports that the system chose."""

import contextlib
import functools
import http.client
import itertools
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import tempfile

from support.waiting import PATIENCE, eventually

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("NARU_BINARY", str(ROOT / "build" / "release" / "naru"))
SANITIZER_REPORTS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:")

# Leaks are looked for at exit; a small quarantine keeps memory measurements meaningful.
SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "quarantine_size_mb=4:detect_leaks=1:allocator_release_to_os_interval_ms=100",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": f"suppressions={ROOT}/tests/tsan_suppressions.txt",
}


@functools.cache
def sanitized():
    """Built with a sanitizer, and so several times slower and larger."""
    binary = pathlib.Path(BINARY).read_bytes()
    return b"__asan_init" in binary or b"__tsan_init" in binary


# Below those that the system chooses itself, for connections as well: one of these may be gone again by the time that its
# test listens.
PORTS = range(10_000, int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]))
PORTS_OF_A_RUN = 2_000


@functools.cache
def _ports_of_this_run():
    """Ports that no other run of tests takes while this one lasts, over and over."""
    for first in PORTS[:-PORTS_OF_A_RUN:PORTS_OF_A_RUN]:
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0naru-tests-ports-{first}")  # an abstract name, which goes with this process
        except OSError:
            claim.close()
            continue
        return claim, itertools.cycle(range(first, first + PORTS_OF_A_RUN))
    raise RuntimeError("as many runs of these tests are under way as there are ports for")


def claim_ports():
    """To be called outside of every network of the tests' own: inside of one, other runs would not see the claim."""
    _ports_of_this_run()


def free_port():
    """A port on which nobody listens, and that neither a connection nor another run of tests gets."""
    for port in _ports_of_this_run()[1]:
        with contextlib.suppress(OSError), socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("0.0.0.0", port))
            return port


def yaml(value, indent=0):
    """Block YAML of nested dicts; everything else as JSON, which is YAML too."""
    lines = []
    for key, item in value.items():
        if isinstance(item, dict) and item:
            lines.append("  " * indent + f"{key}:\n" + yaml(item, indent + 1))
        elif isinstance(item, str) and re.fullmatch(r"[\w./%-]+", item):
            lines.append("  " * indent + f"{key}: {item}\n")
        else:
            lines.append("  " * indent + f"{key}: {json.dumps(item)}\n")
    return "".join(lines)


def run_command(*arguments, environment=None, cwd=None, timeout=6 * PATIENCE):
    """naru ARGUMENTS, to its end."""
    return subprocess.run([BINARY, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          cwd=cwd, timeout=timeout, check=False,
                          env={**os.environ, **SANITIZER_ENVIRONMENT, **(environment or {})})


class Sample:
    def __init__(self, name, labels, value):
        self.name, self.labels, self.value = name, labels, value

    def __repr__(self):
        return f"{self.name}{self.labels} {self.value}"


def parse_metrics(text):
    samples = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)(?: \d+)?", line)
        assert match, f"not a sample: {line!r}"
        labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
        samples.append(Sample(match[1], labels, float(match[3])))
    return samples


class Naru:
    def __init__(self, directory, services, descriptors=None, listen=None, arguments=(), text=None, environment=None,
                 wait_ready=True, **settings):
        self.directory = pathlib.Path(directory)
        self.config_path = self.directory / "naru.yaml"
        self.log_path = self.directory / "naru.log"
        self._printed = tempfile.TemporaryFile()  # without a name: tests move the folder
        self._descriptors = descriptors
        self._listen = listen
        self._arguments = arguments
        self._text = text
        self._environment = environment or {}
        self._wait_ready = wait_ready  # False: serving the admin port is enough
        self.settings = settings
        self.services = services
        self.process = None
        self.expect_exit = 0

    # Its life

    def start(self):
        for attempt in range(3):  # somebody may take a free port before naru does
            self.port, self.admin_port = free_port(), free_port()
            self.write_config()
            self._spawn()
            if self._became_ready():
                return self
            if "in use" not in self.log() or attempt == 2:
                break
        raise AssertionError(f"naru did not start, exit {self.process.poll()}:\n{self.log()}")

    def config_text(self):
        if self._text is not None:
            return self._text.replace("PORT", str(self.port)).replace("ADMIN", str(self.admin_port))
        config = {
            "caller": {"squad": "video", "service": "video-api"},
            "listen": self._listen or f"127.0.0.1:{self.port}",
            "admin": f"127.0.0.1:{self.admin_port}",
            "drain_timeout": "10ms",  # the end of a test does not wait for quiet
            # A service may stand still for a moment on a busy machine, also before it has sent HTTP/2's SETTINGS.
            "defaults": {"connect_timeout": "4s", "try_timeout": "4s"},
            **self.settings,
            "services": self.services,
        }
        return yaml(config)

    def write_config(self, text=None):
        """Replaces the file by renaming, as deployment tools do."""
        fresh = self.directory / "naru.yaml.new"
        fresh.write_text(self.config_text() if text is None else text)
        os.replace(fresh, self.config_path)

    def _spawn(self):
        def limit_descriptors():
            if self._descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self._descriptors, self._descriptors))

        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [BINARY, "run", "-c", str(self.config_path), *self._arguments], stdin=subprocess.DEVNULL,
                stdout=self._printed, stderr=log, preexec_fn=limit_descriptors,
                env={**os.environ, **SANITIZER_ENVIRONMENT, **self._environment})

    def _became_ready(self):
        def ready_or_dead():
            return self.process.poll() is not None or (self.ready() if self._wait_ready else self.alive())

        eventually(ready_or_dead, "naru is ready", 3 * PATIENCE)
        return self.process.poll() is None

    def ready(self):
        try:
            return self.admin("GET", "/readyz").status == 200
        except OSError:
            return False

    def alive(self):
        try:
            return self.admin("GET", "/healthz").status == 200
        except OSError:
            return False

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait_exit(self, within=3 * PATIENCE):
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"naru still runs after {within:g} s") from None

    def running(self):
        return self.process.poll() is None

    def stop(self):
        """What every test ends with: a clean exit, and nothing to say for the sanitizers."""
        if self.process is None:
            return
        try:
            if self.running():
                self.signal()
                self.wait_exit()
        finally:
            if self.running():
                self.process.kill()
                self.process.wait()
        log = self.log()
        print(f"--- naru's log, {self.log_path}\n{log[-8000:]}")
        for report in SANITIZER_REPORTS:
            assert report not in log, f"a sanitizer report:\n{log[-20000:]}"
        assert self.process.returncode == self.expect_exit, f"naru ended with {self.process.returncode}"
        assert os.fstat(self._printed.fileno()).st_size == 0, "the log belongs on standard error"

    # What it says of itself

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def admin(self, method, path, headers=None, body=None):
        """The answer of the admin port, with .status, .headers and .body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            response.body = response.read()
            return response
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def admin_json(self, path):
        response = self.admin("GET", path)
        assert response.status == 200, f"{path}: {response.status} {response.body!r}"
        return json.loads(response.body)

    def reload(self, headers=None):
        return self.admin("POST", "/reload", {"x-naru-admin": "1"} if headers is None else headers)

    def samples(self, path="/metrics"):
        return parse_metrics(self.admin("GET", path).body.decode())

    def metric(self, name, **labels):
        """The sum of the metric's series that have these labels; 0 without any."""
        return sum(sample.value for sample in self.samples()
                   if sample.name == name and labels.items() <= sample.labels.items())

    # What the system says of it

    def rss_bytes(self):
        return int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def open_descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def _of_threads(self, what):
        """The text of /proc/PID/task/TID/WHAT for every thread."""
        texts = []
        for path in pathlib.Path(f"/proc/{self.pid}/task").glob(f"*/{what}"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
                texts.append(path.read_text())
        return texts

    def thread_names(self):
        return [name.strip() for name in self._of_threads("comm")]

    def stopped(self):
        """True when a SIGSTOP has reached every thread."""
        return all(stat.rsplit(")", 1)[1].split()[0] == "T" for stat in self._of_threads("stat"))

    def listening_inodes(self):
        """The inodes of the TCP sockets on which it listens."""
        own = set()
        for entry in os.scandir(f"/proc/{self.pid}/fd"):
            try:
                own.add(os.readlink(entry.path))
            except OSError:
                pass  # closed meanwhile
        listening = set()
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A" and f"socket:[{columns[9]}]" in own:
                listening.add(columns[9])
        return listening
