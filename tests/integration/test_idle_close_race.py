"""The HTTP/1 idle-close race: a service closes after 200 ms of silence while calls arrive every 200 ms.

Envoy issue 47468 and its reproducer. A hundred pairs of caller and service run side by side, so that 10,000 calls
take twenty seconds. No GET may fail; no POST may be executed twice.
"""

import asyncio
import collections
import random

import pytest

PAIRS = 100
CALLS_EACH = 100
SILENCE = 0.2
JITTER = 0.006  # around the close, where the race is


class ClosingService:
    """Answers POST and GET with 200 and closes a connection on which nothing came for 200 ms."""

    def __init__(self):
        self.executed = collections.Counter()
        self.connections = 0

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return "127.0.0.1:%d" % self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while True:
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SILENCE)
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
                await reader.readexactly(int(fields.get(b"content-length", b"0")))
                self.executed[fields[b"x-request-id"]] += 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except (TimeoutError, asyncio.TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            writer.transport.abort() if writer.transport.is_closing() else writer.close()


async def caller(port, name, method, randomness, outcomes):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    loop = asyncio.get_running_loop()
    body = b"" if method == "GET" else b"pay"
    await asyncio.sleep(randomness.uniform(0, SILENCE))
    for number in range(CALLS_EACH):
        writer.write(f"{method} /x HTTP/1.1\r\nHost: {name}\r\nx-request-id: {name}-{number}\r\n"
                     f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        await reader.readexactly(int(fields[b"content-length"]))
        outcomes[head.split(b" ")[1].decode(), fields.get(b"x-naru-outcome", b"").decode()] += 1
        # The service counts its silence from the answer that it sent; so does the caller, as closely as it can.
        wake = loop.time() + SILENCE + randomness.uniform(-JITTER, JITTER)
        await asyncio.sleep(wake - loop.time())
    writer.close()


@pytest.mark.limit(240)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_ten_thousand_calls_in_the_idle_close_race(start_naru, method):
    seed = 20240607
    print("seed", seed)

    async def run():
        services = [ClosingService() for _ in range(PAIRS)]
        addresses = [await service.start() for service in services]
        # In a thread, because starting naru polls.
        naru = await asyncio.to_thread(start_naru, {
            f"service-{number}": {"squad": "learning", "endpoints": [address]} for number, address in enumerate(addresses)})
        outcomes = collections.Counter()
        await asyncio.gather(*[
            caller(naru.port, f"service-{number}", method, random.Random(seed + number), outcomes)
            for number in range(PAIRS)])
        for service in services:
            service.server.close()
        return services, outcomes

    services, outcomes = asyncio.run(run())
    executed = sum((service.executed for service in services), collections.Counter())
    connections = sum(service.connections for service in services)
    print(method, dict(outcomes), "connections", connections)
    assert sum(outcomes.values()) == PAIRS * CALLS_EACH
    assert connections > PAIRS, "connections were closed under naru's feet, so the race was run"
    if method == "GET":
        assert outcomes == {("200", ""): PAIRS * CALLS_EACH}
    else:
        assert [one for one, times in executed.items() if times > 1] == [], "a POST was executed twice"
        assert set(outcomes) <= {("200", ""), ("502", "reset")}, "what may have been executed is reported, not repeated"
