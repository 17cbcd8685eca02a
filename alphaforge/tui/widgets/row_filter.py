"""What a user types behind `/`, as a test of rows: `btc st:rejected strat:ema`.

Every word must be found; a word with a colon looks only into the columns whose name or title
begins with what stands before it. Case does not matter. Must never raise on anything typed.
"""

from collections.abc import Callable, Sequence

from alphaforge.tui.widgets.columns import Column, Row


def matcher(query: str, columns: Sequence[Column[Row]]) -> Callable[[Row], bool] | None:
    """The test of a query; None where it asks for nothing.

    A word whose part before the colon names no column is looked for as it is: `BTC/USDT:USDT`.
    """
    wanted = [_wanted(word, columns) for word in query.lower().split()]
    if not wanted:
        return None

    def matches(row: Row) -> bool:
        return all(
            any(text in column.cell(row).text.lower() for column in places)
            for text, places in wanted
        )

    return matches


def _wanted(word: str, columns: Sequence[Column[Row]]) -> tuple[str, Sequence[Column[Row]]]:
    name, colon, text = word.partition(":")
    if colon and name:
        named = [
            column
            for column in columns
            if column.key.lower().startswith(name) or column.title.lower().startswith(name)
        ]
        if named:
            return text, named
    return word, columns
