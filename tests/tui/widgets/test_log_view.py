"""The log follows until somebody reads, and hides nothing that nobody asked to hide."""

from alphaforge.tui.widgets.log_view import KEPT, LogView
from tests.tui.widgets.material import log
from tests.tui.widgets.stage import fills_its_cells, lines_of, on_stage, text_of

SIZE = (60, 11)


def numbers(view: LogView) -> list[int]:
    return [row.number for row in view.shown_rows]


async def test_it_follows_the_newest_line() -> None:
    view = LogView()
    async with on_stage(view, size=SIZE):
        assert "nothing was logged yet" in text_of(view)
        view.add(log(number) for number in range(1, 31))
        assert numbers(view) == list(range(21, 31))
        assert lines_of(view)[-1].split() == ["08:00:30", "INFO", "line", "30"]
        view.add([log(31)])
        assert numbers(view)[-1] == 31
        assert "follow" in lines_of(view)[0]


async def test_who_reads_older_lines_is_not_disturbed() -> None:
    view = LogView()
    async with on_stage(view, size=SIZE):
        view.add(log(number) for number in range(1, 101))
        view.move_page(-1)
        before = numbers(view)
        view.add(log(number) for number in range(101, 332))
        assert numbers(view) == before
        assert "paused · 231 new ↓" in lines_of(view)[0]
        view.follow()
        assert numbers(view)[-1] == 331
        assert "follow" in lines_of(view)[0]


async def test_scrolled_back_to_the_end_it_follows_again() -> None:
    view = LogView()
    async with on_stage(view, size=SIZE):
        view.add(log(number) for number in range(1, 51))
        view.move(-3)
        assert not view.is_following
        view.move(3)
        assert view.is_following
        view.move_to_end(-1)
        assert numbers(view)[0] == 1
        view.move_to_end(1)
        assert view.is_following


async def test_lines_that_came_twice_or_out_of_order_are_shown_once_in_order() -> None:
    view = LogView()
    async with on_stage(view, size=SIZE):
        view.add([log(2), log(1)])
        view.add([log(1), log(2), log(3)])
        assert numbers(view) == [1, 2, 3]


async def test_levels_and_words_choose_lines() -> None:
    view = LogView()
    levels = ("DEBUG", "INFO", "WARNING", "ERROR", "NOVEL")
    async with on_stage(view, size=SIZE):
        view.add(log(n, levels[n % 5], f"word{n % 3}") for n in range(15))
        view.set_level("WARNING")
        assert {row.level for row in view.shown_rows} == {"WARNING", "ERROR", "NOVEL"}
        assert view.filter("word[01]")
        assert {row.message for row in view.shown_rows} == {"word0", "word1"}
        view.add([log(20, "ERROR", "word2"), log(21, "ERROR", "word1")])
        assert numbers(view)[-1] == 21
        assert "warning and above · /word[01]" in view.hint
        assert not view.filter("[")
        assert "no line passes the filter" in text_of(view)
        view.filter("")
        view.set_level("anything else")
        assert len(numbers(view)) == 10
        view.clear()
        assert "nothing was logged yet" in text_of(view)


async def test_it_keeps_the_newest_five_thousand() -> None:
    view = LogView()
    async with on_stage(view, size=SIZE):
        view.add(log(number) for number in range(1, 4_001))
        view.move_to_end(-1)
        view.add(log(number) for number in range(4_001, 9_001))
        assert len(view._shown) == len(view._kept) == KEPT
        assert numbers(view)[0] == 4_001


async def test_wide_views_name_the_source_and_long_lines_are_cut() -> None:
    view = LogView()
    view.add([log(1, "ERROR", "x" * 500)])
    async with on_stage(view, size=(120, 5)):
        assert " engine " in lines_of(view)[1]
        assert lines_of(view)[1].endswith("x…")
        assert fills_its_cells(view)
