"""The text of an export: public columns, plain numbers, no formulas, the same bytes every time."""

import csv
import io
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.model.enums import OrderSide, OrderStatus, OrderType, TimeInForce
from alphaforge.store.export import SHEETS, csv_lines, export, guarded, iso_time
from alphaforge.store.reads import open_reader
from alphaforge.store.records import EquityRow, OrderRow
from tests.store.stories import START, Desk, day, record

ROOT = Path(__file__).parents[2]
RUN = record().run_id
ORDER = OrderRow(
    "r", START, "sim", "paper", "BTC/USDT", "sma_cross", "o-000001", "", "v-1", OrderSide.BUY,
    OrderType.MARKET, Decimal("1E+2"), None, None, TimeInForce.GTC, OrderStatus.REJECTED,
    Decimal("0.00"), None, "", Decimal(0), False, START,
)  # fmt: skip


async def chunks_of(*chunks):
    for chunk in chunks:
        yield chunk


async def text_of(sheet: str, form, *chunks) -> str:
    return "".join([part async for part in export(sheet, form, chunks_of(*chunks))])


def order(**changes) -> OrderRow:
    return OrderRow(**{name: getattr(ORDER, name) for name in ORDER.__struct_fields__} | changes)


PUBLIC = {
    "fills": """run_id ts venue account symbol strategy order_id venue_order_id trade_id side
        quantity price value fee fee_currency liquidity realized_pnl""",
    "orders": """run_id ts venue account symbol strategy order_id client_order_id venue_order_id
        side type quantity limit stop tif status filled average_price reason""",
    "equity": "run_id ts equity cash unrealized_pnl",
}


@pytest.mark.parametrize("sheet", PUBLIC)
async def test_no_rows_are_the_public_header_only(sheet):
    assert await text_of(sheet, "csv") == ",".join(PUBLIC[sheet].split()) + "\n"
    assert await text_of(sheet, "json") == "[]\n"
    assert await text_of(sheet, "jsonl") == ""


async def test_fills_of_a_run_are_written_as_the_contract_says(writer, url):
    writer.begin_run(record())
    for step in Desk().trade(OrderSide.BUY, "0.50", "61000.10"):
        writer.append_step(RUN, step)
    writer.flush()
    async with open_reader(url) as reader:
        text = "".join([part async for part in export("fills", "csv", reader.fills())])
    identity = f"{RUN},2024-08-08T00:00:02.000000000Z,binanceusdm,paper,BTC/USDT,sma_cross"
    ids = "o-000001,v-000001,t-000002"
    amounts = "BUY,0.5,61000.1,30500.05,30.50005,USDT,TAKER,0"
    assert text.split("\n")[1:] == [f"{identity},{ids},{amounts}", ""]


async def test_what_is_not_there_is_an_empty_cell_or_null():
    [line] = csv.DictReader(io.StringIO(await text_of("orders", "csv", [ORDER])))
    assert (line["limit"], line["stop"], line["average_price"], line["reason"]) == ("", "", "", "")
    assert (line["quantity"], line["filled"], line["status"]) == ("100", "0", "REJECTED")
    [object_] = json.loads(await text_of("orders", "json", [ORDER]))
    assert list(object_) == [column.name for column in SHEETS["orders"]]
    assert object_["limit"] is None
    assert object_["quantity"] == "100"


async def test_json_is_one_list_and_json_lines_one_object_a_line_over_all_chunks():
    chunks = [[ORDER, ORDER], [], [order(reason='say "no"\nplease')]]
    rows = json.loads(await text_of("orders", "json", *chunks))
    lines = (await text_of("orders", "jsonl", *chunks)).splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert len(rows) == 3
    assert rows[2]["reason"] == 'say "no"\nplease'


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
async def test_text_that_could_start_a_formula_is_text_in_a_spreadsheet(start):
    venue_says = f"{start}HYPERLINK(0)"
    text = await text_of("orders", "csv", [order(reason=venue_says, venue_order_id=venue_says)])
    [line] = csv.DictReader(io.StringIO(text, newline=""))
    assert line["reason"] == line["venue_order_id"] == f"'{venue_says}"
    [object_] = json.loads(await text_of("orders", "json", [order(reason=venue_says)]))
    assert object_["reason"] == venue_says


async def test_a_negative_number_stays_a_number():
    row = EquityRow("r", START, Decimal("-12.50"), Decimal(-1), Decimal("-0.00000001"))
    text = await text_of("equity", "csv", [row])
    assert text.splitlines()[1] == "r,2024-08-08T00:00:00.000000000Z,-12.5,-1,-0.00000001"


@given(st.text())
def test_any_text_comes_back_from_csv_as_it_went_in_and_never_begins_a_formula(text):
    written = csv_lines(SHEETS["orders"], [order(reason=text)])
    [cells] = csv.reader(io.StringIO(written, newline=""), strict=True)
    assert cells[-1] == guarded(text)
    assert cells[-1][:1] not in {"=", "+", "-", "@", "\t", "\r"}


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_any_amount_is_plain_and_exact(amount):
    row = EquityRow("r", START, amount, Decimal(0), Decimal(0))
    cell = csv_lines(SHEETS["equity"], [row]).split(",")[2]
    assert Decimal(cell) == amount
    assert "E" not in cell
    assert not ("." in cell and cell.endswith(("0", ".")))


@pytest.mark.parametrize(
    ("ts", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1_723_075_200_123_456_789, "2024-08-08T00:00:00.123456789Z"),
        (951_782_399_999_999_999, "2000-02-28T23:59:59.999999999Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
    ],
)
def test_times_have_nine_decimals_and_a_z(ts, text):
    assert iso_time(ts) == text


WRITE_AND_EXPORT = """
import asyncio, sys
from alphaforge.store.export import export
from alphaforge.store.reads import open_reader
from alphaforge.store.writer import Writer
from tests.store.stories import Desk, day, record

url, run_id, group = sys.argv[1], sys.argv[2], int(sys.argv[3])
writer = Writer(url)
writer.begin_run(record(run_id))
for number, step in enumerate(day(Desk())):
    writer.append_step(run_id, step)
    if number % group == 0:
        writer.flush()
writer.close()

async def main():
    async with open_reader(url) as reader:
        for sheet, rows in (("fills", reader.fills()), ("orders", reader.orders())):
            async for text in export(sheet, "csv", rows):
                sys.stdout.write(text)

asyncio.run(main())
"""


def test_the_same_run_twice_gives_the_same_bytes_apart_from_its_id(tmp_path):
    """Whatever the hash seed, and however its rows were grouped into transactions."""
    texts = []
    for seed, run_id, group in (("0", "run-a", "1"), ("12345", "run-b", "4")):
        done = subprocess.run(
            [sys.executable, "-c", WRITE_AND_EXPORT, f"sqlite:///{tmp_path}/{seed}", run_id, group],
            check=True, capture_output=True, text=True, timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed},
        )  # fmt: skip
        texts.append(done.stdout.replace(run_id, "RUN"))
    assert texts[0] == texts[1]
    assert len(texts[0].splitlines()) > len(day(Desk())) / 2
