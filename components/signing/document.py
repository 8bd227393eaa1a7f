"""JSON that people read and that carries its own signature, as the promotion record does.

The signature is over the text of all other keys, as this module writes it: so a file that was changed anywhere, and be
it a space, is not what was signed.
"""

import json
from typing import Any

from pydantic import Field

from stillhouse.components.config.settings import Settings
from stillhouse.components.signing.envelope import Unverified, check_signature, pae
from stillhouse.components.signing.keys import SigningKey, trusted_keys

KEY = "signature"


class Signature(Settings):
    """The last key of such a document."""

    key: str
    """Id of the key that signed."""
    value: str = Field(pattern=r"^([0-9a-f]{2})+$")
    """In hex."""


def signed_document(document: dict[str, Any], kind: str, key: SigningKey) -> bytes:
    """The document, without the signature that it had, as a signed file.

    Args:
        kind: What it is, which is signed with it.
    """
    plain = {name: value for name, value in document.items() if name != KEY}
    value = key.sign(pae(kind, _text(plain))).hex()
    return _text({**plain, KEY: {"key": key.public.id, "value": value}})


def check_document(data: bytes, where: str, kind: str, signature: Signature | None, *, expected: bool) -> None:
    """See that a file, which is JSON, is what was signed; one that carries no signature is let through.

    Args:
        where: It lies, for messages.
        kind: As it was signed.
        signature: That it carries.
        expected: Whether it has to be signed.

    Raises:
        Unverified: it is not.
    """
    if signature is None:
        if expected:
            raise Unverified(
                f"'{where}' is not signed, although what it names is: somebody else has written it; bring it back from "
                "a copy."
            )
        return
    document = json.loads(data)
    if _text(document) != data:
        raise Unverified(f"'{where}' is not what was signed: it was changed since; bring it back from a copy.")
    del document[KEY]
    check_signature(pae(kind, _text(document)), signature.key, bytes.fromhex(signature.value), where, trusted_keys())


def _text(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False).encode()
