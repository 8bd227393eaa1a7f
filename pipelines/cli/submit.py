"""The command `submit`: start a run on a cluster, with compile's options."""

from typing import Annotated

import typer

from stillhouse.pipelines.cli.arguments import MinDrift, MinNewRows, Overrides, RecipeName, with_thresholds
from stillhouse.pipelines.cluster.endpoint import EndpointOption, NamespaceOption, TokenOption
from stillhouse.pipelines.cluster.watch.gpu_price import PriceOption, parse_price
from stillhouse.pipelines.compiling.options import ClusterOptions, take_addresses, with_cluster_options
from stillhouse.pipelines.recipes.recipe import load_recipe

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@with_cluster_options
def submit_(
    recipe: RecipeName,
    overrides: Overrides = [],  # noqa: B006 - typer reads the default
    min_new_rows: MinNewRows = None,
    min_drift: MinDrift = None,
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
    loaded = load_recipe(recipe, with_thresholds(overrides, min_new_rows, min_drift))
    price = parse_price(gpu_price)
    from stillhouse.pipelines.cluster.connection import connect
    from stillhouse.pipelines.cluster.submit import submit
    from stillhouse.pipelines.cluster.watch.follow import follow
    from stillhouse.pipelines.doctor.check import Visit
    from stillhouse.pipelines.doctor.run_checks import refuse_failures

    kfp = connect(endpoint, namespace, token)
    refuse_failures(Visit(loaded, cluster, kfp))
    run = submit(kfp, loaded, cluster, cache=not no_cache)
    typer.echo(run)
    typer.echo(kfp.page(run), err=True)
    if watch:
        take_addresses(cluster.variables())
        follow(kfp, run, cluster.store, price)
