"""Post how a run ended, or what a person has decided, to an address."""

import json
import logging
import os
from collections.abc import Sequence
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tenacity import RetryError, Retrying, stop_after_attempt, wait_exponential_jitter

from stillhouse.components.conclude.signature import message_id, signed_headers, signing_key
from stillhouse.components.safety.addresses import guarded, refuse_metadata
from stillhouse.errors import UserError
from stillhouse.redaction import redact_all

logger = logging.getLogger(__name__)

WEBHOOK = "STILLHOUSE_WEBHOOK_SECRET"
"""Environment variable with the address that outcomes are posted to; such addresses are secrets, and the name makes
`stillhouse.redaction` hide its value."""
SECONDS = 10.0
"""Longest wait for one answer."""
POSTS = 3
PAUSE_SECONDS = (1.0, 10.0)
"""First and longest pause between two posts."""


def message(
    *,
    text: str,
    model_name: str,
    run: str,
    decision: str,
    why: str,
    succeeded: bool = True,
    step: str = "",
    version: str | None = None,
    loses_to: Sequence[str] = (),
    by: str = "",
) -> dict[str, Any]:
    """What is posted.

    Args:
        text: What chat programs show.
        step: That failed.
        loses_to: Baselines that the candidate loses to.
        by: Who approved or rejected.
    """
    return {
        "format": 1,
        "text": f"{model_name}: {text}",
        "model_name": model_name,
        "run": run,
        "succeeded": succeeded,
        "decision": decision,
        "why": why,
        "step": step,
        "version": version,
        "loses_to": list(loses_to),
        "by": by,
    }


def notify(message: dict[str, Any]) -> None:
    """Post a message, if there is an address; one about the same run with the same decision keeps its id."""
    if url := os.environ.get(WEBHOOK):
        post(url, redact_all(message), message_id(message["model_name"], message["run"], message["decision"]))


def post(url: str, document: dict[str, Any], identity: str) -> bool:
    """Post `document`, signed where there is a secret; whether it was taken. An address that does not answer costs a
    warning, for the run is over; so does a secret that is not one: nothing is posted unsigned then.

    Args:
        identity: The message's id, by which a receiver knows one that it has had.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        logger.warning("the outcome was not posted: the webhook's address must begin with https:// or http://.")
        return False
    try:
        refuse_metadata(url, "the service that is to hear of it")
        key = signing_key()
    except UserError as error:
        logger.warning("the outcome was not posted: %s", error)
        return False
    first, longest = PAUSE_SECONDS
    retrying = Retrying(stop=stop_after_attempt(POSTS), wait=wait_exponential_jitter(multiplier=first, max=longest))
    try:
        with guarded():
            retrying(_post, url, json.dumps(document).encode(), identity, key)
    except RetryError as error:
        logger.warning("the outcome was not posted: %s", error.last_attempt.exception())
        return False
    return True


def _post(url: str, body: bytes, identity: str, key: bytes | None) -> None:
    """Post once; each time is signed anew, for a receiver refuses what is old."""
    headers = {"Content-Type": "application/json", **(signed_headers(key, identity, body) if key else {})}
    with urlopen(Request(url, body, headers), timeout=SECONDS) as answer:
        if answer.status >= 300:
            raise URLError(f"HTTP status {answer.status}")
