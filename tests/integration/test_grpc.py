"""gRPC through naru, with C++ and Python on both sides, and by hand-written frames where no library would do."""

import json

import grpc
import pytest

from support.grpc_frames import HEAD, FrameClient, FrameServer, framed, trailers_only
from support.grpc_peers import CALLERS, KINDS, OPTIONS, SERVERS, SERVICE
from support.naru import free_port
from support.upstream import refused_address
from support.waiting import PATIENCE, Stopwatch, eventually

LANGUAGES = ["cpp", "python"]
both_servers = pytest.mark.parametrize("server_language", LANGUAGES)
both_callers = pytest.mark.parametrize("caller_language", LANGUAGES)

PLENTY = {"ratio": "100%", "floor": "1000/s"}  # where the budget is not what a test is about
RETRY = {"budget": PLENTY, "backoff": {"base": "1ms", "max": "2ms"}}
UNARY = f"/{SERVICE}/Unary"

CODES = {name: code.value[0] for name, code in grpc.StatusCode.__members__.items()}
NOT_YET = {"fail_code": CODES["UNAVAILABLE"], "fail_message": "not yet", "fail_times": 1}


def idempotent(*methods):
    return [{"grpc": f"{SERVICE}/{method}", "name": method, "retry": {"idempotent": True}} for method in methods]


@pytest.fixture
def peers(request):
    """Starts gRPC peers, and ends them after the test: peers(kind, ...)."""

    def start(kind, *arguments):
        peer = kind(*arguments)
        request.addfinalizer(lambda: peer.stop())
        return peer

    return start


@pytest.fixture
def server(peers):
    return lambda language="cpp", script=None: peers(SERVERS[language], script)


@pytest.fixture
def frames(peers):
    """A service whose frames the test writes."""
    return lambda answer: peers(FrameServer, answer)


@pytest.fixture
def echo(peers, server, start_naru):
    """naru between a caller and the service `courses`: (naru, server, caller) of echo(policy...)."""

    def start(server_language="cpp", caller_language="python", script=None, **policy):
        service = server(server_language, script)
        naru = start_naru({"courses": {"squad": "learning", "endpoints": [service.address], "retry": RETRY, **policy}})
        return naru, service, peers(CALLERS[caller_language], naru.port, "courses")

    return start


def counted(naru):
    """{(outcome, code): how many calls}"""
    return {(sample.labels["outcome"], sample.labels["code"]): sample.value
            for sample in naru.samples() if sample.name == "naru_calls_total" and sample.value}


def counts(naru, expected):
    """A call may be counted a moment after the application has its end."""
    try:
        eventually(lambda: counted(naru) == expected, "the calls are counted")
    except AssertionError:
        assert counted(naru) == expected


def counts_metric(naru, value, name, **labels):
    eventually(lambda: naru.metric(name, **labels) == value,
               f"{name}{labels} is {value}, not {naru.metric(name, **labels):g}")


# Carrying


def carries_every_kind(caller):
    seen = caller.call("Unary", "one")
    assert (seen.code, seen.texts) == ("OK", ["one"])
    seen = caller.call("ServerStream", "many", script={"replies": 5})
    assert (seen.code, seen.texts) == ("OK", ["many"] * 5)
    seen = caller.call("ClientStream", "a", "b", "c")
    assert (seen.code, seen.texts) == ("OK", ["a b c"])
    seen = caller.call("BidiStream", "x", "y", "z")
    assert (seen.code, seen.texts) == ("OK", ["x", "y", "z"])
    seen = caller.call("ServerStream", "none")
    assert (seen.code, seen.texts) == ("OK", []), "a stream may be empty"


@both_servers
@both_callers
def test_the_peers_understand_each_other_without_naru(peers, server, server_language, caller_language):
    carries_every_kind(peers(CALLERS[caller_language], server(server_language).port))


@both_servers
@both_callers
def test_every_kind_of_call_is_carried(echo, server_language, caller_language):
    naru, service, caller = echo(server_language, caller_language)
    carries_every_kind(caller)
    assert [call.method for call in service.calls] == ["Unary", "ServerStream", "ClientStream", "BidiStream", "ServerStream"]
    counts(naru, {("ok", "OK"): 5})


@both_callers
def test_a_service_is_reached_by_its_own_port_and_without_its_name(peers, server, start_naru, caller_language):
    service, port = server(), free_port()
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [service.address], "port": port}})
    assert peers(CALLERS[caller_language], port).call("Unary", "hello").texts == ["hello"]
    assert service.call.authority == "courses", "upstream is told the service's name"
    counts(naru, {("ok", "OK"): 1})


