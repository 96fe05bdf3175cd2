"""gRPC peers of two implementations, steered alike: the C++ ones of tests/grpc_peers as processes, grpcio in this one.

A server does what the script in a request's first message says (tests/grpc_peers/echo.proto) and remembers every call; a
caller holds one channel and hands the test what came back."""

import base64
import collections
import concurrent.futures
import json
import os
import pathlib
import queue
import subprocess
import threading
import time
from dataclasses import dataclass, field

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

from support.naru import BINARY, ROOT
from support.waiting import PATIENCE, eventually

PROTO = ROOT / "tests" / "grpc_peers" / "echo.proto"
SERVICE = "naru.test.Echo"
KINDS = {"Unary": "unary_unary", "ServerStream": "unary_stream", "ClientStream": "stream_unary",
         "BidiStream": "stream_stream"}

OPTIONS = [("grpc.enable_retries", 0),  # whoever tries again in these tests, it is not the application
           ("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1), ("grpc.so_reuseport", 0),
           ("grpc.max_receive_message_length", -1)]
NO_DEADLINE_SECONDS = 1e9  # grpcio says "far in the future" when there is none


def peer_binary(name):
    """Built beside naru; NARU_GRPC_PEERS says where if it was not."""
    directory = os.environ.get("NARU_GRPC_PEERS", pathlib.Path(BINARY).parent / "tests" / "grpc_peers")
    path = pathlib.Path(directory) / name
    assert os.access(path, os.X_OK), f"no {path}: build it (tests/run.sh does) or set NARU_GRPC_PEERS"
    return str(path)


def messages_of(proto):
    """The classes of the .proto's messages, by name: nothing is generated that could be out of date."""
    compiled = subprocess.run(["protoc", f"-I{proto.parent}", "--descriptor_set_out=/dev/stdout", proto.name],
                              stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(compiled).file:
        pool.Add(file)
    # The second name is that of older versions.
    class_of = getattr(message_factory, "GetMessageClass", None) or message_factory.MessageFactory(pool).GetPrototype
    return {name: class_of(found) for name, found in pool.FindFileByName(proto.name).message_types_by_name.items()}


MESSAGES = messages_of(PROTO)
Request, Reply, Script = MESSAGES["Request"], MESSAGES["Reply"], MESSAGES["Script"]


def as_dict(message):
    return {each.name: getattr(message, each.name) for each in message.DESCRIPTOR.fields}


def entries_of(metadata):
    """Metadata as [(key, value)], values of -bin keys as bytes."""
    if metadata and isinstance(metadata[0], dict):  # from a C++ peer
        return [(entry["key"], base64.b64decode(entry["value"]) if entry["key"].endswith("-bin") else entry["value"])
                for entry in metadata]
    return [(key, value) for key, value in metadata or ()]


class Metadata(list):
    """Entries in their order."""

    def all(self, key):
        return [value for name, value in self if name == key]

    def get(self, key, default=None):
        values = self.all(key)
        assert len(values) < 2, f"{key} is there {len(values)} times: {values}"
        return values[0] if values else default


# Servers


@dataclass
class ServedCall:
    """A call as its server saw it."""

    method: str
    metadata: Metadata
    remaining_ms: float  # until its deadline; negative without one
    at: float  # seconds of the server's own clock
    ended: threading.Event = field(default_factory=threading.Event)
    cancelled: bool = None  # known when it has ended


class Server:
    """What both implementations remember."""

    def __init__(self):
        self._calls = []
        self.port = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def calls(self):
        """Those that have begun, in that order: every one that was answered is among them."""
        return list(self._calls)

    @property
    def call(self):
        """The only call there was."""
        calls = self.calls
        assert len(calls) == 1, f"{len(calls)} calls at {self.address}"
        return calls[0]

    def wait_for_calls(self, count, within=PATIENCE):
        eventually(lambda: len(self.calls) >= count, f"{count} calls at {self.address}", within)
        return self.calls[:count]


class CppServer(Server):
    """tests/grpc_peers/echo_server.cc. `script` is that of requests that carry none."""

    def __init__(self, script=None):
        super().__init__()
        self._process = subprocess.Popen([peer_binary("echo_server"), json.dumps(script or {})], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)
        self._by_number = {}
        self._killed = False
        self._listening = threading.Event()
        self._caught_up = threading.Event()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        assert self._listening.wait(PATIENCE), "the C++ server does not listen"

    @property
    def calls(self):
        if not self._killed:
            self._caught_up.clear()
            self._command(catch_up=True)
            assert self._caught_up.wait(PATIENCE), "the C++ server says nothing"
        return super().calls

    def open(self, gate):
        self._command(open=gate)

    def _command(self, **what):
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def stop(self):
        self._process.stdin.close()
        try:
            status = self._process.wait(PATIENCE)
        finally:
            self._process.kill()
        self._reading.join(PATIENCE)
        self._process.stdout.close()
        assert status == 0 or self._killed, f"the C++ server ended with {status}"

    def kill(self):
        """Its connections are reset, further ones refused."""
        self._process.kill()
        self._process.wait()
        self._killed = True

    def _read(self):
        for line in self._process.stdout:
            event = json.loads(line)
            if "listening" in event:
                self.port = event["listening"]
                self._listening.set()
            elif "caught_up" in event:
                self._caught_up.set()
            elif "began" in event:
                began = event["began"]
                call = ServedCall(began["method"], Metadata(entries_of(began["metadata"])), began["remaining_ms"],
                                  event["at"])
                call.authority = began["authority"]
                self._by_number[event["call"]] = call
                self._calls.append(call)
            else:
                call = self._by_number[event["call"]]
                call.cancelled = event["ended"]["cancelled"]
                call.ended.set()


class PythonServer(Server):
    """The same with grpcio."""

    def __init__(self, script=None):
        super().__init__()
        self._script = json_format.ParseDict(script or {}, Script())
        self._lock = threading.Lock()
        self._gates = collections.defaultdict(threading.Event)
        self._failures = collections.Counter()
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(64), options=OPTIONS)
        handlers = {method: getattr(grpc, f"{kind}_rpc_method_handler")(
            getattr(self, f"_{kind}"), request_deserializer=Request.FromString,
            response_serializer=Reply.SerializeToString) for method, kind in KINDS.items()}
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def open(self, gate):
        self._gates[gate].set()

    def stop(self):
        self._server.stop(None).wait(PATIENCE)

    kill = stop

    def _unary_unary(self, request, context):
        with Visit(self, context, "Unary") as visit:
            visit.follow(request)
            visit.pass_gate()
            visit.fail_if_told()
            return visit.next_reply(request.text)

    def _unary_stream(self, request, context):
        with Visit(self, context, "ServerStream") as visit:
            visit.follow(request)
            while not visit.all_replied():
                visit.pass_gate()
                yield visit.next_reply(request.text)
            visit.pass_gate()
            visit.fail_if_told()

    def _stream_unary(self, requests, context):
        with Visit(self, context, "ClientStream") as visit:
            texts = []
            for request in requests:
                if not texts:
                    visit.follow(request)
                texts.append(request.text)
            visit.pass_gate()
            visit.fail_if_told()
            return visit.next_reply(" ".join(texts))

    def _stream_stream(self, requests, context):
        with Visit(self, context, "BidiStream") as visit:
            for number, request in enumerate(requests):
                if number == 0:
                    visit.follow(request)
                visit.pass_gate()
                if visit.all_replied():
                    visit.fail_if_told()
                yield visit.next_reply(request.text)
            visit.pass_gate()
            visit.fail_if_told()

    def fails_now(self, text, times):
        """Counts the calls with this text: true for the first `times` of them, or for all if that is 0."""
        with self._lock:
            self._failures[text] += 1
            return times == 0 or self._failures[text] <= times


class Visit:
    """One call at a PythonServer, from its begin to its end."""

    def __init__(self, server, context, method):
        self.server, self.context = server, context
        remaining = context.time_remaining()
        bounded = remaining is not None and remaining < NO_DEADLINE_SECONDS
        self.call = ServedCall(method, Metadata(entries_of(context.invocation_metadata())),
                               remaining * 1000 if bounded else -1, time.monotonic())
        self.script, self.replies, self.fails = Script(), 0, False

    def __enter__(self):
        self.server._calls.append(self.call)
        return self

    def __exit__(self, *_):
        self.call.cancelled = not self.context.is_active()
        self.call.ended.set()

    def follow(self, request):
        self.script = request.script if request.HasField("script") else self.server._script
        script = self.script
        self.context.set_trailing_metadata(list(script.trailing.items()))
        self.fails = script.fail_code != 0 and self.server.fails_now(request.text, script.fail_times)
        if script.head_first or script.initial:
            self.context.send_initial_metadata(list(script.initial.items()))

    def pass_gate(self):
        """Waits if the script has a gate before what comes next."""
        if not self.script.gate or self.script.gate_before != self.replies:
            return
        gate = self.server._gates[self.script.gate]
        while not gate.wait(0.005):
            if not self.context.is_active():
                self.context.abort(grpc.StatusCode.CANCELLED, "the call was cancelled at a gate")

    def all_replied(self):
        return self.replies >= self.script.replies

    def fail_if_told(self):
        if self.fails:
            code = next(code for code in grpc.StatusCode if code.value[0] == self.script.fail_code)
            self.context.abort(code, self.script.fail_message)

    def next_reply(self, text):
        self.replies += 1
        return Reply(text=text, number=self.replies - 1, server=self.server.address, padding="x" * self.script.reply_bytes)


# Callers


@dataclass
class Seen:
    """A call as its application saw it."""

    code: str
    details: str
    initial: Metadata
    trailing: Metadata
    replies: list
    times: list  # when each reply came, in seconds of the caller's own clock

    @property
    def texts(self):
        return [reply["text"] for reply in self.replies]

    @property
    def servers(self):
        return [reply["server"] for reply in self.replies]


class LiveCall:
    """A call under way. Events come from another thread: ("head", metadata), ("reply", dict), ("end", Seen)."""

    def __init__(self):
        self._events = queue.Queue()
        self._replies, self._times = [], []
        self._seen = None

    def _put_reply(self, reply, at):
        self._events.put(("reply", reply, at))

    def _put_head(self, metadata):
        self._events.put(("head", Metadata(entries_of(metadata)), None))

    def _put_end(self, code, details, initial, trailing):
        self._events.put(("end", Seen(code, details, Metadata(entries_of(initial)), Metadata(entries_of(trailing)),
                                      self._replies, self._times), None))

    def _next(self, within):
        if self._seen:
            return "end", self._seen
        try:
            kind, value, at = self._events.get(timeout=within)
        except queue.Empty:
            raise AssertionError(f"nothing came of the call within {within:g} s") from None
        if kind == "reply":
            self._replies.append(value)
            self._times.append(at)
        if kind == "end":
            self._seen = value
        return kind, value

    def head(self, within=PATIENCE):
        """The initial metadata of a streamed answer, when it comes."""
        kind, value = self._next(within)
        assert kind == "head", f"expected the initial metadata, got {kind}: {value}"
        return value

    def receive(self, within=PATIENCE):
        """The text of the next reply."""
        kind, value = self._next(within)
        while kind == "head":
            kind, value = self._next(within)
        assert kind == "reply", f"expected a reply, got {kind}: {value}"
        return value["text"]

    def finish(self, within=3 * PATIENCE):
        """Everything up to the end."""
        while not self._seen:
            self._next(within)
        return self._seen

    def over(self):
        """True when nothing more will come; what came meanwhile is kept for finish()."""
        while not self._seen and not self._events.empty():
            self._next(0)
        return self._seen is not None


class Caller:
    def call(self, method, *texts, script=None, deadline=None, metadata=None, within=3 * PATIENCE):
        """One call with all its messages, to its end."""
        live = self.start(method, deadline, metadata)
        for text in texts or ("",):
            live.send(text, script)
            script = None
        live.done()
        return live.finish(within)


class CppCaller(Caller):
    """tests/grpc_peers/echo_client.cc: one channel to a port of 127.0.0.1."""

    def __init__(self, port, authority=None):
        arguments = [peer_binary("echo_client"), f"127.0.0.1:{port}"] + ([authority] if authority else [])
        self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._calls = {}
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def start(self, method, deadline=None, metadata=None):
        name = str(len(self._calls))
        live = self._calls[name] = CppLiveCall(self, name)
        self.command(name, start={"method": method, "deadline_ms": round(deadline * 1000) if deadline else 0,
                                  "metadata": metadata or {}})
        return live

    def command(self, name, **what):
        self._process.stdin.write(json.dumps({"call": name, **what}) + "\n")
        self._process.stdin.flush()

    def stop(self):
        self._process.stdin.close()
        try:
            status = self._process.wait(PATIENCE)
        finally:
            self._process.kill()
        self._reading.join(PATIENCE)
        self._process.stdout.close()
        assert status == 0, f"the C++ client ended with {status}"

    def _read(self):
        for line in self._process.stdout:
            event = json.loads(line)
            live = self._calls[event["call"]]
            if "head" in event:
                live._put_head(event["head"]["metadata"])
            elif "reply" in event:
                live._put_reply(event["reply"], event["at"])
            else:
                end = event["end"]
                live._put_end(end["code"], end["message"], end["initial"], end["trailing"])


class CppLiveCall(LiveCall):
    def __init__(self, caller, name):
        super().__init__()
        self._caller, self._name = caller, name

    def send(self, text, script=None):
        self._caller.command(self._name, send={"text": text, **({"script": script} if script else {})})

    def done(self):
        self._caller.command(self._name, half_close=True)

    def cancel(self):
        self._caller.command(self._name, cancel=True)


class PythonCaller(Caller):
    """The same with grpcio."""

    def __init__(self, port, authority=None):
        options = OPTIONS + ([("grpc.default_authority", authority)] if authority else [])
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)

    def start(self, method, deadline=None, metadata=None):
        stub = getattr(self._channel, KINDS[method])(f"/{SERVICE}/{method}", request_serializer=Request.SerializeToString,
                                                     response_deserializer=Reply.FromString)
        return PythonLiveCall(stub, KINDS[method], deadline, metadata)

    def stop(self):
        self._channel.close()


