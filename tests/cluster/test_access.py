"""A KFP for several users, as a proxy that checks each bearer token with Kubernetes and for its audience makes it."""

import json
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cluster_runs import Runs
from kubernetes.client import (
    ApiException,
    AuthenticationV1Api,
    AuthenticationV1TokenRequest,
    V1ObjectMeta,
    V1ServiceAccount,
    V1TokenRequestSpec,
    V1TokenReview,
    V1TokenReviewSpec,
)
from loopback import Loopback, Request

from stillhouse.pipelines.doctor.check import TEAMS_ACCOUNT

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]

AUDIENCE = "pipelines.kubeflow.org"
ACCOUNT = "stillhouse-test-user"
Small = Callable[..., Path]
Token = Callable[..., str]


class Proxy(Loopback):
    """Lets a request through to KFP if Kubernetes knows its token, and knows it for KFP."""

    def __init__(self, runs: Runs) -> None:
        self.accepted: list[str] = []
        self._reviews, self._kfp = AuthenticationV1Api(runs.cluster.kubernetes), urlsplit(runs.cluster.host)
        super().__init__(self._answer)

    def _answer(self, asked: Request) -> tuple[int, bytes]:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        review = V1TokenReview(spec=V1TokenReviewSpec(token=token, audiences=[AUDIENCE]))
        checked: Any = self._reviews.create_token_review(review) if token else None
        if checked is None or not checked.status.authenticated:
            return 401, b"no valid token"
        self.accepted.append(token)
        return self._forwarded(asked)

    def _forwarded(self, asked: Request) -> tuple[int, bytes]:
        upstream = HTTPConnection(self._kfp.netloc)
        upstream.request(asked.method, f"{asked.path}?{asked.query}", asked.body, {"content-type": "application/json"})
        answer = upstream.getresponse()
        data = answer.read()
        if asked.path.endswith("/healthz"):
            data = json.dumps(json.loads(data) | {"multi_user": True}).encode()
        return answer.status, data


@pytest.fixture
def proxy(runs: Runs) -> Iterator[Proxy]:
    with Proxy(runs) as started:
        yield started


@pytest.fixture
def account(runs: Runs) -> Iterator[Callable[[], None]]:
    """An account of the user's; call it to remove it, whose tokens are then worth nothing."""
    core, namespace = runs.cluster.core, runs.cluster.namespace

    def remove() -> None:
        try:
            core.delete_namespaced_service_account(ACCOUNT, namespace)
        except ApiException as error:
            assert error.status == 404

    remove()
    core.create_namespaced_service_account(namespace, V1ServiceAccount(metadata=V1ObjectMeta(name=ACCOUNT)))
    yield remove
    remove()


@pytest.fixture
def token(runs: Runs, account: Callable[[], None]) -> Token:
    """Makes tokens as the kubelet does."""

    def make(audience: str = AUDIENCE) -> str:
        request = AuthenticationV1TokenRequest(spec=V1TokenRequestSpec(audiences=[audience], expiration_seconds=600))
        made: Any = runs.cluster.core.create_namespaced_service_account_token(ACCOUNT, runs.cluster.namespace, request)
        return made.status.token

    return make


def test_a_run_is_started_with_a_projected_token(
    runs: Runs, proxy: Proxy, token: Token, small: Small, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text(token())
    account = runs.options.get("service_account", TEAMS_ACCOUNT)  # the KFP behind the proxy is for one team
    where = ("--endpoint", proxy.url, "--namespace", runs.cluster.namespace, "--service-account", account)
    run = runs.submit(small("projected"), *where, KF_PIPELINES_SA_TOKEN_PATH=str(path))
    assert set(proxy.accepted) == {path.read_text()}
    runs.cluster.client.terminate_run(run)


@pytest.mark.parametrize("flaw", ["none", "another audience", "its account is gone"])
def test_a_token_that_is_not_accepted_is_one_sentence(
    runs: Runs, proxy: Proxy, token: Token, account: Callable[[], None], small: Small, flaw: str
) -> None:
    given = {"none": "", "another audience": token("https://elsewhere")}.get(flaw) or token()
    if flaw == "its account is gone":
        account()
    arguments = ("--endpoint", proxy.url, "--namespace", runs.cluster.namespace)
    done = runs.stillhouse("submit", small("refused"), *arguments, KF_PIPELINES_TOKEN=given if flaw != "none" else "")
    assert done.returncode == 2
    assert done.stderr.startswith(f"{proxy.url} does not accept the token (")
    assert done.stderr.count("\n") == 1
    assert not proxy.accepted


def test_a_namespace_must_be_named(runs: Runs, proxy: Proxy, token: Token, small: Small) -> None:
    done = runs.stillhouse("submit", small("whose"), "--endpoint", proxy.url, KF_PIPELINES_TOKEN=token())
    assert (done.returncode, done.stderr) == (
        2,
        f"{proxy.url} serves several users; say whose runs these are with --namespace PROFILE.\n",
    )


def test_a_namespace_that_is_not_there_is_one_sentence(runs: Runs, small: Small) -> None:
    done = runs.stillhouse("submit", small("nowhere"), "--namespace", "no-such")
    assert (done.returncode, done.stderr) == (2, "There is no namespace 'no-such'; correct --namespace.\n")


def test_nobody_at_the_endpoint_is_one_sentence(runs: Runs, small: Small) -> None:
    done = runs.stillhouse("submit", small("deaf"), "--endpoint", "http://127.0.0.1:9")
    assert done.returncode == 2
    assert done.stderr.startswith("Nothing answers at http://127.0.0.1:9 (")
    assert done.stderr.count("\n") == 1
