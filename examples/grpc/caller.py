"""What run.sh shows: an application that calls learning.Courses through naru.

caller.py NARU_PORT NARU_ADMIN_PORT
"""

import collections
import json
import sys
import time
import urllib.request

import grpc

CALLS = 100


def channel_to(service, port):
    """All there is to do in an application: dial localhost, and name the service as the authority."""
    return grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.default_authority", service)])


def method(channel, kind, name):
    return getattr(channel, kind)(f"/learning.Courses/{name}", request_serializer=str.encode,
                                  response_deserializer=bytes.decode)


def heading(text):
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def metrics(admin_port):
    with urllib.request.urlopen(f"http://127.0.0.1:{admin_port}/metrics", timeout=10) as answer:
        return [line for line in answer.read().decode().splitlines() if not line.startswith("#") and not line.endswith(" 0")]


def show_calls(channel, admin_port):
    heading(f"{CALLS} calls over one channel, of three endpoints of which one answers every tenth call UNAVAILABLE")
    get = method(channel, "unary_unary", "Get")
    answers = [get("7") for _ in range(CALLS)]  # raises where one fails
    print(f"  the last answer: {answers[-1]}")
    served = collections.Counter(answer.split(":")[0] for answer in answers)
    print("  " + ", ".join(f"{name} answered {count}" for name, count in sorted(served.items())) + ", 0 failed")
    for line in metrics(admin_port):
        if line.startswith("naru_retries_total"):
            print(f"  tried again: {line}")


def show_stream(channel):
    heading("A stream, each message when it comes")
    started = time.monotonic()
    for message in method(channel, "unary_stream", "Watch")("7"):
        print(f"  after {1000 * (time.monotonic() - started):3.0f} ms  {message}")


def in_words(details):
    """naru's own errors carry JSON with every attempt and the line of the configuration that decided."""
    return json.loads(details)["detail"] if details.startswith("{") else details


def show_error(title, call):
    heading(title)
    started = time.monotonic()
    try:
        call()
    except grpc.RpcError as error:
        print(f"  {error.code().name} after {1000 * (time.monotonic() - started):.0f} ms: {in_words(error.details())}")
    else:
        raise SystemExit(f"caller: {title}: no error came")


def show_metrics(admin_port):
    heading("By squad, method and status, from /metrics")
    for line in metrics(admin_port):
        if line.startswith("naru_calls_total"):
            print(f"  {line}")


def main():
    port, admin_port = int(sys.argv[1]), int(sys.argv[2])
    with channel_to("courses", port) as channel, channel_to("corses", port) as misspelt:
        show_calls(channel, admin_port)
        show_stream(channel)
        get = method(channel, "unary_unary", "Get")
        show_error("A deadline of 300 ms, for an answer that takes a second", lambda: get("slow", timeout=0.3))
        show_error("A name misspelt (authority: corses)", lambda: method(misspelt, "unary_unary", "Get")("7"))
        show_metrics(admin_port)


if __name__ == "__main__":
    main()
