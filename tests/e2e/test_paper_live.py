"""Paper on a live market: the public streams of an exchange, without a key, orders simulated."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.rig import Folder, Served, serving

pytestmark = pytest.mark.slow

RUN = ("run", "busy.py", "--mode", "paper", "--venue", "box", "--headless", "--json")


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(Folder(tmp_path_factory.mktemp("exchange")), "--speed", "5") as served:
        yield served


@pytest.mark.parametrize("protocol", ["binance", "bybit"])
def test_the_exchanges_market_is_traded_and_the_exchange_hears_of_no_order(
    tmp_path: Path, exchange: Served, protocol: str
) -> None:
    folder = Folder(tmp_path / "here")
    folder.configure(exchange.section("box", protocol))
    before = exchange.books("main")
    ended = folder.here(*RUN, "--for", "3s", "--cash", "5000")
    assert ended.code == 0, ended.err
    summary = ended.json
    assert (summary["mode"], summary["start_equity"]) == ("paper", "5000")
    assert summary["trades_seen"] > 0
    assert summary["fills"] > 3
    assert {row["venue"] for row in folder.rows("fills")} == {"box"}
    after = exchange.books("main")
    assert after["orders"] == before["orders"] == []


def test_a_market_that_is_out_of_reach_is_exit_5_and_said(
    tmp_path: Path, exchange: Served, unused_tcp_port: int
) -> None:
    folder = Folder(tmp_path / "here")
    there = f':{exchange.told["port"]}"'
    folder.configure(exchange.section("box").replace(there, f':{unused_tcp_port}"'))
    ended = folder.here(*RUN, "--for", "3s")
    assert ended.code == 5
    assert "was not reached" in ended.err
    assert "Traceback" not in ended.err