class PythonLiveCall(LiveCall):
    def __init__(self, stub, kind, deadline, metadata):
        super().__init__()
        self._stub, self._kind = stub, kind
        self._with = {"timeout": deadline, "metadata": list((metadata or {}).items())}
        self._outbox = queue.SimpleQueue()
        self._rpc = None
        self._begun = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def send(self, text, script=None):
        self._outbox.put(json_format.ParseDict({"text": text, **({"script": script} if script else {})}, Request()))

    def done(self):
        self._outbox.put(None)

    def cancel(self):
        assert self._begun.wait(PATIENCE), "the call has not begun"
        self._rpc.cancel()

    def _run(self):
        requests = iter(self._outbox.get, None)
        argument = requests if self._kind.startswith("stream") else next(requests)
        streamed = self._kind.endswith("stream")
        self._rpc = self._stub(argument, **self._with) if streamed else self._stub.future(argument, **self._with)
        self._begun.set()
        try:
            if streamed:
                self._put_head(self._rpc.initial_metadata())
                for reply in self._rpc:
                    self._put_reply(as_dict(reply), time.monotonic())
            else:
                self._put_reply(as_dict(self._rpc.result()), time.monotonic())
        except (grpc.RpcError, grpc.FutureCancelledError):
            pass
        self._outbox.put(None)  # ends the thread that grpcio reads it with
        self._put_end(self._rpc.code().name, self._rpc.details(), self._rpc.initial_metadata(),
                      self._rpc.trailing_metadata())


SERVERS = {"cpp": CppServer, "python": PythonServer}
CALLERS = {"cpp": CppCaller, "python": PythonCaller}
