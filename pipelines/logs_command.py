"""The command `logs`: what a step of a run on a cluster has written."""

from typing import Annotated

import typer

from stillhouse.errors import UserError
from stillhouse.pipelines.endpoint import EndpointOption, NamespaceOption, TokenOption
from stillhouse.pipelines.watch_command import RunArgument

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def logs_(
    run: RunArgument,
    step: Annotated[str, typer.Argument(metavar="STEP", help="Name of the step, as `watch` shows it.")],
    endpoint: EndpointOption = "",
    namespace: NamespaceOption = "",
    token: TokenOption = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the step has ended.")] = False,
    attempt: Annotated[int | None, typer.Option(min=1, help="Only the pod of this number, from 1.")] = None,
    previous: Annotated[bool, typer.Option("--previous", help="Only the pod before the newest.")] = False,
) -> None:
    """Show what a step has written, pod by pod. A process that was started again in its pod is in the same log."""
    if attempt and previous:
        raise UserError("Give --attempt or --previous, not both.")
    from stillhouse.pipelines.cluster import connect
    from stillhouse.pipelines.logs import show_logs

    number = -1 if previous else attempt
    show_logs(connect(endpoint, namespace, token), run, step, typer.echo, follow=follow, number=number)
