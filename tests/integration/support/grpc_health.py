"""A real gRPC server with grpc.health.v1, its two one-field messages written by hand."""

import concurrent.futures
import threading

import grpc

from support.waiting import PATIENCE, eventually

SERVING, NOT_SERVING = 1, 2


def name_of(request):
    """HealthCheckRequest {string service = 1;}, of names shorter than 128 bytes."""
    if not request:
        return ""
    assert request[0] == 0x0A and request[1] == len(request) - 2, f"not a HealthCheckRequest: {request!r}"
    return request[2:].decode()


class Health(grpc.GenericRpcHandler):
    def __init__(self, server):
        self.server = server

    def service(self, details):
        if details.method != "/grpc.health.v1.Health/Check":
            return None
        return grpc.unary_unary_rpc_method_handler(self.server.check)


class GrpcHealthServer:
    """Listens on a port of the system's choice, or on `port`. `before_answer` is called before every answer."""

    def __init__(self, services=None, implements_health=True, before_answer=None, host="127.0.0.1", port=0):
        self.services = services if services is not None else {"": SERVING}
        self.names = []  # what was asked for, in order
        self._before_answer = before_answer
        self._lock = threading.Lock()
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        if implements_health:
            self._server.add_generic_rpc_handlers((Health(self),))
        self.port = self._server.add_insecure_port(f"{host}:{port}")
        self.address = f"{host}:{self.port}"
        self._server.start()

    def say(self, status, name=""):
        self.services[name] = status

    def check(self, request, context):
        name = name_of(request)
        with self._lock:
            self.names.append(name)
        if self._before_answer:
            self._before_answer()
        if name not in self.services:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return bytes([0x08, self.services[name]])

    def wait_for_checks(self, count):
        eventually(lambda: len(self.names) >= count, f"{count} checks at {self.address}")

    def stop(self):
        self._server.stop(None).wait(PATIENCE)