@both_servers
@both_callers
def test_large_messages_pass_both_ways(echo, server_language, caller_language):
    _, _, caller = echo(server_language, caller_language)
    text = "0123456789abcdef" * (3 * 65536)  # 3 MiB, many times every window
    seen = caller.call("Unary", text, script={"reply_bytes": 3 * 1024 * 1024})
    assert (seen.code, seen.texts == [text], len(seen.replies[0]["padding"])) == ("OK", True, 3 * 1024 * 1024)


@both_servers
@both_callers
def test_metadata_and_status_pass_untouched(echo, server_language, caller_language):
    naru, service, caller = echo(server_language, caller_language)
    seen = caller.call("Unary", "x", metadata={"x-tenant": "blue", "traceparent": "00-1-2-03"}, script={
        "initial": {"x-served-by": "me"}, "trailing": {"x-cost": "7"}, "fail_code": CODES["NOT_FOUND"],
        "fail_message": "kein Kurs „Übung“, 100% sicher\n"})
    assert (seen.code, seen.details) == ("NOT_FOUND", "kein Kurs „Übung“, 100% sicher\n")
    assert seen.initial.get("x-served-by") == "me"
    assert seen.trailing.get("x-cost") == "7"
    assert service.call.metadata.get("x-tenant") == "blue"
    assert service.call.metadata.get("traceparent") == "00-1-2-03"
    assert service.call.metadata.get("x-naru-caller") == "video/video-api"
    assert service.call.metadata.get("x-naru-attempt") is None
    assert service.call.metadata.get("x-request-id")


def test_what_the_application_says_of_itself_is_replaced(echo):
    naru, service, caller = echo()
    caller.call("Unary", "x", metadata={"x-naru-caller": "evil/impostor"})
    assert service.call.metadata.all("x-naru-caller") == ["video/video-api"]


def test_binary_metadata_passes_both_ways(start_naru, peers, server):
    every_byte = bytes(range(256))
    service = server("python")
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [service.address]}})
    peers(CALLERS["python"], naru.port, "courses").call("Unary", "x", metadata={"x-raw-bin": every_byte})
    assert service.call.metadata.get("x-raw-bin") == every_byte


@both_callers
def test_the_calls_of_one_channel_spread_over_the_endpoints_and_are_counted_singly(peers, server, start_naru,
                                                                                  caller_language):
    services = [server("cpp"), server("python"), server("cpp")]
    naru = start_naru({"courses": {"squad": "learning", "balance": "round-robin", "retry": RETRY,
                                   "endpoints": [service.address for service in services]}})
    caller = peers(CALLERS[caller_language], naru.port, "courses")
    for number in range(30):
        assert caller.call("Unary", str(number)).code == "OK"
    assert [len(service.calls) for service in services] == [10, 10, 10]
    counts(naru, {("ok", "OK"): 30})
    counts_metric(naru, 30, "naru_call_duration_seconds_count", outcome="ok")
    counts_metric(naru, 1, "naru_connections", side="downstream")


def test_calls_at_once_on_one_channel_do_not_wait_for_each_other(echo):
    naru, service, caller = echo(timeout="1m", try_timeout="1m")
    held = [caller.start("Unary") for _ in range(20)]
    for number, live in enumerate(held):
        live.send(str(number), {"gate": "open"})
        live.done()
    service.wait_for_calls(20)
    assert caller.call("Unary", "overtakes").texts == ["overtakes"]
    service.open("open")
    assert [live.finish().texts for live in held] == [[str(number)] for number in range(20)]


# Streams


@both_servers
@both_callers
def test_a_ping_pong_of_50_messages_goes_in_lock_step(echo, server_language, caller_language):
    naru, service, caller = echo(server_language, caller_language)
    live = caller.start("BidiStream")
    for number in range(50):
        live.send(str(number))
        assert live.receive() == str(number)
    live.done()
    assert live.finish().code == "OK"
    counts(naru, {("ok", "OK"): 1})


@both_servers
@both_callers
def test_a_message_arrives_while_the_service_holds_the_next_one_back(echo, server_language, caller_language):
    naru, service, caller = echo(server_language, caller_language)
    live = caller.start("ServerStream")
    live.send("piece", {"replies": 3, "gate": "next", "gate_before": 1})
    live.done()
    assert live.receive() == "piece"
    assert not live.over() and not service.call.ended.is_set()
    service.open("next")
    seen = live.finish()
    assert (seen.code, seen.texts) == ("OK", ["piece"] * 3)


