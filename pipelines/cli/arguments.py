"""Arguments and options that several commands share."""

from typing import Annotated

import typer

RecipeName = Annotated[
    str, typer.Argument(metavar="RECIPE", help="Name of a recipe that ships, or path of a YAML file.")
]
Overrides = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key, such as finetune.loop.epochs=2; repeatable."),
]
MinNewRows = Annotated[
    int | None,
    typer.Option(
        help="End the run early, as nothing to learn, with fewer training rows that the champion has not seen."
    ),
]
MinDrift = Annotated[
    float | None,
    typer.Option(
        help="The same with a smaller drift from the champion's data, from 0 to 1; with both, either suffices to go on."
    ),
]


def with_thresholds(overrides: list[str], min_new_rows: int | None, min_drift: float | None) -> list[str]:
    """The overrides of a recipe with those that the two options stand for."""
    given = {"prepare.min_new_rows": min_new_rows, "prepare.min_drift": min_drift}
    return [*overrides, *(f"{key}={value}" for key, value in given.items() if value is not None)]
