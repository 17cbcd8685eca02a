"""The file `alphaforge strategy new` writes: small, complete, and it trades.

Must never overwrite a file.
"""

import keyword
from pathlib import Path

from alphaforge.errors import UsageError

_TEMPLATE = '''\
"""What this strategy does, in a sentence."""

from alphaforge import Bar, Strategy
from alphaforge.indicators import SMA


class {class_name}(Strategy):
    """Long while the fast average is above the slow one."""

    symbol: str = "BTC/USDT"
    """What it trades."""
    timeframe: str = "1m"
    """Length of its bars."""
    fast: int = 10
    """Bars in the fast average."""
    slow: int = 30
    """Bars in the slow average."""
    quantity: str = "0.01"
    """Bought at each crossing, in base units."""

    def on_start(self) -> None:
        """Ask for bars, and for as many earlier ones as the slow average needs."""
        self.fast_average, self.slow_average = SMA(self.fast), SMA(self.slow)
        self.subscribe_bars(self.symbol, self.timeframe, history=self.slow)

    def on_bar(self, bar: Bar) -> None:
        """Buy when the fast average is above, close when it is below."""
        self.fast_average.update(bar.close)
        self.slow_average.update(bar.close)
        if bar.historical or not self.slow_average.ready or self.orders(self.symbol):
            return
        held = self.position(self.symbol).quantity
        if self.fast_average.value > self.slow_average.value and held == 0:
            self.buy(self.symbol, self.quantity)
        elif self.fast_average.value < self.slow_average.value and held > 0:
            self.close(self.symbol)
'''


def write_strategy(name: str, folder: Path) -> Path:
    """Write `folder/name.py` and return its path; the folder is made.

    Raises `UsageError` for a name that is no Python name and for a file that exists.
    """
    stem = name.removesuffix(".py").replace("-", "_")
    if not stem.isidentifier() or keyword.iskeyword(stem):
        raise UsageError(
            f"{name} cannot name a strategy", remedy="use letters, digits and _, as in my_bot"
        )
    path = folder / f"{stem}.py"
    class_name = "".join(part[:1].upper() + part[1:] for part in stem.split("_"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(_TEMPLATE.format(class_name=class_name))
    except FileExistsError:
        raise UsageError(f"{path} exists already", remedy="choose another name") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    return path
