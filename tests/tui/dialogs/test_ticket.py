"""The ticket tells what an order would do, and sends only what was meant to be sent, once."""

from typing import Any

import pytest

from alphaforge.client.errors import EngineLostError
from alphaforge.client.requests import Accepted, OrderRequest, PreviewRow
from alphaforge.errors import RiskRefusedError
from alphaforge.tui.app import ForgeApp
from alphaforge.tui.dialogs.ticket_form import TicketForm
from alphaforge.tui.options import AppOptions
from tests.tui.dialogs.opened import DONE, SIZE, AnsweringFeed, opened, preview, settled, text_of
from tests.tui.scene import LOST

ORDERS = "/api/orders"


def feed_with(answer: object = DONE, mode: str = "paper", **judged: Any) -> AnsweringFeed:
    feed = AnsweringFeed(mode)
    feed.by_kind = {(ORDERS, PreviewRow): preview(**judged), (ORDERS, Accepted): answer}
    return feed


def sent(feed: AnsweringFeed) -> list[OrderRequest]:
    return [body for path, body in feed.asked if path == ORDERS and isinstance(body, OrderRequest)]


async def judged(pilot: Any, dialog: Any) -> None:
    """Until the engine has said what the order would do."""
    for _ in range(200):
        await pilot.pause(0.01)
        if dialog._preview is not None or dialog._message[1]:
            return
    raise AssertionError("the engine was not asked")


async def test_it_shows_cost_position_headroom_and_verdict_before_anything_is_sent() -> None:
    feed = feed_with()
    async with opened(feed, "ticket", side="BUY") as (pilot, dialog):
        await pilot.press(*"0.25")
        await judged(pilot, dialog)
        shown = text_of(dialog)
    for fact in ("16,812.5 USDT", "6.73", "+0.42 → +0.67", "28,000 → 44,812", "of 60,000", "ok"):
        assert fact in shown
    assert sent(feed) == []


async def test_only_ctrl_s_sends_and_the_request_is_as_filled_in() -> None:
    feed = feed_with()
    async with opened(feed, "ticket", side="SELL") as (pilot, dialog):
        await pilot.press(*"0.25", "enter", "ctrl+u", *"67,250")
        await judged(pilot, dialog)
        assert sent(feed) == [], "enter only goes on to the next field"
        await pilot.press("ctrl+s")
        await settled(pilot)
    [request] = sent(feed)
    assert (request.side, request.quantity, request.limit) == ("SELL", "0.25", "67250")
    assert (request.strategy, request.who, bool(request.client_id)) == ("manual", "tui", True)


async def test_a_refusal_stays_on_the_ticket_and_a_second_try_is_an_order_of_its_own() -> None:
    refusal = RiskRefusedError("max_order_value 1000 would be exceeded", remedy="order less")
    feed = feed_with(refusal)
    async with opened(feed, "ticket") as (pilot, dialog):
        await pilot.press(*"0.25")
        await judged(pilot, dialog)
        await pilot.press("ctrl+s")
        await settled(pilot)
        assert "max_order_value" in text_of(dialog)
        feed.by_kind[ORDERS, Accepted] = DONE
        await judged(pilot, dialog)
        await pilot.press("ctrl+s")
        await settled(pilot)
    first, second = sent(feed)
    assert first.client_id != second.client_id, "what was denied once is denied for ever"


async def test_a_denied_verdict_says_why() -> None:
    feed = feed_with(verdict="denied", reasons=("needs 99 USDT, 5 is free",))
    async with opened(feed, "ticket") as (pilot, dialog):
        await pilot.press(*"9")
        await judged(pilot, dialog)
        shown = text_of(dialog)
    assert "DENIED" in shown
    assert "needs 99 USDT, 5 is free" in shown


async def test_nothing_is_sent_while_the_engine_is_lost() -> None:
    feed = feed_with()
    async with opened(feed, "ticket") as (pilot, dialog):
        await pilot.press(*"0.25")
        await judged(pilot, dialog)
        feed.state = LOST
        await pilot.pause(0.15)
        await pilot.press("ctrl+s")
        await settled(pilot)
        assert "nothing can be sent" in text_of(dialog)
    assert sent(feed) == []


async def test_where_money_is_real_a_large_order_is_asked_about_once_more() -> None:
    feed = feed_with(mode="live")
    feed.change("portfolio", {})
    options = AppOptions(confirm_over="1000")
    async with opened(feed, "ticket", options) as (pilot, dialog):
        dialog._view.record = feed.record
        summary = dialog._view.mirror.summary
        import msgspec

        feed.change("portfolio", {"run": msgspec.structs.replace(summary, mode="live")})
        await pilot.press(*"0.25")
        await judged(pilot, dialog)
        await pilot.press("ctrl+s", "n")
        assert sent(feed) == []
        await judged(pilot, dialog)
        await pilot.press("ctrl+s", "y")
        await settled(pilot)
    assert len(sent(feed)) == 1


async def test_a_lost_line_says_that_it_is_not_known_what_became_of_it() -> None:
    lost = EngineLostError("the engine ended the connection", may_have_happened=True)
    feed = feed_with(lost)
    async with opened(feed, "ticket") as (pilot, dialog):
        await pilot.press(*"0.25")
        await judged(pilot, dialog)
        await pilot.press("ctrl+s")
        await settled(pilot)
        assert "NOT KNOWN" in text_of(dialog)


async def test_after_a_lost_line_a_second_try_is_the_same_order() -> None:
    feed = feed_with(EngineLostError("the engine ended it", may_have_happened=True))
    async with opened(feed, "ticket") as (pilot, dialog):
        await pilot.press(*"0.25")
        for _ in range(2):
            await judged(pilot, dialog)
            await pilot.press("ctrl+s")
            await settled(pilot)
            feed.by_kind[ORDERS, Accepted] = DONE
    first, second = sent(feed)
    assert first.client_id == second.client_id, "the engine can tell that it is the same one"


# Shorthand ----------------------------------------------------------------------------------------


@pytest.fixture
async def form() -> Any:
    app = ForgeApp(AnsweringFeed(), AppOptions(), environ={})
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        yield TicketForm(app.view, "BTC/USDT", "BUY")


async def test_a_word_of_the_market_becomes_its_price(form: Any) -> None:
    market = form._market
    form.price.set("ask")
    form.write_out()
    assert form.price.value == (market.ask or market.last)


async def test_a_share_of_the_cash_becomes_a_quantity_that_it_pays_for(form: Any) -> None:
    from decimal import Decimal

    form.price.set("50000")
    form.quantity.set("50%")
    form.write_out()
    cash = Decimal(form._view.summary.cash["USDT"])
    spent = Decimal(form.quantity.value) * 50_000
    assert 0 < spent <= cash / 2


async def test_a_share_of_a_position_is_for_a_sale(form: Any) -> None:
    form.turn()
    row = next(each for each in form._view.mirror.positions.values() if each.symbol == "BTC/USDT")
    form.strategy.at = form.strategy.options.index(row.strategy)
    form.quantity.set("100%")
    form.write_out()
    assert float(form.quantity.value) == pytest.approx(abs(float(row.quantity)))


async def test_only_the_prices_of_the_chosen_type_are_asked_for_and_sent(form: Any) -> None:
    form.quantity.set("1")
    form.type.at = form.type.options.index("STOP")
    names = [field.name for field in form.visible()]
    assert "trigger" in names
    assert "price" not in names
    form.trigger.set("70000")
    request = form.request("id", "t")
    assert (request.limit, request.stop, request.trail) == (None, "70000", None)
