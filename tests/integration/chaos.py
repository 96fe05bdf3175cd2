#!/usr/bin/env python3
"""Abuses a running naru for a while from both sides and looks at what is left of it. Seeded: the seed is printed.

    tests/integration/chaos.py --seconds 60 --seed 7 --workers 2

Applications send fragmented, pipelined, malformed and aborted requests, services answer slowly, early, wrongly, twice or
not at all, the configuration changes meanwhile, and at the end SIGTERM comes at any moment. Checked: naru lives, exits
with 0 and without a sanitizer's report; every answer is the one to its own request, an error of naru's, or a cut
connection; no POST is executed twice; afterwards nothing is in flight, queued or connected, and no descriptor is lost.
"""

import argparse
import collections
import contextlib
import json
import pathlib
import random
import socket
import sys
import tempfile
import threading
import time

from support.client import request_bytes
from support.http_message import ConnectionClosed, Stream
from support.naru import Naru
from support.waiting import PATIENCE, eventually

OUTCOMES = {"unknown_service", "bad_request", "no_endpoint", "limit", "breaker_open", "connect_error", "reset",
            "bad_response", "timeout"}
SMALL_BUFFER = 16 * 1024
GARBAGE = [b"\0" * 300, b"HTTP/1.1 99999 Hm\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
           b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", b"\r\n" * 50, b"HTTP/1.1 200 OK\r\n" + b"A: " + b"a" * 90000,
           b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello",
           b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]
MALFORMED = [b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET\r\n\r\n",
             b"GET /courses/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
             b"POST /courses/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
             b"POST /courses/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX",
             b"GET /courses/" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n", b"\r\n" * 20,
             b"CONNECT courses:443 HTTP/1.1\r\nHost: courses:443\r\n\r\n"]


class Ledger:
    """What happened, by every thread."""

    def __init__(self):
        self._lock = threading.Lock()
        self.executed = collections.Counter()  # ids of POSTs that a service read whole
        self.seen = collections.Counter()
        self.wrong = []

    def count(self, what):
        with self._lock:
            self.seen[what] += 1

    def execute(self, id_):
        with self._lock:
            self.executed[id_] += 1

    def accuse(self, what):
        with self._lock:
            self.wrong.append(what)


def chunks_of(random_, data):
    """`data` as a chunked body whose chunks have random sizes, extensions included."""
    out = b""
    while data:
        size = min(len(data), random_.choice([1, 2, 7, 100, 5000, 70000]))
        extension = random_.choice([b"", b"", b";a=b"])
        out += b"%x%s\r\n%s\r\n" % (size, extension, data[:size])
        data = data[size:]
    return out + random_.choice([b"0\r\n\r\n", b"0\r\nX-Sum: 1\r\n\r\n"])


def send_in_pieces(random_, stream, data):
    """All at once, or in pieces with other threads' work between them."""
    if random_.random() < 0.5:
        return stream.send(data)
    at = 0
    while at < len(data):
        size = random_.choice([1, 3, 16, 200, SMALL_BUFFER, 100000])
        stream.send(data[at:at + size])
        at += size
        if random_.random() < 0.2:
            time.sleep(random_.random() * 0.003)


