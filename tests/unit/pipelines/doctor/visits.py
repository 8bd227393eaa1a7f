"""What the tests of the doctor have him look at."""

from collections.abc import Callable
from typing import Any

from stillhouse.components.probe.finding import Finding
from stillhouse.pipelines.recipes.recipe import Recipe

OPTIONS: dict[str, Any] = {"hardware": "gpu", "s3_secret": "s3", "store": "s3://models", "mlflow_uri": "http://mlflow"}
RECIPE = Recipe.model_validate({"name": "spam", "data": {"source": "s3://data/spam.csv"}})

Diagnose = Callable[..., dict[str, Finding]]


def of_level(findings: dict[str, Finding], level: str) -> list[str]:
    """The checks with that result."""
    return [name for name, found in findings.items() if found.level == level]
