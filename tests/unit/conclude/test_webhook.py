"""The webhook against a real server."""

from collections.abc import Iterator

import pytest
from loopback import Loopback, Request

from stillhouse.components.conclude import webhook


class Chat(Loopback):
    """Answers with the statuses it was told, then with 200; keeps what came."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.received: list[dict[str, str]] = []
        super().__init__(self._answer)

    def _answer(self, asked: Request) -> tuple[int, str]:
        self.received.append({"type": asked.headers["content-type"], **asked.json})
        return self.statuses.pop(0) if self.statuses else 200, ""


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    monkeypatch.setattr(webhook, "PAUSE_SECONDS", (0.01, 0.02))
    with Chat() as server:
        yield server


def test_a_document_is_posted_as_json(chat: Chat) -> None:
    assert webhook.post(chat.url, {"text": "spam: promoted"})
    assert chat.received == [{"type": "application/json", "text": "spam: promoted"}]


def test_a_server_that_stumbles_is_asked_again(chat: Chat) -> None:
    chat.statuses = [500, 503]
    assert webhook.post(chat.url, {"text": "x"})
    assert len(chat.received) == 3


def test_a_server_that_stays_broken_costs_a_warning(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    chat.statuses = [500] * 9
    assert not webhook.post(chat.url, {"text": "x"})
    assert "the outcome was not posted" in caplog.text


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "chat.example/hook", "http://127.0.0.1:1/hook", "http://169.254.169.254/latest/user-data"],
)
def test_an_address_that_cannot_be_used_costs_a_warning(chat: Chat, caplog: pytest.LogCaptureFixture, url: str) -> None:
    assert not webhook.post(url, {"text": "x"})
    assert "the outcome was not posted" in caplog.text
