"""`alphaforge data`: making a file, and saying what one holds."""

import pytest

HEADER = "timestamp,price,size,side,id"


def test_generate_gives_the_same_bytes_for_the_same_seed(run, folder) -> None:
    first = run("data", "generate", "--rows", "100", "--seed", "4").out
    assert first.splitlines()[0] == HEADER
    assert first.count("\n") == 101
    assert run("data", "generate", "--rows", "100", "--seed", "4").out == first
    assert run("data", "generate", "--rows", "100", "--seed", "5").out != first
    ended = run("data", "generate", "--rows", "100", "--seed", "4", "-o", "t.csv")
    assert ended.out == ""
    assert (folder / "t.csv").read_text() == first


def test_generated_bars_can_be_shown(run) -> None:
    run("data", "generate", "--kind", "bars", "--rows", "60", "-o", "bars.csv.gz", "--json")
    shown = run("data", "show", "bars.csv.gz", "--symbol", "ETH/USDT", "--json").json
    assert shown["format"] == "csv-bars"
    assert shown["kinds"] == ["bars"]
    assert shown["symbols"] == ["ETH/USDT"]
    assert shown["timeframe"] == "1m"
    assert (shown["rows"], shown["events"], shown["bad_rows"]) == (60, 120, 0)
    assert shown["first"] == "2024-01-01T00:00:00.000000000Z"
    assert shown["last"] == "2024-01-01T01:00:00.000000000Z"
    assert shown["instruments"][0]["source"] == "data"


def test_a_recorded_feed_is_shown_whole(run, data_file) -> None:
    path = str(data_file("binance_usdm_btcusdt_20240808.jsonl.gz"))
    shown = run("data", "show", path, "--json").json
    assert shown["kinds"] == ["book", "quotes", "trades"]
    assert shown["symbols"] == ["BTC/USDT"]
    assert shown["problems"] == []


def test_show_tells_a_person_the_same(run) -> None:
    run("data", "generate", "--kind", "bars", "--rows", "60", "-o", "bars.csv")
    facts = dict(line.split("\t") for line in run("data", "show", "bars.csv").out.splitlines())
    assert (facts["format"], facts["rows"], facts["timeframe"]) == ("csv-bars", "60", "1m")
    assert "from data" in facts["bars"]  # named after the file, where nobody says otherwise


def test_check_of_a_good_file_is_quiet(run) -> None:
    run("data", "generate", "--rows", "50", "-o", "t.csv")
    ended = run("data", "check", "t.csv")
    assert (ended.code, ended.out) == (0, "")
    assert "t.csv is right" in ended.err


def test_check_names_what_is_wrong_and_ends_with_10(run, folder) -> None:
    (folder / "t.csv").write_text(
        f"{HEADER}\n1704067200,100,1,buy,1\n1704067201,-5,1,buy,2\nx,1,1,,3\n"
    )
    ended = run("data", "check", "t.csv")
    assert ended.code == 10
    assert "line 4" in ended.out
    assert "trade: price not above zero" in ended.out
    found = run("data", "check", "t.csv", "--json")
    assert (found.json["ok"], found.json["bad_rows"]) == (False, 1)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", "nowhere.csv"), 7),
        (("generate", "--kind", "books"), 2),
        (("generate", "--rows", "-1"), 2),
        (("generate", "--rows", "many"), 2),
        (("generate", "--rows", "5", "-o", "nowhere/x.csv"), 1),
    ],
)
def test_bad_input_is_told(run, arguments, code) -> None:
    ended = run("data", *arguments)
    assert ended.code == code, ended.err
    assert ended.err
