"""The command `watch`: what the pods of a run are doing, until it ends."""

from typing import Annotated

import typer

from stillhouse.pipelines.cluster.endpoint import EndpointOption, NamespaceOption, TokenOption
from stillhouse.pipelines.cluster.watch.gpu_price import PriceOption, parse_price
from stillhouse.pipelines.compiling.options import OptionsFile, take_addresses_from

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Id of the run, which `submit` prints and its page shows.")
]
StoreOption = Annotated[
    str,
    typer.Option(
        envvar="STILLHOUSE_STORE", help="The run's store as it is reached from here; without it what its pods are told."
    ),
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
    options: OptionsFile = None,
) -> None:
    """Show what each step of a run is doing, and why it does not go on, until the run ends.

    Exit code 0 when the run succeeded, 1 when it did not. Ctrl-C leaves the run alone. Where store and MLflow are is
    taken from STILLHOUSE_STORE and MLFLOW_TRACKING_URI, else from --options, else from what the run's pods are told.
    """
    price = parse_price(gpu_price)
    take_addresses_from(options)
    from stillhouse.pipelines.cluster.connection import connect
    from stillhouse.pipelines.cluster.watch.follow import follow

    follow(connect(endpoint, namespace, token), run, store, price)
