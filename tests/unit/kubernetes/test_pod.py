"""The digest of the image: what the environment says, else the pod's own status; none where there is no pod."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kubeconfig import write_kubeconfig
from loopback import Loopback, Request

from stillhouse.components.kubernetes import pod
from stillhouse.components.kubernetes.pod import IMAGE, POD, own_image

DIGEST = f"sha256:{'5' * 64}"
Status = Callable[[dict[str, Any] | None], None]


@pytest.fixture
def status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A pod of this status, or of one that nobody may look at (None)."""
    (tmp_path / "namespace").write_text("team-a\n")
    monkeypatch.setattr(pod, "NAMESPACE", tmp_path / "namespace")
    monkeypatch.setenv(POD, "step-1")
    monkeypatch.delenv(IMAGE, raising=False)
    pod._of_status.cache_clear()
    answer: list[dict[str, Any] | None] = [None]

    def answered(request: Request) -> tuple[int, Any]:
        assert request.path == "/api/v1/namespaces/team-a/pods/step-1"
        return (403, {"message": "pods is forbidden"}) if answer[0] is None else (200, {"status": answer[0]})

    with Loopback(answered) as server:
        write_kubeconfig(tmp_path / "config", server.url)
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        yield lambda found: answer.__setitem__(0, found)
    pod._of_status.cache_clear()


def container(name: str, image: str) -> dict[str, Any]:
    return {"name": name, "image": "", "imageID": image, "ready": True, "restartCount": 0}


@pytest.mark.parametrize(
    "said", [f"registry.example/team/training@{DIGEST}", f"docker-pullable://registry.example/training@{DIGEST}"]
)
def test_it_is_that_of_the_steps_container(status: Status, said: str) -> None:
    status({"containerStatuses": [container("wait", f"argo@sha256:{'1' * 64}"), container("main", said)]})
    assert own_image() == DIGEST


def test_the_environment_counts_before_the_status(status: Status, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(IMAGE, "sha256:1")
    assert own_image() == "sha256:1"


def test_an_account_that_may_not_look_stops_nothing(status: Status, caplog: pytest.LogCaptureFixture) -> None:
    assert own_image() == ""
    assert "the image's digest is not known" in caplog.text


def test_a_machine_has_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(IMAGE, raising=False)
    monkeypatch.delenv(POD, raising=False)
    assert own_image() == ""
