"""How S3 is reached: the client, patience with a store that falters, one sentence when it is over."""

import os
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any, TypeVar

from stillhouse.components.storage.manifest import Corrupt
from stillhouse.components.storage.urls import refuse_metadata, without_secrets
from stillhouse.errors import UserError

T = TypeVar("T")

ATTEMPTS = 6
"""Times that botocore sends a request before it gives it up, unless AWS_MAX_ATTEMPTS says otherwise."""

ROUNDS = 5
"""Times that a whole operation (a read with its check, a transfer with all its parts) is tried."""

MAX_WAIT = 20.0
"""Seconds that are waited between two rounds at most."""

TRANSIENT_CODES = {
    "BadDigest",
    "ConditionalRequestConflict",
    "IncompleteBody",
    "OperationAborted",
    "RequestTimeout",
    "XAmzContentSHA256Mismatch",
}
"""Answers below 500 after which the same request can succeed."""

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
"""What is wrong, and the mend, by the code of the answer."""


_SESSION_LOCK = Lock()


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

    Botocore's `legacy` retries are bounded and jittered like `standard` ones, without the quota that ends all
    retries of a client once some tens have failed.

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
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "s3": {"addressing_style": "path"},
    }
    attempts = int(os.environ.get("AWS_MAX_ATTEMPTS", ATTEMPTS))
    config = Config(
        retries={"mode": "legacy", "total_max_attempts": attempts},
        connect_timeout=10,
        read_timeout=60,
        **(of_endpoint if url else {}),
    )
    try:
        with _SESSION_LOCK:
            return _session().client("s3", endpoint_url=url, config=config)
    except (BotoCoreError, ValueError) as error:
        raise UserError(f"S3 cannot be used: {error}; correct the AWS settings.") from error


def patiently(address: str, operation: Callable[[], T]) -> T:
    """Do `operation` on `address` ('s3://bucket/key'), again while it fails for a reason that may pass.

    Raises:
        UserError: it failed for good, in one sentence; Corrupt if what came was wrong each time.
        ClientError: the store answered that the key is not there (see `is_missing`).
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

    retrying = Retrying(
        retry=retry_if_exception(_is_transient),
        stop=stop_after_attempt(ROUNDS),
        wait=wait_random_exponential(multiplier=0.5, max=MAX_WAIT),
        reraise=True,
    )
    try:
        return retrying(operation)
    except ClientError as error:
        if is_missing(error):
            raise
        raise UserError(f"'{address}': {_reason(error)}.") from error
    except (BotoCoreError, Boto3Error) as error:
        raise UserError(f"'{address}': {_reason(error)}.") from error


def error_code(error: Any) -> str:
    """The code of a ClientError ('NoSuchKey', or '404' where an answer has no body)."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_missing(error: Any) -> bool:
    """Whether a ClientError says that the key is not there."""
    return error_code(error) in {"NoSuchKey", "404"}


def _is_transient(error: BaseException) -> bool:
    from boto3.exceptions import RetriesExceededError
    from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or error_code(error) in TRANSIENT_CODES
    return isinstance(error, (HTTPClientError, IncompleteReadError, RetriesExceededError, Corrupt))


def _reason(error: Exception) -> str:
    from botocore.exceptions import (
        ClientError,
        CredentialRetrievalError,
        EndpointConnectionError,
        NoCredentialsError,
        ParamValidationError,
        PartialCredentialsError,
    )

    at = without_secrets(endpoint() or "Amazon S3")
    if isinstance(error, (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)):
        choice = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give the pod a role"
        return f"no credentials were found; set {choice}"
    if isinstance(error, EndpointConnectionError):
        return f"cannot connect to {at}; check AWS_ENDPOINT_URL and the network"
    if isinstance(error, ParamValidationError):
        return "this is no valid bucket and key; correct the URL"
    if isinstance(error, ClientError) and error_code(error) in MENDS:
        return MENDS[error_code(error)]
    what = error_code(error) if isinstance(error, ClientError) else type(error).__name__
    if _is_transient(error):
        attempts = int(os.environ.get("AWS_MAX_ATTEMPTS", ATTEMPTS))
        return f"{at} failed ({what}) in {ROUNDS} rounds of up to {attempts} attempts; try again when it is well"
    return f"{at} refused the request ({what}); check the URL, the credentials and the endpoint"
