"""Markets on disk: whole, ours and of today, or none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.venues.ccxt_markets import LIFE_NS, Markets, MarketsCache

NOW = 1_700_000_000_000_000_000
HELD = Markets({"BTC/USDT": {"id": "BTCUSDT", "info": {"orderTypes": ["LIMIT"]}}}, {"BTC": {}})


def saved(folder: Path) -> MarketsCache:
    cache = MarketsCache(folder, "4.5.90")
    cache.save("binance", "live", HELD, NOW)
    return cache


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    assert saved(tmp_path).load("binance", "live", NOW + 1) == HELD


@pytest.mark.parametrize("age", [LIFE_NS, LIFE_NS + 1, 10 * LIFE_NS, -1])
def test_what_is_older_than_a_day_or_from_the_future_is_none(tmp_path: Path, age: int) -> None:
    assert saved(tmp_path).load("binance", "live", NOW + age) is None


@pytest.mark.parametrize(("ccxt_id", "network"), [("binance", "test"), ("bybit", "live")])
def test_another_venue_or_network_has_its_own(tmp_path: Path, ccxt_id: str, network: str) -> None:
    assert saved(tmp_path).load(ccxt_id, network, NOW) is None


def test_another_version_of_ccxt_has_its_own(tmp_path: Path) -> None:
    saved(tmp_path)
    assert MarketsCache(tmp_path, "4.5.91").load("binance", "live", NOW) is None


def test_a_file_that_says_it_is_anothers_is_none(tmp_path: Path) -> None:
    cache = saved(tmp_path)
    cache.path("binance", "live").rename(cache.path("bybit", "live"))
    assert cache.load("bybit", "live", NOW) is None


@given(cut=st.integers(0, 200))
def test_half_a_file_is_none(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    cache = saved(tmp_path_factory.mktemp("markets"))
    path = cache.path("binance", "live")
    data = path.read_bytes()
    path.write_bytes(data[: min(cut, len(data) - 1)])
    assert cache.load("binance", "live", NOW) is None


@given(noise=st.binary(max_size=100))
def test_noise_is_none(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    cache = saved(tmp_path_factory.mktemp("markets"))
    cache.path("binance", "live").write_bytes(noise)
    assert cache.load("binance", "live", NOW) is None


def test_no_markets_are_none(tmp_path: Path) -> None:
    cache = MarketsCache(tmp_path, "4.5.90")
    cache.save("binance", "live", Markets({}), NOW)
    assert cache.load("binance", "live", NOW) is None


def test_a_save_that_fails_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = saved(tmp_path)

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "no space", str(self), len(data))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="no space"):
            cache.save("binance", "live", Markets({"X": {}}), NOW + 1)
    assert cache.load("binance", "live", NOW) == HELD
    assert [each.name for each in tmp_path.iterdir()] == [cache.path("binance", "live").name]


def test_what_is_forgotten_is_asked_for_again(tmp_path: Path) -> None:
    cache = saved(tmp_path)
    cache.forget("binance", "live")
    cache.forget("binance", "live")
    assert cache.load("binance", "live", NOW) is None


@pytest.mark.parametrize("network", ["../../etc", "a/b", "a b:c"])
def test_a_file_is_always_in_the_folder(tmp_path: Path, network: str) -> None:
    path = MarketsCache(tmp_path, "4.5.90").path("binance", network)
    assert path.resolve().parent == tmp_path.resolve()