class Service:
    """Answers each request with its own id, one way or another."""

    def __init__(self, ledger, seed, stopping):
        self._ledger = ledger
        self._random = random.Random(seed)
        self._stopping = stopping
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self.streams = set()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def stop(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # close alone wakes nobody, and the port would go on listening
        self._accepting.join(PATIENCE)
        self._listener.close()
        for stream in list(self.streams):
            stream.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            stream = Stream(sock)
            self.streams.add(stream)
            threading.Thread(target=self._serve, args=(stream, random.Random(self._random.random())), daemon=True).start()

    def _serve(self, stream, random_):
        stream.sock.settimeout(30)
        try:
            while self._serve_one(stream, random_):
                pass
        except (ConnectionClosed, OSError):
            pass
        except AssertionError as error:
            self._ledger.accuse(f"naru sent a malformed request: {error}")
        finally:
            self.streams.discard(stream)
            try:
                stream.abort() if random_.random() < 0.3 else stream.close()
            except OSError:
                pass  # stop() was first

    def _serve_one(self, stream, random_):
        if random_.random() < 0.03:
            time.sleep(random_.random() * 0.02)
            return False  # closes an idle connection, perhaps just as a request comes
        request = stream.read_request_head()
        id_ = request.get("x-request-id")
        early = random_.random() if not request.get("upgrade") else 1
        if early < 0.05:  # answers before the body has come
            self._answer(stream, random_, request, id_)
            if early < 0.02:
                return False
            stream.read_request_body(request)
            return True
        if early < 0.08:
            return False
        stream.read_request_body(request)
        if request.method == "POST":
            self._ledger.execute(id_)
        if request.body and request.body != request.body[:1] * len(request.body):
            self._ledger.accuse(f"the body of {id_} has bytes of another")
        if request.get("x-body-bytes", str(len(request.body))) != str(len(request.body)):
            self._ledger.accuse(f"the body of {id_} has {len(request.body)} bytes, not {request.get('x-body-bytes')}")
        return self._answer(stream, random_, request, id_)

    def _answer(self, stream, random_, request, id_):
        body = f"<{id_}>".encode() * random_.choice([1, 1, 1, 10, 400, 3000, 20000])
        fields = b"x-echo: %s\r\n" % id_.encode()
        for _ in range(random_.choice([0, 0, 0, 0, 1, 3, 40])):
            send_in_pieces(random_, stream, b"HTTP/1.1 103 Early Hints\r\nx-echo: %s\r\n\r\n" % id_.encode())
        if request.get("upgrade"):
            send_in_pieces(random_, stream, b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n"
                           + fields + b"\r\n")
            for _ in range(random_.randrange(20)):
                stream.send(stream.read_some())
            return False
        way = random_.random()
        if way < 0.03:
            stream.send(random_.choice(GARBAGE))
            return False
        if way < 0.06:
            return False
        if way < 0.08:  # silence, shorter or longer than the timeout
            self._stopping.wait(random_.random() * 0.8)
        status = random_.choice([b"200 OK"] * 12 + [b"503 Service Unavailable", b"500 Oops", b"404 Not Found", b"204 No Content",
                                                   b"304 Not Modified"])
        if status[:3] in (b"204", b"304") or request.method == "HEAD":
            stream.send(b"HTTP/1.1 " + status + b"\r\n" + fields + b"\r\n" if status[:1] != b"2" or status[:3] == b"204"
                        else b"HTTP/1.1 " + status + b"\r\nContent-Length: 5\r\n" + fields + b"\r\n")
            return True
        framing = random_.choice(["length", "length", "chunked", "close"])
        if framing == "length":
            message = b"Content-Length: %d\r\n" % len(body) + fields + b"\r\n" + body
        elif framing == "chunked":
            message = b"Transfer-Encoding: chunked\r\n" + fields + b"\r\n" + chunks_of(random_, body)
        else:
            message = fields + b"\r\n" + body
        message = b"HTTP/1.1 " + status + b"\r\n" + message
        if framing == "close":  # whatever it ends with is its end
            way = 0
        if way > 0.95:
            message = message[:random_.randrange(len(message))]
            send_in_pieces(random_, stream, message)
            if random_.random() < 0.5:
                self._stopping.wait(random_.random() * 0.8)
            return False
        if way > 0.93:
            message += b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nx-echo: poison\r\n\r\npoison"
        send_in_pieces(random_, stream, message)
        return framing != "close" and random_.random() < 0.95


class Application(threading.Thread):
    """Opens connection after connection to naru and judges every answer."""

    def __init__(self, ledger, naru, seed, stopping):
        super().__init__(daemon=True)
        self._ledger = ledger
        self._naru = naru
        self._name = seed
        self._random = random.Random(seed)
        self._stopping = stopping
        self._made = 0

    def run(self):
        while not self._stopping.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self._naru.port), 5) as sock:
                    self._converse(Stream(sock, 20))
            except (ConnectionClosed, ConnectionError):
                self._ledger.count("cut")
            except TimeoutError:
                if not self._stopping.is_set():
                    self._ledger.accuse(f"{self._name}: nothing for 20 s while {self._phase}, behind {self._last}")
            except (AssertionError, ValueError, KeyError) as error:
                self._ledger.accuse(f"{self._name}: {error!r}"[:400])
            except OSError:
                if not self._stopping.is_set():
                    time.sleep(0.05)

    def _request(self):
        self._made += 1
        id_ = f"{self._name}-{self._made}"
        random_ = self._random
        method = random_.choice(["GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE"])
        fields = [("x-request-id", id_)]
        body = b""
        if method in ("POST", "PUT"):
            size = random_.choice([0, 1, 100, 5000, SMALL_BUFFER, 70000, 300000])
            content = bytes([random_.randrange(97, 122)]) * size
            fields.append(("x-body-bytes", str(size)))
            if random_.random() < 0.5:
                fields.append(("Transfer-Encoding", "chunked"))
                body = chunks_of(random_, content)
            else:
                fields.append(("Content-Length", str(size)))
                body = content
        if random_.random() < 0.1:
            fields.append(("x-naru-deadline-ms", str(random_.choice([0, 1, 5, 50, 500]))))
        if random_.random() < 0.05:
            fields += [("Connection", "upgrade"), ("Upgrade", "echo")]
        if random_.random() < 0.03:
            fields.append(("Connection", "close"))
        service = random_.choice(["courses"] * 8 + ["fickle", "nobody"])
        version = "HTTP/1.0" if random_.random() < 0.03 and "chunked" not in str(fields) else "HTTP/1.1"
        return id_, method, request_bytes(method, f"/{service}/{id_}", fields, body, version)

    def _converse(self, stream):
        random_ = self._random
        for _ in range(random_.choice([1, 3, 10])):
            requests = [self._request() for _ in range(random_.choice([1, 1, 1, 2, 5]))]
            data = b"".join(sent for _, _, sent in requests)
            self._phase = "a request is being sent"
            self._last = [sent[:60] for _, _, sent in requests]
            end = random_.random()
            if end < 0.06:  # vanishes in the middle
                stream.send(data[:random_.randrange(len(data))])
                time.sleep(random_.random() * 0.05)
                return stream.abort() if random_.random() < 0.5 else None
            if end < 0.09:  # vanishes after all of it
                send_in_pieces(random_, stream, data)
                return stream.abort() if random_.random() < 0.5 else None
            if end < 0.13:
                data += random_.choice(MALFORMED)
            self._last.append(data[-60:])
            sender = threading.Thread(target=self._send, args=(stream, data, end < 0.16 and end > 0.13), daemon=True)
            sender.start()
            for id_, method, _ in requests:
                if not self._read_answer(stream, id_, method):
                    return
                if random_.random() < 0.01:
                    return stream.abort()
            if end < 0.16:
                return self._read_rest(stream)
            sender.join()

    def _send(self, stream, data, finish):
        try:
            send_in_pieces(random.Random(len(data)), stream, data)
            if finish:
                stream.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # naru may have refused it and hung up

    def _read_rest(self, stream):
        """Behind what was malformed there is at most one refusal, and then the end."""
        self._phase = "the rest is to come"
        rest = stream.read_to_end()
        if rest.count(b"HTTP/1.1 ") > 1 or (rest and b" 400 " not in rest[:20] and b" 431 " not in rest[:20]
                                            and b" 405 " not in rest[:20] and b" 50" not in rest[:20]):
            if b"x-echo" in rest:
                self._ledger.accuse(f"{self._name}: behind something malformed came {rest[:200]!r}")

    def _read_answer(self, stream, id_, method):
        self._phase = f"the answer to {id_} is to come"
        answer = stream.read_response(method)
        self._ledger.count(answer.status)
        for interim in answer.informational:
            if interim.get("x-echo") not in (id_, None):
                raise AssertionError(f"{id_} got the interim answer of {interim.get('x-echo')}")
        outcome = answer.get("x-naru-outcome")
        if outcome is not None:
            self._ledger.count(outcome)
            assert outcome in OUTCOMES, f"outcome {outcome}"
            if method != "HEAD":
                report = json.loads(answer.body)
                assert report["outcome"] == outcome and report["request_id"] == id_, f"{id_} got the error {report}"
        else:
            assert answer.get("x-echo") == id_, f"{id_} got the answer of {answer.get('x-echo')}"
            marker = f"<{id_}>".encode()
            whole = len(answer.body) // len(marker) if not answer.framed_by_close else 20000  # a cut looks like an end
            assert (marker * whole).startswith(answer.body), f"{id_} got {answer.body[:100]!r}"
        if answer.status == 101:
            self._phase = "a tunnel is open"
            for _ in range(3):
                stream.send(b"ping")
                stream.read_some()
            return False
        return answer.get("connection", "keep-alive") != "close" and not answer.framed_by_close


