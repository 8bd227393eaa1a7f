"""The webhook against a real server."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback, Request

from stillhouse.components.conclude import webhook
from stillhouse.components.conclude.signature import FILE, SECRET, message_id, signed_headers, signing_key
from stillhouse.errors import UserError

DOCS = Path(__file__).parents[3] / "docs" / "promotion.md"
OURS = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The secret of the examples of Standard Webhooks."""


class Chat(Loopback):
    """Answers with the statuses it was told, then with 200; keeps what came."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.received: list[dict[str, str]] = []
        self.requests: list[Request] = []
        super().__init__(self._answer)

    def _answer(self, asked: Request) -> tuple[int, str]:
        self.requests.append(asked)
        self.received.append({"type": asked.headers["content-type"], **asked.json})
        return self.statuses.pop(0) if self.statuses else 200, ""


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    monkeypatch.setattr(webhook, "PAUSE_SECONDS", (0.01, 0.02))
    for name in (SECRET, FILE):
        monkeypatch.delenv(name, raising=False)
    with Chat() as server:
        yield server


def test_a_document_is_posted_as_json(chat: Chat) -> None:
    assert webhook.post(chat.url, {"text": "spam: promoted"}, "msg_1")
    assert chat.received == [{"type": "application/json", "text": "spam: promoted"}]


def test_a_server_that_stumbles_is_asked_again(chat: Chat) -> None:
    chat.statuses = [500, 503]
    assert webhook.post(chat.url, {"text": "x"}, "msg_1")
    assert len(chat.received) == 3


def test_a_server_that_stays_broken_costs_a_warning(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    chat.statuses = [500] * 9
    assert not webhook.post(chat.url, {"text": "x"}, "msg_1")
    assert "the outcome was not posted" in caplog.text


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "chat.example/hook", "http://127.0.0.1:1/hook", "http://169.254.169.254/latest/user-data"],
)
def test_an_address_that_cannot_be_used_costs_a_warning(chat: Chat, caplog: pytest.LogCaptureFixture, url: str) -> None:
    assert not webhook.post(url, {"text": "x"}, "msg_1")
    assert "the outcome was not posted" in caplog.text


@pytest.fixture
def verified() -> Callable[..., bool]:
    """The receiver that docs/promotion.md shows."""
    (code,) = re.findall(r"```python\n(.*?def verified.*?)```", DOCS.read_text("utf-8"), flags=re.DOTALL)
    assert len([line for line in code.splitlines() if line]) <= 10
    names: dict[str, Any] = {}
    exec(code, names)
    return names["verified"]


def test_the_signature_is_that_of_standard_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, OURS)
    key = signing_key()
    assert key
    body = b'{"test": 2432232314}'
    assert signed_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", body, 1614265330) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_the_receiver_of_the_docs_takes_each_message_once_and_nothing_that_was_changed(
    chat: Chat, verified: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, OURS)
    chat.statuses = [500]
    assert webhook.post(chat.url, {"text": "spam: promoted"}, message_id("spam", "run-1", "promoted"))
    first, again = chat.requests
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    seen: set[str] = set()
    other = OURS.replace("M", "N")
    assert not verified(other, first.headers, first.body, seen)
    assert not verified(OURS, first.headers, first.body.replace(b"promoted", b"rejected"), seen)
    for part in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        assert not verified(OURS, {**first.headers, part: f"1{first.headers[part]}"}, first.body, seen)
    assert verified(OURS, first.headers, first.body, seen)
    assert not verified(OURS, again.headers, again.body, seen), "a replay"


def test_the_receiver_of_the_docs_refuses_what_is_old(verified: Callable[..., bool], secret: bytes) -> None:
    now = int(time.time())
    for moment, taken in ((now - 600, False), (now + 600, False), (now - 60, True)):
        assert verified(OURS, signed_headers(secret, f"msg_{moment}", b"{}", moment), b"{}", set()) is taken


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The key, out of a file."""
    (tmp_path / "secret").write_text(f"{OURS}\n")
    monkeypatch.setenv(FILE, str(tmp_path / "secret"))
    key = signing_key()
    assert key
    return key


def test_without_a_secret_nothing_is_signed(chat: Chat) -> None:
    assert webhook.post(chat.url, {"text": "x"}, "msg_1")
    assert not [name for name in chat.requests[0].headers if name.startswith("webhook-")]


@pytest.mark.parametrize("wrong", ["whsec_c2hvcnQ=", "not base64 at all!", "whsec_"])
def test_with_a_secret_that_is_not_one_nothing_is_posted(
    chat: Chat, wrong: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(SECRET, wrong)
    assert not webhook.post(chat.url, {"text": "x"}, "msg_1")
    assert chat.requests == []
    assert f"{SECRET} is not a webhook's secret; make one of 32 random bytes" in caplog.text


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FILE, str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"cannot be read .*; name a file with the webhook's secret"):
        signing_key()
