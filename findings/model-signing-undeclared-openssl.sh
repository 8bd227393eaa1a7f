#!/usr/bin/env bash
# model-signing 1.1.1: a fresh install cannot be imported, not even to sign with a key of one's own.
#
# Guess: pip install model-signing brings all that `import model_signing` needs; what only certificates need, a key does not.
# Seen: the package's first import reads its signer for certificates, and that imports OpenSSL, which its metadata asks for
#   nowhere: ModuleNotFoundError, "No module named 'OpenSSL'", of the library and of its command. With pyOpenSSL beside it a
#   folder is signed by an elliptic key and verified.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check model-signing==1.1.1 sigstore==4.5.1 cryptography==50.0.2
cd "$folder"
cat > probe.py <<'PY'
from importlib.metadata import requires
from pathlib import Path

from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec

assert not [each for each in requires("model-signing") if "openssl" in each.lower()], requires("model-signing")
try:
    from model_signing import signing, verifying
except ModuleNotFoundError as error:
    print(f"ModuleNotFoundError: {error}")
    raise SystemExit from None
key = ec.generate_private_key(ec.SECP256R1())
secret = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
Path("key.pem").write_bytes(secret)
Path("key.pub").write_bytes(public)
Path("model").mkdir()
Path("model/weights").write_bytes(b"weights")
signing.Config().use_elliptic_key_signer(private_key="key.pem").sign("model", "model.sig")
verifying.Config().use_elliptic_key_verifier(public_key="key.pub").verify("model", "model.sig")
print("signed and verified")
PY
alone=$("$folder/venv/bin/python" probe.py)
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyopenssl==26.4.0
beside=$("$folder/venv/bin/python" probe.py | tail -n 1)
printf 'as installed: %s\nwith pyOpenSSL: %s\n' "$alone" "$beside"
[ "$alone" = "ModuleNotFoundError: No module named 'OpenSSL'" ]
[ "$beside" = "signed and verified" ]
