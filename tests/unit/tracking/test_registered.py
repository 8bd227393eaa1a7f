"""A version is found by its number, with what promote noted of it."""

import os
from datetime import datetime
from pathlib import Path

import pytest
from mlflow import MlflowClient

from stillhouse.components.tracking.registered import registered_version
from stillhouse.components.tracking.registry import log_model
from stillhouse.components.tracking.run import step_run


def test_a_version_says_what_it_was_made_of(home: Path, model_folder: Path) -> None:
    with step_run("promote") as run:
        version = log_model(run, model_folder, "spam", digest="abc")
    found = registered_version("spam", version)
    assert found is not None
    assert (found.digest, found.run, found.dataset) == ("abc", os.environ["STILLHOUSE_RUN"], "d" * 64)
    assert datetime.fromisoformat(found.time).tzinfo


@pytest.mark.parametrize("version", ["2", "champion"])
def test_there_is_none_of_another_number_or_of_somebody_else(home: Path, client: MlflowClient, version: str) -> None:
    client.create_registered_model("spam")
    client.create_model_version("spam", "file:///elsewhere")
    assert registered_version("spam", version) is None
    assert registered_version("spam", "1") is None
