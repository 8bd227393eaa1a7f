"""Follow a run on a cluster to its end."""

import signal
import time
from collections.abc import Sequence
from typing import NoReturn

import typer
from rich.console import Console
from rich.text import Text

from stillhouse.errors import UserError
from stillhouse.pipelines.cluster.connection import Cluster
from stillhouse.pipelines.cluster.watch.gpu_price import Price
from stillhouse.pipelines.cluster.watch.mlflow_metrics import LiveMetrics
from stillhouse.pipelines.cluster.watch.snapshot import Reader, Sight
from stillhouse.pipelines.cluster.watch.step_states import Memory, Row, past_limit, rows_of, why_ended
from stillhouse.pipelines.cluster.watch.watch_table import Picture, View, choose_view, gpu_hours
from stillhouse.pipelines.compiling.options import take_addresses
from stillhouse.pipelines.local.live_table import clock
from stillhouse.pipelines.local.outcome import COLOURS

POLL_SECONDS = 3.0
"""Time between two looks at the run."""


def follow(cluster: Cluster, run_id: str, store: str, price: Price | None) -> NoReturn:
    """Watch a run on this terminal and leave with its exit code.

    Raises:
        UserError: there is no such run, or KFP refuses.
    """
    try:
        code = watch(cluster, run_id, Console(), store=store, price=price)
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    raise typer.Exit(code)


def watch(cluster: Cluster, run_id: str, console: Console, *, store: str = "", price: Price | None = None) -> int:
    """Show what the steps of a run are doing until it ends, and then how it ended.

    Args:
        store: its address as it is reached from here; without one what the run's pods are told.
        price: of an accelerator for an hour.

    Returns:
        0 when the run succeeded, else 1.

    Raises:
        UserError: there is no such run, or KFP refuses.
        KeyboardInterrupt: whoever watches has enough; the run goes on.
    """
    reader, memory = Reader(cluster, run_id, store), Memory()
    take_addresses(reader.variables)
    metrics = LiveMetrics(run_id)
    try:
        with choose_view(console, price) as view:
            sight, rows = _look_on(reader, memory, metrics, view)
    except KeyboardInterrupt:
        console.print(f"The run goes on without you: stillhouse watch {run_id}", highlight=False, soft_wrap=True)
        raise
    finally:
        metrics.close()
    for line in _ending(_outcome(reader, sight, rows, metrics, memory), sight, rows, price):
        console.print(line, highlight=False, soft_wrap=True)
    console.print(cluster.page(run_id), highlight=False, markup=False, soft_wrap=True)
    return 0 if sight.state == "SUCCEEDED" else 1


def _look_on(reader: Reader, memory: Memory, metrics: LiveMetrics, view: View) -> tuple[Sight, list[Row]]:
    sight, silence = reader.look(), ""
    while True:
        rows = rows_of(reader.steps, sight, memory, metrics.by_step)
        notes = [note for note in (*sight.unseen, metrics.problem, past_limit(sight), silence) if note]
        view.show(Picture(rows, sight.now, notes))
        if sight.over:
            return sight, rows
        time.sleep(POLL_SECONDS)
        try:
            sight, silence = reader.look(), ""
        except UserError as error:
            silence = f"shown as it was at {sight.now:%H:%M:%S} UTC: {error}"


def _ending(outcome: Text, sight: Sight, rows: Sequence[Row], price: Price | None) -> list[Text]:
    """The outcome and what it has cost."""
    lines = [Text.assemble("\n", outcome)]
    seconds = sum(row.gpu_seconds for row in rows)
    spent = f"{gpu_hours(seconds)} GPU-hours" + (f", {price.cost(seconds)}" if price else "")
    if sight.began and sight.ended:
        spent = f"{clock((sight.ended - sight.began).total_seconds())} in all, {spent}"
    return [*lines, Text(spent)]


def _outcome(reader: Reader, sight: Sight, rows: Sequence[Row], metrics: LiveMetrics, memory: Memory) -> Text:
    if sight.state != "SUCCEEDED":
        return Text.assemble((sight.state.lower(), "bold red"), f": {why_ended(rows, sight, memory)}")
    if verdict := reader.verdict():
        decision, version = verdict["decision"], f" (version {verdict['version']})" if verdict["version"] else ""
        return Text.assemble((decision, COLOURS.get(decision, "")), f": {verdict['why']}{version}")
    if metrics.decision:
        return Text(metrics.decision)
    return Text.assemble(("succeeded", "bold green"), ": whether it promoted stands in the store, not seen from here")
