"""The command `doctor`: what would fail, with submit's options."""

import typer

from stillhouse.pipelines.cli.arguments import Overrides, RecipeName
from stillhouse.pipelines.cluster.endpoint import EndpointOption, NamespaceOption, TokenOption
from stillhouse.pipelines.compiling.options import ClusterOptions, with_cluster_options
from stillhouse.pipelines.recipes.recipe import load_recipe

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@with_cluster_options
def doctor_(
    recipe: RecipeName,
    overrides: Overrides = [],  # noqa: B006 - typer reads the default
    endpoint: EndpointOption = "",
    namespace: NamespaceOption = "",
    token: TokenOption = "",
    *,
    cluster: ClusterOptions,
) -> None:
    """Say what would fail, before a GPU is paid for. Exit code 1 when something would."""
    loaded = load_recipe(recipe, overrides)
    from rich.console import Console

    from stillhouse.pipelines.doctor.check import begin_visit
    from stillhouse.pipelines.doctor.run_checks import diagnose, show

    visit = begin_visit(loaded, cluster, endpoint, namespace, token)
    raise typer.Exit(show(diagnose(visit), Console()))
