"""The measurements of compare.sh. Run that: it installs and builds what this needs.

Every proxy has one worker, keeps connections to the origin open, has timeouts set and no access log. naru runs with
its defaults: every policy and metric is on. CPU is user and system time of the proxy's processes from /proc, divided
by the requests that h2load saw succeed. On two or more cores the proxy has core 0 for itself. Rounds alternate
between the proxies, and the table shows medians.
"""

import argparse
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

from proxies import Envoy, HAProxy, Naru, Nginx, free_port, pin

CONNECTIONS = 32
ADDED_LATENCY = ("p50", "p99")


class Direct:
    """No proxy: what the added latency is measured from."""

    name = "direct"

    def __init__(self, port):
        self.port = port

    @staticmethod
    def cpu_seconds():
        return 0, 0


def h2load(port, path, *arguments, cores=None):
    """Runs h2load to its end and returns its report."""
    command = ["h2load", "--h1", "-t", "1", *map(str, arguments), f"http://127.0.0.1:{port}{path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                          preexec_fn=(lambda: pin(0, cores)) if cores else None)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def succeeded(report):
    total, good = re.search(r"requests: (\d+) total, .* (\d+) succeeded", report).groups()
    # A proxy that fails calls under plain load is not comparable: say so rather than count the rest.
    if int(good) < int(total):
        print(f"warning: only {good} of {total} requests succeeded", file=sys.stderr)
    return int(good)


def saturate(proxy, path, connections, requests, cores):
    """One run at full speed: requests per second, and CPU microseconds of the proxy per request."""
    h2load(proxy.port, path, "-c", connections, "-n", max(connections, requests // 20), cores=cores)  # warm
    user, system = proxy.cpu_seconds()
    report = h2load(proxy.port, path, "-c", connections, "-n", requests, cores=cores)
    user_after, system_after = proxy.cpu_seconds()
    good = max(1, succeeded(report))
    per_request = 1e6 / good
    return {
        "rps": float(re.search(r"([\d.]+) req/s", report)[1]),
        "cpu": (user_after - user + system_after - system) * per_request,
        "user": (user_after - user) * per_request,
        "system": (system_after - system) * per_request,
    }


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def latency_at_rate(target, rate, seconds, cores, work):
    """p50 and p99 in microseconds, and CPU per request, at a fixed rate over all connections."""
    log = work / "latency.tsv"
    paced = ["-c", CONNECTIONS, "--rps", f"{rate / CONNECTIONS:.2f}"]
    h2load(target.port, "/", *paced, "-D", 1, cores=cores)  # warm
    log.unlink(missing_ok=True)
    before = sum(target.cpu_seconds())
    h2load(target.port, "/", *paced, "-D", seconds, f"--log-file={log}", cores=cores)
    spent = sum(target.cpu_seconds()) - before
    times = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines() if line.split("\t")[1] == "200")
    return {"p50": percentile(times, 0.50), "p99": percentile(times, 0.99), "cpu": spent * 1e6 / len(times)}


def memory(proxy, connections=1000):
    """Resident bytes before any load, and for each of 1,000 idle connections that have made one call."""
    idle = proxy.rss_bytes()
    crowd = []
    for _ in range(connections):
        sock = socket.create_connection(("127.0.0.1", proxy.port), 5)
        sock.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        answer = b""
        while not answer.endswith(b"x" * 100):
            answer += sock.recv(4096)
        crowd.append(sock)
    time.sleep(0.2)
    held = proxy.rss_bytes()
    for sock in crowd:
        sock.close()
    return {"idle_mb": idle / 1e6, "per_connection_kb": (held - idle) / connections / 1024}


class Comparison:
    def __init__(self, options):
        self.options = options
        self.work = options.work.resolve()
        cores = sorted(os.sched_getaffinity(0))
        pinned = options.pin and len(cores) >= 2
        self.proxy_cores = {cores[0]} if pinned else None
        self.load_cores = set(cores[1:]) if pinned else None
        self.results = {}

    def note(self, proxy, values):
        for key, value in values.items():
            self.results.setdefault(proxy.name, {}).setdefault(key, []).append(value)

    def median(self, name, key):
        values = self.results.get(name, {}).get(key)
        return statistics.median(values) if values else None

    def run(self, kinds):
        origin_port = free_port()
        origin = subprocess.Popen([self.options.origin, str(origin_port)],
                                  preexec_fn=(lambda: pin(0, self.load_cores)) if self.load_cores else None)
        try:
            self.direct = Direct(origin_port)
            self.kinds = kinds
            for number in range(self.options.rounds):
                self.round(number, origin_port)
            for number in range(self.options.rounds):
                self.latency_round(number, origin_port)
        finally:
            origin.kill()
            origin.wait()

    def say(self, *words):
        print(*words, file=sys.stderr, flush=True)

    def round(self, number, origin_port):
        for kind in self.in_turn(number):
            proxy = kind(self.work, origin_port).start(self.proxy_cores)
            try:
                self.note(proxy, {"start_ms": proxy.start_ms, **memory(proxy)})
                requests = self.options.requests
                small = saturate(proxy, "/", CONNECTIONS, requests, self.load_cores)
                self.note(proxy, small)
                many = saturate(proxy, "/", 1000, requests, self.load_cores)
                self.note(proxy, {"many_cpu": many["cpu"], "many_rps": many["rps"]})
                large = saturate(proxy, "/1m", 8, max(40, requests // 100), self.load_cores)
                self.note(proxy, {"large_cpu": large["cpu"], "large_rps": large["rps"]})
                self.say(f"round {number + 1}: {proxy.name}: {small['cpu']:.1f} us a request, {small['rps']:.0f}/s")
            finally:
                proxy.stop()

    def latency_round(self, number, origin_port):
        reference = self.median("haproxy", "rps") or min(filter(None, (self.median(k.name, "rps") for k in self.kinds)))
        self.rate = self.options.rate or reference / 2
        seconds = self.options.seconds
        direct = latency_at_rate(self.direct, self.rate, seconds, self.load_cores, self.work)
        self.note(self.direct, direct)
        for kind in self.in_turn(number):
            proxy = kind(self.work, origin_port).start(self.proxy_cores)
            try:
                through = latency_at_rate(proxy, self.rate, seconds, self.load_cores, self.work)
                self.note(proxy, {f"added_{word}": through[word] - direct[word] for word in ADDED_LATENCY})
                self.note(proxy, {"paced_cpu": through["cpu"]})
            finally:
                proxy.stop()

    def in_turn(self, number):
        """Another proxy goes first in every round."""
        at = number % len(self.kinds)
        return self.kinds[at:] + self.kinds[:at]

    ROWS = [
        ("CPU per request, 100 bytes, 32 connections (µs)", "cpu", 1),
        ("… user (µs)", "user", 1),
        ("… system (µs)", "system", 1),
        ("requests/s, 32 connections", "rps", 0),
        ("added latency p50 at a fixed rate (µs)", "added_p50", 0),
        ("added latency p99 at a fixed rate (µs)", "added_p99", 0),
        ("CPU per request at that rate (µs)", "paced_cpu", 1),
        ("CPU per request, 1,000 connections (µs)", "many_cpu", 1),
        ("requests/s, 1,000 connections", "many_rps", 0),
        ("CPU per 1 MiB answer, 8 connections (µs)", "large_cpu", 0),
        ("1 MiB answers/s", "large_rps", 0),
        ("memory idle (MB)", "idle_mb", 1),
        ("memory per idle connection (KB)", "per_connection_kb", 2),
        ("start to first answer (ms)", "start_ms", 0),
    ]

    def table(self):
        names = [kind.name for kind in self.kinds]
        peers = [name for name in ("haproxy", "envoy") if name in names and "naru" in names]
        lines = ["| | " + " | ".join(names + [f"naru / {peer}" for peer in peers]) + " |",
                 "|---" * (1 + len(names) + len(peers)) + "|"]
        for title, key, digits in self.ROWS:
            cells = [f"{self.median(name, key):,.{digits}f}" for name in names]
            for peer in peers:
                divisor = self.median(peer, key)
                cells.append(f"{self.median('naru', key) / divisor:.2f}×" if divisor and divisor > 0 else "–")
            lines.append(f"| {title} | " + " | ".join(cells) + " |")
        return "\n".join(lines)

    def report(self):
        cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
        print(f"\nOn {cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}; "
              f"{', '.join(kind.version() for kind in self.kinds)}.")
        print(f"One worker each, {'core 0 to itself' if self.proxy_cores else 'not pinned'}; "
              f"{self.options.rounds} alternating rounds of {self.options.requests:,} requests, medians; "
              f"latency at {self.rate:,.0f} requests/s.\n")
        print(self.table())
        (self.work / "results.json").write_text(json.dumps(self.results, indent=1))


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/compare.sh", description="Measures naru beside other proxies.")
    parser.add_argument("--quick", action="store_true", help="one short round: a look, not a result")
    parser.add_argument("--only", default="naru,haproxy,nginx,envoy", help="which proxies, separated by commas")
    parser.add_argument("--rounds", type=int, help="how often each is measured (5; with --quick 1)")
    parser.add_argument("--requests", type=int, help="requests of one run (200000; with --quick 60000)")
    parser.add_argument("--seconds", type=int, help="how long latency is watched (8; with --quick 3)")
    parser.add_argument("--rate", type=float, help="requests/s for latency (half of what HAProxy manages)")
    parser.add_argument("--no-pin", dest="pin", action="store_false", help="let the system place the processes")
    parser.add_argument("--naru", default="build/release/naru", help=argparse.SUPPRESS)
    parser.add_argument("--origin", help=argparse.SUPPRESS)
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

    kinds = {kind.name: kind for kind in (Naru, HAProxy, Nginx, Envoy)}
    chosen = []
    for name in options.only.split(","):
        if name not in kinds:
            parser.error(f"--only knows {', '.join(kinds)}; not {name!r}")
        if kinds[name].available(options):
            chosen.append(kinds[name])
        else:
            print(f"{name} is not here and is left out", file=sys.stderr)
    if not chosen:
        raise SystemExit("no proxy to measure")
    comparison = Comparison(options)
    comparison.run(chosen)
    comparison.report()


if __name__ == "__main__":
    main()
