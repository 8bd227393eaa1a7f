"""The command `predict`, in a process of its own: python -m stillhouse.components.predict MODEL SOURCE."""

import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from stillhouse.components.config.home import HOME
from stillhouse.components.config.home_option import HomeOption
from stillhouse.components.predict.predict import predict
from stillhouse.errors import USER_ERROR, UserError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="models:/NAME@champion, models:/NAME/VERSION or a folder.")
    ],
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file or folder: CSV, JSON lines, Parquet, Arrow or text.")
    ],
    column: Annotated[list[str] | None, typer.Option(help="a text column; repeatable")] = None,
    csv: Annotated[
        list[str] | None, typer.Option(help="how CSV files are written: separator=tab, quote=none, header=false")
    ] = None,
    out: Annotated[Path | None, typer.Option(help=".jsonl, .csv or .parquet; JSON lines to stdout if absent")] = None,
    device: Annotated[str, typer.Option(help="torch device, such as cuda")] = "cpu",
    home: HomeOption = HOME,
) -> None:
    """Answer for every row of a file or folder with a promoted model."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    bar = Progress(
        TextColumn("{task.fields[note]}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # transformers draws bars of its own otherwise
    begun, count = time.monotonic(), 0
    with bar:
        line = bar.add_task("", total=1.0, note="loading the model")

        def show(rows: int, share: float) -> None:
            nonlocal begun, count
            begun, count = begun if rows else time.monotonic(), rows
            bar.update(line, completed=share, note=_note(rows, time.monotonic() - begun))

        def say(sentence: str) -> None:
            console.print(sentence, markup=False)

        try:
            given = _csv(csv or [])
            predict(model, source, out=out, columns=column or [], csv=given, device=device, progress=show, note=say)
        except UserError as error:
            console.print(str(error), markup=False)
            sys.exit(USER_ERROR)
    console.print(_note(count, time.monotonic() - begun) + (f" -> {out}" if out else ""), markup=False)


def _csv(given: list[str]) -> dict[str, Any]:
    pairs = [one.partition("=") for one in given]
    if wrong := next((one for one in given if "=" not in one), None):
        raise UserError(f"--csv {wrong}: give it as key=value, such as separator=tab.")
    values: dict[str, Any] = {key.strip(): value for key, _, value in pairs}
    if isinstance(names := values.get("header"), str) and "," in names:
        values["header"] = [name.strip() for name in names.split(",")]
    return values


def _note(rows: int, seconds: float) -> str:
    return f"{rows:,} rows in {seconds:.1f} s ({rows / max(seconds, 1e-3):,.0f} rows/s)"


if __name__ == "__main__":
    app(prog_name="stillhouse predict")
