"""The key that verdicts are signed with, and those that are trusted: ECDSA on a curve of NIST's, in PEM.

A named key counts everywhere. Where none is named, the store in the home folder gets one of its own, which stays in the
home; it is not in the store, for whoever can write a store must not be able to sign what it holds.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from stillhouse.components.config.home import home_folder
from stillhouse.components.storage.disk import writing
from stillhouse.components.storage.store import Store, join
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey

SECRET = "STILLHOUSE_SIGNING_SECRET"
"""Environment variable: the private key itself, out of a Secret."""
FILE = "STILLHOUSE_SIGNING_KEY_FILE"
"""Environment variable: a file with the private key."""
TRUSTED = "STILLHOUSE_TRUSTED_KEYS"
"""Environment variable: a file with public keys that are trusted, or a folder of such files."""
LOCAL = Path("keys", "signing.pem")
"""The key of a home folder, in it."""
PUBLIC = "keys/signing"
"""Folder of a store with the public keys that something in it was signed with, by their ids."""
CURVES = {"secp256r1": "SHA256", "secp384r1": "SHA384", "secp521r1": "SHA512"}
"""Those that OpenSSF Model Signing takes, with the hash that it signs by."""
END = b"-----END PUBLIC KEY-----"


@dataclass(frozen=True)
class PublicKey:
    """What a signature is verified with."""

    key: "EllipticCurvePublicKey"

    @cached_property
    def pem(self) -> bytes:
        """The key as a file."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @cached_property
    def id(self) -> str:
        """SHA-256 of `pem`, in hex: what OpenSSF Model Signing tells keys by."""
        return hashlib.sha256(self.pem).hexdigest()

    def verifies(self, data: bytes, signature: bytes) -> bool:
        """Whether the signature is one of `data` by the private key."""
        from cryptography.exceptions import InvalidSignature

        try:
            self.key.verify(signature, data, _algorithm(self.key.curve.name))
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A private key."""

    key: "EllipticCurvePrivateKey"

    @cached_property
    def public(self) -> PublicKey:
        """The public key that belongs to it."""
        return PublicKey(self.key.public_key())

    def sign(self, data: bytes) -> bytes:
        """The signature of `data` (DER), the same each time (Pornin, 2013, RFC 6979)."""
        return self.key.sign(data, _algorithm(self.key.curve.name))

    @property
    def pem(self) -> bytes:
        """The private key as a file, for a program that takes no other."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def named_key() -> SigningKey | None:
    """The key that the environment names; None where it names none.

    Raises:
        UserError: the file cannot be read, or what is named is not a private key that can be used.
    """
    if text := os.environ.get(SECRET):
        return _private(text.encode(), SECRET)
    path = os.environ.get(FILE)
    return _private(_read(Path(path), FILE), f"{FILE} '{path}'") if path else None


def signing_key(store: Store, signed_by: str = "") -> SigningKey | None:
    """The key to sign with what goes into a store; None where nothing there is signed.

    Args:
        signed_by: Id of the key that what lies there now was signed with; empty where it was not.

    Raises:
        UserError: as `named_key`; or the key in the home folder cannot be made or read.
    """
    if named := named_key():
        return named
    home = home_folder()
    if store.url == str(home / "store"):
        return _local(home / LOCAL)
    # A store that others share: a key that only this machine has signs there what it has signed before.
    own = _kept(home / LOCAL)
    return own if own and own.public.id == signed_by else None


def made_local_key(store: Store) -> Path | None:
    """The file of the home folder's key, if what goes into this store would be the first that it signs."""
    is_first = not os.environ.get(SECRET) and not os.environ.get(FILE) and store.url == str(home_folder() / "store")
    path = home_folder() / LOCAL
    return path if is_first and not path.exists() else None


def trusted_keys() -> dict[str, PublicKey]:
    """The keys whose signatures count here, by their ids: the named one, the home folder's, and those that
    STILLHOUSE_TRUSTED_KEYS holds.

    Raises:
        UserError: one of them cannot be read.
    """
    own = (named_key(), _kept(home_folder() / LOCAL))
    found = [key.public for key in own if key]
    return {key.id: key for key in (*found, *_listed())}


def keep_public(store: Store, key: PublicKey) -> None:
    """Leave the public key in the store, for whoever is to trust it elsewhere."""
    place = join(PUBLIC, f"{key.id}.pem")
    if not store.list(place):
        store.put(place, key.pem)


def _listed() -> Iterator[PublicKey]:
    named = os.environ.get(TRUSTED)
    if not named:
        return
    path = Path(named)
    for file in sorted(path.glob("*.pem")) if path.is_dir() else [path]:
        data, where = _read(file, TRUSTED), f"{TRUSTED} '{file}'"
        for part in data.split(END)[:-1] or [b""]:
            yield _public(part[part.rfind(b"-----BEGIN") :] + END + b"\n", where)


def _local(path: Path) -> SigningKey:
    """The home folder's key, made if there is none yet; of several processes that make one, all take the first."""
    from cryptography.hazmat.primitives.asymmetric import ec

    if found := _kept(path):
        return found
    made = SigningKey(ec.generate_private_key(ec.SECP256R1()))
    with writing(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        staged = path.with_name(f".{secrets.token_hex(8)}")
        with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(made.pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(staged, path)
        except FileExistsError:
            pass
        except OSError:  # a disk without hard links
            staged.replace(path)
        finally:
            staged.unlink(missing_ok=True)
    kept = _kept(path)
    assert kept is not None
    return kept


def _kept(path: Path) -> SigningKey | None:
    return _private(_read(path, ""), f"'{path}'") if path.is_file() else None


def _read(path: Path, named_by: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        said = f"{named_by}: " if named_by else ""
        raise UserError(f"{said}the key '{path}' cannot be read ({error.strerror}); name a file in PEM.") from None


def _private(data: bytes, where: str) -> SigningKey:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = load_pem_private_key(data, None)
    except (ValueError, TypeError):
        found = None
    if not isinstance(found, EllipticCurvePrivateKey) or found.curve.name not in CURVES:
        raise UserError(
            f"{where} is not a private key of the curve P-256, P-384 or P-521 in PEM without a password; make one with "
            "`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`."
        )
    return SigningKey(found)


def _public(data: bytes, where: str) -> PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        found = load_pem_public_key(data)
    except ValueError:
        found = None
    if not isinstance(found, EllipticCurvePublicKey) or found.curve.name not in CURVES:
        raise UserError(f"{where} is not a public key of the curve P-256, P-384 or P-521 in PEM; name one that is.")
    return PublicKey(found)


def _algorithm(curve: str) -> "ECDSA":
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    return ECDSA(getattr(hashes, CURVES[curve])(), deterministic_signing=True)
