"""What both kinds of store promise, and what the one on files adds."""

import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from stillhouse.components.storage.manifest import Corrupt, FileDigest
from stillhouse.components.storage.store import Conflict, NotFound, Store, open_store
from stillhouse.errors import UserError

FILES = {"config.json": b"{}", "model.safetensors": bytes(range(256)) * 40, "deep/er/empty": b""}


def make(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def keys(store: Store, prefix: str = "") -> list[str]:
    return [entry.key for entry in store.list(prefix)]


def test_what_is_put_is_read_back(store: Store) -> None:
    store.put("a/b.json", b"first")
    store.put("a/b.json", b"second")
    assert store.get("a/b.json") == b"second"


@pytest.mark.parametrize("key", ["missing", "a/b/c", "a"])
def test_a_key_that_is_not_there_is_not_found(store: Store, key: str) -> None:
    store.put("a/b", b"")
    with pytest.raises(NotFound, match=f"{store.url}/{key}' is not there"):
        store.get(key)


@pytest.mark.parametrize("key", ["", "../a", "/a", "a//b"])
def test_a_key_that_could_lead_elsewhere_is_refused(store: Store, key: str) -> None:
    with pytest.raises(UserError, match="refused the name"):
        store.put(key, b"")


def test_put_if_makes_a_key_only_where_there_is_none(store: Store) -> None:
    version = store.put_if("record", b"mine", None)
    with pytest.raises(Conflict, match="record' was written by somebody else"):
        store.put_if("record", b"yours", None)
    assert store.read("record") == (b"mine", version)


def test_put_if_changes_only_the_version_that_was_read(store: Store) -> None:
    store.put("record", b"1")
    _, version = store.read("record")
    newer = store.put_if("record", b"2", version)
    with pytest.raises(Conflict):
        store.put_if("record", b"3", version)
    assert store.read("record") == (b"2", newer)


def test_put_if_does_not_bring_back_what_was_deleted(store: Store) -> None:
    version = store.put_if("record", b"1", None)
    store.delete("record")
    with pytest.raises(Conflict):
        store.put_if("record", b"2", version)
    assert keys(store) == []


def test_a_listing_has_the_key_and_what_is_below_it_but_not_its_namesakes(store: Store) -> None:
    for key in ("run/b", "run/a/c", "runner", "run-2/a"):
        store.put(key, key.encode())
    store.put("run.json", b"12345")
    assert keys(store, "run") == ["run/a/c", "run/b"]
    assert [(entry.key, entry.size) for entry in store.list("run.json")] == [("run.json", 5)]
    assert keys(store) == sorted(["run/b", "run/a/c", "runner", "run-2/a", "run.json"])
    assert keys(store, "nothing") == []


def test_the_version_in_a_listing_changes_with_the_bytes(store: Store) -> None:
    store.put("key", b"1")
    before = store.list("key")
    store.put("key", b"2")
    assert store.list("key")[0].version != before[0].version


def test_delete_removes_the_key_and_what_is_below_it_but_not_its_namesakes(store: Store) -> None:
    for key in ("run/a", "run/b/c", "runner", "key"):
        store.put(key, b"")
    for prefix in ("run", "key", "nothing"):
        store.delete(prefix)
    assert keys(store) == ["runner"]


def test_the_whole_store_is_not_deleted_by_an_empty_prefix(store: Store) -> None:
    store.put("a", b"")
    with pytest.raises(UserError):
        store.delete("")
    assert keys(store) == ["a"]


def test_a_folder_comes_back_as_it_was_put(store: Store, tmp_path: Path) -> None:
    store.put_folder(make(tmp_path / "in", FILES), "models/abc")
    store.get_folder("models/abc", tmp_path / "out")
    assert contents(tmp_path / "out") == FILES


def test_a_folder_is_found_from_its_own_address(store: Store, tmp_path: Path) -> None:
    store.put_folder(make(tmp_path / "in", FILES), "models/abc")
    open_store(store.uri("models/abc")).get_folder("", tmp_path / "out")
    assert contents(tmp_path / "out") == FILES


def test_putting_a_folder_again_replaces_it_whole(store: Store, tmp_path: Path) -> None:
    store.put_folder(make(tmp_path / "old", FILES), "models/abc")
    store.put_folder(make(tmp_path / "new", {"other": b"1"}), "models/abc")
    assert keys(store) == ["models/abc/manifest.json", "models/abc/other"]


def test_putting_the_same_folder_again_writes_nothing(store: Store, tmp_path: Path) -> None:
    folder = make(tmp_path / "in", FILES)
    store.put_folder(folder, "models/abc")
    before = store.list()
    store.put_folder(folder, "models/abc")
    assert store.list() == before


def test_a_folder_without_its_manifest_is_not_there(store: Store, tmp_path: Path) -> None:
    store.put_folder(make(tmp_path / "in", FILES), "models/abc")
    store.delete("models/abc/manifest.json")
    with pytest.raises(NotFound):
        store.get_folder("models/abc", tmp_path / "out")


@pytest.mark.parametrize("data", [b"{1", b"{}" * 2, b""], ids=["same size", "other size", "empty"])
def test_a_damaged_file_is_told_and_leaves_nothing_behind(store: Store, tmp_path: Path, data: bytes) -> None:
    store.put_folder(make(tmp_path / "in", FILES), "models/abc")
    store.put("models/abc/config.json", data)
    with pytest.raises(Corrupt, match=r"models/abc/config.json' is damaged: .* put its folder there again\."):
        store.get_folder("models/abc", tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} <= {"in", "store"}


def test_a_missing_file_is_told_and_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    store.put_folder(make(tmp_path / "in", FILES), "models/abc")
    store.delete("models/abc/deep")
    with pytest.raises(Corrupt, match="'deep/er/empty' is in the manifest and not there"):
        store.get_folder("models/abc", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/../../evil"])
def test_a_manifest_that_leads_out_of_the_folder_is_refused(store: Store, tmp_path: Path, name: str) -> None:
    empty = f'{{"size": 0, "sha256": "{"e3b0c442" * 8}"}}'
    store.put("models/abc/manifest.json", f'{{"format": 1, "files": {{"{name}": {empty}}}}}'.encode())
    with pytest.raises(UserError, match="refused the name"):
        store.get_folder("models/abc", tmp_path / "out")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("data", [b"", b"[]", b'{"format": 2, "files": {}}', b'{"files": {"a": {"size": -1}}}'])
def test_what_is_no_manifest_is_told(store: Store, tmp_path: Path, data: bytes) -> None:
    store.put("models/abc/manifest.json", data)
    with pytest.raises(Corrupt, match=r"models/abc/manifest\.json' is not a manifest"):
        store.get_folder("models/abc", tmp_path / "out")


def test_a_folder_that_holds_something_else_is_not_overwritten(store: Store, tmp_path: Path) -> None:
    store.put_folder(make(tmp_path / "in", FILES), "models/abc")
    mine = make(tmp_path / "mine", {"diary": b"dear"})
    with pytest.raises(UserError, match="holds other files"):
        store.get_folder("models/abc", mine)
    assert contents(mine) == {"diary": b"dear"}


def test_a_folder_that_is_already_there_is_taken_as_it_is(store: Store, tmp_path: Path) -> None:
    store.put_folder(make(tmp_path / "in", FILES), "models/abc")
    store.get_folder("models/abc", tmp_path / "out")
    store.get_folder("models/abc", tmp_path / "out")
    assert contents(tmp_path / "out") == FILES


def test_a_folder_that_another_process_brought_meanwhile_is_taken(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_folder(make(tmp_path / "in", FILES), "models/abc")
    copy_out = store._copy_out

    def copy_late(key: str, path: Path, expected: FileDigest) -> None:
        copy_out(key, path, expected)
        make(tmp_path / "out", FILES)

    monkeypatch.setattr(store, "_copy_out", copy_late)
    store.get_folder("models/abc", tmp_path / "out")
    assert contents(tmp_path / "out") == FILES


def test_a_link_out_of_a_folder_is_not_put(store: Store, tmp_path: Path) -> None:
    (make(tmp_path / "in", FILES) / "link").symlink_to("/etc/passwd")
    with pytest.raises(UserError, match="'link' is a link out of the folder"):
        store.put_folder(tmp_path / "in", "models/abc")
    assert keys(store) == []


def test_a_folder_with_a_manifest_of_its_own_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has a 'manifest\.json'"):
        store.put_folder(make(tmp_path / "in", {"manifest.json": b""}), "models/abc")


def test_a_folder_that_does_not_exist_is_the_users_error(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        store.put_folder(tmp_path / "missing", "models/abc")


def test_a_store_on_files_mends_a_damaged_folder_when_it_is_put_again(tmp_path: Path) -> None:
    store, folder = open_store(tmp_path / "store"), make(tmp_path / "in", FILES)
    store.put_folder(folder, "models/abc")
    store.put("models/abc/config.json", b"{1")
    store.put_folder(folder, "models/abc")
    store.get_folder("models/abc", tmp_path / "out")
    assert contents(tmp_path / "out") == FILES


def test_a_link_planted_in_a_store_on_files_is_not_followed_out_of_it(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    store.put("a/b", b"")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "store/a/link").symlink_to("../../secret")
    with pytest.raises(UserError, match="link out of"):
        store.get("a/link")


def test_a_write_that_fails_leaves_the_old_bytes_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path / "store")
    store.put("a/b", b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(UserError, match=r"cannot write .*a/b': No space left on device; free space"):
            store.put("a/b", b"new")
    assert store.get("a/b") == b"old"
    assert [path.name for path in (tmp_path / "store/a").iterdir()] == ["b"]


def test_opening_a_store_makes_nothing(tmp_path: Path) -> None:
    assert open_store(tmp_path / "store").list() == []
    assert not (tmp_path / "store").exists()


def test_of_eight_threads_that_read_the_same_version_one_wins_each_round(tmp_path: Path) -> None:
    rounds, writers = 50, 8
    barrier = Barrier(writers)

    def write(writer: int) -> list[bool]:
        store, wins = open_store(tmp_path / "store"), []
        for turn in range(rounds):
            version = store.read("record")[1] if turn else None
            barrier.wait()
            try:
                store.put_if("record", f"{turn} {writer}".encode(), version)
                wins.append(True)
            except Conflict:
                wins.append(False)
            barrier.wait()
        return wins

    with ThreadPoolExecutor(writers) as pool:
        by_writer = list(pool.map(write, range(writers)))
    assert [sum(wins) for wins in zip(*by_writer, strict=True)] == [1] * rounds


COUNT = """
import sys
from stillhouse.components.storage.store import Conflict, open_store
store, done = open_store(sys.argv[1]), 0
while done < int(sys.argv[2]):
    data, version = store.read("count")
    try:
        store.put_if("count", str(int(data) + 1).encode(), version)
        done += 1
    except Conflict:
        pass
"""


def test_processes_that_count_in_one_record_lose_no_count(tmp_path: Path) -> None:
    store, each = open_store(tmp_path / "store"), 50
    store.put("count", b"0")
    command = [sys.executable, "-c", COUNT, str(tmp_path / "store"), str(each)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert store.get("count") == b"150"