@both_servers
@both_callers
def test_initial_metadata_arrives_before_the_first_message(echo, server_language, caller_language):
    naru, service, caller = echo(server_language, caller_language)
    live = caller.start("ServerStream")
    live.send("x", {"replies": 1, "gate": "first", "head_first": True, "initial": {"x-early": "yes"}})
    live.done()
    assert live.head().get("x-early") == "yes"
    assert not live.over()
    service.open("first")
    assert live.finish().texts == ["x"]


@both_callers
def test_a_stream_may_end_before_the_application_has_sent_everything(echo, caller_language):
    naru, service, caller = echo("cpp", caller_language)
    live = caller.start("BidiStream")
    live.send("one", {"fail_code": CODES["FAILED_PRECONDITION"], "fail_message": "enough", "replies": 1})
    assert live.receive() == "one"
    live.send("two")
    seen = live.finish()
    assert (seen.code, seen.details) == ("FAILED_PRECONDITION", "enough")
    counts(naru, {("client_error", "FAILED_PRECONDITION"): 1})


@both_servers
@both_callers
def test_a_stream_silent_for_longer_than_timeout_lives(echo, server_language, caller_language):
    naru, service, caller = echo(server_language, caller_language, timeout="2s", try_timeout="2s", idle_timeout="1m")
    live = caller.start("BidiStream")
    live.send("before")
    assert live.receive() == "before"
    silence = Stopwatch()
    eventually(lambda: silence.seconds > 3, "half as much again as the timeout has passed")
    assert not live.over()
    live.send("after")
    assert live.receive() == "after"
    live.done()
    assert live.finish().code == "OK"


def test_a_stream_silent_for_longer_than_idle_timeout_ends(echo):
    naru, service, caller = echo(timeout="10s", idle_timeout="1s")
    live = caller.start("BidiStream")
    live.send("x")
    assert live.receive() == "x"
    assert live.finish().code != "OK"
    assert service.call.ended.wait(PATIENCE), "the service is told"


def test_a_stream_that_has_begun_gives_its_place_in_limits_back(echo):
    naru, service, caller = echo(limits={"concurrent": 1, "queue": 0})
    streams = []
    for _ in range(3):
        streams.append(caller.start("BidiStream"))
        streams[-1].send("x")
        assert streams[-1].receive() == "x"
    for live in streams:
        live.done()
        assert live.finish().code == "OK"


@both_servers
@both_callers
def test_a_call_that_the_application_cancels_is_cancelled_at_the_service(echo, server_language, caller_language):
    naru, service, caller = echo(server_language, caller_language)
    live = caller.start("Unary")
    live.send("x", {"gate": "never"})
    live.done()
    service.wait_for_calls(1)
    live.cancel()
    assert live.finish().code == "CANCELLED"
    assert service.call.ended.wait(PATIENCE) and service.call.cancelled
    counts(naru, {("cancelled", "CANCELLED"): 1})
    assert caller.call("Unary", "y").code == "OK", "the channel lives on"


def test_a_service_that_dies_inside_a_stream_ends_it_with_an_error(echo):
    naru, service, caller = echo()
    live = caller.start("ServerStream")
    live.send("x", {"replies": 2, "gate": "never", "gate_before": 1})
    live.done()
    assert live.receive() == "x"
    service.kill()
    seen = live.finish()
    assert (seen.code, seen.texts) == ("UNAVAILABLE", ["x"])
    counts_metric(naru, 1, "naru_calls_total", outcome="truncated")


# Deadlines


@both_servers
@both_callers
def test_the_applications_deadline_reaches_the_service_and_ends_the_call(echo, server_language, caller_language):
    naru, service, caller = echo(server_language, caller_language, timeout="1m", try_timeout="1m")
    watch = Stopwatch()
    seen = caller.call("Unary", "x", script={"gate": "never"}, deadline=2)
    assert seen.code == "DEADLINE_EXCEEDED"
    assert watch.seconds < PATIENCE
    assert 0 < service.call.remaining_ms <= 2000
    assert service.call.ended.wait(PATIENCE) and service.call.cancelled


@both_servers
def test_the_service_is_told_the_applications_deadline_and_no_other(echo, server_language):
    """The configured timeout bounds how long an answer takes to begin; as grpc-timeout it would end a stream."""
    naru, service, caller = echo(server_language, timeout="7s")
    assert caller.call("Unary", "x").code == "OK"
    assert service.call.remaining_ms < 0


