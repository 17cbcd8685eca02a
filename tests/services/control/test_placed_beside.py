"""What a person's order became is never read off an order that a strategy sent meanwhile."""

from alphaforge.client.requests import OrderRequest
from alphaforge.services.control.writes import Door, OrderDesk
from tests.engine.driving import SYMBOL, Puppet
from tests.services.control.api_rig import SECOND, Run


class Timed(Puppet):
    """Orders the same thing as the person, by a timer that is due before the command."""

    def on_start(self) -> None:
        super().on_start()
        self.timer("again", 1.5)

    def on_timer(self, name: str) -> None:
        self.buy(SYMBOL, "3", limit=80)


def test_a_strategy_s_order_of_the_same_moment_is_not_taken_for_the_person_s() -> None:
    run = Run(strategies={"timed": Timed})
    run.tick(100.0)
    run.now += SECOND
    desk = OrderDesk(Door(run.host), run.hub.order_row)
    request = OrderRequest(
        symbol=SYMBOL, side="buy", quantity="1", limit="90", strategy="timed", client_id="c-1"
    )
    answered = desk.place(request, "")
    assert run.engine.execution.counts.submitted == 2
    assert [(row.quantity, row.limit) for row in answered.orders] == [("1", "90")]
    again = desk.place(request, "")
    assert again.orders[0].order_id == answered.orders[0].order_id
