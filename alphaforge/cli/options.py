"""Options that several commands share, declared once: the same name, meaning and help everywhere.

A command writes `cash: Cash = None`; None always means "not given", so that the settings decide.
"""

from pathlib import Path
from typing import Annotated

import typer

StrategyFile = Annotated[
    str, typer.Argument(metavar="STRATEGY.py", help="Strategy file, or FILE.py:ClassName.")
]
StrategyFiles = Annotated[
    list[str], typer.Argument(metavar="STRATEGY.py...", help="Strategy files, or FILE.py:Class.")
]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="[NAME.]K=V", help="Set a parameter; may be repeated."),
]
Symbols = Annotated[
    list[str] | None,
    typer.Option("--symbol", metavar="S", help="Symbol, as in BTC/USDT; may be repeated."),
]
Symbol = Annotated[str | None, typer.Option("--symbol", metavar="S", help="As in BTC/USDT.")]
DataFiles = Annotated[
    list[str] | None,
    typer.Option("--data", metavar="FILE", help="Recorded market data; may be repeated."),
]
DataFile = Annotated[
    Path | None, typer.Option("--data", metavar="FILE", help="Recorded market data.")
]
Cash = Annotated[
    str | None, typer.Option(metavar="TEXT", help='Start balances: 10000, "10000 USDT, 0.1 BTC".')
]
Account = Annotated[
    str | None, typer.Option(metavar="auto|cash|margin", help="Kind of simulated account.")
]
Leverage = Annotated[str | None, typer.Option(metavar="N", help="Of a margin account.")]
MakerBps = Annotated[str | None, typer.Option(metavar="N", help="Fee of resting fills, in bps.")]
TakerBps = Annotated[str | None, typer.Option(metavar="N", help="Fee of taking fills, in bps.")]
SlippageBps = Annotated[str | None, typer.Option(metavar="N", help="Per taker fill, in bps.")]
LatencyMs = Annotated[str | None, typer.Option(metavar="N", help="Decision to venue, in ms.")]
Fill = Annotated[
    str | None, typer.Option(metavar="next-open|close", help="Market orders on bar data.")
]
Seed = Annotated[int | None, typer.Option(min=0, help="Start of every random sequence.")]
RunId = Annotated[
    str | None, typer.Option("--run", metavar="ID", help="Which run; the latest if left out.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first bad line of data.")]
OutputFile = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Instead of stdout.")
]
