"""A dozen cells of the fault matrix and two network faults; `make faults` plays all of them."""

import asyncio
import math
from pathlib import Path

import pytest

from alphaforge.errors import VenueUnavailableError
from alphaforge.sandbox.tls import Certificates
from alphaforge.venues.ccxt_access import Local
from alphaforge.venues.ccxt_profiles import profile_of
from alphaforge.venues.ccxt_venue import CcxtVenue
from tests.faults.cells import ALL, Cell, Result, play
from tests.faults.expected import expected
from tests.faults.network import by_name as network_by_name
from tests.faults.network import endure
from tests.faults.outcomes import CALLS, VARIANTS
from tests.faults.report import faults_of, markdown, summed_up
from tests.faults.soak import slope
from tests.venues.local import local_exchange, make_certificates

CHOSEN = (
    "create: 57 400",
    "create: 65 500 after",
    "create: 68 time-out before",
    "create: 61 409",
    "create: 71 200, cut off",
    "cancel: 69 time-out after",
    "cancel: 63 429, Retry-After",
    "replace: 66 502",
    "query: 72 unknown words",
    "open_orders: 73 NaN",
    "trades: 74 a row missing",
    "trades: 71 200, empty",
    "balance: 71 200, no JSON",
    "positions: 73 null",
    "markets: 73 empty",
)
AT_ONCE = 5


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.mark.slow
async def test_cells_end_as_declared_and_with_equal_books(made: Certificates) -> None:
    cells = [cell for cell in ALL if cell.name.startswith(CHOSEN)]
    assert len(cells) == len(CHOSEN)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(cell: Cell) -> tuple[Cell, Result]:
        async with gate:
            return cell, await play(cell, made)

    played = await asyncio.gather(*(one(cell) for cell in cells))
    assert {cell.name: faults_of(cell, result) for cell, result in played} == {
        cell.name: [] for cell in cells
    }
    assert all(result.struck for _, result in played)


@pytest.mark.slow
async def test_a_network_that_resets_and_one_that_loses_names_lose_no_fill(
    made: Certificates,
) -> None:
    troubles = network_by_name(["42 reset", "44 no name"])
    figures = await asyncio.gather(*(endure(each, made) for each in troubles[:1] + troubles[-1:]))
    assert [each.wrong for each in figures] == [(), ()]
    assert all(each.hidden >= 2 and each.reconnects for each in figures)


async def test_a_certificate_of_somebody_else_is_not_talked_to(
    made: Certificates, tmp_path: Path
) -> None:
    strangers = make_certificates(tmp_path)
    async with local_exchange(made) as local:
        access = local.access("binance", local=Local(local.port, strangers.ca_file))
        venue = CcxtVenue(access, profile_of("binance"), name="binance", wanted=["BTC/USDT"])
        with pytest.raises(VenueUnavailableError, match=r"(?i)certificate"):
            await venue.connect()
        await venue.close()
        assert not local.server.answering.requests


def test_every_cell_is_declared() -> None:
    assert {cell.call for cell in ALL} == set(CALLS)
    assert {variant.number for variant in VARIANTS} == set(range(57, 76))
    assert all(expected(cell.call, cell.variant.name) for cell in ALL)


def test_a_cell_that_ends_otherwise_is_told() -> None:
    cell = ALL[0]
    good = Result(cell.name, expected(cell.call, cell.variant.name), struck=1)
    assert faults_of(cell, good) == []
    assert faults_of(cell, good._replace(path="accepted")) != []
    assert faults_of(cell, good._replace(wrong=("lost: it",))) == ["lost: it"]
    bad = {cell.name: good._replace(wrong=("lost: it",))}
    assert "0 as expected, 1 not; 1 lost" in summed_up(bad)
    assert "**FAIL**" in markdown(bad)


def test_the_slope_is_that_of_the_last_two_thirds_an_hour() -> None:
    rising = [(float(second), 100.0 + second / 3600 * 60) for second in range(90)]
    assert math.isclose(slope(rising), 60.0)
    start = [(float(second), 10.0 * second if second < 20 else 200.0) for second in range(90)]
    assert math.isclose(slope(start), 0.0, abs_tol=1e-6)
