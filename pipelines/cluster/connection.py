"""The door to a cluster: KFP's API, the Kubernetes behind it, and what goes wrong there in one sentence."""

import io
import json
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kfp
import kfp_server_api
import urllib3
from kfp.client import ServiceAccountTokenVolumeCredentials
from kfp_server_api import V2beta1GetHealthzResponse
from kubernetes.client import ApiClient, ApiException, CoreV1Api
from kubernetes.config import ConfigException

from stillhouse.components.kubernetes.api import open_kubernetes, words_of
from stillhouse.components.safety.addresses import refuse_metadata
from stillhouse.errors import UserError
from stillhouse.pipelines.cluster.endpoint import TOKEN_PATH, UI_ENDPOINT

OLDEST = (2, 17)
"""The first KFP whose platform spec knows all that the pods are given."""
STANDALONE_NAMESPACE = "kubeflow"
"""Where a KFP for one team runs its pods, if nobody has said otherwise."""
ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"})
"""KFP's states from which no run comes back."""
TIMEOUT = (5.0, 60.0)
"""Seconds to connect and to wait for an answer."""
PAGE = (2.0, 5.0)
"""The same for a question that only a link depends on."""


@dataclass(frozen=True)
class Cluster:
    """A KFP that has answered."""

    client: Any
    """A kfp.Client; it knows the namespace where KFP wants one named, which a KFP for one team refuses."""
    host: str
    namespace: str
    """Of its pods."""
    multi_user: bool
    version: str
    """Such as 2.17.0; empty when it does not say."""

    @property
    def home(self) -> str:
        """The namespace of KFP and Argo themselves."""
        return STANDALONE_NAMESPACE if self.multi_user else self.namespace

    @cached_property
    def kubernetes(self) -> ApiClient:
        """Kubernetes' API, as the pod's account or the kubeconfig opens it.

        Raises:
            UserError: there is neither.
        """
        return open_behind(self.host)

    @cached_property
    def core(self) -> CoreV1Api:
        """Pods, events, logs."""
        return CoreV1Api(self.kubernetes)

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Errors of KFP and Kubernetes become one sentence, and kfp's own words are kept off the terminal.

        Raises:
            UserError: for each of them.
        """
        with _speaking(self.host, self.namespace):
            yield

    def experiment(self, name: str) -> str:
        """Id of the experiment; it is made when there is none.

        Raises:
            UserError: KFP refuses.
        """
        with self.speaking():
            return self.client.create_experiment(name).experiment_id

    def run(self, run_id: str) -> Any:
        """The run of that id, as kfp_server_api.V2beta1Run.

        Raises:
            UserError: there is none, or KFP refuses.
        """
        if not re.fullmatch(r"[\w-]+", run_id):
            raise UserError(f"'{run_id}' is not the id of a run; `stillhouse submit` prints it, its page shows it.")
        try:
            with self.speaking():
                return self.client.get_run(run_id)
        except NotFound:
            raise UserError(f"There is no run '{run_id}' at {self.host}; look at the id and at the endpoint.") from None

    def workflow(self, run_id: str) -> str:
        """Argo's document of the run as JSON, as KFP last took it over; empty before there is one.

        Raises:
            UserError: KFP refuses.
        """
        answer = json.loads(self._get(f"/apis/v1beta1/runs/{run_id}"))
        return answer.get("pipeline_runtime", {}).get("workflow_manifest", "")

    def archived_log(self, run_id: str, node_id: str) -> str:
        """What Argo has kept of a pod's log, empty when it has kept none; `node_id` is Argo's name for the pod.

        Raises:
            UserError: KFP refuses.
        """
        kept = self._get(f"/apis/v1alpha1/runs/{run_id}/nodes/{node_id}/log").decode(errors="replace")
        return "" if kept.startswith('{"error_message"') else kept  # with status 200, too

    def _get(self, path: str) -> bytes:
        with self.speaking():
            answer = self.client._run_api.api_client.call_api(
                path, "GET", auth_settings=["Bearer"], _preload_content=False, _request_timeout=TIMEOUT
            )
        return answer.data

    @contextmanager
    def speaking_kubernetes(self) -> Iterator[None]:
        """The same as `speaking`, for requests to Kubernetes itself.

        Raises:
            UserError: for each error.
        """
        with _speaking(self.kubernetes.configuration.host, self.namespace):
            yield

    def page(self, run_id: str) -> str:
        """Where a browser shows the run; where no web interface is known from here, what makes one known."""
        address = os.environ.get(UI_ENDPOINT, "").rstrip("/") or (self.host if self._shows_pages else "")
        if address:
            return f"{address}/#/runs/details/{run_id}"
        return (
            f"For a link to the run's page set {UI_ENDPOINT} to the address of KFP's web interface, such as "
            f"http://localhost:8080 after: kubectl port-forward -n {self.home} svc/ml-pipeline-ui 8080:80"
        )

    @cached_property
    def _shows_pages(self) -> bool:
        """Whether the web interface answers under the API's address too, as where both are behind one gateway."""
        api = self.client._healthz_api.api_client
        try:
            answer = api.call_api("/", "GET", auth_settings=["Bearer"], _preload_content=False, _request_timeout=PAGE)
        except (kfp_server_api.ApiException, urllib3.exceptions.HTTPError, OSError):
            return False
        return answer.headers.get("Content-Type", "").startswith("text/html")


class _Client(kfp.Client):
    """kfp's client, but for a question that it asks as it is made, with half a minute of patience and tracebacks."""

    def get_kfp_healthz(self, sleep_duration: int = 5) -> V2beta1GetHealthzResponse:
        """Asked by `connect`, which needs the version as well."""
        return V2beta1GetHealthzResponse(multi_user=False)


