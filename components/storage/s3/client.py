"""How S3 is reached: the client, patience with a store that falters, one sentence when it is over."""

import os
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any, TypeVar

from stillhouse.components.safety.addresses import refuse_metadata
from stillhouse.components.storage.manifest import Corrupt
from stillhouse.components.storage.urls import without_secrets
from stillhouse.errors import UserError

T = TypeVar("T")

ATTEMPTS = 16
"""Times that a request is sent before it is given up, unless AWS_MAX_ATTEMPTS says otherwise."""

PATIENCE = 300.0
"""Seconds after whose end a request that failed is not sent again, however few attempts were made."""

MAX_WAIT = 20.0
"""Seconds that are waited between two attempts at most; how many exactly is drawn by chance."""

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0
"""Seconds of silence after which an attempt has failed."""

TRANSIENT_CODES = {
    "BadDigest",
    "ConditionalRequestConflict",
    "IncompleteBody",
    "OperationAborted",
    "RequestTimeout",
    "XAmzContentSHA256Mismatch",
}
TRANSIENT_STATUS = {408, 429}
"""Answers below 500 after which the same request can succeed."""

LACKING = 501
"""The answer above 500 that will always be the same: the store lacks the request."""

MENDS = {
    "NoSuchBucket": "the bucket does not exist; make it or correct the URL",
    "InvalidBucketName": "the bucket's name is not valid; correct the URL",
    "AccessDenied": "access is denied; let these credentials read and write there",
    "403": "access is denied; let these credentials read and write there",
    "InvalidAccessKeyId": "the access key is not known; check AWS_ACCESS_KEY_ID and the endpoint",
    "SignatureDoesNotMatch": "the secret key is refused; check AWS_SECRET_ACCESS_KEY",
    "ExpiredToken": "the credentials have expired; renew them",
    "PermanentRedirect": "the bucket is in another region; set AWS_REGION",
    "NotImplemented": "the store lacks this request; use one with conditional writes",
}
"""What is wrong, and the fix, by the code of the answer."""


_SESSION_LOCK = Lock()


class Garbled(Exception):
    """Other bytes came, or were taken, than were sent; another attempt may bring the right ones."""


@cache
def _session() -> Any:
    # One for all clients: the second then costs 10 ms and not 200. Making clients is not thread-safe.
    import boto3

    return boto3.session.Session()


def endpoint() -> str | None:
    """The S3 endpoint that the environment names; None is Amazon's own."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def make_client() -> Any:
    """A boto3 client of S3 with the default chain of credentials.

    It sends each request once: `patiently` alone decides what is sent again, so that attempts are counted and
    bounded in one place.

    Raises:
        UserError: the endpoint's address is refused or is none, or the AWS profile does not exist.
    """
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    url = endpoint()
    if url:
        refuse_metadata(url)
    # Stores that are like S3 refuse the checksums that boto3 adds of itself; few have a host name per bucket.
    of_endpoint: dict[str, Any] = {
        "response_checksum_validation": "when_required",
        "s3": {"addressing_style": "path"},
    }
    config = Config(
        retries={"total_max_attempts": 1},
        request_checksum_calculation="when_required",  # each upload carries an MD5, which every store knows
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        **(of_endpoint if url else {}),
    )
    try:
        with _SESSION_LOCK:
            return _session().client("s3", endpoint_url=url, config=config)
    except (BotoCoreError, ValueError) as error:
        raise UserError(f"S3 cannot be used: {error}; correct the AWS settings.") from error


def max_attempts() -> int:
    """Times that a request is sent before it is given up.

    Raises:
        UserError: AWS_MAX_ATTEMPTS is not a number of attempts.
    """
    wanted = os.environ.get("AWS_MAX_ATTEMPTS", str(ATTEMPTS))
    if not wanted.isdecimal() or int(wanted) < 1:
        raise UserError(f"AWS_MAX_ATTEMPTS is {wanted!r}; set a whole number from 1, or leave it out.")
    return int(wanted)


def patiently(address: str, operation: Callable[[], T]) -> T:
    """Do `operation`, one request about `address` ('s3://bucket/key'), again while it fails for a reason that may pass.

    The waits in between double and are drawn by chance ("full jitter"), so that writers that failed together do
    not come back together.

    Raises:
        UserError: it failed for good, in one sentence; Corrupt if what came was wrong each time.
        ClientError: the store answered that the key is not there (see `is_missing`).
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random_exponential

    retrying = Retrying(
        retry=retry_if_exception(_is_transient),
        stop=stop_after_attempt(max_attempts()) | stop_after_delay(PATIENCE),
        wait=wait_random_exponential(multiplier=0.5, max=MAX_WAIT),
        reraise=True,
    )

    def made() -> int:
        return retrying.statistics["attempt_number"]

    try:
        return retrying(operation)
    except Garbled as error:
        raise Corrupt(f"{error} It was tried {times(made())}.") from None
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        if isinstance(error, ClientError) and is_missing(error):
            raise
        raise UserError(f"'{address}': {_reason(error, times(made()))}.") from error


def times(attempts: int) -> str:
    """A number of attempts in words."""
    return f"{attempts} times" if attempts > 1 else "once"


def error_code(error: Any) -> str:
    """The code of a ClientError ('NoSuchKey', or '404' where an answer has no body)."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_missing(error: Any) -> bool:
    """Whether a ClientError says that the key, or the upload in parts, is not there."""
    return error_code(error) in {"NoSuchKey", "NoSuchUpload", "404"}


def _is_transient(error: BaseException) -> bool:
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, IncompleteReadError
    from botocore.parsers import ResponseParserError

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        failing = status >= 500 and status != LACKING
        return failing or status in TRANSIENT_STATUS or error_code(error) in TRANSIENT_CODES
    broken = (ConnectionError, HTTPClientError, IncompleteReadError, ResponseParserError)
    return isinstance(error, (*broken, Garbled))


def _reason(error: Exception, tried: str) -> str:
    from botocore.exceptions import (
        ClientError,
        ConnectionError,
        CredentialRetrievalError,
        NoCredentialsError,
        ParamValidationError,
        PartialCredentialsError,
    )

    at = without_secrets(endpoint() or "Amazon S3")
    if isinstance(error, (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)):
        choice = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give the pod a role"
        return f"no credentials were found; set {choice}"
    if isinstance(error, ConnectionError):
        return f"cannot connect to {at}, tried {tried}; check AWS_ENDPOINT_URL and the network"
    if isinstance(error, ParamValidationError):
        return "this is not a valid bucket and key; correct the URL"
    if isinstance(error, ClientError) and error_code(error) in MENDS:
        return MENDS[error_code(error)]
    what = error_code(error) if isinstance(error, ClientError) else type(error).__name__
    if _is_transient(error):
        return f"{at} failed {tried}, the last time with {what}; try again when it is well"
    return f"{at} refused the request ({what}); check the URL, the credentials and the endpoint"
