"""The command `watch`: what the pods of a run are doing, until it ends."""

import re
from typing import Annotated

import typer
from rich.console import Console

from stillhouse.errors import UserError
from stillhouse.pipelines.cluster import Cluster, EndpointOption, NamespaceOption, TokenOption, connect
from stillhouse.pipelines.watch import watch
from stillhouse.pipelines.watch_view import Price

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Id of the run, which `submit` prints and its page shows.")
]
StoreOption = Annotated[
    str,
    typer.Option(
        envvar="STILLHOUSE_STORE", help="The run's store as it is reached from here; without it what its pods are told."
    ),
]
PriceOption = Annotated[
    str, typer.Option("--gpu-price", metavar="PRICE", help="Of one accelerator for an hour: 2.50, or '2.50 EUR'.")
]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def watch_(
    run: RunArgument,
    endpoint: EndpointOption = "",
    namespace: NamespaceOption = "",
    token: TokenOption = "",
    store: StoreOption = "",
    gpu_price: PriceOption = "",
) -> None:
    """Show what each step of a run is doing, and why it does not go on, until the run ends.

    Exit code 0 when the run succeeded, 1 when it did not. Ctrl-C leaves the run alone.
    """
    price = parse_price(gpu_price)
    follow(connect(endpoint, namespace, token), run, store, price)


def follow(cluster: Cluster, run: str, store: str, price: Price | None) -> None:
    """Watch a run on this terminal and leave with its exit code."""
    try:
        code = watch(cluster, run, Console(), store=store, price=price)
    except KeyboardInterrupt:
        code = 130
    raise typer.Exit(code)


def parse_price(text: str) -> Price | None:
    """`2.50` or `2.50 EUR`; None when nothing is given.

    Raises:
        UserError: it is neither.
    """
    if not text:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(\S{0,12})", text.strip())
    if not found:
        raise UserError(f"--gpu-price '{text}' must be a number, with a currency behind it or not: '2.50 EUR'.")
    return Price(float(found[1]), found[2])
