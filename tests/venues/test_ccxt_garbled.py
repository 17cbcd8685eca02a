"""An answer that cannot be read is none: never an empty account, never an empty exchange."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from alphaforge.errors import OutcomeUnknownError, VenueError
from alphaforge.model.market import Quote
from alphaforge.sandbox.fault_terms import FaultKind
from alphaforge.sandbox.tls import Certificates
from alphaforge.venues.ccxt_map import balances
from alphaforge.venues.ccxt_profiles import profile_of
from alphaforge.venues.ccxt_values import MalformedError
from alphaforge.venues.ccxt_venue import CcxtVenue
from tests.venues.local import LocalExchange, local_exchange, make_certificates

SYMBOLS = {"binance": "BTC/USDT", "bybit": "BTC/USDT:USDT"}
GARBLED = (FaultKind.EMPTY, FaultKind.TRUNCATED, FaultKind.MALFORMED, FaultKind.DEEP)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def local(made: Certificates) -> AsyncGenerator[LocalExchange]:
    async with local_exchange(made) as local:
        yield local


def venue_of(local: LocalExchange, ccxt_id: str = "binance", **terms: object) -> CcxtVenue:
    access = local.access(ccxt_id, **terms)
    return CcxtVenue(access, profile_of(ccxt_id), name=ccxt_id, wanted=[SYMBOLS[ccxt_id]])


def kept(folder: Path) -> list[Path]:
    """The files in a folder and below."""
    return [each for each in folder.rglob("*") if each.is_file()]


@pytest.mark.parametrize("kind", GARBLED)
@pytest.mark.parametrize("ccxt_id", SYMBOLS)
async def test_what_is_no_json_is_no_answer_to_any_question(
    local: LocalExchange, ccxt_id: str, kind: FaultKind
) -> None:
    venue = venue_of(local, ccxt_id)
    await venue.connect()
    asks = [venue.balances, venue.open_orders, lambda: venue.trades(0)]
    asks += [venue.positions] if ccxt_id == "bybit" else []
    local.fault(kind, private=True)
    try:
        for ask in asks:
            with pytest.raises(OutcomeUnknownError):
                await ask()
        local.well_again()
        assert await venue.balances()
    finally:
        await venue.close()


@pytest.mark.parametrize(
    "terms",
    [
        {"kind": FaultKind.EMPTY},
        {"kind": FaultKind.TRUNCATED},
        {"kind": FaultKind.NUMBERS, "value": "NaN"},
        {"kind": FaultKind.NUMBERS, "value": "null"},
    ],
    ids=str,
)
async def test_a_garbled_list_of_markets_is_asked_for_again_and_never_kept(
    local: LocalExchange, tmp_path: Path, terms: dict[str, object]
) -> None:
    venue = venue_of(local, cache_folder=tmp_path)
    given = dict(terms)
    local.fault(given.pop("kind"), call="markets", **given)
    with pytest.raises(VenueError):
        await venue.connect()
    assert kept(tmp_path) == []
    local.well_again()
    await venue.connect()
    try:
        assert [each.symbol for each in await venue.instruments()] == ["BTC/USDT"]
        async for message in venue.stream():  # it streams, after a start that failed
            if isinstance(message, Quote):
                break
    finally:
        await venue.close()


def test_a_currency_of_which_nothing_is_told_is_not_read_as_nothing() -> None:
    told = {"free": {"BTC": "1"}, "used": {"BTC": None}, "total": {"BTC": None}}
    assert balances(told) == ()
    with pytest.raises(MalformedError, match="USDT"):
        balances({**told, "total": {"USDT": None}})
