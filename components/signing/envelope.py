"""Documents that are signed: the envelope of DSSE v1.0, which in-toto's statements are kept in, and what it signs.

https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md

What is opened must be, byte for byte, what sealing would write: an envelope has no place in which something can be
changed that nobody looks at.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

from stillhouse.components.signing.keys import TRUSTED, PublicKey, SigningKey
from stillhouse.errors import UserError

IN_TOTO = "application/vnd.in-toto+json"


class Unverified(UserError):
    """What is signed, or has to be, is not as it was when it was signed, or nobody trusted has signed it."""


@dataclass(frozen=True)
class Opened:
    """The content of an envelope."""

    payload: bytes
    signed_by: str
    """Id of the key; empty where nobody has signed."""


def pae(kind: str, payload: bytes) -> bytes:
    """The bytes that are signed: DSSE's pre-authentication encoding of a payload and its type."""
    return b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(payload), payload)


def seal(payload: bytes, key: SigningKey | None, kind: str = IN_TOTO) -> bytes:
    """The envelope as one line; without a key one that nobody has signed."""
    signatures = {key.public.id: key.sign(pae(kind, payload))} if key else {}
    return _written(payload, signatures, kind)


def unseal(data: bytes, where: str, keys: Mapping[str, PublicKey] | None, kind: str = IN_TOTO) -> Opened:
    """The content of an envelope, verified where it is signed.

    Args:
        where: It lies, for messages.
        keys: Those that are trusted, by their ids; None: only look what is in it.

    Raises:
        Unverified: it was changed, or signed by another key.
    """
    try:
        found = json.loads(data)
        payload = base64.b64decode(found["payload"], validate=True)
        signatures = {one["keyid"]: base64.b64decode(one["sig"], validate=True) for one in found["signatures"]}
        plain = (
            found["payloadType"] == kind and len(signatures) <= 1 and all(isinstance(key, str) for key in signatures)
        )
        whole = plain and _written(payload, signatures, kind) == data
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        whole, payload, signatures = False, b"", {}
    if not whole:
        raise Unverified(f"'{where}' was changed since it was written; bring it back from a copy.")
    signed_by = next(iter(signatures), "")
    if keys is not None and signed_by:
        check_signature(pae(kind, payload), signed_by, signatures[signed_by], where, keys)
    return Opened(payload, signed_by)


def check_signature(signed: bytes, signed_by: str, signature: bytes, where: str, keys: Mapping[str, PublicKey]) -> None:
    """See that a signature is one of `signed` by a key that is trusted.

    Raises:
        Unverified: it is not.
    """
    if signed_by not in keys:
        raise Unverified(
            f"'{where}' was signed with the key {signed_by[:12]}, which is not trusted here; if it is to be, name the "
            f"file of its public key in {TRUSTED} (its store keeps it at keys/signing/{signed_by[:12]}*.pem)."
        )
    if not keys[signed_by].verifies(signed, signature):
        raise Unverified(f"'{where}' is not what was signed: it was changed since; bring it back from a copy.")


def _written(payload: bytes, signatures: Mapping[str, bytes], kind: str) -> bytes:
    signed = [{"keyid": key, "sig": base64.b64encode(value).decode()} for key, value in signatures.items()]
    document = {"payload": base64.b64encode(payload).decode(), "payloadType": kind, "signatures": signed}
    return json.dumps(document).encode() + b"\n"