@pytest.mark.parametrize("sent, seconds", [("1H", 3600), ("2M", 120), ("30S", 30), ("5000m", 5), ("9000000u", 9),
                                           ("99999999n", 0.1), ("00000030S", 30)])
def test_grpc_timeout_is_read_in_every_unit(echo, sent, seconds):
    naru, service, _ = echo(timeout="2h", try_timeout="off")

    def is_told_in_time():
        """As a busy machine may not manage in the tenth of a second that is the most in nanoseconds."""
        status = client.call(UNARY, ("grpc-timeout", sent)).status
        assert status in (0, CODES["DEADLINE_EXCEEDED"])
        return status == 0 and seconds / 2 < service.calls[-1].remaining_ms / 1000

    with FrameClient(naru.port) as client:
        eventually(is_told_in_time, f"the service is told {sent}")
    assert all(0 < call.remaining_ms / 1000 < seconds * 1.05 for call in service.calls)  # gRPC rounds up


@pytest.mark.parametrize("sent, seconds", [("1S", 1), ("900m", 0.9), ("900000u", 0.9), ("99999999n", 0.1)])
def test_grpc_timeout_is_kept_where_the_service_does_not(frames, start_naru, sent, seconds):
    silent = frames(lambda *_: None)
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [silent.address], "timeout": "1m",
                                   "try_timeout": "1m"}})
    with FrameClient(naru.port) as client:
        for calls in range(1, 6):
            watch = Stopwatch()
            answer = client.call(UNARY, ("grpc-timeout", sent))
            assert (answer.status, answer.get("x-naru-outcome")) == (CODES["DEADLINE_EXCEEDED"], "timeout")
            assert seconds * 0.9 < watch.seconds < seconds + PATIENCE / 2
            if silent.requests:  # on a busy machine so short a time may be over before the service has the call
                break
    eventually(lambda: silent.requests and silent.requests[-1].reset is not None, "the service is told to stop")
    counts(naru, {("timeout", "DEADLINE_EXCEEDED"): calls})


def test_grpc_timeout_covers_a_stream_that_has_begun(frames, start_naru):
    """Unlike the configured timeout, which then bounds nothing but silence."""

    def begins(peer, stream, _):
        peer.send(stream, HEAD)
        peer.send_data(stream, framed(b"first"))

    slow = frames(begins)
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [slow.address]}})
    with FrameClient(naru.port) as client:
        answer = client.call(UNARY, ("grpc-timeout", "2S"))
    assert answer.body == framed(b"first")
    assert answer.status in (None, CODES["DEADLINE_EXCEEDED"])
    assert answer.reset is not None or answer.status is not None, "never ended as if complete"
    eventually(lambda: slow.requests[0].reset is not None, "the service is told to stop")


@pytest.mark.parametrize("sent", ["100000000n", "5", "S", "1X", "-1S", "1.5S", "1 S", "+1S", "1s", "0x1S", "5S5S", "٣S"])
def test_a_malformed_grpc_timeout_is_refused(echo, sent):
    naru, service, _ = echo()
    with FrameClient(naru.port) as client:
        answer = client.call(UNARY, ("grpc-timeout", sent.encode()))
        assert (answer.status, answer.get("x-naru-outcome")) == (CODES["INTERNAL"], "bad_request")
        assert "grpc-timeout" in answer.get("grpc-message")
        assert client.call(UNARY).status == 0, "the connection lives on"
    assert len(service.calls) == 1
    counts(naru, {("bad_request", "INTERNAL"): 1, ("ok", "OK"): 1})


# Outcomes


OUTCOMES = [("OK", "ok"), ("INVALID_ARGUMENT", "client_error"), ("NOT_FOUND", "client_error"),
            ("ALREADY_EXISTS", "client_error"), ("PERMISSION_DENIED", "client_error"),
            ("UNAUTHENTICATED", "client_error"), ("FAILED_PRECONDITION", "client_error"),
            ("OUT_OF_RANGE", "client_error"), ("UNKNOWN", "server_error"), ("INTERNAL", "server_error"),
            ("UNAVAILABLE", "server_error"), ("DATA_LOSS", "server_error")]


