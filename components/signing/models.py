"""The signature of a model's files that others can verify, by OpenSSF Model Signing (https://model-signing.org/)."""

import os
import tempfile
from pathlib import Path

from stillhouse.components.signing.envelope import Unverified
from stillhouse.components.signing.keys import PublicKey, SigningKey
from stillhouse.components.storage.digests import PROOF, SIGNATURE
from stillhouse.components.storage.manifest import MANIFEST

BESIDE = (SIGNATURE, PROOF, MANIFEST)
"""Files that are no part of what is signed."""


def sign_files(folder: Path, key: SigningKey) -> None:
    """Write SIGNATURE into a model's folder, over the files in it.

    `model_signing verify key FOLDER --signature FOLDER/model.sig --public-key FILE` verifies it.
    """
    from model_signing import hashing, signing

    hashed = hashing.Config().set_ignored_paths(paths=BESIDE, ignore_git_paths=False)
    # It takes a file.
    with tempfile.NamedTemporaryFile(dir=folder.parent, suffix=".pem") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(key.pem)
        file.flush()
        config = signing.Config().set_hashing_config(hashed).use_elliptic_key_signer(private_key=file.name)
        config.sign(folder, folder / SIGNATURE)


def verify_files(folder: Path, key: PublicKey) -> None:
    """Verify SIGNATURE in a model's folder, where it has one.

    Raises:
        Unverified: the files are not those that were signed, or the key is another.
    """
    if not (folder / SIGNATURE).is_file():
        return
    from model_signing import hashing, verifying

    hashed = hashing.Config().set_ignored_paths(paths=BESIDE, ignore_git_paths=False)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(key.pem)
        file.flush()
        config = verifying.Config().set_hashing_config(hashed).use_elliptic_key_verifier(public_key=file.name)
        try:
            config.verify(folder, folder / SIGNATURE)
        except Exception as error:  # of a damaged file it raises whatever its parsers do
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise Unverified(f"'{folder / SIGNATURE}': {said}; bring the model back from a copy.") from None
