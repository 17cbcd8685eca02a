"""Carries out what was typed on the `:` line or chosen in the palette.

One way for each verb: a request to the engine, a dialog where something is closed or ended, or a
change of what is shown. Must never do more than the verb says, and never without an answer.
"""

from collections.abc import Callable
from functools import singledispatch
from typing import Final
from urllib.parse import quote

import msgspec

from alphaforge.client.grammar import Names
from alphaforge.client.requests import Accepted, PreviewRow, StrategyPatch, Who
from alphaforge.client.verbs import (
    AcknowledgeVerb,
    ArmVerb,
    CancelAllVerb,
    CancelVerb,
    ExportVerb,
    FilterVerb,
    FlattenVerb,
    GotoVerb,
    HelpVerb,
    KillVerb,
    ModifyVerb,
    OrderVerb,
    PauseVerb,
    QuitVerb,
    ReconcileVerb,
    ResumeVerb,
    ScreenVerb,
    SetVerb,
    StopVerb,
    StrategyVerb,
    ThemeVerb,
    Verb,
    WhyVerb,
)
from alphaforge.errors import AlphaForgeError, UsageError
from alphaforge.tui.actions import Actions
from alphaforge.tui.link import Asker, problem_of
from alphaforge.tui.orders_desk import Outcome
from alphaforge.tui.state import AppState
from alphaforge.tui.text import number
from alphaforge.tui.theme import THEMES

WHO: Final = "tui"


def names_of(view: AppState) -> Names:
    """What completion may offer: all that the engine has now."""
    mirror = view.mirror
    working = tuple(row.order_id for row in mirror.orders.values() if row.is_open)
    return Names(tuple(mirror.market), working, tuple(mirror.strategies), tuple(THEMES))


def carry_out(app: Actions, verb: Verb, engine: Asker | None = None) -> None:
    """Do what a verb says; what cannot be done is told. `engine` as it was when it was chosen."""
    chosen = app.engine if engine is None else engine
    _tried(app, lambda: carry(verb, app, chosen))


@singledispatch
def carry(verb: Verb, app: Actions, engine: Asker) -> None:
    """Do what a verb says."""
    del app, engine
    raise UsageError(f"{type(verb).__name__} cannot be done here", remedy="type: help")


def _post(app: Actions, engine: Asker, path: str, body: msgspec.Struct | None = None) -> None:
    _must_trade(app)

    async def posted() -> Outcome:
        try:
            answer = await engine.post(path, body or Who(who=WHO), Accepted)
        except AlphaForgeError as error:
            return Outcome(problem_of(error), failed=True)
        return Outcome(answer.message, failed=False)

    app.ask(posted)


def _must_trade(app: Actions) -> None:
    if not app.view.can_trade:
        why = "the app is read-only" if app.view.read_only else "the engine is lost"
        raise UsageError(f"nothing can be changed now: {why}", remedy="look, or wait")


def _confirmed(
    app: Actions, title: str, lines: tuple[str, ...], then: Callable[[], object]
) -> None:
    _must_trade(app)
    app.open_dialog("confirm", title=title, lines=lines, on_yes=lambda: _tried(app, then))


def _tried(app: Actions, act: Callable[[], object]) -> None:
    """Do it; what cannot be done, or not any more, is told."""
    try:
        act()
    except UsageError as error:
        app.say(f"{error.message}. {error.remedy}", failed=True)


@carry.register
def _order(verb: OrderVerb, app: Actions, engine: Asker) -> None:
    request = msgspec.structs.replace(verb.request, who=WHO)
    if verb.dry_run:
        app.ask(lambda: _judged(engine, request))
    elif app.view.mode == "live":
        what = f"{request.side} {request.quantity} {request.symbol} for real money"
        _confirmed(app, "Send it?", (what,), lambda: _post(app, engine, "/api/orders", request))
    else:
        _post(app, engine, "/api/orders", request)


async def _judged(engine: Asker, request: msgspec.Struct) -> Outcome:
    try:
        found = await engine.post("/api/orders", request, PreviewRow, dry_run=1)
    except AlphaForgeError as error:
        return Outcome(problem_of(error), failed=True)
    if found.verdict != "ok":
        return Outcome(f"would be denied: {'; '.join(found.reasons)}", failed=True)
    cost = f"value {number(found.value)} {found.currency}, fee {number(found.fee)}"
    after = f"position {found.position_before} → {found.position_after}"
    return Outcome(f"would pass: {cost}, {after}", failed=False)


@carry.register
def _cancel(verb: CancelVerb, app: Actions, engine: Asker) -> None:
    _post(app, engine, f"/api/orders/{quote(verb.order_id, safe='')}/cancel")


@carry.register
def _modify(verb: ModifyVerb, app: Actions, engine: Asker) -> None:
    body = msgspec.structs.replace(verb.request, who=WHO)
    _post(app, engine, f"/api/orders/{quote(verb.order_id, safe='')}/modify", body)


