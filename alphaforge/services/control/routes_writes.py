"""What changes a running engine: orders, the run, its strategies. All of it needs the scope trade.

Must decide nothing: `writes`, `steering` and `kill` do.
"""

from collections.abc import Callable
from functools import partial

import msgspec

from alphaforge.client.requests import (
    Accepted,
    CancelAllRequest,
    CheckRow,
    FlattenRequest,
    KillRecord,
    KillRequest,
    ModifyRequest,
    OrderRequest,
    PreviewRow,
    StrategyPatch,
    Who,
)
from alphaforge.engine.headroom import Check
from alphaforge.engine.preview import preview
from alphaforge.model.numbers import plain
from alphaforge.services.control.access import Scope
from alphaforge.services.control.asked import order_of
from alphaforge.services.control.host import Host
from alphaforge.services.control.kill import KillSwitch
from alphaforge.services.control.route import Asking, Handle, Route
from alphaforge.services.control.row_texts import money_text
from alphaforge.services.control.steering import Steering
from alphaforge.services.control.writes import OrderDesk, who_is

SaidToRun = Callable[[Who, str], Accepted]
SaidToStrategy = Callable[[str, Who, str], Accepted]


class WriteRoutes:
    """Writes of one running engine."""

    def __init__(self, host: Host, orders: OrderDesk, steering: Steering, kill: KillSwitch) -> None:
        self._host = host
        self._orders = orders
        self._steering = steering
        self._kill = kill

    def routes(self) -> list[Route]:
        """All of them."""
        run, orders = self._steering, "/api/orders"
        return [
            _write(orders, self.place, OrderRequest, "Place an order.")._replace(
                query=("dry_run",), doc="Place an order; `dry_run=1` answers a PreviewRow instead."
            ),
            _write(f"{orders}/cancel", self.cancel_all, CancelAllRequest, "Cancel many orders."),
            _write(f"{orders}/{{id}}/cancel", self.cancel, Who, "Cancel one order."),
            _write(f"{orders}/{{id}}/modify", self.modify, ModifyRequest, "Change one order."),
            _write("/api/flatten", self.flatten, FlattenRequest, "Close positions."),
            _write("/api/kill", self.use_kill, KillRequest, "Use the kill switch.")._replace(
                answer=KillRecord
            ),
            _said("/api/pause", run.pause, "Only orders that bring positions down."),
            _said("/api/resume", run.resume, "Trade again."),
            _said("/api/stop", run.stop, "End the run in order."),
            _said("/api/reconcile", run.reconcile, "Have the venues asked."),
            _said("/api/risk/arm", run.arm, "Take a kill back."),
            _of_strategy("start", run.start_strategy, "Start a strategy."),
            _of_strategy("stop", run.stop_strategy, "Stop a strategy."),
            _of_strategy("reload", run.reload_strategy, "Start it anew from its file."),
            Route(
                "PATCH", "/api/strategies/{name}", self.patch, Accepted,
                "Start a strategy anew with other parameters.",
                scope=Scope.TRADE, body=StrategyPatch,
            ),
        ]  # fmt: skip

    async def place(self, asking: Asking) -> Accepted | PreviewRow:
        """An order, or what it would do."""
        request = asking.read(OrderRequest)
        if asking.flag("dry_run"):
            return self.look_at(request)
        return self._orders.place(request, asking.caller.way)

    def look_at(self, request: OrderRequest) -> PreviewRow:
        """What an order would do; nothing is changed."""
        order = order_of(self._host.engine, request)
        seen = preview(self._host.engine, order)
        return PreviewRow(
            symbol=order.symbol,
            venue=seen.venue,
            side=order.side.value,
            type=order.order_type.value,
            quantity=plain(seen.quantity or order.quantity),
            limit=money_text(order.limit_price),
            stop=money_text(order.trigger_price),
            price=money_text(seen.price),
            worst_price=money_text(seen.worst_price),
            value=money_text(seen.value),
            fee=money_text(seen.fee),
            currency=seen.currency,
            slippage_bp=seen.slippage_bp,
            takes=seen.takes,
            book_covers=plain(seen.book_covers),
            position_before=plain(seen.position_before),
            position_after=plain(seen.position_after),
            leverage_before=seen.leverage_before,
            leverage_after=seen.leverage_after,
            checks=tuple(_check_row(each) for each in seen.checks),
            verdict="denied" if seen.reasons else "ok",
            reasons=seen.reasons,
        )

    async def cancel(self, asking: Asking) -> Accepted:
        """One order's end."""
        who = who_is(asking.caller.way, asking.read(Who).who)
        return self._orders.cancel(asking.names["id"], who)

    async def modify(self, asking: Asking) -> Accepted:
        """One order's new terms."""
        request = asking.read(ModifyRequest)
        who = who_is(asking.caller.way, request.who)
        return self._orders.modify(asking.names["id"], request, who)

    async def cancel_all(self, asking: Asking) -> Accepted:
        """The end of many orders."""
        return self._orders.cancel_all(asking.read(CancelAllRequest), asking.caller.way)

    async def flatten(self, asking: Asking) -> Accepted:
        """Closing orders."""
        return self._orders.flatten(asking.read(FlattenRequest), asking.caller.way)

    async def use_kill(self, asking: Asking) -> KillRecord:
        """Stop, cancel, close, prove."""
        return self._kill.use(asking.read(KillRequest), asking.caller.way)

    async def patch(self, asking: Asking) -> Accepted:
        """Other parameters."""
        patch = asking.read(StrategyPatch)
        return self._steering.patch_strategy(asking.names["name"], patch, asking.caller.way)


def _write(path: str, handle: Handle, body: type[msgspec.Struct], doc: str) -> Route:
    return Route("POST", path, handle, Accepted, doc, scope=Scope.TRADE, body=body)


def _said(path: str, say: SaidToRun, doc: str) -> Route:
    return _write(path, partial(_say, say), Who, doc)


def _of_strategy(verb: str, say: SaidToStrategy, doc: str) -> Route:
    return _write(f"/api/strategies/{{name}}/{verb}", partial(_say_to, say), Who, doc)


async def _say(say: SaidToRun, asking: Asking) -> Accepted:
    return say(asking.read(Who), asking.caller.way)


async def _say_to(say: SaidToStrategy, asking: Asking) -> Accepted:
    return say(asking.names["name"], asking.read(Who), asking.caller.way)


def _check_row(check: Check) -> CheckRow:
    return CheckRow(
        name=check.name,
        passed=check.passed,
        used_before=money_text(check.before),
        used_after=money_text(check.after),
        limit=money_text(check.limit),
        unit=check.unit,
        message=check.message,
    )
