"""A mirrored market fills the mirrored orders: what holds for buys holds for sells.

Prices are reflected about 100 and sides exchanged; fills must be the same but for that.
"""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from alphaforge.model.orders import Order
from tests.engine.rig import SYMBOL, Rig

Action = tuple[Any, ...]
AXIS = 200

price = st.integers(80, 120)
kinds = st.sampled_from(["market", "limit", "stop", "stop-limit", "trail", "post-only", "ioc"])
actions = st.lists(
    st.one_of(
        st.tuples(st.just("trade"), price),
        st.tuples(st.just("quote"), price, st.integers(0, 4)),
        st.tuples(st.just("order"), st.sampled_from([1, -1]), kinds, price, price),
        st.tuples(st.just("cancel"), st.integers(0, 9)),
        st.tuples(st.just("modify"), st.integers(0, 9), price),
        st.tuples(st.just("close")),
    ),
    max_size=40,
)


def run(script: list[Action], *, mirrored: bool) -> list[tuple[str, int, Decimal, str]]:
    """Play a script; mirrored: prices reflected about 100, sides exchanged."""
    rig = Rig()
    orders: list[Order] = []

    def at(level: int) -> int:
        return AXIS - level if mirrored else level

    for action in script:
        match action:
            case ("trade", level):
                rig.trade(at(level))
            case ("quote", level, spread):
                rig.quote(*sorted((at(level), at(level + spread))))
            case ("order", sign, kind, first, second):
                terms: dict[str, dict[str, Any]] = {
                    "market": {},
                    "limit": {"limit": at(first)},
                    "stop": {"stop": at(first)},
                    "stop-limit": {"stop": at(first), "limit": at(second)},
                    "trail": {"trail": first - 79},
                    "post-only": {"limit": at(first), "post_only": True},
                    "ioc": {"limit": at(first), "tif": "IOC"},
                }
                buys = (sign > 0) != mirrored
                orders.append((rig.buy if buys else rig.sell)(1, **terms[kind]))
            case ("cancel", number) if number < len(orders):
                rig.do(lambda puppet, order=orders[number]: puppet.cancel(order))
            case ("modify", number, level) if number < len(orders):
                name = "limit" if orders[number].limit_price is not None else "stop"
                terms = {name: at(level)}
                rig.do(
                    lambda puppet, order=orders[number], terms=terms: puppet.modify(order, **terms)
                )
            case ("close",):
                rig.do(lambda puppet: puppet.close(SYMBOL))
            case _:
                pass
    return [
        (
            fill.order_id,
            fill.ts,
            AXIS - fill.price if mirrored else fill.price,
            fill.liquidity,
        )
        for fill in rig.fills
    ] + [(order.order_id, 0, order.filled, order.status) for order in orders]


@given(actions)
def test_a_mirrored_market_fills_the_mirrored_orders(script: list[Action]) -> None:
    plain, mirrored = run(script, mirrored=False), run(script, mirrored=True)
    assert sorted(plain, key=str) == sorted(mirrored, key=str)
