"""One port, four protocols, several venues: who is answered, and by whom."""

import asyncio
import io
import socket
import ssl

import aiohttp
import pytest

from alphaforge.errors import VenueUnavailableError
from alphaforge.sandbox.limits import FIRST_BAN_S, PATIENCE
from alphaforge.sandbox.server import LARGEST_BODY, ExchangeServer, listen
from alphaforge.sandbox.tls import certificates
from tests.sandbox.server.conftest import PATIENCE_S, START, Tiny, built, open_place


class Resolver(aiohttp.abc.AbstractResolver):
    """Every name is this machine, at this port."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def resolve(self, host, port=0, family=socket.AF_INET):
        return [
            {
                "hostname": host,
                "host": "127.0.0.1",
                "port": self.port,
                "family": socket.AF_INET,
                "proto": 0,
                "flags": 0,
            }
        ]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(scope="module")
def today(tmp_path_factory):
    """Valid now, whatever the hand-moved clock says."""
    import time

    return certificates(Tiny.hosts, tmp_path_factory.mktemp("tls"), time.time_ns())


async def test_a_client_that_comes_by_address_is_told_by_its_path(place) -> None:
    answer = await place.get("/tiny/time")
    assert (answer.status, await answer.json()) == (200, {"time": START})


async def test_a_client_that_names_the_venue_is_told_by_its_host(place) -> None:
    for host in ("api.tiny.test", "API.tiny.test:443"):
        assert (await place.get("/tiny/time", Host=host)).status == 200
    assert (await place.get("/tiny/time", Host="api.other.test")).status == 404
    assert (await place.get("/other/time")).status == 404


async def test_the_back_door_is_not_there_under_a_venues_name(place) -> None:
    named = await place.get("/admin/counts", **{"Host": "api.tiny.test", "X-Admin-Token": "?"})
    assert named.status == 404
    assert (await place.get("/admin/counts")).status == 401
    assert (await place.get("/admin/counts", **{"X-Admin-Token": "wrong"})).status == 401


async def test_http_https_ws_and_wss_share_the_port(today) -> None:
    async with open_place({}, tls=today.context) as place:
        trust = ssl.create_default_context(cafile=str(today.ca_file))
        connector = aiohttp.TCPConnector(ssl=trust, resolver=Resolver(place.port))
        async with aiohttp.ClientSession(connector=connector) as http:
            async with http.get("https://api.tiny.test/tiny/time") as answer:
                assert (await answer.json())["time"] == START
            async with http.ws_connect("wss://stream.tiny.test:9443/tiny/ws") as secure:
                await secure.send_str("over tls")
                assert await secure.receive_str() == "echo over tls"
        plain = await place.stream()
        await plain.send_str("plain")
        assert await plain.receive_str() == "echo plain"


async def test_the_certificate_is_good_for_the_dialects_hosts_only(today) -> None:
    async with open_place({}, tls=today.context) as place:
        trust = ssl.create_default_context(cafile=str(today.ca_file))
        connector = aiohttp.TCPConnector(ssl=trust, resolver=Resolver(place.port))
        async with aiohttp.ClientSession(connector=connector) as http:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await http.get("https://api.elsewhere.test/tiny/time")
        strangers = aiohttp.TCPConnector(resolver=Resolver(place.port))
        async with aiohttp.ClientSession(connector=strangers) as http:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await http.get("https://api.tiny.test/tiny/time")
        assert (await place.get("/tiny/time")).status == 200


async def test_a_client_that_speaks_tls_to_a_plain_server_is_hung_up_on(place) -> None:
    with pytest.raises(aiohttp.ClientConnectionError):
        await place.http.get(f"https://127.0.0.1:{place.port}/tiny/time", ssl=False)
    assert (await place.get("/tiny/time")).status == 200


async def test_a_client_that_says_nothing_keeps_nobody_waiting(place) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
    assert (await place.get("/tiny/time")).status == 200
    writer.close()
    await writer.wait_closed()
    assert await reader.read() == b""


async def test_a_request_that_is_too_large_is_refused(place) -> None:
    body = io.BytesIO(b"x" * (LARGEST_BODY + 1))
    async with place.http.post(f"{place.url}/tiny/order", data=body) as answer:
        assert answer.status == 413


async def test_a_taken_port_is_an_error_that_says_what_to_type() -> None:
    first = listen("127.0.0.1", 0)
    try:
        floor, _, tiny, _ = built(print)
        with pytest.raises(VenueUnavailableError) as caught:
            async with ExchangeServer(floor, [tiny]).serving(first.getsockname()[1]):
                pytest.fail("it listens on a port that is taken")
        assert "--port" in caught.value.remedy
    finally:
        first.close()


async def test_the_end_of_the_server_is_the_end_of_its_sockets() -> None:
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as http:
        floor, _, tiny, _ = built(print)
        async with ExchangeServer(floor, [tiny]).serving() as port:
            socket_ = await http.ws_connect(f"http://127.0.0.1:{port}/tiny/ws")
            await socket_.send_str("hello")
            await socket_.receive_str()
            assert len(floor.sockets) == 1
        message = await socket_.receive()
        assert message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}
        assert not tiny.talks


async def test_every_answer_tells_what_was_used_and_too_much_is_429_then_418() -> None:
    async with open_place() as place:
        first = await place.get("/tiny/trades")
        assert (first.headers["X-Used"], first.headers["X-Orders"]) == ("5", "0")
        for _ in range(45):
            assert (await place.get("/tiny/time")).status == 200
        for _ in range(PATIENCE):
            refused = await place.get("/tiny/time")
            assert (refused.status, (await refused.json())["status"]) == (429, 429)
            assert 0 < int(refused.headers["Retry-After"]) <= 60
        banned = await place.get("/tiny/time")
        assert (banned.status, banned.headers["Retry-After"]) == (418, str(FIRST_BAN_S))
        assert (await place.get("/tiny/time", **{"X-Key": "another"})).status == 200
        assert (await place.admin("GET", "counts"))["throttled"] == PATIENCE + 1


async def test_too_many_orders_are_refused_and_not_placed() -> None:
    async with open_place() as place:
        for number in range(20):
            await place.place(quantity="0.1", id=f"o{number}")
        refused = await place.place(quantity="0.1", id="one too many")
        assert refused["status"] == 429
        assert len(place.orders()) == 20


async def test_what_goes_wrong_inside_comes_out_as_itself() -> None:
    floor, _, tiny, _ = built(print)

    class Broken:
        def play(self, now: int) -> None:
            raise ArithmeticError("the market is broken")

    with pytest.raises(ArithmeticError):
        async with ExchangeServer(floor, [tiny], happenings=[Broken()]).serving():
            await asyncio.Event().wait()