@pytest.mark.parametrize("code, outcome", OUTCOMES)
@pytest.mark.parametrize("ending", ["trailers_only", "trailers"])
def test_outcome_and_code_come_from_grpc_status_wherever_it_stands(echo, code, outcome, ending):
    naru, service, caller = echo()
    seen = caller.call("Unary", "x", script={"fail_code": CODES[code], "head_first": ending == "trailers"})
    assert seen.code == code
    counts(naru, {(outcome, code): 1})
    counts_metric(naru, 1, "naru_attempts_total", outcome=outcome)


def test_the_status_after_messages_counts(echo):
    naru, service, caller = echo()
    seen = caller.call("ServerStream", "x", script={"replies": 3, "fail_code": CODES["INTERNAL"]})
    assert (seen.code, seen.texts) == ("INTERNAL", ["x"] * 3)
    counts(naru, {("server_error", "INTERNAL"): 1})


def test_an_answer_in_trailers_only_stays_one(frames, start_naru):
    service = frames(trailers_only(CODES["NOT_FOUND"], "no such course", ("x-more", "yes")))
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [service.address]}})
    with FrameClient(naru.port) as client:
        answer = client.call(UNARY)
    assert answer.trailers_only
    assert (answer.status, answer.get("grpc-message"), answer.get("x-more")) == (5, "no such course", "yes")


def test_an_unknown_status_number_is_no_label(frames, start_naru):
    service = frames(trailers_only(4711, "what is that"))
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [service.address]}})
    with FrameClient(naru.port) as client:
        assert client.call(UNARY).status == 4711
    counts(naru, {("server_error", "UNKNOWN"): 1})


# naru's own errors


def only_error(naru, caller, code, outcome, says):
    """A call that naru answers itself: as a gRPC status, in words, and in no other form."""
    seen = caller.call("Unary", "x")
    assert (seen.code, seen.trailing.get("x-naru-outcome"), seen.replies) == (code, outcome, [])
    assert says in seen.details
    counts_metric(naru, 1, "naru_calls_total", outcome=outcome, code=code)


@both_callers
def test_an_unknown_service_is_unavailable(peers, server, start_naru, caller_language):
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [server().address]}})
    only_error(naru, peers(CALLERS[caller_language], naru.port, "corses"), "UNAVAILABLE", "unknown_service",
               "no service is called")


@both_callers
def test_a_full_limit_is_resource_exhausted(echo, caller_language):
    naru, service, caller = echo("cpp", caller_language, limits={"concurrent": 1, "queue": 0})
    held = caller.start("Unary")
    held.send("held", {"gate": "open"})
    held.done()
    service.wait_for_calls(1)
    only_error(naru, caller, "RESOURCE_EXHAUSTED", "limit", "in flight")
    service.open("open")
    assert held.finish().texts == ["held"]


@both_callers
def test_a_timeout_is_deadline_exceeded(echo, caller_language):
    naru, service, caller = echo("cpp", caller_language, {"gate": "never"}, timeout="1s", try_timeout="1s")
    only_error(naru, caller, "DEADLINE_EXCEEDED", "timeout", "no answer had begun after")


@both_callers
def test_a_connect_error_is_unavailable(peers, start_naru, caller_language):
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [refused_address(), refused_address()]}})
    only_error(naru, peers(CALLERS[caller_language], naru.port, "courses"), "UNAVAILABLE", "connect_error",
               "2 attempts failed within")


def test_a_service_that_hangs_up_is_unavailable(frames, start_naru, peers):
    service = frames(lambda peer, *_: peer.close())
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [service.address]}})
    only_error(naru, peers(CALLERS["cpp"], naru.port, "courses"), "UNAVAILABLE", "reset", "attempt")


def test_naru_answers_in_trailers_only(start_naru):
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [refused_address()]}})
    with FrameClient(naru.port) as client:
        answer = client.call(UNARY)
        assert answer.trailers_only
        assert (answer.get(":status"), answer.get("content-type")) == ("200", "application/grpc")
        assert answer.status == CODES["UNAVAILABLE"]
        assert "error=connection_refused" in answer.get("proxy-status")


# Retries


