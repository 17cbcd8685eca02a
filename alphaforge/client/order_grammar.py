"""How the verbs that touch orders and positions are read; `grammar` holds the table of all.

Must know nothing of a market: what only the engine can say is left to it.
"""

from collections.abc import Callable
from typing import Final

from alphaforge.client.requests import (
    CancelAllRequest,
    FlattenRequest,
    ModifyRequest,
    OrderRequest,
)
from alphaforge.client.verbs import (
    CancelAllVerb,
    CancelVerb,
    FlattenVerb,
    KillVerb,
    ModifyVerb,
    OrderVerb,
    Verb,
)
from alphaforge.client.words import Words, near
from alphaforge.model.enums import OrderSide, TimeInForce

TIMES: Final = (TimeInForce.GTC.value, TimeInForce.IOC.value, TimeInForce.FOK.value)
"""A person's order has no time to expire at, so GTD is not among them."""

ORDER_OPTIONS: Final = (
    *("--limit", "--stop", "--trail", "--tif", "--post-only", "--reduce-only", "--take-profit"),
    *("--stop-loss", "--strategy", "--tag", "--client-id", "--dry-run"),
)
CANCEL_OPTIONS: Final = ("--all", "--symbol", "--strategy")
MODIFY_OPTIONS: Final = ("--quantity", "--limit", "--stop")


def order_reader(side: OrderSide) -> Callable[[Words], Verb]:
    """The reader of `order buy` or `order sell`."""

    def read(words: Words) -> Verb:
        symbol = words.take("the symbol")
        quantity = words.number("the quantity", words.take("the quantity"))
        words.end()
        request = OrderRequest(
            symbol=symbol,
            side=side.value,
            quantity=quantity,
            limit=words.price("--limit"),
            stop=words.price("--stop"),
            trail=_trail(words),
            tif=_time_in_force(words),
            post_only=words.has("--post-only"),
            reduce_only=words.has("--reduce-only"),
            take_profit=words.price("--take-profit"),
            stop_loss=words.price("--stop-loss"),
            strategy=words.text("--strategy", "manual"),
            tag=words.text("--tag"),
            client_id=words.text("--client-id"),
        )
        _check(words, request)
        return OrderVerb(request, dry_run=words.has("--dry-run"))

    return read


def _trail(words: Words) -> str | None:
    """A distance in price, or in percent of it."""
    value = words.options.get("--trail")
    if value is None:
        return None
    number = value.removesuffix("%")
    return words.number("--trail", number) + value[len(number) :]


def _time_in_force(words: Words) -> str:
    said = words.text("--tif", TIMES[0]).upper()
    if said not in TIMES:
        raise words.wrong(f"--tif is one of {', '.join(TIMES)}", near(said, TIMES))
    return said


def _check(words: Words, request: OrderRequest) -> None:
    """What cannot go together in any market."""
    if request.trail is not None and (request.limit is not None or request.stop is not None):
        raise words.wrong("a trailing stop sets its own prices: leave --limit and --stop out")
    if request.post_only and request.limit is None:
        raise words.wrong("--post-only wants a --limit to rest at")
    if request.post_only and request.tif != TIMES[0]:
        raise words.wrong(f"--post-only rests and {request.tif} never does: leave one out")


def read_cancel(words: Words) -> Verb:
    """`order cancel ID`, `order cancel --all`."""
    order_id = words.take_if_any("the order's id")
    words.end()
    if order_id.lower() == "all" or (words.has("--all") and not order_id):
        symbol, strategy = words.text("--symbol"), words.text("--strategy")
        return CancelAllVerb(CancelAllRequest(symbol=symbol, strategy=strategy))
    if not order_id:
        raise words.wrong("which order? Its id, or --all")
    if words.options:
        raise words.wrong(f"{next(iter(words.options))} does not go with an order's id")
    return CancelVerb(order_id)


def read_modify(words: Words) -> Verb:
    """`order modify ID [QTY] [@PRICE]`."""
    order_id = words.take("the order's id")
    quantity = words.take_if_any("the quantity")
    words.end()
    if quantity and words.has("--quantity"):
        raise words.wrong("the quantity was said twice")
    new = words.number("the quantity", quantity) if quantity else words.price("--quantity")
    request = ModifyRequest(quantity=new, limit=words.price("--limit"), stop=words.price("--stop"))
    if request == ModifyRequest():
        raise words.wrong("what is to change? --quantity, --limit or --stop")
    return ModifyVerb(order_id, request)


def read_flatten(words: Words) -> Verb:
    """`flatten [SYMBOL]`."""
    symbol = words.take_if_any("the symbol")
    words.end()
    return FlattenVerb(FlattenRequest(symbol=symbol, strategy=words.text("--strategy")))


def read_kill(words: Words) -> Verb:
    """`kill [--flatten]`."""
    words.end()
    return KillVerb(flatten=words.has("--flatten"))
