"""Seals a verdict: its proof, signed, and the files of a model with their signatures beside them."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stillhouse
from stillhouse.components.artifacts.kept import model_key
from stillhouse.components.artifacts.materials import materials
from stillhouse.components.artifacts.model import read_model_json
from stillhouse.components.artifacts.promotion_record import Record
from stillhouse.components.artifacts.proof import Proof, decided_anew, proof_key, record_settings, statement
from stillhouse.components.artifacts.spec import read_spec
from stillhouse.components.artifacts.verdict import Verdict
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.signing.envelope import seal
from stillhouse.components.signing.keys import SigningKey, made_local_key, signing_key, trusted_keys
from stillhouse.components.signing.models import sign_files
from stillhouse.components.storage.digests import PROOF, files_below, sha256_file
from stillhouse.components.storage.store import NotFound, Store, join


@dataclass(frozen=True)
class Sealer:
    """Makes the proofs of one run's candidates."""

    settings: PromoteSettings
    dataset: Path
    """Its folder."""
    code: str
    """Digest of the installed sources; empty where promote runs alone."""
    before: Record
    """The promotion record before the decision."""
    key: SigningKey | None
    """None where nothing is signed."""
    note: str = ""
    """What a person has to know of the key, in a sentence; empty where there is nothing new."""

    @classmethod
    def of(cls, store: Store, settings: PromoteSettings, before: Record, *, dataset: Path, code: str) -> "Sealer":
        """With the key that signs what goes into this store.

        Raises:
            UserError: the key cannot be read or made.
        """
        made = made_local_key(store)
        key = signing_key(store, before.signed_by)
        note = (
            f"Verdicts and models are signed from now on, with a key of this machine that was made now: {made}. "
            "Keep it with the home folder, and let nobody read it."
            if made
            else ""
        )
        return cls(settings, dataset, code, before, key, note)

    @property
    def signed_by(self) -> str:
        """Id of the key; empty where nothing is signed."""
        return self.key.public.id if self.key else ""

    def envelope(self, verdict: Verdict, model: Path) -> bytes:
        """The proof of a verdict about the candidate in `model`, which may have a SIGNATURE beside its files."""
        assert verdict.evaluation is not None
        made_of = materials(
            read_spec(self.dataset),
            sha256_file(self.dataset / "dataset.json"),
            verdict.evaluation,
            about=read_model_json(model),
            code=self.code,
        )
        given = self.settings.model_dump(mode="json", exclude={"inspected"})
        document = statement(
            verdict,
            {name: sha256_file(path) for name, path in files_below(model) if name != PROOF},
            made_of,
            settings={
                "trained_with": verdict.evaluation.trained_with,
                "promote": given,
                "record_before": record_settings(self.before),
            },
            version=stillhouse.__version__,
        )
        return _sealed(document, self.key)

    def of_run(self, store: Store, verdict: Verdict, model: Path, digest: str) -> bytes:
        """The proof of what a run has decided: the one that the model in the store has, if the run promoted it.

        Args:
            model: Folder of the candidate; `digest` is that of its content.
        """
        try:
            kept = store.get(join(model_key(digest), PROOF))
        except NotFound:
            return self.envelope(verdict, model)
        # That of a model which another run has promoted, or this one before it was killed, is about another verdict.
        is_its = Proof.read(kept, PROOF, None).is_of(verdict.model_dump(mode="json"))
        return kept if is_its else self.envelope(verdict, model)

    @contextmanager
    def signed(self, model: Path, verdict: Verdict, scratch: Path) -> Iterator[Path]:
        """A folder with the files of the candidate, their signature and the proof of its promotion, for the time of the
        block; the candidate's own folder where nothing is signed.

        Args:
            scratch: A folder to make it in; on the disk of `model` no file is copied.
        """
        if self.key is None:
            yield model
            return
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch) as temporary:
            folder = Path(temporary, self.settings.model_name)
            shutil.copytree(model, folder, copy_function=_linked)
            sign_files(folder, self.key)
            (folder / PROOF).write_bytes(self.envelope(verdict, folder))
            yield folder


def reseal(store: Store, verdict: Verdict, digest: str) -> bytes | None:
    """Seal the proof of a run anew, after a person's decision about its candidate.

    Args:
        digest: Of the candidate; where it was promoted, the proof beside its files is the new one, too.

    Returns:
        The proof; None of a run that has none.

    Raises:
        Unverified: the proof of before is not what was signed.
    """
    key = proof_key(verdict.run)
    try:
        before = Proof.read(store.get(key), store.uri(key), trusted_keys())
    except NotFound:
        return None
    signer, document = signing_key(store, before.signed_by), decided_anew(before.statement, verdict)
    if not before.signed_by or verdict.decision != "promoted":
        store.put(key, _sealed(document, signer))
        return _sealed(document, signer)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "model")
        store.get_folder(model_key(digest), folder)
        # The files as they lie there, their signature among them.
        beside = Proof.read((folder / PROOF).read_bytes(), PROOF, trusted_keys())
        sealed = _sealed({**document, "subject": beside.statement["subject"]}, signer)
        (folder / PROOF).write_bytes(sealed)
        store.put_folder(folder, model_key(digest))
    store.put(key, sealed)
    return sealed


def _sealed(document: dict[str, Any], key: SigningKey | None) -> bytes:
    return seal(json.dumps(document, ensure_ascii=False).encode(), key)


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk
        shutil.copyfile(source, target)
