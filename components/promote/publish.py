"""MLflow follows the promotion record: versions are registered, `champion` and `previous` are moved."""

import logging
import tempfile
from pathlib import Path

from stillhouse.components.promote.record import Entry, Record, change, load
from stillhouse.components.storage.store import Store
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)


def publish(store: Store, model_name: str, *, run: StepRun | None) -> list[str]:
    """Make MLflow agree with the record; the record stands whatever MLflow does, the next call tries again.

    Args:
        run: The step that asks; models without a version are registered as its own. Without it none are.

    Returns:
        A sentence for the verdict when it failed.
    """
    try:
        _follow(store, model_name, run)
    except Exception as error:  # a registry that fails in whatever way undoes no promotion
        logger.warning("MLflow's registry could not be brought up to date", exc_info=True)
        reason = (str(error) or type(error).__name__).splitlines()[0][:160]
        return [
            f"MLflow's registry does not follow yet ({reason}); the promotion record stands, and the "
            "next run or rollback tries again."
        ]
    return []


def _follow(store: Store, model_name: str, run: StepRun | None) -> None:
    """Register what has no version and set the aliases; again, when the record changed in the meantime.

    That they follow is noted last: whoever is killed before leaves a record that says that they do not.
    """
    from stillhouse.components.tracking.registry import set_aliases

    while True:
        record, _ = load(store, model_name)
        for entry in (record.champion, record.previous):
            if run and entry and entry.version is None:
                record = _register(store, model_name, entry, run)
        champion, previous = record.champion, record.previous
        if champion is None or champion.version is None:
            raise UserError("the champion was never registered there")
        set_aliases(model_name, champion.version, previous.version if previous else None)
        serial = record.serial
        if change(store, model_name, lambda now, serial=serial: now.mirrored(serial)).serial == serial:
            return


def _register(store: Store, model_name: str, entry: Entry, run: StepRun) -> Record:
    """Register the store's copy of the model and note the version in the record."""
    from stillhouse.components.tracking.registry import log_model

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "model")
        store.get_folder(f"models/{entry.digest}", folder)
        version = log_model(run, folder, model_name, entry.digest)
    return change(store, model_name, lambda record: record.registered(entry.digest, version))
