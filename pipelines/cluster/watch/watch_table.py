"""What a person sees of a run on a cluster: one live table, or plain lines where the output is not a terminal."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from stillhouse.pipelines.cluster.watch.gpu_price import Price
from stillhouse.pipelines.cluster.watch.step_states import ENDED, StepKind, StepState
from stillhouse.pipelines.terminal import STATE_STYLES, InPlace, Lines, clock

METRIC_SECONDS = 30.0
"""Least time between two plain lines on a step that only goes on."""
STYLES: Mapping[str, str] = {
    **STATE_STYLES,
    "preparing": "cyan",
    "held": "yellow",
    "queued": "yellow",
    "pulling": "cyan",
    "blocked": "bold red",
    "starting": "cyan",
    "retrying": "bold yellow",
    "lost": "bold red",
    "ending": "yellow",
}


class Picture(NamedTuple):
    """What is to be shown."""

    rows: Sequence[StepState]
    now: datetime
    notes: Sequence[str] = ()
    """What is not seen, and why."""


class TableView(InPlace):
    """One table that is drawn in place."""

    def __init__(self, console: Console, price: Price | None) -> None:
        super().__init__(console)
        self._price = price

    def show(self, picture: Picture) -> None:
        """Show what is known now."""
        self.live.update(drawn(picture, self._price), refresh=True)


class LineView(Lines):
    """A line for each change of a step's state, for each new note, and now and then for a metric."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._shown: dict[str, tuple[StepKind, str]] = {}
        self._metrics: dict[str, tuple[str, datetime]] = {}
        """The last that was shown of each step, and when."""
        self._notes: set[str] = set()

    def show(self, picture: Picture) -> None:
        """Say what is new."""
        for row in picture.rows:
            changed = (row.state, row.why) != self._shown.get(row.step, ("waiting", ""))
            if changed or self._has_news(row, picture.now):
                self._shown[row.step] = (row.state, row.why)
                self._metrics[row.step] = (row.metric, picture.now)
                self._line(f"{row.step}: {_told(row, picture.now)}")
        for note in picture.notes:
            if note not in self._notes:
                self._notes.add(note)
                self._line(note)

    def _has_news(self, row: StepState, now: datetime) -> bool:
        shown, at = self._metrics.get(row.step, ("", now))
        return row.state == "running" and row.metric != shown and (now - at).total_seconds() >= METRIC_SECONDS

    def _line(self, text: str) -> None:
        self.console.out(text, highlight=False)
        self.console.file.flush()


View = TableView | LineView


def choose_view(console: Console, price: Price | None) -> View:
    """The table on a terminal, else plain lines."""
    return TableView(console, price) if console.is_terminal else LineView(console)


def drawn(picture: Picture, price: Price | None) -> Group:
    """All steps in a table, under it why those that do not go on do not, and what is not seen."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("step", min_width=9, no_wrap=True)
    table.add_column("state", min_width=9, no_wrap=True)
    columns = {"attempts": 8, "time": 8, "GPU-hours": 9} | ({"cost": 10} if price else {})
    for name, width in columns.items():
        table.add_column(name, justify="right", min_width=width, no_wrap=True)
    table.add_column("result", no_wrap=True, overflow="ellipsis")
    for row in picture.rows:
        cost = [price.cost(row.gpu_seconds) if row.gpu_seconds else ""] if price else []
        table.add_row(
            row.step,
            Text(row.state, STYLES[row.state]),
            str(row.attempts or ""),
            _time(row, picture.now),
            gpu_hours(row.gpu_seconds) if row.gpu_seconds else "",
            *cost,
            row.metric,
        )
    whys = [Text.assemble((row.step, STYLES[row.state]), f": {row.why}") for row in picture.rows if row.why]
    notes = [Text(note, "dim") for note in picture.notes]
    return Group(table, *whys, *notes)


def gpu_hours(seconds: float) -> str:
    """Accelerators times hours."""
    return f"{seconds / 3600:.3f}"


def _told(row: StepState, now: datetime) -> str:
    spent = [_time(row, now), f"{gpu_hours(row.gpu_seconds)} GPU-hours" if row.gpu_seconds else ""]
    parts = (row.state, row.why, row.metric, *(spent if row.state in ENDED else []))
    return ", ".join(part for part in parts if part)


def _time(row: StepState, now: datetime) -> str:
    return clock((row.ended or now).timestamp() - row.started.timestamp()) if row.started else ""
