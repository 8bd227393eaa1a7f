"""The command `compile`: an option for each thing that a cluster's pods can be given, which takes a while to build."""

from pathlib import Path
from typing import Annotated

import typer

from stillhouse.components.storage.urls import is_local
from stillhouse.pipelines.cli.arguments import Overrides, RecipeName
from stillhouse.pipelines.compiling.options import NO_STORE, ClusterOptions, with_cluster_options
from stillhouse.pipelines.recipes.recipe import load_recipe

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@with_cluster_options
def compile_(
    recipe: RecipeName,
    out: Annotated[Path | None, typer.Option(help="File to write; NAME-pipeline.yaml by default.")] = None,
    overrides: Overrides = [],  # noqa: B006 - typer reads the default
    components: Annotated[
        Path | None, typer.Option(help="Folder for each step as a KFP component of its own; no pipeline is written.")
    ] = None,
    approval: Annotated[
        Path | None,
        typer.Option(help="File for the form by which a person approves or rejects; no pipeline is written."),
    ] = None,
    *,
    cluster: ClusterOptions,
) -> None:
    """Write the pipeline as KFP YAML, with the recipe's values as the defaults of its parameters."""
    loaded = load_recipe(recipe, overrides)
    if components:
        from stillhouse.pipelines.compiling.component_yaml import compile_components

        compile_components(components, cluster)
        typer.echo(str(components))
        return
    from stillhouse.pipelines.compiling.pipeline_yaml import compile_approval, compile_pipeline

    if approval:
        compile_approval(loaded.name, approval, cluster)
        typer.echo(str(approval))
        return
    path = out or Path(f"{loaded.name}-pipeline.yaml")
    compile_pipeline(loaded.parameters(), path, cluster)
    if not cluster.store:
        typer.echo(NO_STORE, err=True)
    typer.echo(str(path))
    if is_local(loaded.data.source):
        typer.echo("The source lies on this machine: give data_source with each run, as s3://... or hf://...", err=True)
