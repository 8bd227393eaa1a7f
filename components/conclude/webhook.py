"""Post a JSON document to an address."""

import json
import logging
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tenacity import RetryError, Retrying, stop_after_attempt, wait_exponential_jitter

from stillhouse.components.safety.addresses import guarded, refuse_metadata
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)

SECONDS = 10.0
"""Longest wait for one answer."""
POSTS = 3
PAUSE_SECONDS = (1.0, 10.0)
"""First and longest pause between two posts."""


def post(url: str, document: dict[str, Any]) -> bool:
    """Post `document`; whether it was taken. An address that does not answer costs a warning, for the run is over."""
    if urlsplit(url).scheme not in ("http", "https"):
        logger.warning("the outcome was not posted: the webhook's address must begin with https:// or http://.")
        return False
    try:
        refuse_metadata(url, "the service that is to hear of it")
    except UserError as error:
        logger.warning("the outcome was not posted: %s", error)
        return False
    request = Request(url, json.dumps(document).encode(), {"Content-Type": "application/json"})
    first, longest = PAUSE_SECONDS
    retrying = Retrying(stop=stop_after_attempt(POSTS), wait=wait_exponential_jitter(multiplier=first, max=longest))
    try:
        with guarded():
            retrying(_post, request)
    except RetryError as error:
        logger.warning("the outcome was not posted: %s", error.last_attempt.exception())
        return False
    return True


def _post(request: Request) -> None:
    with urlopen(request, timeout=SECONDS) as answer:
        if answer.status >= 300:
            raise URLError(f"HTTP status {answer.status}")
