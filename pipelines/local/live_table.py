"""What a person sees of a run: one live table, plain lines where the output is not a terminal, or the logs."""

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from stillhouse.pipelines.local.progress import Progress, StepProgress
from stillhouse.pipelines.terminal import STATE_STYLES, InPlace, Lines, clock

REFRESH_SECONDS = 0.25
"""Time between two drawings of the table."""
PLAIN_SECONDS = 10.0
"""Least time between two plain lines on the progress of a step."""
BAR_WIDTH = 10


class View(Protocol):
    """Shows the progress of a run; a context manager, so that the terminal is restored whatever happens."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, progress: Progress, last: bool = False) -> None:
        """Show what is known now; `last` when nothing more will come."""

    def log(self, line: str) -> None:
        """A line of the pipeline's log."""


class Notes:
    """What steps have said for a person to read: each sentence once, above a table that is drawn in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: set[str] = set()

    def show(self, progress: Progress) -> None:
        """Write those that have come since the last call."""
        for note in progress.notes:
            if note not in self._shown:
                self._shown.add(note)
                self._console.print(note, highlight=False, markup=False, soft_wrap=True)


class LogView(Lines):
    """`--verbose`: the logs as they come."""

    def show(self, progress: Progress, last: bool = False) -> None:
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

    def show(self, progress: Progress, last: bool = False) -> None:
        now = progress.clock()
        self._notes.show(progress)
        for row in progress.rows.values():
            if row.state != self._shown.get(row.step, "waiting"):
                self._shown[row.step] = row.state
                self._next_progress = now + PLAIN_SECONDS
                self._line(progress, row, now)
            elif row.state == "running" and row.total and now >= self._next_progress:
                self._next_progress = now + PLAIN_SECONDS
                self._line(progress, row, now)

    def _line(self, progress: Progress, row: StepProgress, now: float) -> None:
        running = row.state == "running"
        left = f"{_left(row)} left" if _left(row) else ""
        parts = [row.state, _percent(row), _rate(row), left] if running else [row.state, _seconds(row, now)]
        shown = ", ".join(part for part in [*parts, _metric(row), progress.left(progress) if running else ""] if part)
        self.console.out(f"{row.step}: {shown}", highlight=False)

    def log(self, line: str) -> None:
        return None


class TableView(InPlace):
    """One table that is drawn in place."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._notes = Notes(console)
        self._next = 0.0

    def show(self, progress: Progress, last: bool = False) -> None:
        now = time.monotonic()
        self._notes.show(progress)
        if last or now >= self._next:
            self._next = now + REFRESH_SECONDS
            said = progress.left(progress)
            self.live.update(Group(table(progress), *([Text(said, "dim")] if said else [])), refresh=True)

    def log(self, line: str) -> None:
        return None


def choose_view(console: Console, verbose: bool) -> View:
    """The logs when asked for, the table on a terminal, else plain lines."""
    if verbose:
        return LogView(console)
    return TableView(console) if console.is_terminal else LineView(console)


def table(progress: Progress) -> Table:
    """All steps: state, bar, rate, time left, seconds so far and the metric that matters."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    # Least widths, so that columns neither jump as values come and go nor give way to a long result.
    drawn.add_column("step", min_width=9, no_wrap=True)
    drawn.add_column("state", min_width=8, no_wrap=True)
    drawn.add_column("progress", width=BAR_WIDTH)
    for name, width in {"": 5, "rate": 14, "left": 5, "time": 8}.items():
        drawn.add_column(name, justify="right", min_width=width, no_wrap=True)
    drawn.add_column("result", no_wrap=True, overflow="ellipsis")
    now = progress.clock()
    for row in progress.rows.values():
        running = row.state == "running"
        drawn.add_row(
            row.step,
            Text(row.state, STATE_STYLES[row.state]),
            ProgressBar(total=row.total, completed=row.done, width=BAR_WIDTH) if running and row.total else "",
            _percent(row) if running else "",
            _rate(row) if running else "",
            _left(row) if running else "",
            _seconds(row, now),
            _metric(row),
        )
    return drawn


def _percent(row: StepProgress) -> str:
    return f"{100 * row.done / row.total:.0f} %" if row.total else ""


def _rate(row: StepProgress) -> str:
    if row.rate <= 0:
        return ""
    rate = row.rate
    shown = f"{rate / 1000:,.1f}k" if rate >= 10_000 else f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
    return f"{shown} {row.unit}/s"


def _left(row: StepProgress) -> str:
    return "" if row.seconds_left is None else clock(row.seconds_left)


def _seconds(row: StepProgress, now: float) -> str:
    return f"{row.seconds(now):.1f} s" if row.started else ""


def _metric(row: StepProgress) -> str:
    return row.note if row.state == "running" and row.note else row.metric
