"""The app: screens over an engine's mirror, drawn at a fixed rate; START HERE.

The frame timer looks at what changed and feeds the panels in sight; keys go through the one table.
If this process dies nothing happens to trading. Must never compute a trading figure, and never
show an order as sent before the engine has answered.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.timer import Timer
from textual.widgets import Input

from alphaforge.tui.actions import Actions
from alphaforge.tui.asks import ActionChosen
from alphaforge.tui.board import EVERYTHING, Board
from alphaforge.tui.debug import DebugOverlay, FrameMeter
from alphaforge.tui.filter_bar import FilterBar
from alphaforge.tui.footer import FooterBar
from alphaforge.tui.glyphs import GLYPHS
from alphaforge.tui.guards import AGAIN, MOUSE_ON, title_sequence
from alphaforge.tui.header import HeaderBar, Shell, TooSmall
from alphaforge.tui.key_table import Key
from alphaforge.tui.keys import Dispatcher, resolve
from alphaforge.tui.link import Feed
from alphaforge.tui.news import News
from alphaforge.tui.options import (
    FRAMES_UNFOCUSED,
    MID_FROM,
    SMALLEST_HEIGHT,
    SMALLEST_WIDTH,
    WIDE_FROM,
    AppOptions,
    frames_per_second,
    glyphs_of,
    theme_of,
)
from alphaforge.tui.screens import board_named
from alphaforge.tui.state import AppState
from alphaforge.tui.theme import DEFAULT_THEME, THEMES, css_variables, register_themes

_SIGNAL_BASE: Final = 128
"""What a shell adds to the number of the signal that ended a process."""


class ForgeApp(Actions):
    """The terminal app on one engine.

    Attributes:
        feed: The engine's mirror and the way to ask it.
        view: What panels are shown: the mirror, its age, the person's choices.
        board: The screen shown.
        glyph_set, up_down: Read by the panels (`theme.look_of`).
    """

    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS: ClassVar[str | None] = None
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual declares it as an attribute
        (0, "-tiny"), (SMALLEST_WIDTH, "-narrow"), (MID_FROM, "-mid"), (WIDE_FROM, "-wide"),
    ]  # fmt: skip
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - likewise
        (0, "-flat"), (SMALLEST_HEIGHT, "-short"), (34, "-normal"), (52, "-tall"),
    ]  # fmt: skip

    def __init__(
        self, feed: Feed, options: AppOptions, environ: Mapping[str, str] | None = None
    ) -> None:
        """Raises `ConfigError` for a key table that does not hold together."""
        super().__init__()
        known = dict(os.environ if environ is None else environ)
        register_themes(self)
        self.options = options
        self.feed = feed
        self.view = AppState(feed.record, feed.mirror, options)
        self.glyph_set = glyphs_of(options, known)
        self.up_down = options.updown
        self.view.glyphs = GLYPHS[self.glyph_set]
        self.dispatcher = Dispatcher(resolve(options.preset, options.keys))
        self.header = HeaderBar(self.view)
        self.footer = FooterBar()
        self.filter_bar = FilterBar()
        self.overlay = DebugOverlay()
        self.body = Container(id="body")
        self.board: Board = board_named(options.screen, self.view)
        self.boards: dict[str, Board] = {self.board.name_of: self.board}
        self.meter = FrameMeter()
        self.news = News(options.bell)
        self.waiting_for_key = ""
        self._theme_wanted = theme_of(options, known)
        self._rate = frames_per_second(options, known)
        self._timer: Timer | None = None
        self._held: set[str] = set()
        self._jumps: dict[str, Any] = {}
        self._title = ""
        self._was_live = False
        self._footer_of = ("", False)

    # --- life -------------------------------------------------------------------------------------

    def get_default_screen(self) -> Shell:
        """What dialogs are laid over."""
        return Shell(id="_default", classes="-cosy" if self.options.density == "cosy" else None)

    def compose(self) -> ComposeResult:
        """Header, one screen, footer."""
        yield self.header
        with self.body:
            yield self.board
        yield TooSmall()
        yield self.filter_bar
        yield self.footer
        yield self.overlay

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Variables of style sheets before a theme of ours is set."""
        return css_variables(THEMES[DEFAULT_THEME])

    def on_mount(self) -> None:
        """Begin to follow the engine and to draw."""
        self.theme = self._theme_wanted
        if not (self.is_headless or self.options.web):
            self._leave_on_signals()
        self.pace(self._rate)
        self.set_interval(1.0, self._tick)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """Follow the engine: after the first picture, for that loads the way to sockets."""
        self.run_worker(self.feed.run, name="link", exit_on_error=True)
        self._arrived(self.board)

    def _leave_on_signals(self) -> None:
        """A signal or a hang-up ends the app in order: the terminal is given back."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(number, self.exit, _SIGNAL_BASE + number)
        loop.add_signal_handler(signal.SIGCONT, self._continued)

    def _continued(self) -> None:
        """It was stopped from outside and goes on: the shell has used the terminal meanwhile."""
        self.tell_terminal(AGAIN)
        self.refresh(layout=True)

    def pace(self, frames: int) -> None:
        """Draw so many frames a second from now on."""
        if self._timer is not None:
            self._timer.stop()
        self.meter.interval = 1 / frames
        self._timer = self.set_interval(1 / frames, self.frame)

    def on_app_focus(self) -> None:
        """The terminal has the focus again, and may have been rebuilt meanwhile."""
        self.pace(self._rate)
        self.tell_terminal(MOUSE_ON)

    def on_app_blur(self) -> None:
        """Nobody looks: once a second is enough."""
        self.pace(FRAMES_UNFOCUSED)

    # --- frames -----------------------------------------------------------------------------------

    def frame(self) -> None:
        """Show what changed since the last one."""
        with self.meter:
            self._follow_feed()
            changes = self._held | self.view.mirror.take_changes()
            holds = self.view.is_frozen or bool(self._jumps)
            self._held = changes if holds else set()
            if self.view.choose_symbol():
                changes |= {"choice"}
                self.start(partial(self.feed.watch, self.view.watch()))
            self.header.show(self.board.name_of)
            self._show_footer()
            if not holds:
                self.board.take(changes)
                self.board.tell_age()
            self.tell_news(self.news.take(self.view, changes))
        if self.overlay.display:
            self.overlay.show(self.meter, self.feed)

    def _follow_feed(self) -> None:
        """A new run has a new mirror; a link that was lost or came back changes every panel."""
        view = self.view
        view.status = self.feed.status()
        view.record = self.feed.record
        if view.mirror is not self.feed.mirror:
            view.mirror = self.feed.mirror
            self._held |= EVERYTHING
        if view.status.is_live != self._was_live:
            self._was_live = view.status.is_live
            self._held |= {"choice"}
            if view.status.is_live:
                self.call_after_refresh(self.board.shown)

    def _show_footer(self) -> None:
        shown = (self.board.name_of, self.view.can_trade)
        if shown != self._footer_of:
            self._footer_of = shown
            self.footer.show(self.dispatcher.of(shown[0]), can_trade=shown[1])

    def _tick(self) -> None:
        """Once a second: ages and the terminal's title."""
        if not self.view.is_frozen:
            self.board.tick()
        title = self.news.title(self.view)
        if self.options.title and title != self._title:
            self._title = title
            self.tell_terminal(title_sequence(title))

    def tell_terminal(self, sequence: str) -> None:
        """Say something to the terminal itself; a browser and a test have none."""
        if self.is_headless or self.options.web or self._driver is None:
            return
        self._driver.write(sequence)

    def start(self, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Have something done beside the frames; its failure ends the app with its trace."""
        self.run_worker(work, exit_on_error=True)

    # --- keys -------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """Keys go through the table before any widget sees them."""
        if isinstance(event, events.Key) and not event.is_forwarded and self._takes(event):
            return
        await super().on_event(event)

    def _takes(self, event: events.Key) -> bool:
        typed = typed_of(event)
        if self.is_typing:
            key = self.dispatcher.urgent(typed)
            if key is not None:
                self.press(key)
            return key is not None
        if self._jumps:
            self._jump_to(typed)
            return True
        press = self.dispatcher.press(typed, self.board.name_of)
        self.waiting_for_key = self.dispatcher.begun
        if press.key is not None:
            self.press(press.key)
        return True

    @property
    def is_typing(self) -> bool:
        """Whether keys belong to a dialog or a text that is being typed."""
        return len(self.screen_stack) > 1 or isinstance(self.focused, Input)

    def press(self, key: Key) -> None:
        """Do what a line of the key table says, unless nothing may be changed now."""
        if key.is_trade and not self.view.can_trade:
            why = "read-only" if self.view.read_only else "the engine is lost"
            self.notify(f"{key.help}: not done, {why}", severity="warning", markup=False)
            return
        self.do(key.action)

    def on_action_chosen(self, message: ActionChosen) -> None:
        """A click on what a key does is that key."""
        found = [key for key in self.dispatcher.keys if key.action == message.action]
        if found:
            self.press(found[0])

    def do(self, action: str) -> None:
        """Carry out `name` or `name:argument`: the screen's own method, else the app's."""
        name, _, argument = action.partition(":")
        for place in (self.board, self):
            method = getattr(place, f"do_{name}", None)
            if method is not None:
                method(*([argument] if argument else []))
                return

    # --- screens ----------------------------------------------------------------------------------

    async def show_board(self, name: str) -> None:
        """Show another screen; it is made when it is shown first."""
        if name == self.board.name_of:
            return
        board = self.boards.get(name)
        if board is None:
            board = self.boards[name] = board_named(name, self.view)
            await self.body.mount(board)
        self.board.display = False
        self.board = board
        board.display = True
        board.take(EVERYTHING)
        self.call_after_refresh(self._arrived, board)

    def _arrived(self, board: Board) -> None:
        board.take(EVERYTHING)
        board.focus_first()
        board.shown()
        self.frame()

    def on_resize(self, event: events.Resize) -> None:
        """The layout follows by style classes; here only what Python must know of it."""
        width = event.size.width
        self.view.size_class = (
            "narrow" if width < MID_FROM else "mid" if width < WIDE_FROM else "wide"
        )
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        self.board.focus_first()
        self.frame()

    def do_jump(self) -> None:
        """Label the panels; the next letter goes to one."""
        self._jumps = dict(self.board.show_jumps(on=True))

    def _jump_to(self, letter: str) -> None:
        panel = self._jumps.get(letter)
        self._jumps = {}
        self.board.show_jumps(on=False)
        if panel is not None:
            self.board.go_to(panel)


def typed_of(event: events.Key) -> str:
    """A key press in the spelling of the key table."""
    if event.key == "space":
        return "space"
    if event.character is not None and event.is_printable:
        return event.character
    return event.key
