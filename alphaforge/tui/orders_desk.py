"""What the trade keys do: one request each, and what came of it in words.

Nothing is shown as done before the engine has answered, and nothing is asked twice. Must never
decide whether an order may go: the engine's gate does.
"""

from typing import Final

from alphaforge.client.errors import EngineLostError
from alphaforge.client.records import OrderRow, PositionRow, StrategyRow
from alphaforge.client.requests import (
    Accepted,
    CancelAllRequest,
    FlattenRequest,
    Who,
)
from alphaforge.errors import AlphaForgeError
from alphaforge.tui.link import Asker, problem_of
from alphaforge.tui.text import safe_text

WHO: Final = "tui"
"""Who asks, for the journal."""


class Outcome(str):
    """What came of a request, in one line.

    Attributes:
        failed: It was refused, or is not known.
        is_known: False where it was on its way when the engine went.
    """

    failed: bool
    is_known: bool

    def __new__(  # noqa: PYI034 - not Self: plain text
        cls, words: str, failed: bool, is_known: bool = True
    ) -> "Outcome":
        """`words` may hold text from outside: it is made safe."""
        made = super().__new__(cls, safe_text(words))
        made.failed, made.is_known = failed, is_known
        return made


async def _ask(engine: Asker, path: str, body: Who | CancelAllRequest | FlattenRequest) -> Outcome:
    try:
        answer = await engine.post(path, body, Accepted)
    except AlphaForgeError as error:
        is_lost = isinstance(error, EngineLostError) and error.may_have_happened
        return Outcome(problem_of(error), failed=True, is_known=not is_lost)
    return Outcome(answer.message, failed=False)


async def cancel(engine: Asker, row: OrderRow) -> Outcome:
    """Ask for one order's cancellation: it is CANCELING until the venue has answered."""
    return await _ask(engine, f"/api/orders/{row.order_id}/cancel", Who(who=WHO))


async def cancel_all(engine: Asker, symbol: str) -> Outcome:
    """Ask for the cancellation of every working order of a symbol; empty = of all."""
    return await _ask(engine, "/api/orders/cancel", CancelAllRequest(symbol=symbol, who=WHO))


async def flatten(engine: Asker, row: PositionRow) -> Outcome:
    """Close one position by a reduce-only market order."""
    body = FlattenRequest(symbol=row.symbol, strategy=row.strategy, who=WHO)
    return await _ask(engine, "/api/flatten", body)


async def turn(engine: Asker, row: StrategyRow) -> Outcome:
    """Stop a strategy that runs, start one that does not."""
    verb = "stop" if row.state == "RUNNING" else "start"
    return await _ask(engine, f"/api/strategies/{row.name}/{verb}", Who(who=WHO))


async def reload(engine: Asker, row: StrategyRow) -> Outcome:
    """Read its file again and start it anew; an error in the file leaves it running."""
    return await _ask(engine, f"/api/strategies/{row.name}/reload", Who(who=WHO))


async def acknowledge(engine: Asker) -> Outcome:
    """Somebody has read every alert so far."""
    return await _ask(engine, "/api/alerts/all/ack", Who(who=WHO))


async def stop_engine(engine: Asker) -> Outcome:
    """End the run in order: strategies stop, resting orders stay."""
    return await _ask(engine, "/api/stop", Who(who=WHO, reason="asked in the app"))