@both_servers
@both_callers
@pytest.mark.parametrize("ending", ["trailers_only", "trailers"])
def test_unavailable_without_a_message_is_repeated_on_an_idempotent_route(echo, server_language, caller_language, ending):
    naru, service, caller = echo(server_language, caller_language, routes=idempotent("Unary"))
    seen = caller.call("Unary", "x", script={**NOT_YET, "head_first": ending == "trailers"})
    assert (seen.code, seen.texts) == ("OK", ["x"])
    first, second = service.calls
    assert (first.metadata.get("grpc-previous-rpc-attempts"), first.metadata.get("x-naru-attempt")) == (None, None)
    assert (second.metadata.get("grpc-previous-rpc-attempts"), second.metadata.get("x-naru-attempt")) == ("1", "2")
    counts(naru, {("ok", "OK"): 1})
    counts_metric(naru, 1, "naru_retries_total", reason="unavailable")
    counts_metric(naru, 1, "naru_attempts_total", outcome="server_error")
    counts_metric(naru, 1, "naru_attempts_total", outcome="ok")
    counts_metric(naru, 1, "naru_calls_total", route="Unary")


@pytest.mark.parametrize("ending", ["trailers_only", "trailers"])
def test_unavailable_is_not_repeated_where_nobody_vouches_for_it(echo, ending):
    naru, service, caller = echo()
    seen = caller.call("Unary", "x", script={**NOT_YET, "head_first": ending == "trailers"})
    assert (seen.code, seen.details) == ("UNAVAILABLE", "not yet")
    assert len(service.calls) == 1
    if ending == "trailers_only":  # else naru had no reason to look
        counts_metric(naru, 1, "naru_retries_suppressed_total", reason="not_idempotent")


def test_other_routes_of_the_service_are_not_repeated(echo):
    naru, service, caller = echo(routes=idempotent("ServerStream"))
    assert caller.call("Unary", "x", script=NOT_YET).code == "UNAVAILABLE"
    assert len(service.calls) == 1


@pytest.mark.parametrize("code", ["INTERNAL", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "ABORTED", "NOT_FOUND"])
def test_other_statuses_are_not_repeated(echo, code):
    naru, service, caller = echo(routes=idempotent("Unary"))
    assert caller.call("Unary", "x", script={**NOT_YET, "fail_code": CODES[code]}).code == code
    assert len(service.calls) == 1


def test_what_is_not_in_on_is_not_repeated(echo):
    naru, service, caller = echo(routes=idempotent("Unary"), retry={**RETRY, "on": ["unsent", "reset"]})
    assert caller.call("Unary", "x", script=NOT_YET).code == "UNAVAILABLE"
    assert len(service.calls) == 1


def test_unavailable_after_a_message_is_not_repeated(echo):
    naru, service, caller = echo(routes=idempotent("ServerStream"))
    seen = caller.call("ServerStream", "x", script={**NOT_YET, "replies": 1})
    assert (seen.code, seen.texts) == ("UNAVAILABLE", ["x"])
    assert len(service.calls) == 1


@both_callers
def test_a_stream_of_requests_that_naru_still_has_is_repeated(echo, caller_language):
    naru, service, caller = echo("cpp", caller_language, routes=idempotent("ClientStream"))
    seen = caller.call("ClientStream", "a", "b", "c", script=NOT_YET)
    assert seen.code == "UNAVAILABLE" or seen.texts == ["a b c"]
    assert (seen.code, seen.texts, len(service.calls)) == ("OK", ["a b c"], 2)


def test_a_message_above_retry_body_is_sent_once(echo):
    naru, service, caller = echo(routes=idempotent("Unary"), retry={**RETRY, "body": "64KiB"})
    assert caller.call("Unary", "z" * 65 * 1024, script=NOT_YET).code == "UNAVAILABLE"
    assert len(service.calls) == 1
    counts_metric(naru, 1, "naru_retries_suppressed_total", reason="body")


@both_servers
@pytest.mark.parametrize("ending", ["trailers_only", "trailers"])
def test_pushback_is_waited_for(echo, server_language, ending):
    naru, service, caller = echo(server_language, routes=idempotent("Unary"))
    seen = caller.call("Unary", "x", script={**NOT_YET, "head_first": ending == "trailers",
                                             "trailing": {"grpc-retry-pushback-ms": "400"}})
    assert seen.code == "OK"
    first, second = service.calls
    assert 0.39 < second.at - first.at < 5


def test_a_pushback_of_0_is_instead_of_backoff(echo):
    naru, service, caller = echo(routes=idempotent("Unary"),
                                 retry={"budget": PLENTY, "backoff": {"base": "10s", "max": "10s"}}, timeout="1m",
                                 try_timeout="1m")
    for number in range(12):  # backoff is random up to 10 s: it would be short twelve times in a row once in a million
        seen = caller.call("Unary", str(number), script={**NOT_YET, "trailing": {"grpc-retry-pushback-ms": "0"}})
        assert seen.code == "OK"
    waits = [second.at - first.at for first, second in zip(service.calls[::2], service.calls[1::2])]
    assert len(waits) == 12 and max(waits) < 3


