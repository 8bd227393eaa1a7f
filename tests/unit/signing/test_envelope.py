"""Envelopes: DSSE as its specification has it, and no byte of one can be changed."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from stillhouse.components.signing.document import Signature, check_document, signed_document
from stillhouse.components.signing.envelope import Unverified, pae, seal, unseal
from stillhouse.components.signing.keys import SigningKey

KEY = SigningKey(ec.generate_private_key(ec.SECP256R1()))
KEYS = {KEY.public.id: KEY.public}
OTHER = SigningKey(ec.generate_private_key(ec.SECP384R1()))


def test_what_is_signed_is_the_encoding_of_the_specification() -> None:
    # The example of https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_an_envelope_is_one_line_of_json_that_others_read() -> None:
    data = seal(b"{}", KEY)
    assert data.endswith(b"}\n") and data.count(b"\n") == 1
    found = json.loads(data)
    assert (found["payloadType"], base64.b64decode(found["payload"])) == ("application/vnd.in-toto+json", b"{}")
    (signature,) = found["signatures"]
    assert KEY.public.verifies(pae("application/vnd.in-toto+json", b"{}"), base64.b64decode(signature["sig"]))


def test_it_is_opened_with_a_key_that_is_trusted_alone() -> None:
    data = seal(b"{}", KEY)
    assert unseal(data, "here", KEYS).payload == b"{}"
    assert unseal(data, "here", KEYS | {OTHER.public.id: OTHER.public}).signed_by == KEY.public.id
    with pytest.raises(Unverified, match=f"'here' was signed with the key {KEY.public.id[:12]}, which is not trusted"):
        unseal(data, "here", {OTHER.public.id: OTHER.public})
    assert unseal(data, "here", None).signed_by == KEY.public.id
    assert unseal(seal(b"{}", None), "here", KEYS).signed_by == ""


@pytest.mark.parametrize("key", [KEY, None])
def test_no_byte_of_it_can_be_another(key: SigningKey | None) -> None:
    data = seal(b'{"gates": 1}', key)
    # Of an envelope that nobody has signed the payload is anybody's.
    ends = range(len(data)) if key else [*range(11), *range(data.index(b'", "payloadType'), len(data))]
    for at in ends:
        for change in (0x01, 0x20, 0x29):
            changed = data[:at] + bytes([data[at] ^ change]) + data[at + 1 :]
            with pytest.raises(Unverified):
                unseal(changed, "here", KEYS)


def test_a_signature_of_one_kind_is_none_of_another() -> None:
    with pytest.raises(Unverified):
        unseal(seal(b"{}", KEY, "text/plain"), "here", KEYS)


def test_a_document_carries_its_own_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillhouse.components.signing.document.trusted_keys", lambda: KEYS)
    data = signed_document({"champion": "a", "spent": 1e-07, "signature": None}, "record", KEY)
    found = json.loads(data)
    assert list(found) == ["champion", "spent", "signature"]
    signature = Signature.model_validate(found["signature"])
    check_document(data, "here", "record", signature, expected=True)
    for wrong in (data.replace(b'"a"', b'"b"'), data.replace(b"\n", b"\n ", 1), data + b"\n"):
        with pytest.raises(Unverified, match="is not what was signed"):
            check_document(wrong, "here", "record", signature, expected=True)
    with pytest.raises(Unverified, match="is not what was signed"):
        check_document(data, "here", "another", signature, expected=True)
    check_document(b"{}", "here", "record", None, expected=False)
    with pytest.raises(Unverified, match="is not signed, although what it names is"):
        check_document(b"{}", "here", "record", None, expected=True)