@carry.register
def _cancel_all(verb: CancelAllVerb, app: Actions, engine: Asker) -> None:
    body = msgspec.structs.replace(verb.request, who=WHO)
    lines = (f"every working order of {verb.request.symbol or 'every symbol'}",)
    _confirmed(app, "Cancel orders", lines, lambda: _post(app, engine, "/api/orders/cancel", body))


@carry.register
def _flatten(verb: FlattenVerb, app: Actions, engine: Asker) -> None:
    body = msgspec.structs.replace(verb.request, who=WHO)
    lines = (f"every position of {verb.request.symbol or 'every symbol'}, at market",)
    _confirmed(app, "Close positions", lines, lambda: _post(app, engine, "/api/flatten", body))


@carry.register
def _kill(verb: KillVerb, app: Actions, engine: Asker) -> None:
    del verb, engine  # the switch asks itself whether positions are closed
    _must_trade(app)
    app.open_dialog("kill")


@carry.register
def _pause(verb: PauseVerb, app: Actions, engine: Asker) -> None:
    del verb
    _post(app, engine, "/api/pause")


@carry.register
def _resume(verb: ResumeVerb, app: Actions, engine: Asker) -> None:
    del verb
    _post(app, engine, "/api/resume")


@carry.register
def _arm(verb: ArmVerb, app: Actions, engine: Asker) -> None:
    del verb
    _must_trade(app)
    app.open_dialog(
        "confirm",
        title="Let orders through again",
        lines=("After a kill nothing is sent until somebody says so.", "Strategies stay stopped."),
        word="ARM",
        on_yes=lambda: _tried(app, lambda: _post(app, engine, "/api/risk/arm")),
    )


@carry.register
def _stop(verb: StopVerb, app: Actions, engine: Asker) -> None:
    del verb
    lines = ("the run ends in order; resting orders stay where they are",)
    _confirmed(app, "Stop the engine", lines, lambda: _post(app, engine, "/api/stop"))


@carry.register
def _reconcile(verb: ReconcileVerb, app: Actions, engine: Asker) -> None:
    del verb
    _post(app, engine, "/api/reconcile")


@carry.register
def _strategy(verb: StrategyVerb, app: Actions, engine: Asker) -> None:
    _post(app, engine, f"/api/strategies/{quote(verb.name, safe='')}/{verb.action}")


@carry.register
def _set(verb: SetVerb, app: Actions, engine: Asker) -> None:
    _must_trade(app)
    app.ask(lambda: patch(engine, verb.name, verb.parameters))


async def patch(engine: Asker, name: str, parameters: dict[str, str]) -> Outcome:
    """Give a strategy other parameters; it starts anew with them."""
    body = StrategyPatch(parameters=parameters, who=WHO)
    try:
        answer = await engine.patch(f"/api/strategies/{quote(name, safe='')}", body, Accepted)
    except AlphaForgeError as error:
        return Outcome(problem_of(error), failed=True)
    return Outcome(answer.message, failed=False)


@carry.register
def _acknowledge(verb: AcknowledgeVerb, app: Actions, engine: Asker) -> None:
    if verb.number:
        _post(app, engine, f"/api/alerts/{verb.number}/ack")
    else:
        app.do_acknowledge()


@carry.register
def _goto(verb: GotoVerb, app: Actions, engine: Asker) -> None:
    del engine
    plain = verb.symbol.upper().replace("-", "/")
    found = [each for each in app.view.mirror.market if each.upper() == plain]
    found += [
        each
        for each in app.view.mirror.market
        if each.upper().replace("/", "").partition(":")[0] == plain.replace("/", "")
    ]
    if not found:
        known = ", ".join(app.view.mirror.market) or "none yet"
        raise UsageError(f"no market of {verb.symbol} here", remedy=f"there are: {known}")
    app.choose(found[0])


@carry.register
def _screen(verb: ScreenVerb, app: Actions, engine: Asker) -> None:
    del engine
    app.do_screen(verb.name)


@carry.register
def _theme(verb: ThemeVerb, app: Actions, engine: Asker) -> None:
    del engine
    if not verb.name:
        app.do_theme()
    elif verb.name in THEMES:
        app.theme = verb.name
    else:
        raise UsageError(f"no theme {verb.name}", remedy=f"there are: {', '.join(THEMES)}")


@carry.register
def _filter(verb: FilterVerb, app: Actions, engine: Asker) -> None:
    del engine
    table = next((each for each in app.board.tables() if each.display), None)
    if table is None:
        raise UsageError("there are no rows to filter here", remedy="go to a table: tab")
    table.filter(verb.text)


@carry.register
def _why(verb: WhyVerb, app: Actions, engine: Asker) -> None:
    del engine
    app.open_dialog("order", order_id=verb.order)


@carry.register
def _export(verb: ExportVerb, app: Actions, engine: Asker) -> None:
    del engine
    app.open_dialog("export", what=verb.what, file=verb.file)


@carry.register
def _help(verb: HelpVerb, app: Actions, engine: Asker) -> None:
    del engine
    app.open_dialog("help", topic=verb.topic)


@carry.register
def _quit(verb: QuitVerb, app: Actions, engine: Asker) -> None:
    del verb, engine
    app.do_quit()