@pytest.mark.parametrize("pushback", ["-1", "-2147483648", "soon", "1.5", ""])
@pytest.mark.parametrize("ending", ["trailers_only", "trailers"])
def test_a_pushback_that_is_negative_or_malformed_forbids_a_retry(echo, pushback, ending):
    naru, service, caller = echo(routes=idempotent("Unary"))
    seen = caller.call("Unary", "x", script={**NOT_YET, "head_first": ending == "trailers",
                                             "trailing": {"grpc-retry-pushback-ms": pushback}})
    assert seen.code == "UNAVAILABLE"
    assert len(service.calls) == 1


def test_a_pushback_beyond_the_deadline_is_not_waited_for(echo):
    naru, service, caller = echo(routes=idempotent("Unary"))
    watch = Stopwatch()
    seen = caller.call("Unary", "x", script={**NOT_YET, "trailing": {"grpc-retry-pushback-ms": "60000"}}, deadline=20)
    assert (seen.code, seen.details, len(service.calls)) == ("UNAVAILABLE", "not yet", 1)
    assert watch.seconds < 0.4 * PATIENCE
    counts_metric(naru, 1, "naru_retries_suppressed_total", reason="deadline")


def test_when_attempts_run_out_the_last_answer_is_the_services(echo):
    naru, service, caller = echo(routes=idempotent("Unary"), retry={**RETRY, "attempts": 3}, breaker="off")
    seen = caller.call("Unary", "x", script={**NOT_YET, "fail_times": 0})
    assert (seen.code, seen.details) == ("UNAVAILABLE", "not yet")
    assert [call.metadata.get("grpc-previous-rpc-attempts") for call in service.calls] == [None, "1", "2"]


def test_retries_do_not_multiply_along_a_chain(echo):
    naru, service, caller = echo(routes=idempotent("Unary"))
    seen = caller.call("Unary", "x", script=NOT_YET, metadata={"x-naru-attempt": "2"})
    assert (seen.code, len(service.calls)) == ("UNAVAILABLE", 1)
    counts_metric(naru, 1, "naru_retries_suppressed_total", reason="upstream_retrying")


REFUSED_STREAM = 7


def refuse_first(times):
    """An answer that refuses so many streams and answers the next."""
    left = [times]

    def answer(peer, stream, _):
        if left[0] > 0:
            left[0] -= 1
            peer.reset(stream, REFUSED_STREAM)
        else:
            peer.send(stream, HEAD)
            peer.send_data(stream, framed(b"done"))
            peer.send(stream, [("grpc-status", "0")], end=True)

    return answer


def test_a_refused_stream_is_tried_again_whatever_the_method_and_the_budget(frames, start_naru):
    service = frames(refuse_first(1))
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [service.address],
                                   "retry": {"budget": {"ratio": "0%", "floor": "0/s"}}}})
    with FrameClient(naru.port) as client:
        answer = client.call(UNARY, message=b"please")
    assert (answer.status, answer.body) == (0, framed(b"done"))
    assert len(service.requests) == 2
    assert service.requests[1].get("grpc-previous-rpc-attempts") is None, "it was no attempt: nobody saw it"


def test_a_stream_that_is_always_refused_is_unavailable(frames, start_naru):
    service = frames(refuse_first(1000))
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [service.address], "retry": RETRY}})
    with FrameClient(naru.port) as client:
        answer = client.call(UNARY)
    assert answer.status == CODES["UNAVAILABLE"]
    assert 2 <= len(service.requests) <= 4


# Breaker and ejection


@pytest.mark.parametrize("ending", ["trailers_only", "trailers"])
def test_a_breaker_opens_from_failed_statuses(echo, ending):
    script = {"fail_code": CODES["INTERNAL"], "head_first": ending == "trailers"}
    naru, service, caller = echo(script=script, ejection="off",
                                 breaker={"failure_rate": "50%", "min_calls": 4, "open_for": "1m"})
    for _ in range(4):
        assert caller.call("Unary", "x").code == "INTERNAL"
    counts_metric(naru, 2, "naru_breaker_state", callee_service="courses")
    seen = caller.call("Unary", "x")
    assert (seen.code, seen.trailing.get("x-naru-outcome")) == ("UNAVAILABLE", "breaker_open")
    assert "too many of the last calls to it failed" in seen.details
    assert len(service.calls) == 4


