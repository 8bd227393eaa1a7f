"""The Kubernetes around a pod, or the one that the kubeconfig names."""

import io
import json
import os
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubernetes.client import ApiClient


def open_kubernetes() -> "ApiClient":
    """Its API, as the kubeconfig (KUBECONFIG, or the usual file) or else the pod's account opens it.

    Raises:
        kubernetes.config.ConfigException: there is neither.
    """
    from kubernetes.client import ApiClient
    from kubernetes.config import load_config, load_kube_config

    if kubeconfig := os.environ.get("KUBECONFIG"):
        load_kube_config(kubeconfig)
    else:
        with redirect_stdout(io.StringIO()):  # it prints that it took the pod's account
            load_config()
    return ApiClient()


def words_of(error: Any) -> str:
    """A server's own words: KFP's and Kubernetes' `message`, or the beginning of what else came."""
    try:
        found = json.loads(error.body)
        return str(found.get("message") or found.get("error") or error.reason)
    except (TypeError, ValueError, AttributeError):
        return str(error.reason or error.body or "no reason given")[:200]
