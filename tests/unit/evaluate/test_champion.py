"""Which champion is compared, and on which rows."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stillhouse.components.artifacts.dataset import read_dataset_json, read_split
from stillhouse.components.evaluate.champion import Champion, open_champion
from stillhouse.errors import UserError


def find(workplace: Any, folder: Path, version: str | None = "3") -> tuple[Champion | None, str]:
    dataset = workplace.folder / "dataset"
    entry = json.dumps({"version": version, "digest": "d" * 64, "uri": str(folder)})
    return open_champion(entry, read_dataset_json(dataset), read_split(dataset, "test"))


def test_without_a_champion_there_is_nothing_to_say() -> None:
    assert open_champion("", {}, None) == (None, "")  # type: ignore[arg-type]


def test_rows_of_its_training_are_told_from_unseen_ones(workplace: Any) -> None:
    champion, why = find(workplace, workplace.write_model("seen-15", saw=15))
    assert champion is not None
    assert np.flatnonzero(~champion.unseen).tolist() == list(range(15))
    assert why == ""


def test_one_with_other_labels_is_left_out(workplace: Any) -> None:
    champion, why = find(workplace, workplace.write_model("others", labels=["ham", "phish"]))
    assert champion is None
    assert why == ("The champion (version 3) is left out: it answers with ham, phish, the dataset with ham, spam.")


def test_one_that_saw_every_test_row_is_left_out(workplace: Any) -> None:
    champion, why = find(workplace, workplace.write_model("seen-all", saw=40))
    assert champion is None
    assert "trained on every one of the test rows" in why


def test_one_without_a_version_is_called_the_champion(workplace: Any) -> None:
    _, why = find(workplace, workplace.write_model("seen-all", saw=40), version=None)
    assert why.startswith("The champion is left out")


def test_one_that_is_gone_is_the_users_to_mend(workplace: Any) -> None:
    with pytest.raises(UserError, match="nowhere"):
        find(workplace, workplace.folder / "nowhere")
