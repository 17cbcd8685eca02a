"""What a stranger, or ten thousand orders, can do to the way in: nothing that others feel."""

from pathlib import Path
from typing import Any

import pytest

from alphaforge.client.requests import KillRequest, OrderRequest, Who
from alphaforge.errors import UsageError
from alphaforge.services.control.steering import Steering
from alphaforge.services.control.streaming import StreamLimits
from alphaforge.services.control.writes import Door, OrderDesk
from tests.engine.driving import SYMBOL
from tests.services.control.api_rig import Run, served
from tests.services.control.test_kill import bought, switch


async def test_streams_over_tcp_do_not_lock_out_the_users_own_socket(tmp_path: Path) -> None:
    async with served(tmp_path, tcp="127.0.0.1:0") as engine:
        engine.api.streams._limits = StreamLimits(streams=1)
        async with engine.by_tcp(engine.record.read_token) as stranger:
            first = await stranger.session.ws_connect(f"{stranger.base}/ws/all")
            status, _ = await stranger.ask("GET", "/ws/all", Connection="Upgrade")
            assert status == 503
            async with engine.client.session.ws_connect("http://localhost/ws/all") as own:
                assert (await own.receive()).data
            await first.close()


@pytest.mark.parametrize("reason", ["x\x1b[2J", "two\nlines", "y" * 201])
def test_a_reason_is_one_short_line_that_a_journal_and_a_terminal_can_hold(reason: str) -> None:
    run = bought()
    kill = switch(run)
    steering = Steering(Door(run.host), kill, run.hub.order_row)
    asks: tuple[Any, ...] = (
        lambda: kill.use(KillRequest(reason=reason), ""),
        lambda: steering.pause(Who(reason=reason), ""),
        lambda: steering.resume(Who(reason=reason), ""),
    )
    before = len(run.commands)
    for ask in asks:
        with pytest.raises(UsageError, match="reason"):
            ask()
    assert len(run.commands) == before
    assert not kill.is_used


def test_a_list_that_shows_no_order_makes_no_row_of_one() -> None:
    run = Run()
    run.tick(100.0)
    desk = OrderDesk(Door(run.host), run.hub.order_row)
    for _ in range(20):
        desk.place(OrderRequest(symbol=SYMBOL, side="buy", quantity="1", limit="50"), "")
    for channel in ("market", "venues", "strategies", "alerts", "log", "trades"):
        run.hub.rows(channel)
    assert not run.hub.views.orders.rows
    assert len(run.hub.rows("orders")) == 20
