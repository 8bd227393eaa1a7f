"""verify: whether a model is what was signed, and what it was signed as; no network is needed.

python -m stillhouse.components.promote.verify MODEL
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from stillhouse.components.artifacts.promotion_record import load, model_names
from stillhouse.components.artifacts.proof import (
    CODE,
    DATASET,
    IMAGE,
    PACKAGES,
    Proof,
    check_dataset,
    check_verdict,
    not_signed,
    proof_key,
    verified_folder,
    verified_in_store,
)
from stillhouse.components.artifacts.verdict import verdict_key
from stillhouse.components.config.home import HOME
from stillhouse.components.config.home_option import HomeOption
from stillhouse.components.signing.keys import trusted_keys
from stillhouse.components.signing.models import verify_files
from stillhouse.components.storage.digests import PROOF
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.store import NotFound, Store
from stillhouse.errors import USER_ERROR, UserError
from stillhouse.spelling import did_you_mean

NOT_SIGNED = 1
"""Exit code: nothing speaks against it, and nobody has signed it."""
SHORT = 12
"""Characters of a digest by which people tell it from others."""


def verify(model: str) -> tuple[Proof | None, str]:
    """Verify a model, or what a run has left.

    Args:
        model: models:/NAME@champion, models:/NAME/VERSION or NAME, with what the store keeps beside the model; the
            folder of a model; or a file with a proof, with the verdict.json beside it if there is one.

    Returns:
        The proof, and what it is of, in words; None where that is not signed, and a sentence that says so.

    Raises:
        UserError: there is no such model.
        Unverified: it is not what was signed, or nobody who is trusted has signed it.
    """
    path = Path(model)
    if not model.startswith("models:/") and path.is_file():
        return _file(path)
    if not model.startswith("models:/") and (path.is_dir() or "/" in model):
        return _folder(path, str(path))
    name, at, alias = model.removeprefix("models:/").partition("@")
    name, slash, version = (name, "", "") if at else name.partition("/")
    store = local_store()
    record, _ = load(store, name)
    if record.champion is None:
        mend = did_you_mean(name, model_names(store), "name a folder, or a model that was promoted.")
        raise UserError(f"'{model}': {store.url} has no promoted model of this name; {mend}")
    known = [entry for entry in record.roles.values() if slash and entry.version == version]
    entry = next(iter(known), None) if slash else record.at_alias(alias or "champion")
    if entry is None and slash:
        from stillhouse.components.tracking.registry import resolve

        return _folder(resolve(f"models:/{name}/{version}"), model)
    if entry is None:
        raise UserError(f"'{model}': {store.url} has no such promotion; aliases are champion and previous.")
    proof = verified_in_store(store, entry)
    if proof is None:
        return None, not_signed(entry)
    check_dataset(store, proof)
    _check_run(store, entry.run)
    return proof, f"{entry.label} of '{name}'"


def _folder(folder: Path, called: str) -> tuple[Proof | None, str]:
    if not (folder / "model.json").is_file():
        raise UserError(f"'{called}' is not the folder of a model of Stillhouse; name one that has a model.json.")
    proof = verified_folder(folder, called)
    if proof is None:
        return None, f"'{called}' is not signed: it was promoted without a key to sign with, or not at all."
    verify_files(folder, trusted_keys()[proof.signed_by])
    return proof, called


def _file(path: Path) -> tuple[Proof | None, str]:
    proof = Proof.read(path.read_bytes(), str(path), trusted_keys())
    beside = path.with_name("verdict.json")
    if path.name == PROOF and beside.is_file():
        check_verdict(beside.read_bytes(), str(beside), proof)
    return (proof, str(path)) if proof.signed_by else (None, f"'{path}' is not signed.")


def _check_run(store: Store, run: str) -> None:
    """Hold what the store keeps of a run's verdict against its proof; `sweep` may have removed both."""
    key, verdict = proof_key(run), verdict_key(run)
    try:
        proof = Proof.read(store.get(key), store.uri(key), trusted_keys())
        data = store.get(verdict)
    except NotFound:
        return
    check_verdict(data, store.uri(verdict), proof)


def lines(proof: Proof, called: str) -> Iterator[str]:
    """What is said of a model that is what was signed."""
    said, materials = proof.verdict, proof.materials
    held = sum(gate["passed"] for gate in said["gates"])
    digests = {name: next(iter(one.get("digest", {}).values()), "") for name, one in materials.items()}
    yield f"verified: {called}"
    yield f"signed by  key {proof.signed_by[:SHORT]}"
    yield (
        f"decision   {said['decision']} by the run {proof.run} at {said['time']}; "
        f"gates passed: {held} of {len(said['gates'])}"
    )
    yield f"files      {len(proof.subject)}, each as it was signed"
    yield f"data       {digests[DATASET][:SHORT]}, {materials[DATASET]['uri']}"
    for name, one in materials.items():
        if name.startswith("base "):
            yield f"base       {one['uri']}, {digests[name][:SHORT]}, licence: {one['annotations']['licence']}"
    yield f"code       {digests[CODE][:SHORT]}, {len(materials[PACKAGES]['annotations'])} packages"
    images = [digests[name][:SHORT] for name in materials if name.startswith(f"{IMAGE} ")]
    yield f"image      {', '.join(images) or materials[IMAGE]['annotations']['digest']}"


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help=f"NAME, models:/NAME@champion, models:/NAME/VERSION, a folder, or a file {PROOF}."
        ),
    ],
    home: HomeOption = HOME,
) -> None:
    """Say whether a model is what was signed, and what it was signed as: offline, and by its own files alone.

    Exit code 0: it is; 1: nobody has signed it; 2: it is not, or nobody who is trusted has signed it.
    """
    try:
        proof, called = verify(model)
    except UserError as error:
        typer.echo(str(error), err=True)
        sys.exit(USER_ERROR)
    if proof is None:
        typer.echo(called)
        sys.exit(NOT_SIGNED)
    for line in lines(proof, called):
        typer.echo(line)


if __name__ == "__main__":
    app(prog_name="stillhouse verify")
