"""The command `submit`: start a run on a cluster, with compile's options."""

from typing import Annotated

import typer

from stillhouse.pipelines.cli import Overrides, RecipeName
from stillhouse.pipelines.cluster import EndpointOption, NamespaceOption, TokenOption, connect
from stillhouse.pipelines.options import ClusterOptions, with_cluster_options
from stillhouse.pipelines.recipe import load_recipe
from stillhouse.pipelines.submitting import submit
from stillhouse.pipelines.watch_command import PriceOption, follow, parse_price

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@with_cluster_options
def submit_(
    recipe: RecipeName,
    overrides: Overrides = [],  # noqa: B006 - typer reads the default
    endpoint: EndpointOption = "",
    namespace: NamespaceOption = "",
    token: TokenOption = "",
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Run every step, unchanged or not.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Then do as `stillhouse watch` does.")] = False,
    gpu_price: PriceOption = "",
    *,
    cluster: ClusterOptions,
) -> None:
    """Start a run of the pipeline on a cluster, and print its id."""
    loaded = load_recipe(recipe, overrides)
    price = parse_price(gpu_price)
    kfp = connect(endpoint, namespace, token)
    kfp.refuse_unknown_namespace()
    run = submit(kfp, loaded, cluster, cache=not no_cache)
    typer.echo(run)
    typer.echo(kfp.page(run), err=True)
    if watch:
        follow(kfp, run, cluster.store, price)
