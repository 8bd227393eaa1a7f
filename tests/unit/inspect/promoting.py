"""What becomes of a plan of inspect's when its run is promoted."""

import json
import tempfile
from pathlib import Path

from stillhouse.components.artifacts.promotion_record import Entry, change
from stillhouse.components.inspect.inspect import Inspected
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.store import Store


def keep(store: Store, digest: str) -> None:
    """Put what the store keeps of a promoted model: its files and the statistics of its data."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model.safetensors").write_text(digest)
        store.put_folder(folder, f"models/{digest}")
    store.put(f"datasets/{digest}/dataset.json", b"{}")


def promote(found: Inspected, digest: str, at: str = "2026-03-02T07:00:00+00:00", kind: str = "transformers") -> Entry:
    """What the step promote would write after a run on `found`."""
    settings, snapshot = PromoteSettings.parse(found.promote), json.loads(found.snapshot)
    inspected = settings.inspected
    assert inspected
    store = local_store()
    keep(store, digest)
    entry = Entry(
        digest=digest,
        uri=store.uri(f"models/{digest}"),
        run="run",
        dataset_digest=digest,
        statistics_uri=store.uri(f"datasets/{digest}/dataset.json"),
        inputs=inspected.inputs,
        prepare_inputs=snapshot["inputs"],
        reference=snapshot["reference"],
        reference_model=snapshot["champion"],
        data_since=snapshot["window"] and snapshot["window"]["first"],
        data_until=inspected.data_until,
        promoted_at=at,
        load=kind,
        compared_with=inspected.champion,
    )
    change(store, settings.model_name, lambda record: record.promoted(entry))
    return entry
