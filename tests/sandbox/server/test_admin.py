"""The back door: faults and acts over HTTP, and the exchange's own books."""

from decimal import Decimal


async def test_a_fault_is_added_listed_and_taken_away(place) -> None:
    added = await place.admin("POST", "faults", {"kind": "error", "status": 500})
    assert added == {"numbers": [1]}
    assert (await place.get("/tiny/time")).status == 500
    (listed,) = (await place.admin("GET", "faults"))["faults"]
    assert (listed["number"], listed["fault"]["kind"]) == (1, "error")
    assert (await place.admin("DELETE", "faults/1")) == {"cleared": 1}
    assert (await place.get("/tiny/time")).status == 200


async def test_several_faults_come_in_one_request_or_not_at_all(place) -> None:
    told = [{"kind": "drop", "times": 1}, {"kind": "hang"}]
    assert await place.admin("POST", "faults", told) == {"numbers": [1, 2]}
    assert (await place.admin("DELETE", "faults"))["cleared"] == 2
    wrong = await place.admin("POST", "faults", [{"kind": "hang"}, {"kind": "hangs"}])
    assert (wrong["key"], wrong["fix"]) == ("kind", "did you mean hang?")
    assert (await place.admin("GET", "faults"))["faults"] == []


async def test_an_act_is_done_before_the_answer(place) -> None:
    told = {"kind": "deposit", "currency": "ETH", "amount": "1.000000000000000001"}
    assert await place.admin("POST", "act", told) == {"done": True, "reason": ""}
    assert place.floor.exchange.balances("main")["ETH"].free == Decimal("1.000000000000000001")
    told = {"kind": "deposit", "currency": "ETH", "amount": "-5"}
    assert (await place.admin("POST", "act", told))["done"] is False
    assert "done at once" in (await place.admin("POST", "act", {"kind": "drop"}))["error"]


async def test_the_books_are_everything_in_exact_text(place) -> None:
    await place.place("90.5", "0.3", id="mine")
    books = await place.admin("GET", "books")
    assert set(books["accounts"]) == {"main"}
    main = books["accounts"]["main"]
    usdt = {name: Decimal(amount) for name, amount in main["balances"]["USDT"].items()}
    assert usdt == {"free": Decimal("9972.82285"), "locked": Decimal("27.17715")}
    (order,) = main["open_orders"]
    assert order["client_order_id"] == "mine"
    assert Decimal(order["quantity"]) == Decimal("0.3")
    assert main["orders"] == main["open_orders"]
    assert (main["executions"], main["positions"]) == ([], [])


async def test_the_counts_say_what_came_and_what_struck(place) -> None:
    await place.admin("POST", "faults", {"kind": "error", "call": "time"})
    await place.get("/tiny/time")
    await place.place()
    counts = await place.admin("GET", "counts")
    assert counts["requests"] == {"tiny.time": 1, "tiny.create": 1}
    assert counts["faults"] == {"error": 1}
    assert (counts["throttled"], counts["sockets"], counts["behind_s"]) == (0, 0, 0)
    assert counts["missed"] == []


async def test_nonsense_is_told_so(place) -> None:
    assert "number" in (await place.admin("DELETE", "faults/x"))["error"]
    assert "kind" in (await place.admin("POST", "act", {}))["error"]
    assert "table" in (await place.admin("POST", "act", 7))["error"]


async def test_an_account_and_a_key_for_it_can_be_added(place) -> None:
    told = {"name": "second", "balances": {"USDT": "12.34"}}
    assert await place.admin("POST", "accounts", told) == {"opened": "second"}
    assert "second" in (await place.admin("POST", "accounts", told))["error"]
    key = {"key": "k2", "secret": "s2", "account": "second", "network": "live", "expires": 7}
    assert await place.admin("POST", "keys", key) == {"added": "k2"}
    found = place.floor.keys.find("k2")
    assert (found.account, found.network, found.is_expired(8)) == ("second", "live", True)
    assert place.floor.exchange.balances("second")["USDT"].free == Decimal("12.34")


async def test_a_key_or_account_that_cannot_be_is_refused(place) -> None:
    key = {"key": "k2", "secret": "s2", "account": "nobody"}
    assert "nobody" in (await place.admin("POST", "keys", key))["error"]
    assert "kye" in (await place.admin("POST", "keys", {**key, "kye": "x"}))["error"]
    for told in ({"name": "@maker-1"}, {"name": "main"}, {"name": "x", "balances": {"USDT": "-1"}}):
        assert "error" in await place.admin("POST", "accounts", told)
