"""The command `sweep`, in a process of its own: python -m stillhouse.components.sweep."""

import sys
from collections.abc import Iterable

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from stillhouse.components.config.home import HOME
from stillhouse.components.config.home_option import HomeOption
from stillhouse.components.config.settings import check
from stillhouse.components.storage.home import local_store
from stillhouse.components.sweep.options import DEFAULTS, DryRun, KeepDays, KeepRuns
from stillhouse.components.sweep.settings import SweepSettings
from stillhouse.components.sweep.sweep import Fate, sweep
from stillhouse.errors import USER_ERROR, UserError

FILE_WIDTH = 120
"""Characters of a line that goes to a file or a pipe."""


def main(
    home: HomeOption = HOME,
    keep_days: KeepDays = DEFAULTS.keep_days,
    keep_runs: KeepRuns = DEFAULTS.keep_runs,
    dry_run: DryRun = False,
) -> None:
    """Remove what ended runs have left: checkpoints, teacher caches, cached steps, copies, folders of runs, uploads.

    What is younger than --keep-days stays, and what the last --keep-runs runs made or used. Whatever their age: what a
    run at work uses, what a promotion record or an alias refers to, and what MLflow still lacks stay too.
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = FILE_WIDTH
    try:
        asked = {"keep_days": keep_days, "keep_runs": keep_runs, "dry_run": dry_run}
        settings: SweepSettings = check(SweepSettings, asked, "sweep")
        show(console, sweep(settings, home.absolute(), local_store()), dry_run)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(USER_ERROR)
    except KeyboardInterrupt:
        sys.exit(130)


def show(console: Console, fates: Iterable[Fate], dry_run: bool) -> None:
    """Draw a table of what became of what: a line for each kind and reason, removed ones first."""
    groups: dict[tuple[str, str], list[int]] = {}
    for item, kept in fates:
        groups.setdefault((kept, item.kind), []).append(item.size)
    table = Table(box=None, pad_edge=False)
    table.add_column("what")
    table.add_column("number", justify="right")
    table.add_column("size", justify="right")
    table.add_column("")
    gone = "would be removed" if dry_run else "removed"
    for (kept, kind), sizes in sorted(groups.items()):
        table.add_row(kind, f"{len(sizes):,}", decimal(sum(sizes)), f"stays: {kept}" if kept else gone)
    freed = [size for (kept, _), sizes in groups.items() if not kept for size in sizes]
    console.print(table)
    console.print(f"{gone}: {len(freed):,} things, {decimal(sum(freed))}")


if __name__ == "__main__":
    typer.run(main)
