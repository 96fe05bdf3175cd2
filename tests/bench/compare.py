"""The measurements of compare.sh. Run that: it installs and builds what this needs.

Every proxy has one worker, keeps connections to the origin open, has timeouts set and no access log. naru runs with
every policy and metric on, and with its defaults but for limits that let 1,000 connections through. CPU is user and
system time of the proxy's processes from /proc, divided by the requests that h2load saw succeed; latency is that of
paced_load, which sends its calls evenly. On two or more cores the proxy has core 0 for itself; the load and the
service behind the proxy share the others. Rounds alternate between the proxies; the tables show medians, and of ratios
the medians of each round's.
"""

import argparse
import contextlib
import fcntl
import json
import os
import pathlib
import platform
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import time

import http2
from proxies import GRPC_MESSAGE, Envoy, HAProxy, Naru, Nghttpx, Nginx, answers, free_port, pin

CONNECTIONS = 32
HTTP2_CONNECTIONS = 8
STREAMS = 10  # at once on each of them
IDLE_CONNECTIONS = 1000
IDLE_STREAMS = 100  # on each of HTTP2_CONNECTIONS
MIB = 1024 * 1024
BODY_BYTES = {"/": 100, "/1m": MIB, "/100m": 100 * MIB, "/bench.Echo/Unary": len(GRPC_MESSAGE)}


class Direct:
    """No proxy: what the added latency is measured from, and what the service behind it can do."""

    name = "direct"

    def __init__(self, port):
        self.port = port

    @staticmethod
    def cpu_seconds():
        return 0, 0


