"""Data that lies on somebody's machine, and a run on a cluster."""

from pathlib import Path

import pytest

from stillhouse.components.storage.sources import fetch_source, list_source
from stillhouse.errors import UserError
from stillhouse.pipelines.cluster.submit import upload_source


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "store")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "mails.csv"
    path.write_text("text,label\nhi,ham\n")
    return path


def test_a_file_is_found_under_its_address_with_what_it_holds(store: str, table: Path, tmp_path: Path) -> None:
    (fetched,) = fetch_source(upload_source(str(table), store), tmp_path / "fetched")
    assert (fetched.name, fetched.read_bytes()) == ("mails.csv", table.read_bytes())


def test_a_folder_is_found_with_its_files_and_nothing_else(store: str, table: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "2026"
    folder.mkdir(parents=True)
    table.rename(folder / "mails.csv")
    assert [file.name for file in list_source(upload_source(str(folder.parent), store))] == ["2026/mails.csv"]


def test_the_same_data_has_the_same_address_and_one_row_more_another(store: str, table: Path) -> None:
    first = upload_source(str(table), store)
    assert upload_source(str(table), store) == first
    with table.open("a") as file:
        file.write("buy,spam\n")
    assert upload_source(str(table), store) != first


def test_without_a_store_the_mend_is_said(table: Path) -> None:
    with pytest.raises(UserError, match="lies on this machine, where no pod finds it; give --store"):
        upload_source(str(table), "")
