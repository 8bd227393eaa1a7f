"""What a person sees of a run: one live table, plain lines where the output is not a terminal, or the logs."""

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from stillhouse.pipelines.local.progress import Board, Row

REFRESH_SECONDS = 0.25
"""Time between two drawings of the table."""
PLAIN_SECONDS = 10.0
"""Least time between two plain lines on the progress of a step."""
BAR_WIDTH = 10
STYLES = {
    "waiting": "dim",
    "running": "bold cyan",
    "cached": "green",
    "done": "green",
    "skipped": "dim",
    "failed": "bold red",
}


class View(Protocol):
    """Shows a board; a context manager, so that the terminal is restored whatever happens."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, board: Board, last: bool = False) -> None:
        """Show what is known now; `last` when nothing more will come."""

    def log(self, line: str) -> None:
        """A line of the pipeline's log."""


class Lines:
    """A view that writes line by line: nothing to open, nothing to restore."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class InPlace:
    """A view that is drawn in place."""

    def __init__(self, console: Console) -> None:
        self.live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> Self:
        self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.stop()


class Notes:
    """What steps have said for a person to read: each sentence once, above a table that is drawn in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: set[str] = set()

    def show(self, board: Board) -> None:
        """Write those that have come since the last call."""
        for note in board.notes:
            if note not in self._shown:
                self._shown.add(note)
                self._console.print(note, highlight=False, markup=False, soft_wrap=True)


class LogView(Lines):
    """`--verbose`: the logs as they come."""

    def show(self, board: Board, last: bool = False) -> None:
        return None

    def log(self, line: str) -> None:
        self.console.out(line, highlight=False)


class LineView(Lines):
    """A line when a step starts, every ten seconds while it runs, and when it ends."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._shown: dict[str, str] = {}
        self._notes = Notes(console)
        self._next_progress = 0.0

    def show(self, board: Board, last: bool = False) -> None:
        now = board.clock()
        self._notes.show(board)
        for row in board.rows.values():
            if row.state != self._shown.get(row.step, "waiting"):
                self._shown[row.step] = row.state
                self._next_progress = now + PLAIN_SECONDS
                self._line(board, row, now)
            elif row.state == "running" and row.total and now >= self._next_progress:
                self._next_progress = now + PLAIN_SECONDS
                self._line(board, row, now)

    def _line(self, board: Board, row: Row, now: float) -> None:
        running = row.state == "running"
        left = f"{_left(row)} left" if _left(row) else ""
        parts = [row.state, _percent(row), _rate(row), left] if running else [row.state, _seconds(row, now)]
        shown = ", ".join(part for part in [*parts, _metric(row), board.left(board) if running else ""] if part)
        self.console.out(f"{row.step}: {shown}", highlight=False)

    def log(self, line: str) -> None:
        return None


class TableView(InPlace):
    """One table that is drawn in place."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._notes = Notes(console)
        self._next = 0.0

    def show(self, board: Board, last: bool = False) -> None:
        now = time.monotonic()
        self._notes.show(board)
        if last or now >= self._next:
            self._next = now + REFRESH_SECONDS
            said = board.left(board)
            self.live.update(Group(table(board), *([Text(said, "dim")] if said else [])), refresh=True)

    def log(self, line: str) -> None:
        return None


def choose_view(console: Console, verbose: bool) -> View:
    """The logs when asked for, the table on a terminal, else plain lines."""
    if verbose:
        return LogView(console)
    return TableView(console) if console.is_terminal else LineView(console)


def table(board: Board) -> Table:
    """All steps: state, bar, rate, time left, seconds so far and the metric that matters."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    # Least widths, so that columns neither jump as values come and go nor give way to a long result.
    drawn.add_column("step", min_width=9, no_wrap=True)
    drawn.add_column("state", min_width=8, no_wrap=True)
    drawn.add_column("progress", width=BAR_WIDTH)
    for name, width in {"": 5, "rate": 14, "left": 5, "time": 8}.items():
        drawn.add_column(name, justify="right", min_width=width, no_wrap=True)
    drawn.add_column("result", no_wrap=True, overflow="ellipsis")
    now = board.clock()
    for row in board.rows.values():
        running = row.state == "running"
        drawn.add_row(
            row.step,
            Text(row.state, STYLES[row.state]),
            ProgressBar(total=row.total, completed=row.done, width=BAR_WIDTH) if running and row.total else "",
            _percent(row) if running else "",
            _rate(row) if running else "",
            _left(row) if running else "",
            _seconds(row, now),
            _metric(row),
        )
    return drawn


def _percent(row: Row) -> str:
    return f"{100 * row.done / row.total:.0f} %" if row.total else ""


def _rate(row: Row) -> str:
    if row.rate <= 0:
        return ""
    rate = row.rate
    shown = f"{rate / 1000:,.1f}k" if rate >= 10_000 else f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
    return f"{shown} {row.unit}/s"


def _left(row: Row) -> str:
    return "" if row.seconds_left is None else clock(row.seconds_left)


def _seconds(row: Row, now: float) -> str:
    return f"{row.seconds(now):.1f} s" if row.started else ""


def _metric(row: Row) -> str:
    return row.note if row.state == "running" and row.note else row.metric


def clock(seconds: float) -> str:
    """Seconds as 2:03 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
