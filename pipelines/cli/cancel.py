"""The command `cancel`: end a run on a cluster."""

import typer

from stillhouse.pipelines.cli.watch import RunArgument
from stillhouse.pipelines.cluster.endpoint import EndpointOption, NamespaceOption, TokenOption

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def cancel_(
    run: RunArgument,
    endpoint: EndpointOption = "",
    namespace: NamespaceOption = "",
    token: TokenOption = "",
) -> None:
    """End a run, and wait until it has ended and its pods are gone.

    Its checkpoints stay, and MLflow shows it as running: the same recipe submitted again goes on from them, or
    `stillhouse sweep RUN` removes them and closes the run in MLflow. Ctrl-C stops the waiting, not the cancelling.
    """
    from stillhouse.pipelines.cluster.cancel import cancel_run
    from stillhouse.pipelines.cluster.connection import ENDED, connect

    cluster = connect(endpoint, namespace, token)
    before = cluster.run(run).state
    state = cancel_run(cluster, run, lambda news: typer.echo(f"waiting: {news}", err=True))
    if before in ENDED:
        typer.echo(f"{run} had ended before: {before}.")
    elif state == "SUCCEEDED":
        typer.echo(f"{run} came to its end before it could be cancelled: {state}.")
    else:
        typer.echo(f"{run} is cancelled (KFP calls it {state}); what it leaves goes with: stillhouse sweep {run}")
