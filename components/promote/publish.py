"""MLflow follows the promotion record: versions are registered, `champion` and `previous` are moved."""

import logging
import tempfile
from pathlib import Path

from stillhouse.components.artifacts.kept import model_key
from stillhouse.components.artifacts.model import read_model_json
from stillhouse.components.artifacts.promotion_record import Entry, Record, change, load
from stillhouse.components.artifacts.proof import verified_entry
from stillhouse.components.artifacts.verdict import Verdict, stored_verdict
from stillhouse.components.promote.telling import describe_version
from stillhouse.components.storage.store import Store
from stillhouse.components.tasks import load_task
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)


def publish(store: Store, model_name: str, *, run: StepRun | None, verdict: Verdict | None = None) -> list[str]:
    """Make MLflow agree with the record; the record stands whatever MLflow does, the next call tries again.

    Args:
        run: The step that asks; without it no model is registered that has no version.
        verdict: Of this run, as far as it is known; the descriptions of models of other runs come from the store.

    Returns:
        A sentence for the verdict when it failed.
    """
    try:
        _follow(store, model_name, run, verdict)
    except Exception as error:  # a registry that fails in whatever way undoes no promotion
        logger.warning("MLflow's registry could not be brought up to date", exc_info=True)
        reason = (str(error) or type(error).__name__).splitlines()[0][:160]
        return [
            f"MLflow's registry does not follow yet ({reason}); the promotion record stands, and the "
            "next run or rollback tries again."
        ]
    return []


def _follow(store: Store, model_name: str, run: StepRun | None, verdict: Verdict | None) -> None:
    """Register what the registry does not hold and set the aliases; again, when the record changed in the meantime.

    A version that the record names may be gone, or be another model: it was removed, or the registry is another one.
    That the aliases follow is noted last: whoever is killed before leaves a record that says that they do not.
    """
    from stillhouse.components.tracking.registry import set_aliases

    while True:
        held = {
            entry.digest: _version(store, model_name, entry, run, verdict)
            for entry in _roles(load(store, model_name)[0]).values()
        }
        record, _ = load(store, model_name)
        digests = {role: entry.digest for role, entry in _roles(record).items()}
        if not set(digests.values()) <= held.keys():
            continue  # somebody promoted or rolled back just now
        champion, previous = (held.get(digests.get(role, "")) for role in ("champion", "previous"))
        if champion is None:
            raise UserError("the champion was never registered there")
        set_aliases(model_name, champion, previous)
        serial = record.serial
        if change(store, model_name, lambda now, serial=serial: now.mirrored(serial)).serial == serial:
            return


def _roles(record: Record) -> dict[str, Entry]:
    return {role: entry for role, entry in (("champion", record.champion), ("previous", record.previous)) if entry}


def _version(store: Store, model_name: str, entry: Entry, run: StepRun | None, verdict: Verdict | None) -> str | None:
    """The version under which the registry holds the model, noted in the record; None when it does not.

    One that is not there is registered from the store's copy, if a step asks.
    """
    from stillhouse.components.tracking.registry import held_version, log_model

    version = held_version(model_name, entry.digest, entry.version)
    if version is None and run:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary, "model")
            store.get_folder(model_key(entry.digest), folder)
            verified_entry(entry, folder, store.uri(model_key(entry.digest)))
            said = verdict if entry.run == run.run_id else stored_verdict(store, entry.run)
            description = describe_version(entry, said)
            task = load_task(read_model_json(folder).get("task", "text_classification"))
            version = log_model(
                run,
                folder,
                model_name,
                entry.digest,
                served_by=task.served_by,
                made_by=entry.run,
                description=description,
            )
    if version and version != entry.version:
        change(store, model_name, lambda record: _noted(record, entry, version))
    return version


def _noted(record: Record, entry: Entry, version: str) -> Record:
    if entry.version is None:
        return record.registered(entry.digest, version)
    return record.renumbered(entry.digest, entry.version, version)
