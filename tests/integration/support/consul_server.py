"""A Consul that a test scripts: the few endpoints that matter here, by the rules that Consul documents for them.

Blocking queries (https://developer.hashicorp.com/consul/api-docs/features/blocking): a query with ?index= returns when
the service's index is above it, or after ?wait= with up to a sixteenth more; X-Consul-Index is never below 1.
"""

import contextlib
import http.server
import json
import random
import select
import threading
import time
import urllib.parse
import urllib.request

from support.waiting import PATIENCE, eventually


class ConsulServer:
    """`api` is asked in the same words as a real agent. What a real one does only in bad times is set on the object."""

    def __init__(self):
        self.state = threading.Condition()
        self.services = {}  # by id: the registration, with "Status"
        self.index = 10
        self.indexes = {}  # by name: the index of its last change
        self.requests = []  # (path, query, token)
        self.blocked = 0
        self.hung_up = 0  # by naru, in a blocking query
        self.refusal = None  # (status, text) for every question
        self.fields = {}  # further ones of every answer
        self.readable = True  # False: as with a token that may read nothing
        self._port = 0
        self.start()

    def start(self):
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                server._get(self)

            def do_PUT(self):
                server._put(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # naru hung up

        self._sockets = set()
        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self._port}"

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        with self.state:
            for sock in self._sockets:
                with contextlib.suppress(OSError):
                    sock.shutdown(2)
            self.state.notify_all()
        self._thread.join()

    # What goes wrong with it

    def set(self, **attributes):
        """Changes several of the attributes at once, and wakes every blocked query."""
        with self.state:
            for name, value in attributes.items():
                setattr(self, name, value)
            self.state.notify_all()

    def touch(self, name):
        """The index moves though nothing has changed, as for an idempotent write."""
        with self.state:
            self._changed(name)

    def restore(self, index):
        """The state is that of an older snapshot: every index goes backwards."""
        with self.state:
            self.index = index
            self.indexes = dict.fromkeys(self.indexes, index)
            self.state.notify_all()

    def health_requests(self):
        return [request for request in self.requests if request[0].startswith("/v1/health/")]

    def wait_until_blocked(self, count=1):
        eventually(lambda: self.blocked == count, f"{count} queries block")

    # How it answers

    def _changed(self, name):
        self.index += 1
        self.indexes[name] = self.index
        self.state.notify_all()

    def _get(self, request):
        url = urllib.parse.urlsplit(request.path)
        query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        with self.state:
            self.requests.append((url.path, query, request.headers.get("X-Consul-Token")))
            self._sockets.add(request.connection)
        if url.path.startswith("/v1/health/service/"):
            self._health(request, urllib.parse.unquote(url.path.rsplit("/", 1)[1]), query)
        elif url.path == "/v1/catalog/services":
            with self.state:
                names = {s["Name"]: s.get("Tags", []) for s in self.services.values()} | {"consul": []}
            self._answer(request, names if self.readable else {}, self.index)
        else:
            self._say(request, 404, b"")

    def _health(self, request, name, query):
        after = int(query.get("index", ["0"])[0])
        if after and not self._wait_for_change(request, name, after, query):
            return
        with self.state:
            instances = [self._instance(s) for s in self.services.values() if s["Name"] == name and self.readable]
            index = self.indexes.get(name, self.index)
        self._answer(request, instances, index)

    def _wait_for_change(self, request, name, after, query):
        """False when naru has hung up meanwhile, or the server ends."""
        wait = float(query["wait"][0].rstrip("s"))
        deadline = time.monotonic() + wait * (1 + random.random() / 16)
        with self.state:
            self.blocked += 1
            try:
                while self._nothing_new(name, after) and time.monotonic() < deadline:
                    self.state.wait(0.02)
                    if select.select([request.connection], [], [], 0)[0]:
                        self.hung_up += 1
                        request.close_connection = True
                        return False
            finally:
                self.blocked -= 1
        return True

    def _nothing_new(self, name, after):
        # A snapshot that is restored wakes blocked queries, too; what else is here saves a test from waiting for `wait`.
        return self.indexes.get(name, self.index) == after and self.refusal is None and self.readable and not self.fields

    @staticmethod
    def _instance(service):
        checks = [{"CheckID": "serfHealth", "Status": "passing"},
                  {"CheckID": f"service:{service['ID']}", "Status": service["Status"]}]
        return {"Node": {"Node": "n1", "Address": "10.77.0.20", "Meta": {}},
                "Service": {"ID": service["ID"], "Service": service["Name"], "Address": service.get("Address", ""),
                            "Port": service["Port"], "Tags": service.get("Tags", []), "Meta": service.get("Meta", {}),
                            "Weights": service.get("Weights", {"Passing": 1, "Warning": 1})},
                "Checks": checks}

    def _answer(self, request, value, index):
        if self.refusal is not None:
            return self._say(request, self.refusal[0], self.refusal[1].encode())
        fields = {"X-Consul-Index": max(index, 1), "X-Consul-KnownLeader": "true", "X-Consul-LastContact": 0, **self.fields}
        self._say(request, 200, json.dumps(value).encode(), fields)

    @staticmethod
    def _say(request, status, body, fields=None):
        request.send_response(status)
        for name, value in (fields or {}).items():
            request.send_header(name, str(value))
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _put(self, request):
        body = json.loads(request.rfile.read(int(request.headers.get("Content-Length", 0))) or b"{}")
        path = request.path
        with self.state:
            if path == "/v1/agent/service/register":
                self.services[body["ID"]] = {**body, "Status": body["Check"]["Status"]}
                self._changed(body["Name"])
            elif path.startswith("/v1/agent/service/deregister/"):
                self._changed(self.services.pop(path.rsplit("/", 1)[1])["Name"])
            elif path.startswith("/v1/agent/check/update/service:"):
                service = self.services[path.rsplit(":", 1)[1]]
                service["Status"] = body["Status"]
                self._changed(service["Name"])
        self._say(request, 200, b"")


class ConsulApi:
    """What a service says to its agent, scripted or real."""

    def __init__(self, address, token=None):
        self.address = address
        self._fields = {"X-Consul-Token": token} if token else {}

    def get(self, path):
        return self._ask(urllib.request.Request(self.address + path, headers=self._fields))

    def put(self, path, body=None):
        content = json.dumps(body or {}).encode()
        return self._ask(urllib.request.Request(self.address + path, content, self._fields, method="PUT"))

    @staticmethod
    def _ask(request):
        """The answer, which is JSON or nothing."""
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return json.loads(response.read() or b"null")

    def register(self, identity, endpoint, name="courses", status="passing", **more):
        """`endpoint` is HOST:PORT; `more` is such as Tags, Meta, Weights."""
        host, port = endpoint.rsplit(":", 1)
        self.put("/v1/agent/service/register", {"ID": identity, "Name": name, "Address": host, "Port": int(port), **more,
                                                "Check": {"TTL": "1h", "Status": status}})

    def deregister(self, identity):
        self.put(f"/v1/agent/service/deregister/{identity}")

    def report(self, identity, status):
        self.put(f"/v1/agent/check/update/service:{identity}", {"Status": status, "Output": "the test says so"})
