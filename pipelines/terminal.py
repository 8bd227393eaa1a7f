"""What all views of a run share, on this machine and on a cluster: tables drawn in place, lines, words and colours."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live

DECISION_STYLES = {
    "promoted": "bold green",
    "unchanged": "green",
    "nothing to learn": "green",
    "rejected": "bold yellow",
    "not enough evidence": "bold yellow",
    "conflict": "bold red",
    "waiting": "bold cyan",
}
"""How the decision of a verdict is written."""
STATE_STYLES = {
    "waiting": "dim",
    "running": "bold cyan",
    "cached": "green",
    "done": "green",
    "skipped": "dim",
    "failed": "bold red",
}
"""How the state of a step is written; a run on a cluster knows more of them."""
MAIN_METRICS = ("f1_macro", "f1_micro", "r2", "perplexity")
"""A step's metric that matters is the first of these that it wrote, by the last part of its name; else the first one on
validation or test rows: steps write a task's main measure before the others."""
KEPT = "validation_"
"""What the names of a step's figures begin with that are those of the weights it kept; the points of its curves are
named validation/..."""
MEASURED = ("validation/", "student/")
"""What the names of measures begin with, beside KEPT."""


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


def clock(seconds: float) -> str:
    """Seconds as 2:03 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def headline(values: Mapping[str, float]) -> str:
    """The metric that matters among those a step wrote, for people; empty when there is none."""
    # A figure of the whole step counts before a point of a curve; of several with the same last part the first stays,
    # as the student's before the others'. Reversed, since of equal keys the last one counts.
    ordered = sorted(values, key=lambda name: "/" in name)
    by_name = {name.rsplit("/", 1)[-1].removeprefix(KEPT): values[name] for name in reversed(ordered)}
    others = (name.rsplit("/", 1)[-1].removeprefix(KEPT) for name in ordered if name.startswith((KEPT, *MEASURED)))
    return next((f"{name} {by_name[name]:.4g}" for name in (*MAIN_METRICS, *others) if name in by_name), "")
