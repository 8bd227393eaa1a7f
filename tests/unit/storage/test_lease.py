"""Leases: what is in use is not removed, and what a dead process used may be."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from stillhouse.components.storage import lease as leases
from stillhouse.components.storage.lease import claim, hold, live_leases, read_leases
from stillhouse.components.storage.store import Store, open_store
from stillhouse.errors import UserError

HOLDER = """
import sys, time
from stillhouse.components.storage.lease import hold
from stillhouse.components.storage.store import open_store
with hold(open_store(sys.argv[1]), "checkpoints/a", run="spam-1"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def holder_that_was_killed(store: Store) -> None:
    """A lease whose process had no time to give it back."""
    command = [sys.executable, "-c", HOLDER, store.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGKILL)


def of_another_machine(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every lease in the store look like one of a machine whose processes nobody sees from here."""
    monkeypatch.setattr(leases, "_machine", lambda: "elsewhere")


def test_while_a_run_holds_keys_nobody_may_remove_them(store: Store) -> None:
    with hold(store, "checkpoints/a", run="spam-1"), claim(store, "checkpoints/a") as holder:
        assert holder and holder.run == "spam-1"


@pytest.mark.parametrize("key", ["checkpoints", "checkpoints/a/000000001"])
def test_a_lease_covers_what_is_above_and_below_its_keys(folder: Store, key: str) -> None:
    with hold(folder, "cache", "checkpoints/a", run="spam-1"), claim(folder, key) as holder:
        assert holder


def test_a_lease_covers_no_key_that_only_begins_like_its_own(folder: Store) -> None:
    with hold(folder, "checkpoints/a", run="spam-1"), claim(folder, "checkpoints/ab") as holder:
        assert holder is None


def test_a_lease_is_given_back_when_the_block_ends(store: Store) -> None:
    with hold(store, "checkpoints/a", run="spam-1"):
        assert [lease.run for lease in live_leases(store)] == ["spam-1"]
    assert read_leases(store) == []


def test_a_lease_is_given_back_when_the_block_fails(folder: Store) -> None:
    with pytest.raises(ValueError, match="a defect"), hold(folder, "checkpoints/a", run="spam-1"):
        raise ValueError("a defect")
    assert read_leases(folder) == []


def test_two_attempts_of_one_run_do_not_take_each_others_lease_away(folder: Store) -> None:
    with hold(folder, "checkpoints/a", run="spam-1"):
        with hold(folder, "checkpoints/a", run="spam-1"):
            pass
        assert len(live_leases(folder)) == 1


def test_whoever_begins_waits_until_what_is_being_removed_is_gone(folder: Store) -> None:
    removed, held = threading.Event(), threading.Event()

    def work() -> None:
        with hold(folder, "checkpoints/a", run="spam-1"):
            assert removed.is_set()
            held.set()

    with claim(folder, "checkpoints/a") as holder:
        assert holder is None
        worker = threading.Thread(target=work)
        worker.start()
        time.sleep(2 * leases.WAIT_SECONDS)
        assert not held.is_set()
        removed.set()
    worker.join()

    assert held.is_set()


def test_two_never_remove_the_same(folder: Store) -> None:
    with claim(folder, "checkpoints/a") as first, claim(folder, "checkpoints/a") as second:
        assert first is None
        assert second and second.removes


def test_the_lease_of_a_killed_process_ends_at_once_on_its_own_machine(folder: Store) -> None:
    holder_that_was_killed(folder)

    assert len(read_leases(folder)) == 1
    assert live_leases(folder) == []


def test_seen_from_another_machine_it_counts_until_it_expires(folder: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    holder_that_was_killed(folder)
    of_another_machine(folder, monkeypatch)
    ((_, lease),) = read_leases(folder)

    assert lease.is_live()
    monkeypatch.setattr(time, "time", lambda: lease.expires)
    assert not lease.is_live()


def test_a_process_that_slept_past_the_end_of_its_lease_still_holds_it(
    folder: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hold(folder, "checkpoints/a", run="spam-1"):
        (lease,) = live_leases(folder)
        monkeypatch.setattr(time, "time", lambda: lease.expires + 1)  # a laptop that was shut meanwhile
        assert lease.is_live()


def test_a_process_id_that_another_process_got_proves_nothing(folder: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with hold(folder, "checkpoints/a", run="spam-1"):
        (lease,) = live_leases(folder)
    other = lease.model_copy(update={"pid_started": lease.pid_started - 3600})

    assert other.is_live()
    monkeypatch.setattr(time, "time", lambda: other.expires)
    assert not other.is_live()


def test_a_lease_is_renewed_while_the_work_lasts(folder: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LIFE_SECONDS", 0.3)
    with hold(folder, "checkpoints/a", run="spam-1"):
        of_another_machine(folder, monkeypatch)
        time.sleep(0.6)
        assert live_leases(folder)


def test_a_store_that_cannot_be_written_for_a_while_ends_no_work(
    folder: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, failures = folder.put, []

    def falter(key: str, data: bytes) -> None:
        if not failures:
            failures.append(key)
            raise UserError("'store' is away; wait.")
        put(key, data)

    monkeypatch.setattr(leases, "LIFE_SECONDS", 0.3)
    with hold(folder, "checkpoints/a", run="spam-1"):
        monkeypatch.setattr(folder, "put", falter)
        of_another_machine(folder, monkeypatch)
        time.sleep(0.6)
        assert failures
        assert live_leases(folder)


def test_a_lease_that_cannot_be_read_is_no_leave_to_remove(folder: Store) -> None:
    folder.put("leases/spam-1.json", b"{")

    with (
        pytest.raises(UserError, match=r"leases/spam-1\.json' should say which run is at work"),
        claim(folder, "checkpoints/a"),
    ):
        pass


def test_a_lease_names_its_process(folder: Store) -> None:
    with hold(folder, "checkpoints/a", run="spam-1"):
        assert [lease.pid for lease in live_leases(folder)] == [os.getpid()]
