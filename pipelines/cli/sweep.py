"""The command `sweep`: what ended runs have left, on this machine, in the store and on a cluster."""

import os
from pathlib import Path
from typing import Annotated

import typer

from stillhouse.components.config.home import HOME
from stillhouse.components.config.home_option import HomeOption
from stillhouse.components.storage.home import local_store
from stillhouse.components.sweep.options import DEFAULTS, DryRun, KeepDays, KeepRuns
from stillhouse.errors import UserError
from stillhouse.pipelines.cli.become import become
from stillhouse.pipelines.cluster.endpoint import EndpointOption, NamespaceOption, TokenOption
from stillhouse.pipelines.compiling.options import OptionsFile, take_addresses, take_addresses_from

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def sweep_(
    run: Annotated[
        str, typer.Argument(metavar="[RUN]", help="Id of an ended run on a cluster: only it is swept.")
    ] = "",
    every: Annotated[
        bool, typer.Option("--all", help="Close what all ended runs on the cluster left open, too.")
    ] = False,
    home: HomeOption = HOME,
    keep_days: KeepDays = DEFAULTS.keep_days,
    keep_runs: KeepRuns = DEFAULTS.keep_runs,
    dry_run: DryRun = False,
    endpoint: EndpointOption = "",
    namespace: NamespaceOption = "",
    token: TokenOption = "",
    options: OptionsFile = None,
) -> None:
    """Remove what ended runs have left: checkpoints, teacher caches, cached steps, copies, folders of runs, uploads.

    What is younger than --keep-days stays, and what the last --keep-runs runs made or used. Whatever their age: what a
    run at work uses, what a promotion record or an alias refers to, and what MLflow still lacks stay too.

    A run on a cluster that was cancelled, met its deadline or was lost had no exit step: RUN, or --all, closes its runs
    in MLflow and removes its TrainJobs; RUN also its checkpoints. STILLHOUSE_STORE and MLFLOW_TRACKING_URI, or
    --options, say where; else RUN's own pods were told.
    """
    if run or every:
        take_addresses_from(options)
        _sweep_cluster(run, home.absolute(), dry_run, (endpoint, namespace, token))
    if not run:
        rest = ["--home", str(home), "--keep-days", str(keep_days), "--keep-runs", str(keep_runs)]
        become("sweep", [*rest, *(["--dry-run"] if dry_run else [])])


def _sweep_cluster(run: str, home: Path, dry_run: bool, where: tuple[str, str, str]) -> None:
    from stillhouse.components.storage.s3.store import S3Store
    from stillhouse.pipelines.cluster.connection import connect
    from stillhouse.pipelines.cluster.sweep import sweep_ended, sweep_run
    from stillhouse.pipelines.cluster.watch.argo_workflow import variables_of
    from stillhouse.pipelines.cluster.watch.snapshot import spec_of

    cluster = connect(*where)
    if run:
        take_addresses(variables_of(spec_of(cluster, cluster.run(run))))
    for name in ("STILLHOUSE_STORE", "MLFLOW_TRACKING_URI"):
        if not os.environ.get(name):
            raise UserError(
                f"{name} is not set; give it the address that the pods of the runs have, or give --options."
            )
    store = local_store()
    if not isinstance(store, S3Store):
        raise UserError(f"STILLHOUSE_STORE is '{store.url}', which no pod writes to; give it s3://bucket/prefix.")
    swept = (
        [sweep_run(cluster, run, home, store, dry_run=dry_run)] if run else sweep_ended(cluster, home, dry_run=dry_run)
    )
    for found in swept:
        typer.echo(f"{'would be closed: ' if dry_run else ''}{found}")
