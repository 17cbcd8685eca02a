"""Several files as one stream: by time, then by source number, ends before opens."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from alphaforge.marketdata import merge, open_dataset
from alphaforge.model.market import BarOpen

T0 = 1_577_880_000 * 10**9


def trades(folder, number, offsets):
    rows = "".join(f"{T0 + ts},{number + 1},1\n" for ts in offsets)
    path = folder / f"{number}.csv"
    path.write_text("ts,price,size\n" + rows)
    return open_dataset(path, symbol=f"S{number}/USD")


def flat(datasets):
    return [event for batch in merge(datasets) for event in batch]


@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=20), min_size=1, max_size=4))
def test_merging_is_a_stable_sort_by_time_and_source(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("merge")
    datasets = [trades(folder, number, sorted(file)) for number, file in enumerate(files)]
    events = flat(datasets)
    expected = sorted(
        (event.ts_local, number, row)
        for number, dataset in enumerate(datasets)
        for row, event in enumerate(e for batch in dataset.batches() for e in batch)
    )
    assert [(event.ts_local, int(event.symbol[1])) for event in events] == [
        (ts, number) for ts, number, _ in expected
    ]
    assert flat(datasets) == events


def test_across_files_every_bar_ends_before_any_bar_opens(data_file):
    names = ("btcusd", "ethusd", "ltcusd")
    datasets = [open_dataset(data_file(f"coinbase_{name}_1m_20180405_trade.zip")) for name in names]
    events = flat(datasets)
    assert len(events) == sum(2 * dataset.rows for dataset in datasets)
    symbols = [dataset.symbols[0] for dataset in datasets]
    keys = [
        (event.ts_local, isinstance(event, BarOpen), symbols.index(event.symbol))
        for event in events
    ]
    assert all(before <= after for before, after in pairwise(keys))


def test_days_one_after_the_other_are_joined(data_file):
    days = [
        open_dataset(data_file(f"coinbase_btcusd_1m_2018040{day}_trade.zip")) for day in (6, 5, 4)
    ]
    times = [event.ts_local for event in flat(days)]
    assert times == sorted(times)


def test_batches_are_of_a_bounded_size(tmp_path):
    datasets = [trades(tmp_path, number, range(6000)) for number in range(2)]
    sizes = [len(batch) for batch in merge(datasets)]
    assert sum(sizes) == 12_000
    assert max(sizes) <= 2048
