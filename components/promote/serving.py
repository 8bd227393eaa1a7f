"""The address behind which the champion answers: a KServe InferenceService that follows the promotion record.

The record is the truth, and stands whatever the service does: one that does not follow is tried again by the next run.
"""

import logging
import os
import time
from typing import Any

from stillhouse.components.artifacts.kept import model_key
from stillhouse.components.artifacts.promotion_record import Entry, Record
from stillhouse.components.artifacts.proof import verified_in_store
from stillhouse.components.kubernetes.api import open_kubernetes
from stillhouse.components.storage.store import Store
from stillhouse.redaction import redact

logger = logging.getLogger(__name__)

SERVICE = "STILLHOUSE_SERVING"
"""Environment variable: NAMESPACE/NAME of the InferenceService; without it nothing is served."""
READY_SECONDS = 600.0
"""How long the new model may take to be loaded."""
POLL_SECONDS = 3.0
MOST_TOLD = 400
"""Characters of a service's reason that a verdict repeats."""
KSERVE = {"group": "serving.kserve.io", "version": "v1beta1", "plural": "inferenceservices"}


def serve(record: Record, store: Store) -> list[str]:
    """Let the service load the record's champion from the store, and wait until it answers; done already, it is one
    request.

    Returns:
        A sentence for the verdict when it does not serve the champion.
    """
    asked = os.environ.get(SERVICE, "")
    if not asked or record.champion is None:
        return []
    if not record.champion.has_weights:
        return [
            f"The service {asked} goes on with the model that it has: it loads transformers, and the champion is "
            "TF-IDF with a linear model; MLflow serves it (models:/NAME@champion), or set promote.prefer to student."
        ]
    try:
        _serve(asked, store, record.champion)
    except Exception as error:  # a service that fails in whatever way undoes no promotion
        logger.warning("the service %s does not follow", asked, exc_info=True)
        reason = redact(" ".join((str(error) or type(error).__name__).split()))[:MOST_TOLD]
        return [f"The service {asked} does not serve the champion ({reason}); the next run or rollback tries again."]
    return []


class NotReady(RuntimeError):
    """The service did not load the model, or not in time."""


def _serve(asked: str, store: Store, champion: Entry) -> None:
    uri = store.uri(model_key(champion.digest))
    namespace, _, name = asked.rpartition("/")
    api, where = _api(), {**KSERVE, "namespace": namespace, "name": name}
    found = api.get_namespaced_custom_object(**where)
    if found["spec"]["predictor"]["model"].get("storageUri") != uri:
        verified_in_store(store, champion)
        change = {"spec": {"predictor": {"model": {"storageUri": uri}}}}
        found = api.patch_namespaced_custom_object(**where, body=change)
    generation, end = found["metadata"]["generation"], time.monotonic() + READY_SECONDS
    while not _is_ready(found, generation):
        if time.monotonic() > end:
            raise NotReady(f"it was not ready within {READY_SECONDS:.0f} s; {_words(found)}")
        time.sleep(POLL_SECONDS)
        found = api.get_namespaced_custom_object(**where)


def _is_ready(service: dict[str, Any], generation: int) -> bool:
    """Whether it answers with what `generation` asked for, and not still with what it had before.

    Raises:
        NotReady: it could not load the model.
    """
    status = service.get("status", {})
    model = status.get("modelStatus", {})
    if status.get("observedGeneration", 0) < generation:
        return False
    if model.get("transitionStatus") == "BlockedByFailedLoad":
        raise NotReady(f"it could not load the model: {model.get('lastFailureInfo', {}).get('message', '')}")
    return model.get("transitionStatus", "UpToDate") == "UpToDate" and _ready(status).get("status") == "True"


def _ready(status: dict[str, Any]) -> dict[str, Any]:
    return next((each for each in status.get("conditions", []) if each["type"] == "Ready"), {})


def _words(service: dict[str, Any]) -> str:
    ready = _ready(service.get("status", {}))
    return ready.get("message") or ready.get("reason") or "it says nothing"


def _api() -> Any:
    from kubernetes.client import CustomObjectsApi

    return CustomObjectsApi(open_kubernetes())
