"""Signatures of what is posted, as Standard Webhooks 1.0 has them (www.standardwebhooks.com): HMAC-SHA256 over id, time
and body, so that a receiver knows who sent it, and tells a message that comes late or twice.

The secret is that of the environment or of a file, never a parameter of a run.
"""

import base64
import binascii
import hashlib
import hmac
import os
import time
from pathlib import Path

from stillhouse.errors import UserError

SECRET = "STILLHOUSE_WEBHOOK_SIGNING_SECRET"
"""Environment variable with the secret; the name makes `stillhouse.redaction` hide its value."""
FILE = "STILLHOUSE_WEBHOOK_SIGNING_SECRET_FILE"
"""Environment variable with the path of a file that holds it."""
PREFIX = "whsec_"
"""What a secret begins with; Base64 follows."""
SECRET_BYTES = range(24, 65)
"""How long secrets are, by the specification."""


def signing_key() -> bytes | None:
    """The key that messages are signed with; None where there is no secret.

    Raises:
        UserError: the file cannot be read, or what it or the variable holds is not a secret.
    """
    text, name = os.environ.get(SECRET, ""), SECRET
    if path := os.environ.get(FILE, ""):
        name = f"{FILE} ({path})"
        try:
            text = Path(path).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{name} cannot be read ({error}); name a file with the webhook's secret.") from None
    return _key(text.strip(), name) if text.strip() else None


def _key(text: str, name: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) not in SECRET_BYTES:
        raise UserError(
            f"{name} is not a webhook's secret; make one of 32 random bytes: "
            f'echo "{PREFIX}$(head -c 32 /dev/urandom | base64)".'
        )
    return key


def message_id(*parts: str) -> str:
    """An id that a message keeps however often it is sent.

    Args:
        parts: What tells it from all others.
    """
    return f"msg_{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"


def signed_headers(key: bytes, identity: str, body: bytes, moment: int | None = None) -> dict[str, str]:
    """The three headers of a signed message.

    Args:
        identity: The message's id.
        moment: When it is sent, in seconds since 1970; now by default.
    """
    sent = str(int(time.time()) if moment is None else moment)
    signature = hmac.digest(key, b".".join([identity.encode(), sent.encode(), body]), "sha256")
    return {
        "webhook-id": identity,
        "webhook-timestamp": sent,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }
