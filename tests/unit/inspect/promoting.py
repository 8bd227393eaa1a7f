"""What becomes of a plan of inspect's when its run is promoted."""

import json

from stillhouse.components.inspect.inspect import Inspected
from stillhouse.components.promote.record import Entry, change
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.storage.home import local_store


def promote(found: Inspected, digest: str, at: str = "2026-03-02T07:00:00+00:00") -> Entry:
    """What the step promote would write after a run on `found`."""
    settings, snapshot = PromoteSettings.parse(found.promote), json.loads(found.snapshot)
    inspected = settings.inspected
    assert inspected
    entry = Entry(
        digest=digest,
        uri=f"/store/models/{digest}",
        run="run",
        dataset_digest="d",
        statistics_uri=f"/store/datasets/{digest}/dataset.json",
        inputs=inspected.inputs,
        prepare_inputs=snapshot["inputs"],
        reference=snapshot["reference"],
        reference_model=snapshot["champion"],
        data_since=snapshot["window"] and snapshot["window"]["first"],
        data_until=inspected.data_until,
        promoted_at=at,
        compared_with=inspected.champion,
    )
    change(local_store(), settings.model_name, lambda record: record.promoted(entry))
    return entry
