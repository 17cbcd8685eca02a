"""What strategies asked to know of before their run, each thing once. Must never serve it."""

from alphaforge.engine.core import Engine
from alphaforge.engine.desk import HistoryRequest


def take_requests(engine: Engine) -> list[HistoryRequest]:
    """The requests since the last time, once per symbol and kind: the most that anybody asked."""
    asked: dict[tuple[str, str], HistoryRequest] = {}
    for request in engine.shared.history:
        key = (request.symbol, request.kind)
        if key not in asked or asked[key].count < request.count:
            asked[key] = request
    engine.shared.history.clear()
    return list(asked.values())
