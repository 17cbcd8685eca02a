"""Shows every screen at one size and holds it to what was looked at: `... looked_at 120x40`.

A process of its own, so that nothing else shows in a picture.
"""

import asyncio
import sys

from alphaforge.tui.app import ForgeApp
from alphaforge.tui.options import SCREENS, AppOptions
from tests.tui.conftest import ENVIRON, settled
from tests.tui.pictures import text_of, until_held
from tests.tui.scene import ScriptedFeed

FACTS = {
    "dashboard": ("BTC/USDT 1m", "POSITIONS 5", "+145.15", "66,857.9"),
    "chart": ("BTC/USDT 1m", "fast_average", "66,980.0"),
    "blotter": ("OPEN 6", "IN DOUBT", "SENDING", "CANCELING", "PARTIAL"),
    "strategies": ("ema_cross", "carry_v2", "+812.40", "err"),
    "risk": ("LIMITS 4 on, 1 off", "90% 18/20", "ALERTS 2 unread"),
    "logs": ("LOG follow", "stream gap 412 ms"),
    "report": ("EQUITY ema_cross", "7"),
}


async def look(width: int, height: int) -> None:
    app = ForgeApp(ScriptedFeed(), AppOptions(), ENVIRON)
    async with app.run_test(size=(width, height)) as pilot:
        await settled(app, pilot)
        for number, screen in enumerate(SCREENS, 1):
            await pilot.press(str(number))
            await settled(app, pilot)
            await settled(app, pilot)
            await until_held(app, pilot, f"{screen}-{width}x{height}")
            text = text_of(app)
            rows = text.splitlines()
            assert len(rows) == height
            assert "PAPER" in rows[0]
            assert "live" in rows[0]
            assert "12:59:41Z" in rows[0]
            assert "equity 104,160.73" in rows[1]
            assert "KILL" in rows[-1]
            for fact in FACTS[screen]:
                assert fact in text, (screen, fact)


if __name__ == "__main__":
    asyncio.run(look(*map(int, sys.argv[1].split("x"))))