class NotFound(UserError):
    """Something that was asked for by its id is not there."""


def connect(endpoint: str = "", namespace: str = "", token: str = "") -> Cluster:
    """The KFP at `endpoint`; without one that of the pod's cluster, or of the kubeconfig.

    Args:
        namespace: of the runs; empty takes what the kfp client's context says, the pod's own, or the usual one.
        token: sent as bearer token; empty takes the file that KF_PIPELINES_SA_TOKEN_PATH names, then what the kfp
            client's context holds.

    Raises:
        UserError: `endpoint` is not an address, nothing answers there, the token is refused, or it is another program
            or too old a KFP.
    """
    if endpoint:
        _refuse_no_address(endpoint)
    credentials = None
    if not token and os.environ.get(TOKEN_PATH):
        credentials = _token_file(os.environ[TOKEN_PATH])
    with _speaking(endpoint or "the cluster's KFP", namespace), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = _Client(host=endpoint or None, existing_token=token or None, credentials=credentials)
        api: Any = client._healthz_api.api_client  # the generated method drops the version from the answer
        host = api.configuration.host
        health = _health(api, host)
    version = health.get("tag_name", "").removeprefix("v")
    _refuse_old(version, host)
    multi_user = bool(health.get("multi_user"))
    runs_in = namespace or _context_namespace() or (STANDALONE_NAMESPACE if not multi_user else _pod_namespace())
    if not runs_in:
        raise UserError(f"{host} serves several users; say whose runs these are with --namespace PROFILE.")
    client._context_setting["namespace"] = runs_in if multi_user else ""
    known = re.match(r"\d", version)
    return Cluster(client, host, runs_in, multi_user, version if known else "")


def _refuse_no_address(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        readable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is not a number, a bracket that nobody closes
        readable = False
    if not readable:
        raise UserError(
            f"--endpoint (or KF_PIPELINES_ENDPOINT) is '{endpoint}', which is not an address; write http:// or "
            "https:// and the host, such as http://localhost:8888."
        )
    refuse_metadata(endpoint, "Kubeflow Pipelines' API server")


def open_behind(host: str) -> ApiClient:
    """Kubernetes' API behind the KFP at `host`, as the pod's account or the kubeconfig opens it.

    Raises:
        UserError: there is neither.
    """
    try:
        return open_kubernetes()
    except ConfigException as error:
        raise UserError(
            f"Kubernetes itself cannot be reached ({error}); set KUBECONFIG to the file of the cluster behind {host}."
        ) from None


def _health(api: Any, host: str) -> dict[str, Any]:
    answer, *_ = api.call_api(
        "/apis/v2beta1/healthz",
        "GET",
        response_type="object",
        auth_settings=["Bearer"],
        _request_timeout=TIMEOUT,
    )
    if not isinstance(answer, dict) or not {"multi_user", "tag_name"} & set(answer):
        raise UserError(f"{host} answers, but not as Kubeflow Pipelines does; give the address of its API server.")
    return answer


def _refuse_old(version: str, host: str) -> None:
    found = re.match(r"(\d+)\.(\d+)", version)
    if found and (int(found[1]), int(found[2])) < OLDEST:
        needed = ".".join(str(part) for part in OLDEST)
        raise UserError(f"{host} is Kubeflow Pipelines {version}; Stillhouse needs {needed} or later: upgrade it.")


def _token_file(path: str) -> ServiceAccountTokenVolumeCredentials:
    try:
        Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{TOKEN_PATH} names '{path}', which cannot be read ({error.strerror}); mount the token there, or unset it."
        ) from None
    return ServiceAccountTokenVolumeCredentials(path)


def _context_namespace() -> str:
    path = Path(kfp.Client._LOCAL_KFP_CONTEXT)
    try:
        return json.loads(path.read_bytes()).get("namespace", "") if path.is_file() else ""
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON ({error}); fix it or remove it.") from None


def _pod_namespace() -> str:
    path = Path(kfp.Client._NAMESPACE_PATH)
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


@contextmanager
def _speaking(host: str, namespace: str) -> Iterator[None]:
    try:
        with redirect_stdout(io.StringIO()):
            yield
    except (kfp_server_api.ApiException, ApiException) as error:
        raise _sentence(error, host, namespace) from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise UserError(f"Nothing answers at {host} ({reason_of(error)}); check --endpoint and the network.") from None


def _sentence(error: Any, host: str, namespace: str) -> UserError:
    said = words_of(error)
    code = _grpc_code(error)
    if error.status == 401 or code == 16:
        return UserError(
            f"{host} does not accept the token ({said}): it is missing, has expired or was made for another audience; "
            f"give a fresh one with KF_PIPELINES_TOKEN or {TOKEN_PATH}."
        )
    if error.status == 403 or code == 7:
        where = f" in the namespace '{namespace}'" if namespace else ""
        return UserError(f"{host} does not allow this{where} ({said}); correct --namespace, or ask for the right.")
    if error.status == 404 and code is None and not said.startswith("{"):
        return NotFound(f"{host} has nothing under that address ({said}); is it Kubeflow Pipelines?")
    if error.status == 404 or code == 5:
        return NotFound(f"{host}: not found ({said}).")
    return UserError(
        f"{host} answers with {error.status} ({said}); look at the log of KFP's API server, then try again."
    )


def _grpc_code(error: Any) -> int | None:
    try:
        return json.loads(error.body).get("code")
    except (TypeError, ValueError, AttributeError):
        return None


def reason_of(error: BaseException) -> str:
    """Why nothing came back: the words of the socket, without those of its pool."""
    inner = getattr(error, "reason", None) or error
    return re.sub(r"^(<.*?>|\w+\(.*?\)): ", "", str(inner)) or type(inner).__name__
