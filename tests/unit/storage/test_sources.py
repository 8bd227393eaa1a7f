import os
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.storage import sources
from stillhouse.components.storage.manifest import Corrupt
from stillhouse.components.storage.sources import fetch_source, list_source, names_below
from stillhouse.components.storage.windows import Window
from stillhouse.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("data/b.csv", "data/deep/a.csv", "data/.hidden/x.csv", "data/.cache"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"text\n{name}\n")
    return tmp_path / "data"


def test_a_folder_is_its_files_by_name_without_hidden_ones(folder: Path) -> None:
    assert [(file.name, file.size) for file in list_source(str(folder))] == [
        ("b.csv", 16),
        ("deep/a.csv", 21),
    ]


def test_a_file_is_itself(folder: Path) -> None:
    assert [file.name for file in list_source(f"file://{folder}/b.csv")] == ["b.csv"]


def test_local_files_are_used_where_they_are(folder: Path, tmp_path: Path) -> None:
    assert fetch_source(str(folder), tmp_path / "fetched") == [folder / "b.csv", folder / "deep/a.csv"]
    assert not (tmp_path / "fetched").exists()


def test_a_small_file_is_known_by_its_content_alone(folder: Path) -> None:
    before = list_source(str(folder))
    os.utime(folder / "b.csv", (1, 1))
    assert list_source(str(folder)) == before
    (folder / "b.csv").write_text("text\ndata/B.csv\n")
    assert list_source(str(folder)) != before


def test_a_large_file_is_known_by_size_and_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "SMALL_BYTES", 4)
    before = list_source(str(folder))
    assert list_source(str(folder)) == before
    os.utime(folder / "b.csv", (1, 1))
    assert list_source(str(folder)) != before


@pytest.mark.parametrize("read", [list_source, lambda url: fetch_source(url, "unused")])
def test_a_source_that_does_not_exist_is_the_users_error(tmp_path: Path, read: Any) -> None:
    with pytest.raises(UserError, match=r"source '.*/nothing' does not exist; check the path\."):
        read(f"{tmp_path}/nothing")


def test_a_folder_without_files_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder without files"):
        list_source(str(tmp_path))


def test_a_link_out_of_the_folder_is_refused(folder: Path) -> None:
    (folder / "passwd.csv").symlink_to("/etc/passwd")
    with pytest.raises(UserError, match=r"'passwd\.csv' is a link out of the folder"):
        list_source(str(folder))


@pytest.mark.parametrize("url", ["http://example.org/a.csv", "gs://bucket/a.csv", "ftp://host/a.csv"])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(UserError, match="unknown scheme"):
        list_source(url)


@pytest.mark.parametrize("url", ["http://169.254.169.254/data", "s3://169.254.169.254/data"])
def test_metadata_addresses_are_refused(url: str) -> None:
    with pytest.raises(UserError, match="link-local or metadata address"):
        list_source(url)


