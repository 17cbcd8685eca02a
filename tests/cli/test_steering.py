"""Verbs that steer an engine, over a real socket: what is sent and printed, the exit code."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alphaforge.client.requests import CheckRow, PreviewRow, Problem
from tests.cli.fake_engine import (
    DIES,
    FakeEngine,
    accepted,
    fake_engine,
    killing,
    order,
)
from tests.client.rows import row
from tests.services.running import SMA_CROSS


@pytest.fixture
def engine(folder: Path) -> Iterator[FakeEngine]:
    with fake_engine() as serving:
        yield serving


VERBS = [
    ["status"],
    ["stop"],
    ["pause"],
    ["resume"],
    ["kill", "--yes"],
    ["order", "buy", "BTC/USDT", "1"],
    ["order", "cancel", "1"],
    ["orders"],
    ["positions"],
    ["fills"],
    ["balance"],
    ["pnl"],
    ["pnl", "--by", "day"],
    ["risk", "show"],
    ["risk", "arm"],
    ["alerts", "list"],
    ["logs"],
    ["attach"],
]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_without_an_engine_every_verb_exits_8_and_says_what_to_type(run, folder, verb) -> None:
    ended = run(*verb, "--json")
    assert ended.code == 8
    assert ended.error["message"] == "no engine is running"
    assert "alphaforge run" in ended.error["fix"]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_with_two_engines_every_verb_lists_them_and_asks_which(run, folder, verb) -> None:
    with fake_engine("20261120-091500-one"), fake_engine("20261120-101500-two"):
        ended = run(*verb)
    assert ended.code == 2
    assert "20261120-091500-one" in ended.err
    assert "20261120-101500-two" in ended.err
    assert "--run 2026" in ended.err


def test_the_engine_that_is_named_is_asked(run, folder) -> None:
    with fake_engine("20261120-091500-one") as one, fake_engine("20261120-101500-two") as two:
        two.will("POST /api/pause", accepted(message="paused"))
        ended = run("pause", "--run", "two")
        assert (ended.code, ended.out) == (0, "paused\n")
        assert (one.asked, two.bodies("POST /api/pause")) == ([], [{"who": "cli", "reason": ""}])


def test_an_engine_of_another_version_is_not_steered_but_can_be_killed(run, folder) -> None:
    with fake_engine(version="0.0.1") as engine:
        paused = run("pause")
        assert paused.code == 2
        assert "upgrade the engine" in paused.err
        engine.will("POST /api/kill", killing("done"))
        assert run("kill", "--yes").code == 0


def test_a_broken_settings_file_keeps_nobody_from_a_kill(run, engine, folder) -> None:
    (folder / "alphaforge.toml").write_text("nonsense = = 1")
    engine.will("POST /api/kill", killing("done"))
    assert run("kill", "--yes").code == 0


# Kill -------------------------------------------------------------------------------------------


def test_a_kill_is_done_only_when_the_engine_has_proof(run, engine) -> None:
    engine.will("POST /api/kill", killing("running", orders_open=2))
    engine.will("GET /api/kill", killing("running", orders_open=1), killing("done", flatten=True))
    ended = run("kill", "--flatten", "--yes", "--json")
    assert (ended.code, ended.json["state"]) == (0, "done")
    assert engine.bodies("POST /api/kill") == [
        {"flatten": True, "reason": "alphaforge kill", "who": "cli"}
    ]
    assert "orders     running  2 open, 0 in doubt" in ended.err
    assert "orders     running  1 open, 0 in doubt" in ended.err


def test_a_kill_that_is_stuck_exits_9_with_what_hinders(run, engine) -> None:
    problem = "BTC/USDT: closing order denied: needs a price"
    stuck = killing("stuck", positions_open=1, problems=(problem,))
    engine.will("POST /api/kill", stuck)
    ended = run("kill", "--yes")
    assert ended.code == 9
    assert problem in ended.err
    assert "it needs a person" in ended.err


def test_a_kill_that_is_not_proven_in_time_goes_on_and_says_so(run, engine) -> None:
    engine.will("POST /api/kill", killing("running", orders_in_doubt=1))
    engine.will("GET /api/kill", killing("running", orders_in_doubt=1))
    ended = run("kill", "--yes", "--wait", "0")
    assert ended.code == 9
    assert "1 in doubt" in ended.err
    assert "it goes on in the engine" in ended.err


def test_a_kill_whose_engine_dies_is_not_called_done(run, engine) -> None:
    engine.will("POST /api/kill", killing("running"))
    engine.will("GET /api/kill", DIES)
    ended = run("kill", "--yes")
    assert ended.code == 9
    assert "went away before the kill was proven" in ended.err
    assert "look at the venue itself" in ended.err


def test_a_kill_that_nobody_can_type_the_word_for_wants_yes(run, engine) -> None:
    ended = run("kill")
    assert (ended.code, "--yes" in ended.err) == (2, True)
    assert not engine.bodies("POST /api/kill")


# Orders -----------------------------------------------------------------------------------------


def test_an_order_is_sent_as_typed_and_printed_once_its_venue_has_answered(run, engine) -> None:
    engine.will("POST /api/orders", accepted(order(status="SUBMITTED")))
    engine.will("GET /api/orders/o-000001", order(status="SUBMITTED"), order(status="ACCEPTED"))
    ended = run(
        *("order", "buy", "btc/usdt", "0.10", "--limit", "67250", "--post-only"),
        *("--tag", "a note", "--json"),
    )
    assert (ended.code, ended.json["orders"][0]["status"]) == (0, "ACCEPTED")
    (sent,) = engine.bodies("POST /api/orders")
    assert (sent["symbol"], sent["quantity"], sent["limit"]) == ("btc/usdt", "0.1", "67250")
    assert (sent["side"], sent["post_only"], sent["tag"]) == ("BUY", True, "a note")
    assert (sent["who"], sent["strategy"]) == ("cli", "manual")


def test_an_order_the_venue_refused_exits_5_with_its_reason(run, engine) -> None:
    refused = order(status="REJECTED", is_open=False, reason="would cross")
    engine.will("POST /api/orders", accepted(order(status="SUBMITTED")))
    engine.will("GET /api/orders/o-000001", refused)
    ended = run("order", "sell", "BTC/USDT", "1", "--limit", "5")
    assert ended.code == 5
    assert "would cross" in ended.err
    assert "alphaforge why o-000001" in ended.err


@pytest.mark.parametrize(
    "state", [{"status": "SUBMITTED"}, {"status": "SUBMITTED", "in_doubt": True}]
)
def test_an_order_nobody_answered_for_is_never_called_done(run, engine, state) -> None:
    engine.will("POST /api/orders", accepted(order(**state)))
    engine.will("GET /api/orders/o-000001", order(**state))
    ended = run("order", "buy", "BTC/USDT", "1", "--wait", "0")
    assert ended.code == 9
    assert "do not send it again" in ended.err


def test_an_order_whose_answer_never_came_may_have_been_sent(run, engine) -> None:
    engine.will("POST /api/orders", DIES)
    ended = run("order", "buy", "BTC/USDT", "1", "--json")
    assert ended.code == 8
    assert "may have been done" in ended.error["message"]
    assert "alphaforge orders" in ended.error["fix"]


def test_an_order_that_waits_here_for_its_trigger_is_answered(run, engine) -> None:
    held = order(status="INITIALIZED", emulated=True, type="STOP_MARKET", stop="50")
    engine.will("POST /api/orders", accepted(held))
    engine.will("GET /api/orders/o-000001", held)
    ended = run("order", "sell", "BTC/USDT", "1", "--stop", "50")
    assert ended.code == 0
    assert "INITIALIZED, held here" in ended.out


def test_an_order_that_risk_refused_exits_6_in_the_engines_words(run, engine) -> None:
    reason = "o-000001 was denied: value 67250 is above max_order_value 1000"
    engine.will(
        "POST /api/orders",
        Problem(code="AF-R000", message=reason, remedy="smaller", exit_code=6),
    )
    ended = run("order", "buy", "BTC/USDT", "1", "--json")
    assert (ended.code, ended.error["message"], ended.error["fix"]) == (6, reason, "smaller")


def preview(**values: object) -> PreviewRow:
    known = {"side": "BUY", "quantity": "1", "price": "67250", "value": "67250", "verdict": "ok"}
    return row(PreviewRow, **{**known, **values})


def test_a_dry_run_asks_and_sends_nothing(run, engine) -> None:
    engine.will("POST /api/orders?dry_run=1", preview())
    ended = run("order", "buy", "BTC/USDT", "1", "--dry-run")
    assert (ended.code, "nothing was sent" in ended.err) == (0, True)
    assert [asked for asked, _ in engine.asked] == ["POST /api/orders?dry_run=1"]


def test_a_dry_run_that_would_be_denied_shows_the_check_and_exits_6(run, engine) -> None:
    check = row(CheckRow, name="max_order_value", passed=False, used_after="67250", limit="1000")
    engine.will(
        "POST /api/orders?dry_run=1",
        preview(verdict="denied", reasons=("too large",), checks=(check,)),
    )
    ended = run("order", "buy", "BTC/USDT", "1", "--dry-run")
    assert ended.code == 6
    assert "max_order_value\tdenied\t\t67250\t1000" in ended.out
    assert "denied: too large" in ended.err


def test_real_money_wants_yes_where_nobody_can_be_asked(run, folder) -> None:
    with fake_engine(mode="live") as engine:
        ended = run("order", "buy", "BTC/USDT", "1")
        assert (ended.code, engine.asked) == (2, [])
        assert "trades real money" in ended.err
        engine.will("POST /api/orders", accepted(order()))
        engine.will("GET /api/orders/o-000001", order())
        assert run("order", "buy", "BTC/USDT", "1", "--yes").code == 0


def test_a_cancel_waits_until_the_order_is_out_of_the_market(run, engine) -> None:
    engine.will("POST /api/orders/o-000001/cancel", accepted(order(pending="CANCEL")))
    engine.will(
        "GET /api/orders/o-000001",
        order(pending="CANCEL"),
        order(status="CANCELED", is_open=False),
    )
    ended = run("order", "cancel", "o-000001")
    assert (ended.code, "CANCELED" in ended.out) == (0, True)


def test_an_order_that_is_still_open_after_its_cancel_exits_9(run, engine) -> None:
    engine.will("POST /api/orders/o-000001/cancel", accepted(order(pending="CANCEL")))
    engine.will("GET /api/orders/o-000001", order())
    ended = run("order", "cancel", "o-000001")
    assert (ended.code, "still open" in ended.err) == (9, True)


def test_cancel_all_names_whose(run, engine) -> None:
    engine.will("POST /api/orders/cancel", accepted(message="no order works there"))
    ended = run("order", "cancel", "--all", "--symbol", "ETH/USDT")
    assert (ended.code, ended.out) == (0, "no order works there\n")
    assert engine.bodies("POST /api/orders/cancel") == [
        {"symbol": "ETH/USDT", "strategy": "", "who": "cli"}
    ]


def test_a_modification_leaves_alone_what_was_not_typed(run, engine) -> None:
    engine.will("POST /api/orders/o-000001/modify", accepted(order(pending="MODIFY")))
    engine.will("GET /api/orders/o-000001", order(limit="5"))
    assert run("order", "modify", "o-000001", "--limit", "5.0").code == 0
    (sent,) = engine.bodies("POST /api/orders/o-000001/modify")
    assert (sent["limit"], sent["quantity"], sent["stop"]) == ("5", None, None)


def test_flatten_closes_by_symbol(run, engine) -> None:
    engine.will("POST /api/flatten", accepted(order(status="FILLED", is_open=False)))
    engine.will("GET /api/orders/o-000001", order(status="FILLED", is_open=False))
    assert run("order", "flatten", "BTC/USDT").code == 0
    (sent,) = engine.bodies("POST /api/flatten")
    assert sent == {"symbol": "BTC/USDT", "strategy": "", "who": "cli"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["order", "buy", "BTC/USDT", "1,5"], "the quantity is no number: 1,5"),
        (["order", "buy", "BTC/USDT", "0"], "must be more than zero"),
        (["order", "cancel"], "which order? Its id, or --all"),
        (["order", "modify", "o-1"], "what is to change?"),
        (["order", "sell", "X", "1", "--tif", "GTD"], "--tif is one of GTC, IOC, FOK"),
        (["alerts", "ack"], "which alert?"),
        (["pnl", "--by", "week"], "by week is not known"),
    ],
)
def test_what_is_typed_wrong_is_told_before_anything_is_asked(run, engine, words, said) -> None:
    ended = run(*words)
    assert (ended.code, said in ended.err) == (2, True)
    assert not engine.asked


@pytest.mark.parametrize("verb", ["tui", "attach"])
def test_the_app_without_a_terminal_says_what_works_there(run, engine, verb) -> None:
    ended = run(verb)
    assert ended.code == 2
    assert "alphaforge status --plain" in ended.err


def test_a_screen_that_does_not_exist_names_the_nearest(run, engine) -> None:
    ended = run("tui", "--screen", "rsik")
    assert (ended.code, "did you mean risk?" in ended.err) == (2, True)


def test_what_is_over_before_anybody_could_look_is_not_detached(run, folder) -> None:
    ended = run("run", str(SMA_CROSS), "--data", "x.csv", "--speed", "max", "--detach")
    assert ended.code == 2
    assert "--speed" in ended.err


def test_alerts_are_acknowledged_by_number_or_all(run, engine) -> None:
    for what in ("3", "all"):
        engine.will(f"POST /api/alerts/{what}/ack", accepted(message=f"{what} read"))
    assert run("alerts", "ack", "3").out == "3 read\n"
    assert run("alerts", "ack", "--all").out == "all read\n"


def test_stop_says_when_the_engine_has_not_ended(run, engine) -> None:
    engine.will("POST /api/stop", accepted(message="stopping"))
    ended = run("stop", "--wait", "0.1")
    assert ended.code == 9
    assert "has not ended" in ended.err
    assert run("stop", "--wait", "0").out == "stopping\n"
