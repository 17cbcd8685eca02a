"""Profit and loss by group: however fills are grouped, the sums are those of all of them."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from alphaforge.model.enums import InstrumentKind, Liquidity, OrderSide
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import ZERO
from alphaforge.services.pnl_groups import WAYS, group_fills
from alphaforge.store.records import FillRow

NS = 1_000_000_000
SPOT = Instrument(symbol="BTC/USDT", venue="sim", base="BTC", quote="USDT", settle="USDT")
PERP = Instrument(
    symbol="ETH/USDT:USDT", venue="sim", kind=InstrumentKind.LINEAR, base="ETH", quote="USDT",
    settle="USDT",
)  # fmt: skip
INSTRUMENTS = {each.symbol: each for each in (SPOT, PERP)}

MONEY = st.decimals(-1000, 1000, places=8)
FILLS = st.builds(
    FillRow,
    run_id=st.just("r"),
    ts=st.integers(0, 10 * 86_400 * NS),
    venue=st.just("sim"),
    account=st.just("paper"),
    symbol=st.sampled_from([*INSTRUMENTS]),
    strategy=st.sampled_from(["a", "b"]),
    order_id=st.just("o-000001"),
    venue_order_id=st.just(""),
    trade_id=st.just(""),
    side=st.sampled_from(OrderSide),
    quantity=st.just(Decimal(1)),
    price=st.just(Decimal(100)),
    value=st.just(Decimal(100)),
    fee=MONEY,
    fee_currency=st.sampled_from(["USDT", "BNB"]),
    liquidity=st.sampled_from(Liquidity),
    realized_pnl=MONEY,
)


@given(st.lists(FILLS, max_size=30), st.sampled_from([*WAYS]))
def test_groups_add_up_to_the_whole_in_every_way(fills: list[FillRow], way: str) -> None:
    groups = group_fills(fills, INSTRUMENTS, way)
    assert sum(each.fills for each in groups) == len(fills)
    assert sum((each.realized_pnl for each in groups), ZERO) == sum(
        (each.realized_pnl for each in fills), ZERO
    )
    in_usdt = sum((each.fee for each in fills if each.fee_currency == "USDT"), ZERO)
    assert sum((each.fees for each in groups), ZERO) == in_usdt
    assert all(each.net_pnl == each.realized_pnl - each.fees for each in groups)
    others = sum((each.other_fees.get("BNB", ZERO) for each in groups), ZERO)
    assert others == sum((each.fee for each in fills if each.fee_currency == "BNB"), ZERO)


def fill(ts: int, fee: str = "0", currency: str = "USDT") -> FillRow:
    return FillRow(
        "r", ts, "sim", "paper", "BTC/USDT", "a", "o-000001", "", "", OrderSide.BUY, Decimal(2),
        Decimal(100), Decimal(200), Decimal(fee), currency, Liquidity.TAKER, Decimal(0),
    )  # fmt: skip


def test_days_and_hours_are_utc() -> None:
    fills = [fill(0), fill(3_599 * NS), fill(3_600 * NS), fill(86_400 * NS)]
    assert [(each.key, each.fills) for each in group_fills(fills, INSTRUMENTS, "hour")] == [
        ("1970-01-01 00:00", 2),
        ("1970-01-01 01:00", 1),
        ("1970-01-02 00:00", 1),
    ]
    assert [each.key for each in group_fills(fills, INSTRUMENTS, "day")] == [
        "1970-01-01",
        "1970-01-02",
    ]


def test_a_fee_in_the_base_counts_at_its_fills_price() -> None:
    (group,) = group_fills([fill(0, "0.002", "BTC")], INSTRUMENTS, "symbol")
    assert (group.fees, group.net_pnl, group.other_fees) == (Decimal("0.2"), Decimal("-0.2"), {})