@pytest.fixture
def url(s3: Any, bucket: str) -> str:
    """An S3 source of two files, among others that are none of it."""
    for key in ("data/a.csv", "data/deep/b.csv", "data/.hidden", "data/empty/", "database.csv"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return f"s3://{bucket}/data"


def test_an_s3_prefix_is_its_objects_by_name(url: str) -> None:
    assert [(file.name, file.size) for file in list_source(url)] == [("a.csv", 10), ("deep/b.csv", 15)]
    assert list_source(f"{url}/") == list_source(url)


def test_an_s3_object_is_itself(url: str) -> None:
    assert [file.name for file in list_source(f"{url}/a.csv")] == ["a.csv"]


def test_an_s3_object_has_another_version_when_it_is_written(url: str, s3: Any, bucket: str) -> None:
    before = list_source(url)
    s3.put_object(Bucket=bucket, Key="data/a.csv", Body=b"data/A.csv")
    assert [old == new for old, new in zip(before, list_source(url), strict=True)] == [False, True]


def test_a_whole_bucket_is_a_source(url: str, bucket: str) -> None:
    assert [file.name for file in list_source(f"s3://{bucket}")] == [
        "data/a.csv",
        "data/deep/b.csv",
        "database.csv",
    ]


@pytest.mark.parametrize("read", [list_source, lambda url: fetch_source(url, "unused")])
def test_an_s3_source_that_does_not_exist_is_the_users_error(
    url: str, read: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"source 's3://.*/data/nothing' does not exist; check bucket and key\."):
        read(f"{url}/nothing")


def test_s3_objects_are_downloaded_under_their_names(url: str, tmp_path: Path) -> None:
    paths = fetch_source(url, tmp_path / "fetched")
    assert paths == [tmp_path / "fetched/a.csv", tmp_path / "fetched/deep/b.csv"]
    assert [path.read_text() for path in paths] == ["data/a.csv", "data/deep/b.csv"]


def test_only_what_has_changed_on_s3_is_downloaded_again(url: str, s3: Any, bucket: str, tmp_path: Path) -> None:
    before = [path.stat().st_ino for path in fetch_source(url, tmp_path)]
    s3.put_object(Bucket=bucket, Key="data/deep/b.csv", Body=b"data/deep/B.csv")
    paths = fetch_source(url, tmp_path)
    assert paths[1].read_text() == "data/deep/B.csv"
    assert [path.stat().st_ino == inode for path, inode in zip(paths, before, strict=True)] == [True, False]


def test_an_empty_object_is_downloaded(url: str, s3: Any, bucket: str, tmp_path: Path) -> None:
    s3.put_object(Bucket=bucket, Key="data/nothing.csv", Body=b"")
    assert fetch_source(f"{url}/nothing.csv", tmp_path)[0].read_bytes() == b""


def test_an_object_that_arrives_damaged_is_told_and_not_kept(url: str, s3: Any, bucket: str, tmp_path: Path) -> None:
    s3.put_object(Bucket=bucket, Key="data/a.csv", Body=b"data/A.csv", Metadata={"sha256": "0" * 64})
    with pytest.raises(Corrupt, match=r"data/a\.csv' arrived damaged"):
        fetch_source(f"{url}/a.csv", tmp_path)
    assert [path.name for path in tmp_path.rglob("*.csv")] == []


@pytest.mark.parametrize("key", ["data/../../evil", "data//evil", "data/..\\evil"])
def test_a_key_that_leads_out_of_the_folder_is_refused(
    url: str, s3: Any, bucket: str, tmp_path: Path, key: str
) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=b"evil")
    with pytest.raises(UserError, match="refused the name"):
        fetch_source(url, tmp_path / "deep/fetched")
    assert list(tmp_path.rglob("*evil")) == []


DAYS = ("2026-03-01", "2026-03-02", "2026-03-03")
WINDOW = Window("2026-03-02T00:00:00+00:00", "2026-03-03T00:00:00+00:00")


@pytest.fixture(params=["file", "s3"])
def daily(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder or a bucket with a file for each day, and one that belongs to none."""
    names = [*(f"mails/{day}/a.csv" for day in DAYS), "mails/README.md"]
    if request.param == "file":
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(name)
        return f"{tmp_path}/mails/{{since_last_promoted}}"
    bucket, client = request.getfixturevalue("bucket"), request.getfixturevalue("s3")
    for name in names:
        client.put_object(Bucket=bucket, Key=name, Body=name.encode())
    return f"s3://{bucket}/mails/{{since_last_promoted}}"


def test_of_a_window_only_the_partitions_within_it_are_listed(daily: str) -> None:
    assert [file.name for file in list_source(daily, WINDOW)] == ["2026-03-02/a.csv", "2026-03-03/a.csv"]


def test_of_a_window_only_the_partitions_within_it_are_fetched(daily: str, tmp_path: Path) -> None:
    files = fetch_source(daily, tmp_path / "fetched", WINDOW)

    assert [file.read_text() for file in files] == ["mails/2026-03-02/a.csv", "mails/2026-03-03/a.csv"]


def test_which_partitions_there_are_is_told_by_names(daily: str) -> None:
    assert names_below(daily.rpartition("/")[0]) == [*(f"{day}/a.csv" for day in DAYS), "README.md"]
