"""A DNS server, UDP and TCP on one port, that says what a test tells it to."""

import contextlib
import ipaddress
import socket
import struct
import threading
import time

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "AAAA": 28, "SRV": 33}
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
SILENT = "silent"  # no answer at all


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.strip(".").split(".") if label) + b"\0"


class Record:
    """One record: Record("courses.test", "A", 30, "10.77.0.1"), Record(name, "SRV", 30, (1, 10, 8080, "host.test"))."""

    def __init__(self, name, kind, ttl, value):
        self.name, self.kind, self.ttl, self.value = name, kind, ttl, value

    def data(self):
        if self.kind in ("A", "AAAA"):
            return ipaddress.ip_address(self.value).packed
        if self.kind == "SRV":
            return struct.pack(">3H", *self.value[:3]) + wire_name(self.value[3])
        if self.kind == "SOA":  # the value is its MINIMUM
            return wire_name("ns.test") + wire_name("admin.test") + struct.pack(">5I", 1, 7200, 900, 86400, self.value)
        return wire_name(self.value)

    def wire(self):
        data = self.data()
        return wire_name(self.name) + struct.pack(">2HIH", TYPES[self.kind], 1, self.ttl, len(data)) + data


class Says:
    """What is answered to one question."""

    def __init__(self, *answers, code=NOERROR, authority=(), additional=(), truncated=False):
        self.answers, self.code, self.authority, self.additional = answers, code, authority, additional
        self.truncated = truncated

    def wire(self, ident, question):
        flags = 0x8180 | (0x0200 if self.truncated else 0) | self.code
        sections = (self.answers, self.authority, self.additional)
        head = struct.pack(">6H", ident, flags, 1, *map(len, sections))
        return head + question + b"".join(record.wire() for section in sections for record in section)


class Query:
    def __init__(self, name, kind, protocol):
        self.name, self.kind, self.protocol, self.at = name, kind, protocol, time.monotonic()

    def __repr__(self):
        return f"{self.name} {self.kind} {self.protocol}"


class DnsServer:
    """`says[name, kind]` is Says(...), SILENT, or a function of the Query that returns one of these. Everything else does
    not exist, and the zone says that this may be believed for `negative_ttl`."""

    def __init__(self, host="10.77.0.20", port=0, negative_ttl=300):
        self.host = host
        self.says = {}
        self.queries = []
        self.negative_ttl = negative_ttl
        self._bind(host, port)
        self.port = self._udp.getsockname()[1]
        self._stopping = False
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._serve_udp, self._serve_tcp)]
        for thread in self._threads:
            thread.start()

    def _bind(self, host, port):
        """TCP gets the port; UDP may find it taken."""
        for _ in range(100):
            self._tcp = socket.create_server((host, port))
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                self._udp.bind((host, self._tcp.getsockname()[1]))
                return
            except OSError:
                self._udp.close()
                self._tcp.close()
        raise OSError("no port is free for UDP and TCP")

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    # What it says

    def set(self, name, *ips, ttl=1):
        """The addresses of a name, and nothing else: a family without any has no records."""
        for kind, version in (("A", 4), ("AAAA", 6)):
            records = [Record(name, kind, ttl, ip) for ip in ips if ipaddress.ip_address(ip).version == version]
            self.says[name, kind] = Says(*records, authority=() if records else self._soa())

    def set_both(self, name, answer):
        self.says[name, "A"] = self.says[name, "AAAA"] = answer

    def _soa(self):
        return [Record("test", "SOA", self.negative_ttl, self.negative_ttl)]

    def asked(self, name, kind="A"):
        return [query for query in self.queries if (query.name, query.kind) == (name, kind)]

    def stop(self):
        if self._stopping:
            return
        self._stopping = True
        self._tcp.shutdown(socket.SHUT_RDWR)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", (self.host, self.port))
        for thread in self._threads:
            thread.join()
        self._tcp.close()
        self._udp.close()

    # How it listens

    def _answer(self, message, protocol):
        ident, = struct.unpack(">H", message[:2])
        labels, at = [], 12
        while message[at]:
            labels.append(message[at + 1:at + 1 + message[at]].decode())
            at += 1 + message[at]
        kind, = struct.unpack(">H", message[at + 1:at + 3])
        query = Query(".".join(labels).lower(), {value: key for key, value in TYPES.items()}.get(kind, kind), protocol)
        self.queries.append(query)
        answer = self.says.get((query.name, query.kind), Says(code=NXDOMAIN, authority=self._soa()))
        if callable(answer):
            answer = answer(query)
        return None if answer is SILENT else answer.wire(ident, message[12:at + 5])

    def _serve_udp(self):
        while True:
            message, peer = self._udp.recvfrom(65535)
            if self._stopping:
                return
            answer = self._answer(message, "udp")
            if answer is not None:
                self._udp.sendto(answer, peer)

    def _serve_tcp(self):
        while True:
            try:
                connection, _ = self._tcp.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):  # who asked is gone, and others will ask
                self._serve_connection(connection)

    def _serve_connection(self, connection):
        with connection, connection.makefile("rb") as stream:
            connection.settimeout(5)
            while len(length := stream.read(2)) == 2:
                answer = self._answer(stream.read(struct.unpack(">H", length)[0]), "tcp")
                if answer is None:
                    break
                connection.sendall(struct.pack(">H", len(answer)) + answer)