def configuration(services, random_):
    policy = {"timeout": "400ms", "try_timeout": "150ms", "connect_timeout": "100ms", "idle_timeout": "1s",
              "breaker": "off", "limits": {"concurrent": random_.choice([3, 10, 100]), "queue": random_.choice([0, 5, 100]),
                                           "queue_timeout": "50ms"},
              "retry": {"attempts": random_.choice([1, 2, 3]), "body": random_.choice(["1KiB", "64KiB"])}}
    result = {"courses": {"squad": "learning", "endpoints": [s.address for s in services], **policy}}
    if random_.random() < 0.7:
        result["fickle"] = {"squad": "learning", "endpoints": [random_.choice(services).address], "timeout": "300ms",
                            "idle_timeout": "1s"}
    return result


def hammer(directory, seconds, seed, workers, applications, drain_at_random):
    random_ = random.Random(seed)
    ledger = Ledger()
    stopping = threading.Event()
    services = [Service(ledger, f"{seed}/{i}", stopping) for i in range(3)]
    naru = Naru(directory, configuration(services, random_), workers=workers,
                **({"drain_timeout": "300ms"} if drain_at_random else {}))
    naru.start()
    before = naru.open_descriptors()
    try:
        crowd = [Application(ledger, naru, f"{seed}.{i}", stopping) for i in range(applications)]
        for application in crowd:
            application.start()
        until = time.monotonic() + seconds * (random_.random() if drain_at_random else 1)
        while time.monotonic() < until and naru.running():
            time.sleep(min(0.2, seconds / 10))
            naru.services = configuration(services, random_)
            naru.write_config()
            if random_.random() < 0.5:
                naru.reload()
        assert naru.running(), f"naru died:\n{naru.log()[-6000:]}"
        if drain_at_random:
            naru.signal()
            naru.wait_exit(PATIENCE)
            stopping.set()
        else:
            stopping.set()
            for application in crowd:
                application.join(30)
            check_nothing_is_left(naru, services, before)
    finally:
        stopping.set()
        for service in services:
            service.stop()
        naru.stop()
    twice = {id_: count for id_, count in ledger.executed.items() if count > 1}
    assert not twice, f"POSTs executed more than once: {twice}"
    assert not ledger.wrong, "\n".join(ledger.wrong[:20])
    return ledger.seen


def check_nothing_is_left(naru, services, descriptors_before):
    for name in ("naru_in_flight", "naru_queued"):
        eventually(lambda: naru.metric(name) == 0, f"{name} is 0 again")
    eventually(lambda: naru.metric("naru_connections", side="downstream") == 0, "no application is connected")
    for service in services:
        for stream in list(service.streams):
            try:
                stream.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
    eventually(lambda: naru.metric("naru_connections", side="upstream") == 0, "no service is connected")
    eventually(lambda: naru.open_descriptors() <= descriptors_before + 2, f"{descriptors_before} descriptors are open")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--applications", type=int, default=12)
    parser.add_argument("--drain", action="store_true", help="ends naru by SIGTERM in the middle")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        seen = hammer(pathlib.Path(directory), options.seconds, options.seed, options.workers, options.applications,
                      options.drain)
    print(dict(sorted(seen.items(), key=str)))


if __name__ == "__main__":
    sys.exit(main())
