import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from tests.unit.storage.conftest import HUB

from stillhouse.components.prepare.prepare import refine
from stillhouse.components.prepare.read import read
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.prepare.write_dataset import content_digest
from stillhouse.components.storage.hub import HubSource
from stillhouse.components.storage.sources import SourceFile, fetch_source, list_source
from stillhouse.errors import UserError

COMMIT = "c0ffee" + "0" * 34


@pytest.fixture
def endpoint(hub: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(constants, "ENDPOINT", hub)
    return hub


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("hf://owner/name", HubSource("owner/name")),
        ("hf://name", HubSource("name")),
        ("hf://owner/na-me_1.0@v1.2", HubSource("owner/na-me_1.0", "v1.2")),
        ("hf://owner/name@refs%2Fpr%2F1", HubSource("owner/name", "refs/pr/1")),
        ("hf://owner/name/english", HubSource("owner/name", "main", "english")),
        ("hf://owner/name@v1/english", HubSource("owner/name", "v1", "english")),
    ],
)
def test_a_hub_url_is_repository_revision_and_config(url: str, source: HubSource) -> None:
    assert HubSource.parse(url) == source


@pytest.mark.parametrize(
    "url", ["hf://", "hf://owner/name@", "hf://owner/name/a/b", "hf://../name@x@y", "hf://own er/x"]
)
def test_what_is_no_hub_url_is_the_users_error(url: str) -> None:
    with pytest.raises(UserError, match=r"is not hf://owner/name\[@revision\]\[/config\]"):
        HubSource.parse(url)


def test_the_version_of_a_hub_source_is_the_commit_of_its_revision(endpoint: str) -> None:
    assert list_source("hf://owner/name@main") == [
        SourceFile("README.md", 12, COMMIT),
        SourceFile("data/test.csv", 17, COMMIT),
        SourceFile("data/train.csv", 25, COMMIT),
    ]


def test_a_repository_that_is_not_there_is_the_users_error(endpoint: str) -> None:
    with pytest.raises(
        UserError, match="'hf://owner/other' does not exist on the hub; check the name, or set HF_TOKEN"
    ):
        list_source("hf://owner/other")


@pytest.mark.parametrize("read", [list_source, lambda url: fetch_source(url, "unused")])
def test_a_hub_out_of_reach_is_one_sentence(monkeypatch: pytest.MonkeyPatch, read: Any) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"'hf://owner/name': the hub cannot be read \(.*\); check HF_ENDPOINT .*\.$"):
        read("hf://owner/name")


def test_a_hub_at_a_metadata_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://169.254.169.254")
    with pytest.raises(UserError, match="link-local or metadata address"):
        list_source("hf://owner/name")


FETCH = """
import sys
from stillhouse.components.storage.sources import fetch_source
from stillhouse.errors import UserError
for url in sys.argv[2:]:
    try:
        print(*fetch_source(url, sys.argv[1]), sep="\\n")
    except UserError as error:
        print(error)
"""


def fetch(hub: str, folder: Path, *urls: str) -> list[str]:
    # A process of its own: datasets reads the hub's address when it is imported.
    command = [sys.executable, "-c", FETCH, str(folder / "fetched"), *urls]
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(folder / "home")}
    return subprocess.run(command, env=environment, capture_output=True, text=True).stdout.splitlines()


def test_a_dataset_of_the_hub_arrives_in_its_own_files_once_for_each_commit(hub: str, tmp_path: Path) -> None:
    paths = [Path(path) for path in fetch(hub, tmp_path, "hf://owner/name", "hf://owner/name@v1")]
    folder = tmp_path / "fetched" / f"{COMMIT}-default-files"
    assert {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths[:3]} == HUB["owner/name"]
    assert paths[3:] == paths[:3]
    assert {path.name for path in (tmp_path / "fetched").iterdir()} == {folder.name, "cache"}


def test_splits_are_those_that_the_readme_names(hub: str, tmp_path: Path) -> None:
    paths = [Path(path) for path in fetch(hub, tmp_path, "hf://owner/classes")]
    assert [path.name for path in paths] == ["README.md", "held-test.csv", "new-train.csv"]


def test_one_folder_through_both_doors_is_the_same_rows(hub: str, tmp_path: Path) -> None:
    here = tmp_path / "here"
    for name, data in HUB["owner/odd"].items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(data)
    through = [[Path(path) for path in fetch(hub, tmp_path, "hf://owner/odd")], fetch_source(str(here), here)]
    settings = PrepareSettings(source="here", task="text_classification")
    tables = [read(files, settings) for files in through]
    rows = [sorted(zip(table.inputs["text"].to_pylist(), table.targets, strict=True), key=str) for table in tables]
    assert rows[0] == rows[1]
    prepared = [
        refine(table, PrepareSettings(source=where, task="text_classification"))
        for table, where in zip(tables, "ab", strict=True)
    ]
    assert content_digest(prepared[0], settings) == content_digest(prepared[1], settings)
    assert prepared[0].labels == ["007", "7", "NA", "None", "n/a", "null", "true"]


def test_a_dataset_that_cannot_be_read_is_told_and_leaves_nothing(hub: str, tmp_path: Path) -> None:
    markup, other = fetch(hub, tmp_path, "hf://owner/markup", "hf://owner/name/other")
    formats = "arrow, csv, json, parquet, text"
    assert markup == f"source 'hf://owner/markup' holds 'xml' files; only {formats} files are read."
    reason = "BuilderConfig 'other' not found. Available: ['default']"
    assert (
        other == f"source 'hf://owner/name/other' cannot be read ({reason}); copy the files here and name their folder."
    )
    assert [path.name for path in (tmp_path / "fetched").iterdir() if path.name != "cache"] == []
