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
from stillhouse.pipelines.cluster.watch.snapshot import Reader, Snapshot
from stillhouse.pipelines.cluster.watch.step_states import Memory, StepState, past_limit, step_states, why_ended
from stillhouse.pipelines.cluster.watch.watch_table import Picture, View, choose_view, gpu_hours
from stillhouse.pipelines.compiling.options import take_addresses
from stillhouse.pipelines.terminal import DECISION_STYLES, clock

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
            snapshot, rows = _look_on(reader, memory, metrics, view)
    except KeyboardInterrupt:
        console.print(f"The run goes on without you: stillhouse watch {run_id}", highlight=False, soft_wrap=True)
        raise
    finally:
        metrics.close()
    for line in _ending(_outcome(reader, snapshot, rows, metrics, memory), snapshot, rows, price):
        console.print(line, highlight=False, soft_wrap=True)
    console.print(cluster.page(run_id), highlight=False, markup=False, soft_wrap=True)
    return 0 if snapshot.state == "SUCCEEDED" else 1


def _look_on(reader: Reader, memory: Memory, metrics: LiveMetrics, view: View) -> tuple[Snapshot, list[StepState]]:
    snapshot, silence = reader.look(), ""
    while True:
        rows = step_states(reader.steps, snapshot, memory, metrics.by_step)
        notes = [note for note in (*snapshot.unseen, metrics.problem, past_limit(snapshot), silence) if note]
        view.show(Picture(rows, snapshot.now, notes))
        if snapshot.over:
            return snapshot, rows
        time.sleep(POLL_SECONDS)
        try:
            snapshot, silence = reader.look(), ""
        except UserError as error:
            silence = f"shown as it was at {snapshot.now:%H:%M:%S} UTC: {error}"


def _ending(outcome: Text, snapshot: Snapshot, rows: Sequence[StepState], price: Price | None) -> list[Text]:
    """The outcome and what it has cost."""
    lines = [Text.assemble("\n", outcome)]
    seconds = sum(row.gpu_seconds for row in rows)
    spent = f"{gpu_hours(seconds)} GPU-hours" + (f", {price.cost(seconds)}" if price else "")
    if snapshot.began and snapshot.ended:
        spent = f"{clock((snapshot.ended - snapshot.began).total_seconds())} in all, {spent}"
    return [*lines, Text(spent)]


def _outcome(
    reader: Reader, snapshot: Snapshot, rows: Sequence[StepState], metrics: LiveMetrics, memory: Memory
) -> Text:
    if snapshot.state != "SUCCEEDED":
        return Text.assemble((snapshot.state.lower(), "bold red"), f": {why_ended(rows, snapshot, memory)}")
    if verdict := reader.verdict():
        decision, version = verdict["decision"], f" (version {verdict['version']})" if verdict["version"] else ""
        return Text.assemble((decision, DECISION_STYLES.get(decision, "")), f": {verdict['why']}{version}")
    if metrics.decision:
        return Text(metrics.decision)
    return Text.assemble(("succeeded", "bold green"), ": whether it promoted stands in the store, not seen from here")
