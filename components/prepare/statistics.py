"""The dataset that drift is measured against."""

import json
import logging
from typing import Any

logger = logging.getLogger(__name__)


def read_reference(uri: str) -> dict[str, Any] | None:
    """The dataset.json at `uri`; None, and a warning, when it is gone."""
    from stillhouse.components.artifacts.kept import place_of
    from stillhouse.components.storage.store import NotFound

    store, key = place_of(uri)
    try:
        return json.loads(store.get(key))
    except NotFound:
        logger.warning("%s is gone: the drift against the last promoted model's dataset is not measured.", uri)
        return None
