"""What 1,000 services of 50 endpoints each cost naru: memory, and the latency of calls while all of them change.

Run by `tests/bench/compare.sh --part discovery`. Their sources are files, so that no control plane takes part; all of
them are replaced at once, again and again, while h2load calls another service at a fixed rate.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import threading
import time
import urllib.request

from compare import CONNECTIONS, PacedLoad
from proxies import Naru, answers, free_port, pin

SERVICES = 1000
ENDPOINTS = 50
ROUNDS = 3
SECONDS = 8


def write_list(directory, service, version):
    """The file of a service; one endpoint in fifty differs from version to version."""
    targets = [f"10.{service // 250}.{service % 250}.{i + 1}:80" for i in range(ENDPOINTS - 1)]
    targets.append(f"10.200.{version % 250}.{service % 250 + 1}:80")
    (directory / f"s{service}.json").write_text(json.dumps([{"targets": targets, "labels": {"zone": "a"}}]))


class NaruWithLists(Naru):
    """naru with the service that is called and `services` others whose endpoints come from files."""

    services = 0
    admin_port = 0
    lists = None

    def configure(self):
        command = super().configure()
        self.lists = self.work / "lists"
        self.lists.mkdir()
        config = pathlib.Path(command[-1])
        text = config.read_text()
        self.admin_port = int(text.split("admin: 127.0.0.1:")[1].split("\n")[0])
        for service in range(self.services):
            write_list(self.lists, service, 0)
            text += f"  s{service}: {{squad: bench, endpoints: 'file://{self.lists}/s{service}.json'}}\n"
        config.write_text(text + "discovery: {state: off}\n")
        return command

    def view(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/services", timeout=20) as answer:
            return json.load(answer)["services"]

    def settle(self, version):
        """Waits until every list is in use in this version; returns how long that took."""
        began = time.monotonic()
        while time.monotonic() - began < 30:
            views = [view for view in self.view() if "source" in view]
            if len(views) == self.services and all(view["source"]["version"] >= version for view in views):
                return time.monotonic() - began
            time.sleep(0.05)
        raise SystemExit(f"not all lists are in use: {[v['source'] for v in views if v['source']['version'] < version][:3]}")


class Updates(threading.Thread):
    """Replaces every list once a second until it is stopped: what was written before is renamed over it."""

    def __init__(self, proxy, seconds):
        super().__init__()
        self.proxy = proxy
        self.count = 0
        self.stopped = threading.Event()
        self.ready = []
        for version in range(1, seconds + 3):
            directory = proxy.work / f"version{version}"
            directory.mkdir()
            for service in range(proxy.services):
                write_list(directory, service, version)
            self.ready.append(directory)

    def run(self):
        for directory in self.ready:
            for service in range(self.proxy.services):
                os.replace(directory / f"s{service}.json", self.proxy.lists / f"s{service}.json")
            self.count += 1
            if self.stopped.wait(1):
                return


def kind_with(services):
    return type("NaruWithLists", (NaruWithLists,), {"services": services})


def measure(options):
    cores = sorted(os.sched_getaffinity(0))
    proxy_cores, load_cores = ({cores[0]}, set(cores[1:])) if len(cores) > 1 else (None, None)
    if load_cores:
        pin(0, load_cores)
    load = PacedLoad(options.paced_load, load_cores)
    port = free_port()
    origin = subprocess.Popen([options.origin, str(port)])
    results = {}

    def note(**values):
        for key, value in values.items():
            results.setdefault(key, []).append(value)

    try:
        while not answers(port, "http1"):
            time.sleep(0.01)
        for number in range(options.rounds):
            with kind_with(0)(options.work, port).start(proxy_cores) as proxy:
                note(idle_mb=proxy.rss_bytes() / 1e6)
            with kind_with(SERVICES)(options.work, port).start(proxy_cores) as proxy:
                note(settle_s=proxy.settle(1))
                time.sleep(1)
                note(full_mb=proxy.rss_bytes() / 1e6)
                rate = options.rate
                load.warm(proxy, rate)
                calm = load.run(proxy, rate, options.seconds)
                updates = Updates(proxy, options.seconds)
                time.sleep(1)
                updates.start()
                busy = load.run(proxy, rate, options.seconds)
                updates.stopped.set()
                updates.join()
                proxy.settle(updates.count // 2)
                note(updates=updates.count, after_mb=proxy.rss_bytes() / 1e6)
                for word in ("p50", "p99"):
                    note(**{f"calm_{word}": calm[word], f"busy_{word}": busy[word]})
                print(f"discovery, round {number + 1}: p99 {calm['p99']:.0f} us calm, {busy['p99']:.0f} us during "
                      f"{updates.count} updates", file=sys.stderr, flush=True)
    finally:
        origin.kill()
        origin.wait()
        shutil.rmtree(options.work / "naru", ignore_errors=True)
    return {key: statistics.median(values) for key, values in results.items()}


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/compare.sh --part discovery", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--rate", type=float, default=5000, help="calls/s while lists change (5000)")
    parser.add_argument("--naru", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--origin", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--paced-load", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else ROUNDS)
    options.seconds = 4 if options.quick else SECONDS
    options.work = options.work.resolve()
    Naru.binary = str(pathlib.Path(options.naru).resolve())
    m = measure(options)
    print(f"""
{SERVICES:,} services of {ENDPOINTS} endpoints, every list replaced about once a second while {CONNECTIONS} connections make
{options.rate:,.0f} calls/s to another service; {options.rounds} rounds of {options.seconds} s, medians.

| | |
|---|---|
| memory idle without them (MB) | {m['idle_mb']:.1f} |
| memory with them, over idle (MB) | {m['full_mb'] - m['idle_mb']:.1f} |
| … after {m['updates']:.0f} updates of all | {m['after_mb'] - m['idle_mb']:.1f} |
| p50 without updates / with (µs) | {m['calm_p50']:.0f} / {m['busy_p50']:.0f} |
| p99 without updates / with (µs) | {m['calm_p99']:.0f} / {m['busy_p99']:.0f} |
| all lists in use after the start (s) | {m['settle_s']:.2f} |""")


if __name__ == "__main__":
    main()
