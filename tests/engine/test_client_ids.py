"""Client order ids: unique by construction, fit for every venue, and readable back."""

from hypothesis import given
from hypothesis import strategies as st

from alphaforge.engine.client_ids import (
    MOST_STRATEGIES,
    ClientId,
    client_order_id,
    owner_of,
    read_client_order_id,
)
from tests.engine.wire import EPOCH, TAG, Wire

tags = st.text("0123456789abcdef", min_size=14, max_size=14)
epochs = st.integers(0, 0xFFFFFF)
places = st.integers(0, MOST_STRATEGIES)
numbers = st.integers(0, 0xFFFFFFFF)


def test_an_id_says_run_epoch_strategy_and_number_in_this_order():
    made = client_order_id("0f3c9a7b21d4e6", 3, 1, "o-000042")
    assert made == "af" + "0f3c9a7b21d4e6" + "000003" + "01" + "0000002a"


@given(tags, epochs, places, numbers)
def test_what_an_id_was_made_of_is_read_back(tag: str, epoch: int, place: int, number: int):
    made = client_order_id(tag, epoch, place, f"o-{number:06d}")
    assert read_client_order_id(made) == ClientId(tag, epoch, place, number)


@given(tags, epochs, places, numbers)
def test_an_id_is_32_lower_case_hexadecimal_digits(tag: str, epoch: int, place: int, number: int):
    made = client_order_id(tag, epoch, place, f"o-{number:06d}")
    assert len(made) == 32
    assert set(made) <= set("0123456789abcdef")


@given(*[st.tuples(tags, epochs, places, numbers)] * 2)
def test_two_orders_have_one_id_only_if_they_are_the_same(
    one: tuple[str, int, int, int], other: tuple[str, int, int, int]
):
    made = [client_order_id(*each[:3], f"o-{each[3]:06d}") for each in (one, other)]
    assert (made[0] == made[1]) == (one == other)


@given(st.text(max_size=40))
def test_a_text_that_is_no_id_of_ours_says_nothing(text: str):
    found = read_client_order_id(text)
    assert found is None or text == client_order_id(*found[:3], f"o-{found.number}")


def test_a_longer_id_that_begins_like_ours_is_somebody_elses():
    made = client_order_id(TAG, 1, 1, "o-000001")
    assert read_client_order_id(f"{made}0") is None
    assert read_client_order_id(f"x{made}") is None
    assert read_client_order_id(f"{made}\n") is None
    assert read_client_order_id(made.upper()) is None


def test_the_owner_is_the_strategy_at_that_place_of_the_command_line():
    names = ["one", "two"]
    assert owner_of(client_order_id(TAG, 9, 1, "o-000001"), TAG, names) == "one"
    assert owner_of(client_order_id(TAG, 9, 2, "o-000001"), TAG, names) == "two"


def test_an_id_of_another_run_of_no_strategy_or_of_one_too_many_has_no_owner_here():
    names = ["one", "two"]
    assert owner_of(client_order_id("f" * 14, 9, 1, "o-000001"), TAG, names) == ""
    assert owner_of(client_order_id(TAG, 9, 0, "o-000001"), TAG, names) == ""
    assert owner_of(client_order_id(TAG, 9, 3, "o-000001"), TAG, names) == ""
    assert owner_of("mine-1", TAG, names) == ""
    assert owner_of("", TAG, names) == ""


def test_an_engine_names_its_orders_by_tag_epoch_and_strategy():
    wire = Wire(("one", "two"))
    first, second = wire.buy(name="two"), wire.sell(name="one")
    assert read_client_order_id(first.client_order_id) == ClientId(TAG, EPOCH, 2, 1)
    assert read_client_order_id(second.client_order_id) == ClientId(TAG, EPOCH, 1, 2)
    sent = [each.command for each in wire.outgoing]
    assert [(each.order_id, getattr(each, "client_order_id", "")) for each in sent] == [
        (order.order_id, order.client_order_id) for order in (first, second)
    ]
