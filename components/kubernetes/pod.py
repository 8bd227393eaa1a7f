"""The pod around this process."""

import logging
import os
from functools import cache
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

POD = "STILLHOUSE_POD"
"""Environment variable: name of the pod."""
IMAGE = "STILLHOUSE_IMAGE_DIGEST"
"""Environment variable: digest of the image, in the place of the pod's status."""
NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
CONTAINER = "main"
"""Argo's name for the container that a step runs in."""


def own_image() -> str:
    """Digest of the image that this process runs in, as `sha256:...`; empty where there is no pod, or nobody may say.

    The environment says it, or the pod's status: what the node has pulled, whatever tag was asked for.
    """
    if given := os.environ.get(IMAGE):
        return given
    name = os.environ.get(POD)
    if not name or not NAMESPACE.is_file():
        return ""
    try:
        return _of_status(name, NAMESPACE.read_text(encoding="utf-8").strip())
    except Exception as error:  # an account that may not look, a server that is away: the run goes on without
        logger.warning("the image's digest is not known, for the pod cannot be looked at: %s", type(error).__name__)
        return ""


@cache
def _of_status(name: str, namespace: str) -> str:
    from kubernetes.client import CoreV1Api

    from stillhouse.components.kubernetes.api import open_kubernetes

    found: Any = CoreV1Api(open_kubernetes()).read_namespaced_pod(name, namespace)
    images = {one.name: one.image_id for one in found.status.container_statuses or []}
    # registry.example/name@sha256:..., or what an older runtime writes before the same.
    return images.get(CONTAINER, "").rpartition("@")[2]
