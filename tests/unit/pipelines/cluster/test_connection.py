"""The door to KFP, before a server that answers as told: what a real one here does not do (be old, refuse, be none)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback, Request

from stillhouse.errors import UserError
from stillhouse.pipelines.cluster.connection import Cluster, connect

HEALTHY = {"commit_sha": "4a3592c", "tag_name": "2.17.0", "multi_user": False}
REFUSED = {"error": "no", "code": 16, "message": "Request header error: token has expired"}
FORBIDDEN = {"error": "no", "code": 7, "message": "User 'ann' is not authorized with reason: no RBAC"}


class Server(Loopback):
    """Answers each path with what `answers` holds for it: a status and a body."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {"/apis/v2beta1/healthz": (200, HEALTHY)}
        self.tokens: list[str | None] = []
        super().__init__(self._answer)

    def _answer(self, asked: Request) -> tuple[int, Any]:
        self.tokens.append(asked.headers.get("authorization"))
        return self.answers.get(asked.path, (404, "<html>not here</html>"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    for name in ("KF_PIPELINES_ENDPOINT", "KF_PIPELINES_SA_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("kfp.Client._LOCAL_KFP_CONTEXT", str(tmp_path / "context.json"))
    monkeypatch.setattr("kfp.Client._NAMESPACE_PATH", str(tmp_path / "namespace"))
    with Server() as started:
        yield started


@pytest.fixture
def refusal(server: Server) -> Callable[..., str]:
    """The sentence with which `connect` gives up."""

    def sentence(endpoint: str = "", **arguments: str) -> str:
        with pytest.raises(UserError) as caught:
            connect(endpoint or server.url, **arguments)
        return str(caught.value)

    return sentence


def test_a_kfp_for_one_team_is_known_by_its_version_and_the_usual_namespace(server: Server) -> None:
    found = connect(server.url)
    assert (found.version, found.multi_user, found.namespace) == ("2.17.0", False, "kubeflow")


def test_a_kfp_for_several_users_needs_to_know_whose_the_runs_are(server: Server, refusal: Callable[..., str]) -> None:
    server.answers["/apis/v2beta1/healthz"] = (200, HEALTHY | {"multi_user": True})
    assert "say whose runs these are with --namespace PROFILE" in refusal()
    assert connect(server.url, namespace="ann").client.get_user_namespace() == "ann"


def test_the_namespace_of_the_kfp_clients_context_counts(server: Server, tmp_path: Path) -> None:
    server.answers["/apis/v2beta1/healthz"] = (200, HEALTHY | {"multi_user": True})
    (tmp_path / "context.json").write_text('{"namespace": "bea"}')
    assert connect(server.url).namespace == "bea"


def test_in_a_pod_its_own_namespace_counts(server: Server, tmp_path: Path) -> None:
    server.answers["/apis/v2beta1/healthz"] = (200, HEALTHY | {"multi_user": True})
    (tmp_path / "namespace").write_text("carl")
    assert connect(server.url).namespace == "carl"


def test_a_token_is_sent_as_bearer(server: Server) -> None:
    connect(server.url, token="abc")
    assert server.tokens == ["Bearer abc"]


def test_a_projected_token_is_read_again_for_each_request(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "token"
    path.write_text("first\n")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(path))
    found = connect(server.url)
    path.write_text("second\n")
    with pytest.raises(UserError):
        found.run("r1")
    assert server.tokens == ["Bearer first", "Bearer second"]


def test_a_token_file_that_is_missing_is_named(
    refusal: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "none"))
    assert "none', which cannot be read (No such file or directory); mount the token there" in refusal()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            (401, "<html>who?</html>"),
            "does not accept the token (Unauthorized): it is missing, has expired or was made",
        ),
        ((500, REFUSED), "does not accept the token (Request header error: token has expired)"),
        ((403, FORBIDDEN), "does not allow this in the namespace 'ann' (User 'ann' is not authorized"),
        ((200, "<html>welcome</html>"), "answers, but not as Kubeflow Pipelines does"),
        ((404, "<html>not here</html>"), "is it Kubeflow Pipelines?"),
        ((200, {"status": "ok"}), "answers, but not as Kubeflow Pipelines does"),
        ((200, HEALTHY | {"tag_name": "2.5.0"}), "is Kubeflow Pipelines 2.5.0; Stillhouse needs 2.17 or later"),
        ((503, "<html>upstream</html>"), "answers with 503 (Service Unavailable); look at the log"),
    ],
)
def test_what_is_wrong_with_an_endpoint_is_one_sentence(
    server: Server, refusal: Callable[..., str], answer: tuple[int, Any], sentence: str
) -> None:
    server.answers["/apis/v2beta1/healthz"] = answer
    said = refusal(namespace="ann")
    assert sentence in said
    assert server.url in said


def test_nobody_at_the_endpoint_is_one_sentence(refusal: Callable[..., str]) -> None:
    assert "Nothing answers at http://127.0.0.1:9 (" in refusal("http://127.0.0.1:9")


def test_a_metadata_address_is_refused_before_a_connection(refusal: Callable[..., str]) -> None:
    said = refusal("http://169.254.169.254")
    assert said.endswith("metadata address; use the address of Kubeflow Pipelines' API server.")


@pytest.mark.parametrize(
    "endpoint", ["notaurl", "localhost:8888", "ftp://kfp.example", "http://", "http://kfp:port", "https://[::1"]
)
def test_an_endpoint_that_is_not_an_address_is_one_sentence_and_kfps_own_words_are_none(
    refusal: Callable[..., str], endpoint: str, recwarn: pytest.WarningsRecorder
) -> None:
    assert refusal(endpoint) == (
        f"--endpoint (or KF_PIPELINES_ENDPOINT) is '{endpoint}', which is not an address; write http:// or "
        "https:// and the host, such as http://localhost:8888."
    )
    assert not recwarn.list


@pytest.fixture
def found(server: Server) -> Cluster:
    return connect(server.url)


def test_a_run_that_is_not_there_is_named(server: Server, found: Cluster) -> None:
    server.answers["/apis/v2beta1/runs/r1"] = (404, {"code": 5, "message": "Run r1 not found"})
    with pytest.raises(UserError, match=f"There is no run 'r1' at {server.url}"):
        found.run("r1")


def test_a_run_id_cannot_lead_elsewhere(server: Server, found: Cluster) -> None:
    with pytest.raises(UserError, match="is not the id of a run"):
        found.run("../experiments/1")
    assert len(server.tokens) == 1


def test_nothing_of_the_kfp_client_reaches_the_terminal(
    server: Server, found: Cluster, capfd: pytest.CaptureFixture[str]
) -> None:
    with found.speaking():
        print("Run details: http://elsewhere")  # noqa: T201 - as kfp's client does
    assert capfd.readouterr() == ("", "")


def test_the_page_of_a_run_is_that_of_the_web_interface(found: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KF_PIPELINES_UI_ENDPOINT", "https://kfp.example/")
    assert found.page("r1") == "https://kfp.example/#/runs/details/r1"


def test_no_link_leads_to_an_api_server_that_shows_no_pages(found: Cluster) -> None:
    assert found.page("r1") == (
        "For a link to the run's page set KF_PIPELINES_UI_ENDPOINT to the address of KFP's web interface, such as "
        "http://localhost:8080 after: kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80"
    )


def test_a_gateway_before_both_shows_the_page(server: Server, found: Cluster) -> None:
    server.answers["/"] = (200, "<html>KFP</html>")
    assert found.page("r1") == f"{server.url}/#/runs/details/r1"
