"""What run.sh shows: services of two squads, the sidecar, calls in four ways, an endpoint that dies and one that slows."""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
CALLERS = 8
ENDPOINTS = ["courses-1", "courses-2", "courses-3", "media-1", "media-2"]


def listening_socket():
    return socket.create_server(("127.0.0.1", 0), backlog=128)


def request(port, method, target, headers=None, body=None):
    """(status, headers, body) of one call."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def wait_until(condition, what, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"quickstart: waited {seconds} s in vain until {what}")
        time.sleep(0.002)


def heading(text):
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


class Services:
    """The services' processes, each an endpoint."""

    def __init__(self, stack):
        self.ports, self.processes = {}, {}
        for name in ENDPOINTS:
            with listening_socket() as listener:
                self.ports[name] = listener.getsockname()[1]
                self.processes[name] = subprocess.Popen(
                    [sys.executable, str(HERE / "service.py"), name, str(listener.fileno())],
                    pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL)
            stack.callback(self.kill, name)
        for port in self.ports.values():
            request(port, "GET", "/ready")  # waits in the accept queue until the service is up

    def kill(self, name):
        self.processes[name].kill()
        self.processes[name].wait()

    def slow_down(self, name, milliseconds):
        request(self.ports[name], "POST", f"/slow?ms={milliseconds}")


class Sidecar:
    def __init__(self, stack, binary, work, services):
        # Ports of the system's choice, given back for naru to take.
        reserved = [listening_socket() for _ in range(3)]
        self.port, self.admin_port, self.courses_port = [one.getsockname()[1] for one in reserved]
        for one in reserved:
            one.close()
        self.environment = {
            **{name.upper().replace("-", "_"): str(port) for name, port in services.ports.items()},
            "NARU_PORT": str(self.port), "NARU_ADMIN_PORT": str(self.admin_port),
            "COURSES_LOCAL_PORT": str(self.courses_port)}
        self.log_path = work / "naru.log"
        with open(self.log_path, "wb") as log:
            started = time.monotonic()
            self.process = subprocess.Popen([binary, "run", "-c", str(HERE / "naru.yaml")], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env={**os.environ, **self.environment})
        stack.callback(self.stop)
        wait_until(self.ready_or_ended, "naru is ready")
        if self.process.poll() is not None:
            raise SystemExit(f"quickstart: naru ended:\n{self.log_path.read_text()}")
        self.start_ms = (time.monotonic() - started) * 1000

    def ready_or_ended(self):
        try:
            return self.process.poll() is not None or self.admin("/readyz")[0] == 200
        except OSError:
            return False

    def admin(self, path):
        return request(self.admin_port, "GET", path)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def metrics(self):
        """[(name, labels, value)]"""
        found = []
        for line in self.admin("/metrics")[2].decode().splitlines():
            match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if match:
                found.append((match[1], dict(re.findall(r'(\w+)="([^"]*)"', match[2] or "")), float(match[3])))
        return found


def show_four_ways(naru):
    heading("Four ways to name a service, all at localhost")
    ways = [
        ("the first path segment", naru.port, "/courses/v1/courses/7", {}),
        ("the Host header", naru.port, "/v1/courses/7", {"Host": "courses"}),
        ("a port of its own", naru.courses_port, "/v1/courses/7", {}),
        ("HTTP_PROXY, an absolute URL", naru.port, "http://media/v1/clips/3", {"Host": "media"}),
    ]
    for title, port, target, headers in ways:
        status, _, body = request(port, "GET", target, headers)
        if status != 200:
            raise SystemExit(f"quickstart: {title} was answered {status}: {body.decode()}")
        answer = json.loads(body)
        host = f"  Host: {headers['Host']}" if "Host" in headers else ""
        print(f"  {title:28} :{port} GET {target}{host}\n{'':30} {status} from {answer['from']}, which saw "
              f"{answer['path']} called by {answer['caller']}")


class Load:
    """Calls that go on and on, and what became of them."""

    def __init__(self, port):
        self.port = port
        self.done = threading.Event()
        self.lock = threading.Lock()
        self.ended = []  # (when, seconds, status, which endpoint)
        self.threads = [threading.Thread(target=self.call_on, args=(number,), daemon=True) for number in range(CALLERS)]
        for thread in self.threads:
            thread.start()

    def call_on(self, number):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while not self.done.is_set():
            target = f"/media/v1/clips/{number}" if number == 0 else f"/courses/v1/courses/{number}"
            started = time.monotonic()
            try:
                connection.request("GET", target)
                answer = connection.getresponse()
                status, body = answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                status, body = type(error).__name__, b""
                connection.close()
            ended = time.monotonic()
            which = json.loads(body)["from"] if status == 200 else "-"
            with self.lock:
                self.ended.append((ended, ended - started, status, which))
            time.sleep(0.01)  # a caller that thinks a little

    def stop(self):
        self.done.set()
        for thread in self.threads:
            thread.join()

    def since(self, moment):
        with self.lock:
            return [one for one in self.ended if one[0] >= moment]


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def show_phase(title, calls):
    times = sorted(seconds for _, seconds, _, _ in calls)
    failed = sum(status != 200 for _, _, status, _ in calls)
    shares = {name: sum(which == name for *_, which in calls) for name in ENDPOINTS if name.startswith("courses")}
    print(f"  {title:34} {len(calls):5} calls, {failed} failed, p50 {percentile(times, 0.5) * 1000:5.1f} ms, "
          f"p99 {percentile(times, 0.99) * 1000:6.1f} ms   "
          + ", ".join(f"{name} {share}" for name, share in shares.items()), flush=True)
    return failed