@pytest.mark.parametrize("code", ["NOT_FOUND", "INVALID_ARGUMENT", "PERMISSION_DENIED"])
def test_an_applications_mistakes_do_not_open_a_breaker(echo, code):
    naru, service, caller = echo(script={"fail_code": CODES[code]}, breaker={"failure_rate": "50%", "min_calls": 4})
    for _ in range(20):
        assert caller.call("Unary", "x").code == code
    assert len(service.calls) == 20


@pytest.mark.parametrize("ending", ["trailers_only", "trailers"])
def test_an_endpoint_that_fails_is_ejected(peers, server, start_naru, ending):
    bad = server("cpp", {"fail_code": CODES["INTERNAL"], "head_first": ending == "trailers"})
    good = server("python")
    naru = start_naru({"courses": {
        "squad": "learning", "endpoints": [bad.address, good.address], "balance": "round-robin", "breaker": "off",
        "ejection": {"consecutive": 3, "base": "1m", "max": "1m", "keep": "50%"}}})
    caller = peers(CALLERS["python"], naru.port, "courses")
    codes = [caller.call("Unary", "x").code for _ in range(30)]
    # A call or two may have begun before the end of the third was noted.
    assert 3 <= codes.count("INTERNAL") <= 5 and codes[-10:] == ["OK"] * 10
    counts_metric(naru, 1, "naru_endpoints", state="ejected")
    assert len(bad.calls) == codes.count("INTERNAL")


# The admin port


SERVING, SERVICE_UNKNOWN = b"\x08\x01", b"\x08\x03"


@pytest.fixture
def health(start_naru, server, request):
    """naru and the methods of grpc.health.v1.Health at its admin port, on serialized messages."""
    naru = start_naru({"courses": {"squad": "learning", "endpoints": [server().address]}})
    channel = grpc.insecure_channel(f"127.0.0.1:{naru.admin_port}", OPTIONS)
    request.addfinalizer(channel.close)
    return naru, channel.unary_unary("/grpc.health.v1.Health/Check"), channel.unary_stream("/grpc.health.v1.Health/Watch")


def asking_for(service):
    return b"\x0a" + bytes([len(service)]) + service.encode() if service else b""


def test_the_admin_port_answers_health_checks(health):
    _, check, _ = health
    assert check(asking_for(""), timeout=PATIENCE) == SERVING


def test_a_health_check_of_an_unknown_service_is_not_found(health):
    _, check, _ = health
    with pytest.raises(grpc.RpcError) as raised:
        check(asking_for("nobody"), timeout=PATIENCE)
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("service, first", [("", SERVING), ("nobody", SERVICE_UNKNOWN)])
def test_health_is_watched(health, service, first):
    _, _, watch = health
    watching = watch(asking_for(service), timeout=3 * PATIENCE)
    assert next(watching) == first
    assert watching.is_active(), "the stream stays open"
    watching.cancel()


def test_the_admin_port_still_speaks_http_1(health):
    naru, check, _ = health
    assert check(asking_for(""), timeout=PATIENCE) == SERVING
    assert naru.admin_json("/services")


def test_other_methods_at_the_admin_port_are_unimplemented(health):
    naru, _, _ = health
    with grpc.insecure_channel(f"127.0.0.1:{naru.admin_port}", OPTIONS) as channel:
        with pytest.raises(grpc.RpcError) as raised:
            channel.unary_unary("/naru.test.Echo/Unary")(b"", timeout=PATIENCE)
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED


# What naru keeps of it


def test_a_failed_call_is_logged_and_remembered_with_its_status(echo):
    naru, service, caller = echo()
    caller.call("Unary", "x", script={"fail_code": CODES["INTERNAL"]}, metadata={"x-request-id": "remembered-1"})

    def about_it():
        return [line for line in naru.log().splitlines() if "remembered-1" in line and line.endswith("}")]

    line = eventually(about_it, "a line about it")[0]
    assert json.loads(line)["outcome"] == "server_error"
    eventually(lambda: "remembered-1" in json.dumps(naru.admin_json("/calls/recent?outcome=server_error")),
               "the call is remembered")


def test_nothing_is_left_after_many_calls(echo):
    naru, service, caller = echo()
    for _ in range(10):
        carries_every_kind(caller)
    eventually(lambda: naru.metric("naru_in_flight") == 0 and naru.metric("naru_queued") == 0, "all permits returned")
    counts(naru, {("ok", "OK"): 50})
    assert set(KINDS) == {call.method for call in service.calls}