class Load:
    """h2load with one protocol."""

    def __init__(self, protocol, cores, work):
        self.cores = cores
        if protocol == "grpc":
            (work / "grpc_message").write_bytes(GRPC_MESSAGE)
        self.options = {
            "http1": ["--h1"],
            "http2": [],
            "grpc": ["-H", "content-type: application/grpc", "-H", "te: trailers", "-d", str(work / "grpc_message")],
        }[protocol]

    def run(self, port, path, *arguments, limit=300):
        """Runs h2load to its end and returns its report."""
        command = ["h2load", "-t", "1", *self.options, *map(str, arguments), f"http://127.0.0.1:{port}{path}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                                  timeout=limit, preexec_fn=(lambda: pin(0, self.cores)) if self.cores else None)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"{' '.join(command)}\nhas not come to its end in {limit} s") from None
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def saturate(self, target, path, connections, requests, streams=1):
        """One run at full speed: requests per second, and CPU microseconds of the proxy per request."""
        crowd = ["-c", connections, "-m", streams]
        self.run(target.port, path, *crowd, "-n", max(connections * streams, requests // 20))  # warm
        user, system = target.cpu_seconds()
        report = self.run(target.port, path, *crowd, "-n", requests)
        user_after, system_after = target.cpu_seconds()
        good = max(1, succeeded(target.name, path, report))
        rps = float(re.search(r"([\d.]+) req/s", report)[1])
        cpu = (user_after - user + system_after - system) * 1e6 / good
        return {
            "rps": rps,
            "cpu": cpu,
            "user": (user_after - user) * 1e6 / good,
            "system": (system_after - system) * 1e6 / good,
            "core_percent": cpu * rps / 1e4,
        }


def succeeded(name, path, report):
    total, good = map(int, re.search(r"requests: (\d+) total, .* (\d+) succeeded", report).groups())
    body_bytes = int(re.search(r"\((\d+)\) data", report)[1])
    # A proxy that fails calls under plain load is not comparable: say so rather than count the rest. A gRPC error is
    # a 200 to h2load, but one without a message.
    if good < total:
        print(f"warning: {name}, {path}: only {good} of {total} requests succeeded", file=sys.stderr)
    elif body_bytes != total * BODY_BYTES[path]:
        print(f"warning: {name}, {path}: {body_bytes} bytes in {total} answers of {BODY_BYTES[path]}", file=sys.stderr)
    return good


def check_grpc(proxy, load):
    """Ends the comparison unless a call through the proxy is answered with its own message and grpc-status 0."""
    command = ["nghttp", *load.options, f"http://127.0.0.1:{proxy.port}/bench.Echo/Unary"]
    headers = subprocess.run([*command, "-nv"], capture_output=True, text=True, check=False, timeout=10).stdout
    message = subprocess.run(command, capture_output=True, check=False, timeout=10).stdout
    if message != GRPC_MESSAGE or not re.search(r"grpc-status: 0$", headers, re.MULTILINE):
        raise SystemExit(f"{proxy.name} does not carry gRPC:\n{headers}\n{message!r}")


class PacedLoad:
    """paced_load, which makes calls of HTTP/1 at a steady rate."""

    def __init__(self, program, cores):
        self.program = program
        self.cores = cores

    def warm(self, target, rate):
        self._run(target.port, rate, 1)

    def run(self, target, rate, seconds):
        """p50 and p99 in microseconds, over all and of every tenth of a second; and CPU per request of the proxy."""
        before = sum(target.cpu_seconds())
        calls, p50, p99, tenths = self._run(target.port, rate, seconds)
        spent = sum(target.cpu_seconds()) - before
        if calls < int(rate * seconds):
            print(f"warning: {target.name}: {calls} of {int(rate * seconds)} calls were answered in time",
                  file=sys.stderr)
        return {"p50": p50, "p99": p99, "tenths": tenths, "cpu": spent * 1e6 / calls}

    def _run(self, port, rate, seconds):
        command = [self.program, str(port), str(CONNECTIONS), f"{rate:.2f}", str(seconds)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                              timeout=seconds + 30, preexec_fn=(lambda: pin(0, self.cores)) if self.cores else None)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        total, *tenths = (line.split() for line in done.stdout.splitlines())
        return int(total[0]), float(total[1]), float(total[2]), [tuple(map(float, tenth)) for tenth in tenths]


def seen_latency(runs):
    """What callers see of runs of a second each, in microseconds.

    p50 and p99 are those of the median tenth of a second. A shared machine takes the core away for milliseconds
    several times a second, whatever runs on it: that is in a minority of the tenths, but in the p99 of most seconds,
    which stall_p99 is.
    """
    p50s, p99s = zip(*(tenth for run in runs for tenth in run["tenths"]))
    return {"p50": statistics.median(p50s), "p99": statistics.median(p99s),
            "stall_p99": statistics.median(run["p99"] for run in runs)}


def idle_http1(port):
    """A connection that has made one call."""
    sock = socket.create_connection(("127.0.0.1", port), 5)
    sock.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    answer = b""
    while not answer.endswith(b"x" * 100):
        answer += sock.recv(4096)
    return sock


def idle_http2(port):
    """A connection that has shaken hands and made one call."""
    connection = http2.Connection(port)
    http2.get(connection)
    return connection


def memory(proxy, connect, connections, held_by_each=1):
    """Resident bytes before any load, and for each of what these connections hold idle."""
    idle = proxy.rss_bytes()
    crowd = [connect(proxy.port) for _ in range(connections)]
    time.sleep(0.2)
    held = proxy.rss_bytes()
    for connection in crowd:
        connection.close()
    time.sleep(0.2)
    return {"idle_mb": idle / 1e6, "each_kb": (held - idle) / connections / held_by_each / 1024}


def renamed(values, prefix, keys):
    return {f"{prefix}_{key}": values[key] for key in keys}


class Part:
    """The comparison in one protocol: a table."""

    protocol = "?"
    title = "?"
    peers = ("haproxy", "nghttpx", "envoy")
    rows = []  # (what it says, key, digits)

    def __init__(self, options, kinds):
        self.options = options
        self.kinds = [kind for kind in kinds if self.protocol in kind.protocols]
        self.work = options.work.resolve()
        cores = sorted(os.sched_getaffinity(0))
        pinned = options.pin and len(cores) >= 2
        self.proxy_cores = {cores[0]} if pinned else None
        self.load_cores = set(cores[1:]) if pinned else None
        self.load = Load(self.protocol, self.load_cores, self.work)
        self.results = {}
        self.services = []

    def serve(self, program, protocol):
        """Starts a service for the proxies to stand in front of, and returns its port."""
        port = free_port()
        self.services.append(subprocess.Popen(
            [program, str(port)], preexec_fn=(lambda: pin(0, self.load_cores)) if self.load_cores else None))
        for _ in range(1000):
            if answers(port, protocol):
                return port
            time.sleep(0.01)
        raise SystemExit(f"{program} does not answer")

    def run(self):
        try:
            self.measure()
        finally:
            for service in self.services:
                service.kill()
                service.wait()

    def measure(self):
        raise NotImplementedError

    def note(self, proxy, values):
        for key, value in values.items():
            self.results.setdefault(proxy.name, {}).setdefault(key, []).append(value)

    def median(self, name, key):
        values = self.results.get(name, {}).get(key)
        return statistics.median(values) if values else None

    def ratio(self, peer, key):
        """The median of the rounds' ratios: the rounds of a shared machine differ more than its proxies do."""
        values = [self.results.get(name, {}).get(key) for name in ("naru", peer)]
        if None in values or min(values[1]) <= 0:
            return "–"
        return f"{statistics.median(ours / theirs for ours, theirs in zip(*values)):.2f}×"

    def say(self, number, proxy, words):
        print(f"{self.title}, round {number + 1}: {proxy.name}: {words}", file=sys.stderr, flush=True)

    def in_turn(self, number):
        """Another proxy goes first in every round."""
        at = number % len(self.kinds)
        return self.kinds[at:] + self.kinds[:at]

    def table(self):
        names = [kind.name for kind in self.kinds]
        peers = [name for name in self.peers if name in names and "naru" in names]
        lines = ["| | " + " | ".join(names + [f"naru / {peer}" for peer in peers]) + " |",
                 "|---" * (1 + len(names) + len(peers)) + "|"]
        for title, key, digits in self.rows:
            medians = {name: self.median(name, key) for name in names}
            cells = ["–" if value is None else f"{value:,.{digits}f}" for value in medians.values()]
            cells += [self.ratio(peer, key) for peer in peers]
            lines.append(f"| {title} | " + " | ".join(cells) + " |")
        return "\n".join(lines)

    def note_below(self):
        """A sentence that belongs to the table."""
        return f"Without a proxy: {self.median('direct', 'rps'):,.0f} requests/s."


class Http1(Part):
    protocol = "http1"
    title = "HTTP/1"
    peers = ("haproxy", "envoy")
    rows = [
        ("CPU per request, 100 bytes, 32 connections (µs)", "cpu", 1),
        ("… user (µs)", "user", 1),
        ("… system (µs)", "system", 1),
        ("requests/s, 32 connections", "rps", 0),
        ("added latency p50 at a fixed rate (µs)", "added_p50", 0),
        ("added latency p99 at a fixed rate (µs)", "added_p99", 0),
        ("… of whole seconds, stalls of the machine and all (µs)", "added_stall_p99", 0),
        ("CPU per request at that rate (µs)", "paced_cpu", 1),
        ("CPU per request, 1,000 connections (µs)", "many_cpu", 1),
        ("requests/s, 1,000 connections", "many_rps", 0),
        ("CPU per 1 MiB answer, 8 connections (µs)", "large_cpu", 0),
        ("1 MiB answers/s", "large_rps", 0),
        ("memory idle (MB)", "idle_mb", 1),
        ("memory per idle connection (KB)", "each_kb", 2),
        ("start to first answer (ms)", "start_ms", 0),
    ]

    def measure(self):
        origin_port = self.serve(self.options.origin, "http1")
        self.direct = Direct(origin_port)
        for number in range(self.options.rounds):
            self.round(number, origin_port)
        for number in range(self.options.rounds):
            self.latency_round(number, origin_port)

    def round(self, number, origin_port):
        requests = self.options.requests
        with contextlib.ExitStack() as stack:
            proxies = []
            for kind in self.in_turn(number):
                proxy = stack.enter_context(kind(self.work, origin_port).start(self.proxy_cores))
                proxies.append(proxy)
                self.note(proxy, {"start_ms": proxy.start_ms, **memory(proxy, idle_http1, IDLE_CONNECTIONS)})
            # One thing after the other, each with every proxy: what a shared machine does to one run it mostly does to
            # the next one too.
            for proxy in proxies:
                small = self.load.saturate(proxy, "/", CONNECTIONS, requests)
                self.note(proxy, small)
                self.say(number, proxy, f"{small['cpu']:.1f} us a request, {small['rps']:.0f}/s")
            for proxy in proxies:
                many = self.load.saturate(proxy, "/", 1000, requests)
                self.note(proxy, renamed(many, "many", ("cpu", "rps")))
            for proxy in proxies:
                large = self.load.saturate(proxy, "/1m", 8, max(40, requests // 100))
                self.note(proxy, renamed(large, "large", ("cpu", "rps")))

    def latency_round(self, number, origin_port):
        reference = self.median("haproxy", "rps") or min(filter(None, (self.median(k.name, "rps") for k in self.kinds)))
        self.rate = self.options.rate or reference / 2
        paced = PacedLoad(self.options.paced_load, self.load_cores)
        with contextlib.ExitStack() as stack:
            proxies = [stack.enter_context(kind(self.work, origin_port).start(self.proxy_cores))
                       for kind in self.in_turn(number)]
            for proxy in proxies:
                paced.warm(proxy, self.rate)
            runs = {name: [] for name in ("direct", *(proxy.name for proxy in proxies))}
            for _ in range(self.options.seconds):
                for target in (self.direct, *proxies):
                    runs[target.name].append(paced.run(target, self.rate, 1))
        seen = {name: seen_latency(of) for name, of in runs.items()}
        self.note(self.direct, seen["direct"])
        for proxy in proxies:
            self.note(proxy, {f"added_{key}": value - seen["direct"][key] for key, value in seen[proxy.name].items()})
            self.note(proxy, {"paced_cpu": statistics.median(run["cpu"] for run in runs[proxy.name])})
            self.say(number, proxy, f"p99 {seen[proxy.name]['p99']:.0f} us at {self.rate:.0f}/s")

    def note_below(self):
        return (f"Latency at {self.rate:,.0f} requests/s; without a proxy p50 {self.median('direct', 'p50'):,.0f} and p99 "
                f"{self.median('direct', 'p99'):,.0f} µs.")


class Http2(Part):
    protocol = "http2"
    title = "HTTP/2"
    rows = [
        ("CPU per request, 100 bytes, 8 connections × 10 streams (µs)", "cpu", 1),
        ("… user (µs)", "user", 1),
        ("… system (µs)", "system", 1),
        ("requests/s, 8 connections × 10 streams", "rps", 0),
        ("… of its core it used for that (%)", "core_percent", 0),
        ("CPU per 1 MiB answer, 8 connections (µs)", "large_cpu", 0),
        ("1 MiB answers/s", "large_rps", 0),
        ("100 MiB answers on one stream (MB/s)", "huge_mbps", 0),
        ("… over HTTP/1 (MB/s)", "huge_http1_mbps", 0),
        ("CPU per 100 MiB answer on one stream (ms)", "huge_ms", 0),
        ("… over HTTP/1 (ms)", "huge_http1_ms", 0),
        ("memory idle (MB)", "idle_mb", 1),
        ("memory per idle connection (KB)", "each_kb", 2),
        ("start to first answer (ms)", "start_ms", 0),
    ]

    def measure(self):
        origin_port = self.serve(self.options.origin_http2, "http2")
        http1_port = self.serve(self.options.origin, "http1")
        http1_load = Load("http1", self.load_cores, self.work)
        for number in range(self.options.rounds):
            self.note(Direct, self.small(Direct(origin_port)))
            for kind in self.in_turn(number):
                with kind(self.work, origin_port, "http2").start(self.proxy_cores) as proxy:
                    self.over_http2(number, proxy)
                if "http1" in kind.protocols:
                    with kind(self.work, http1_port, "http1").start(self.proxy_cores) as proxy:
                        self.note(proxy, self.huge("huge_http1", proxy, http1_load))

    def over_http2(self, number, proxy):
        self.note(proxy, {"start_ms": proxy.start_ms, **memory(proxy, idle_http2, IDLE_CONNECTIONS)})
        small = self.small(proxy)
        self.note(proxy, small)
        large = self.load.saturate(proxy, "/1m", 8, max(40, self.options.requests // 200))
        self.note(proxy, renamed(large, "large", ("cpu", "rps")))
        self.note(proxy, self.huge("huge", proxy, self.load))
        self.say(number, proxy, f"{small['cpu']:.1f} us a request, {small['rps']:.0f}/s")

    def small(self, target):
        return self.load.saturate(target, "/", HTTP2_CONNECTIONS, self.options.requests, STREAMS)

    def huge(self, prefix, proxy, load):
        run = load.saturate(proxy, "/100m", 1, max(3, self.options.requests // 20_000))
        return {f"{prefix}_mbps": run["rps"] * BODY_BYTES["/100m"] / 1e6, f"{prefix}_ms": run["cpu"] / 1000}


class Grpc(Part):
    protocol = "grpc"
    title = "gRPC"
    rows = [
        ("CPU per unary call, 100 bytes, 8 connections × 10 streams (µs)", "cpu", 1),
        ("… user (µs)", "user", 1),
        ("… system (µs)", "system", 1),
        ("calls/s, 8 connections × 10 streams", "rps", 0),
        ("… of its core it used for that (%)", "core_percent", 0),
        ("memory per idle stream, 8 connections × 100 (KB)", "each_kb", 2),
    ]

    def measure(self):
        server_port = self.serve(self.options.grpc_server, "grpc")
        for number in range(self.options.rounds):
            self.note(Direct, self.unary(Direct(server_port)))
            for kind in self.in_turn(number):
                with kind(self.work, server_port, "grpc").start(self.proxy_cores) as proxy:
                    check_grpc(proxy, self.load)
                    self.note(proxy, memory(proxy, lambda port: http2.hold_streams(port, IDLE_STREAMS),
                                            HTTP2_CONNECTIONS, IDLE_STREAMS))
                    calls = self.unary(proxy)
                    self.note(proxy, calls)
                    self.say(number, proxy, f"{calls['cpu']:.1f} us a call, {calls['rps']:.0f}/s")

    def unary(self, target):
        # A call through gRPC's server takes several times as long as an answer of the origin.
        return self.load.saturate(target, "/bench.Echo/Unary", HTTP2_CONNECTIONS, self.options.requests // 2, STREAMS)

    def note_below(self):
        return f"Without a proxy: {self.median('direct', 'rps'):,.0f} calls/s."


PARTS = {part.protocol: part for part in (Http1, Http2, Grpc)}


def report(options, parts):
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    kinds = dict.fromkeys(kind for part in parts for kind in part.kinds)
    print(f"\nOn {cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}; "
          f"{', '.join(kind.version() for kind in kinds)}.")
    print(f"One worker each, {'core 0 to itself' if parts[0].proxy_cores else 'not pinned'}; "
          f"{options.rounds} alternating rounds of {options.requests:,} requests, medians (of ratios, of each round's).")
    for part in parts:
        print(f"\n{part.title}. {part.note_below()}\n\n{part.table()}")
    results = {part.protocol: part.results for part in parts}
    (options.work / "results.json").write_text(json.dumps(results, indent=1))


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/compare.sh", description="Measures naru beside other proxies.")
    parser.add_argument("--quick", action="store_true", help="one short round: a look, not a result")
    parser.add_argument("--only", default="naru,haproxy,nginx,nghttpx,envoy", help="which proxies, separated by commas")
    parser.add_argument("--part", choices=[*PARTS, "all"], default="all",
                        help="which protocol (all); discovery: naru alone, while lists change")
    parser.add_argument("--rounds", type=int, help="how often each is measured (5; with --quick 1)")
    parser.add_argument("--requests", type=int, help="requests of one run (200000; with --quick 60000)")
    parser.add_argument("--seconds", type=int, help="how long latency is watched (8; with --quick 3)")
    parser.add_argument("--rate", type=float, help="requests/s for latency (half of what HAProxy manages)")
    parser.add_argument("--no-pin", dest="pin", action="store_false", help="let the system place the processes")
    parser.add_argument("--naru", default="build/release/naru", help=argparse.SUPPRESS)
    for service in ("--origin", "--paced-load", "--origin-http2", "--grpc-server"):
        parser.add_argument(service, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("build/bench"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.requests = options.requests or (60_000 if options.quick else 200_000)
    options.seconds = options.seconds or (3 if options.quick else 8)
    options.naru = str(pathlib.Path(options.naru).resolve())

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))
    if min(hard, 16384) < 4096:
        raise SystemExit(f"needs 4096 descriptors, this shell allows {soft}: raise it with ulimit -n")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended too
    options.work.mkdir(parents=True, exist_ok=True)
    lock = open(options.work / "lock", "w")  # held until this process ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit("another comparison runs here, and two would measure each other: wait for its end") from None

    kinds = {kind.name: kind for kind in (Naru, HAProxy, Nginx, Nghttpx, Envoy)}
    chosen = []
    for name in options.only.split(","):
        if name not in kinds:
            parser.error(f"--only knows {', '.join(kinds)}; not {name!r}")
        if kinds[name].available(options):
            chosen.append(kinds[name])
        else:
            print(f"{name} is not here and is left out", file=sys.stderr)
    parts = [part(options, chosen) for name, part in PARTS.items() if options.part in (name, "all")]
    parts = [part for part in parts if part.kinds]
    if not parts:
        raise SystemExit("no proxy to measure")
    for part in parts:
        part.run()
    report(options, parts)


if __name__ == "__main__":
    main()