def show_trouble(naru, services, phase_seconds):
    heading(f"{CALLERS} callers call on while an endpoint is killed and another gets slow")
    load = Load(naru.port)
    failed = 0
    steps = [("all is well", lambda: None),
             ("courses-2 is killed", lambda: services.kill("courses-2")),
             ("courses-3 takes 300 ms a call", lambda: services.slow_down("courses-3", 300))]
    for title, step in steps:
        started = time.monotonic()
        step()
        time.sleep(phase_seconds)
        failed += show_phase(title, load.since(started))
    load.stop()
    return len(load.ended), failed


def total(metrics, name, **labels):
    return sum(value for found, have, value in metrics if found == name and labels.items() <= have.items())


def show_why(naru, services):
    heading("What naru did about it")
    metrics = naru.metrics()
    print(f"  attempts tried again at another endpoint: {total(metrics, 'naru_retries_total'):.0f}")
    names = {f"127.0.0.1:{port}": name for name, port in services.ports.items()}
    for endpoint in json.loads(naru.admin("/services/courses")[2])["endpoints"]:
        latency = f", latency estimate {endpoint['latency_ms']:.1f} ms" if "latency_ms" in endpoint else ""
        why = f" ({endpoint['why']})" if "why" in endpoint else ""
        print(f"  {names[endpoint['address']]} is {endpoint['state']}{why}{latency}")


def show_squads(naru):
    heading("By squad, from /metrics")
    metrics = naru.metrics()
    squads = sorted({labels["callee_squad"] for name, labels, value in metrics
                     if name == "naru_calls_total" and value and labels.get("callee_squad") in ("learning", "video")})
    for squad in squads:
        count = total(metrics, "naru_calls_total", callee_squad=squad)
        ok = total(metrics, "naru_calls_total", callee_squad=squad, outcome="ok")
        seconds = total(metrics, "naru_call_duration_seconds_sum", callee_squad=squad)
        print(f"  video -> {squad:9} {count:6.0f} calls, {100 * ok / count:.2f} % ok, mean {1000 * seconds / count:.1f} ms")
    for line in naru.admin("/metrics?squad=learning")[2].decode().splitlines():
        if line.startswith("naru_calls_total{") and not line.endswith(" 0"):
            print(f"  {line}")


def show_error(naru):
    heading("A mistake is answered with what is wrong (GET /corses/v1/courses/7)")
    status, headers, body = request(naru.port, "GET", "/corses/v1/courses/7")
    print(f"  {status}, x-naru-outcome: {headers['x-naru-outcome']}\n  {body.decode().strip()}")


def end(number, _):
    """In order, so that the processes that were started are ended too."""
    for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--naru", required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--phase-seconds", type=float, default=2.0)
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):  # the latter when its terminal is closed
        signal.signal(number, end)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what it runs in the background
    with contextlib.ExitStack() as stack:
        services = Services(stack)
        naru = Sidecar(stack, options.naru, options.work, services)
        print(f"Started courses (squad learning, 3 endpoints), media (squad video, 2 endpoints) and naru, "
              f"ready in {naru.start_ms:.0f} ms.")
        show_four_ways(naru)
        calls, failed = show_trouble(naru, services, options.phase_seconds)
        show_why(naru, services)
        show_squads(naru)
        show_error(naru)
        heading(f"{calls} calls while things broke, {failed} failed.")
        if options.keep:
            keep(naru)
    print("Everything is stopped." if not options.keep else "Stopped.")
    return 0 if failed == 0 else 1


def keep(naru):
    try:
        print(f"\nStill running. Try:\n  curl localhost:{naru.port}/courses/v1/courses/7\n"
              f"  curl localhost:{naru.admin_port}/services/courses\n  curl localhost:{naru.admin_port}/metrics\n"
              "Ctrl-C ends it.", flush=True)
        signal.pause()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # once is enough: what was started is ended now
        print()


if __name__ == "__main__":
    sys.exit(main())
