"""The command `logs`: what a step of a run has written, on a cluster or on this machine."""

from typing import Annotated

import typer

from stillhouse.components.config.home import HOME
from stillhouse.components.config.home_option import HomeOption
from stillhouse.errors import UserError
from stillhouse.pipelines.cluster.endpoint import EndpointOption, NamespaceOption, TokenOption
from stillhouse.pipelines.local.logs import is_local_run, show_local_logs

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def logs_(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, as `runs`, `submit` or KFP shows it.")],
    step: Annotated[
        str, typer.Argument(metavar="[STEP]", help="Name of the step; for a run on this machine all, if none is named.")
    ] = "",
    home: HomeOption = HOME,
    endpoint: EndpointOption = "",
    namespace: NamespaceOption = "",
    token: TokenOption = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the step has ended.")] = False,
    attempt: Annotated[
        int | None, typer.Option(min=1, help="Only the pod of this number, from 1; on a cluster.")
    ] = None,
    previous: Annotated[bool, typer.Option("--previous", help="Only the pod before the newest; on a cluster.")] = False,
) -> None:
    """Show what a step has written. A process that was started again, in its pod or here, is in the same log.

    A run whose folder is in --home is one of this machine; for any other the cluster is asked, pod by pod.
    """
    if attempt and previous:
        raise UserError("Give --attempt or --previous, not both.")
    if is_local_run(home.absolute(), run):
        if attempt or previous:
            raise UserError(f"{run} ran on this machine, where all attempts are in one log; leave the option out.")
        show_local_logs(home.absolute(), run, step, typer.echo, follow=follow)
        return
    if not step:
        raise UserError(f"There is no run '{run}' in '{home}'; for one on a cluster name a step, too.")
    from stillhouse.pipelines.cluster.connection import connect
    from stillhouse.pipelines.cluster.logs import show_logs

    number = -1 if previous else attempt
    show_logs(connect(endpoint, namespace, token), run, step, typer.echo, follow=follow, number=number)
