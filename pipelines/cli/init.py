"""The command `init`: a recipe for a table."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from stillhouse.components.storage.disk import writing
from stillhouse.components.storage.urls import is_local, local_path
from stillhouse.errors import UserError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def init_(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A table, or a folder of tables: CSV, Parquet, JSON lines.")
    ],
    out: Annotated[Path | None, typer.Option("--out", help="Where the recipe goes; by default NAME.yaml.")] = None,
    name: Annotated[str, typer.Option("--name", help="Name of the model; by default that of the file.")] = "",
    text: Annotated[list[str] | None, typer.Option("--text", help="A column of the text; repeatable.")] = None,
    label: Annotated[str, typer.Option("--label", help="The column of the label.")] = "",
) -> None:
    """Look at a table and write the recipe for it, five lines; say which columns it took, and why.

    A recipe that is there already is never overwritten.
    """
    if not is_local(file):
        raise UserError(f"'{file}' lies elsewhere; look at a file of it here, then give its address as data.source.")
    source = local_path(file)
    if not source.exists():
        raise UserError(f"There is no file or folder '{file}'; correct the path.")
    from stillhouse.pipelines.recipes.recipe import load_recipe
    from stillhouse.pipelines.recipes.table_columns import choose, look

    called = name or _name(source)
    path = out or Path(f"{called}.yaml")
    if path.exists():
        raise UserError(f"'{path}' is there already; give another place with --out, or remove it first.")
    chosen = choose(look(source), source, text or (), label)
    columns: dict[str, Any] = {"text": chosen.text, "label": chosen.label}
    if chosen.split:
        columns["split"] = chosen.split
    recipe = _recipe(called, _address(source, path), columns)
    with writing(path), path.open("x", encoding="utf-8") as file_:
        file_.write(recipe)
    try:
        load_recipe(str(path))
    except UserError:
        path.unlink()
        raise
    typer.echo("\n".join(chosen.why))
    typer.echo(f"\n{path}:\n\n{recipe}\nNext: stillhouse run {path}")


def _recipe(name: str, source: str, columns: dict[str, Any]) -> str:
    return (
        f"name: {_yaml(name)}\ntask: text_classification\ndata:\n"
        f"  source: {_yaml(source)}\n  columns: {_yaml(columns)}\n"
    )


def _yaml(value: Any) -> str:
    """On one line."""
    import yaml

    written = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10_000)
    return written.removesuffix("...\n").strip()


def _name(source: Path) -> str:
    """A name for the model, as the registry takes it."""
    stem = source.name.partition(".")[0] if source.is_file() else source.name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:100] or "model"


def _address(source: Path, recipe: Path) -> str:
    """The source as the recipe names it: relative to it where it lies below its folder."""
    source, folder = source.resolve(), recipe.absolute().parent.resolve()
    return str(source.relative_to(folder)) if source.is_relative_to(folder) else str(source)
