"""Price paths: seeded, each symbol's own, consistent between markets, and never still for long."""

import pytest

from alphaforge.sandbox.listings import default_listings
from alphaforge.sandbox.prices import Path, Regime, RegimePath, path_of

SECOND = 1_000_000_000


def path(symbol: str, seed: int) -> Path:
    (listing,) = default_listings((symbol,))
    return path_of(listing, seed, float(listing.first_price))


def walked(symbol: str, seed: int, seconds: int) -> list[float]:
    walking = path(symbol, seed)
    return [walking.at(second * SECOND) for second in range(seconds + 1)]


def crosses(closes: list[float]) -> list[tuple[int, bool]]:
    """When a 5-bar average crosses a 20-bar one: (bar, upwards)."""
    found: list[tuple[int, bool]] = []
    above = None
    for end in range(20, len(closes) + 1):
        fast, slow = sum(closes[end - 5 : end]) / 5, sum(closes[end - 20 : end]) / 20
        if above is not (fast > slow):
            above = fast > slow
            found.append((end, above))
    return found


def test_a_seed_gives_the_same_path_and_another_seed_another() -> None:
    assert walked("BTC/USDT", 7, 60) == walked("BTC/USDT", 7, 60)
    assert walked("BTC/USDT", 7, 60) != walked("BTC/USDT", 8, 60)
    assert walked("ETH/USDT", 7, 60)[-1] / 3_000 != walked("BTC/USDT", 7, 60)[-1] / 60_000


def test_how_often_it_is_asked_does_not_change_it() -> None:
    often = path("BTC/USDT", 3)
    for moment in range(0, 60 * SECOND, SECOND // 7):
        often.at(moment)
    assert often.at(60 * SECOND) == path("BTC/USDT", 3).at(60 * SECOND)


def test_it_begins_at_the_first_price() -> None:
    assert path("BTC/USDT", 1).at(0) == pytest.approx(60_000)
    assert path("ETH/BTC", 1).at(0) == pytest.approx(0.05)
    assert path("BTC/USDT:USDT", 1).at(0) == pytest.approx(60_000)


@pytest.mark.parametrize("seed", range(1, 21))
def test_averages_cross_up_at_once_and_again_and_again(seed: int) -> None:
    closes = walked("BTC/USDT", seed, 60)
    found = crosses([closes[0]] * 20 + closes)
    first_up = next(bar for bar, upwards in found if upwards)
    assert first_up - 20 <= 15
    assert len(found) >= 4


def test_a_cross_is_the_ratio_of_its_legs() -> None:
    for ratio, eth, btc in zip(
        walked("ETH/BTC", 5, 120),
        walked("ETH/USDT", 5, 120),
        walked("BTC/USDT", 5, 120),
        strict=True,
    ):
        assert ratio == pytest.approx(eth / btc)


def test_a_perpetual_stays_near_its_spot_market() -> None:
    for future, spot in zip(
        walked("BTC/USDT:USDT", 5, 1_200), walked("BTC/USDT", 5, 1_200), strict=True
    ):
        assert abs(future / spot - 1) <= 0.0004


def test_every_regime_comes_round() -> None:
    walking = RegimePath(1, "BTC/USDT", 60_000.0)
    seen = set()
    for second in range(600):
        walking.at(second * SECOND)
        seen.add(walking.regime)
    assert seen == set(Regime)


def test_a_day_does_not_take_it_far_from_home() -> None:
    walking = RegimePath(2, "BTC/USDT", 60_000.0)
    prices = [walking.at(minute * 60 * SECOND) for minute in range(1_440)]
    assert 0.9 < min(prices) / 60_000 < max(prices) / 60_000 < 1.1
