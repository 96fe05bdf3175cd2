"""One endpoint of the gRPC service learning.Courses.

service.py NAME PORT_FILE [FAILS_EVERY]    every so many calls are answered UNAVAILABLE

Listens on a port of the system's choice and writes it into the file. Messages are text here; with protobuf the only
difference would be the (de)serializers of generated code.
"""

import itertools
import os
import sys
import time
from concurrent import futures

import grpc


class Courses:
    def __init__(self, name, fails_every):
        self.name, self.fails_every = name, fails_every
        self.calls = itertools.count(1)

    def get(self, course, context):
        if self.fails_every and next(self.calls) % self.fails_every == 0:
            context.abort(grpc.StatusCode.UNAVAILABLE, f"{self.name} is busy")
        if course == "slow":
            time.sleep(1)
        caller = dict(context.invocation_metadata())["x-naru-caller"]
        return f"{self.name}: course {course}, asked for by {caller}"

    def watch(self, course, context):
        for seats in (3, 2, 1):
            yield f"{self.name}: {seats} seats left in {course}"
            time.sleep(0.2)


def main():
    name, port_file = sys.argv[1:3]
    courses = Courses(name, int(sys.argv[3]) if len(sys.argv) > 3 else 0)
    text = {"request_deserializer": bytes.decode, "response_serializer": str.encode}
    server = grpc.server(futures.ThreadPoolExecutor(16))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("learning.Courses", {
        "Get": grpc.unary_unary_rpc_method_handler(courses.get, **text),
        "Watch": grpc.unary_stream_rpc_method_handler(courses.watch, **text)})])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with open(port_file + ".new", "w") as file:
        file.write(str(port))
    os.replace(port_file + ".new", port_file)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
