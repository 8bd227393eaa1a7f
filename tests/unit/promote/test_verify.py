"""A signed model is what was signed, or it is refused: by verify, predict, rollback and what serves it."""

import json
import random
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from tampering import NAME, PLACES, Promoted, flipped, promoted, refused

from stillhouse.components.artifacts.kept import model_key
from stillhouse.components.artifacts.promotion_record import change, load
from stillhouse.components.artifacts.proof import Proof
from stillhouse.components.predict.predict import model_folder
from stillhouse.components.promote import serving
from stillhouse.components.promote.rollback import rollback
from stillhouse.components.promote.serving import SERVICE, serve
from stillhouse.components.promote.verify import lines, verify
from stillhouse.components.signing.envelope import Unverified, seal
from stillhouse.components.signing.keys import FILE, LOCAL, SECRET, TRUSTED, signing_key
from stillhouse.components.storage.digests import PROOF, SIGNATURE, sha256_bytes
from stillhouse.components.storage.home import local_store
from stillhouse.errors import UserError

OLD = Path(__file__).parents[2] / "data/promoted-by-5c44ae6/store"
"""Two models that were promoted before there were signatures."""
TRIES = 12


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    for name in (FILE, SECRET, TRUSTED, "STILLHOUSE_STORE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def model(home: Path) -> Promoted:
    return promoted(home)


def test_it_says_what_was_signed(model: Promoted) -> None:
    proof, called = verify(NAME)
    assert proof is not None
    said = "\n".join(lines(proof, called))
    assert said.startswith(f"verified: the model {model.entry.digest[:12]} of 'mails'\nsigned by  key ")
    assert f"decision   promoted by the run {model.entry.run} at " in said
    assert "data       777777777777, /data/mails.parquet" in said
    assert "code       111111111111, " in said
    assert said.endswith("image      none: the steps ran on a machine, in no image")
    assert proof.digest == model.entry.digest
    for name in (f"models:/{NAME}@champion", str(model.model), str(model.proof)):
        found, _ = verify(name)
        assert found is not None and found.run == proof.run


def test_data_that_another_run_has_used_again_are_still_signed(model: Promoted) -> None:
    changed = model.dataset.read_bytes() + b"\n"
    model.dataset.write_bytes(changed)
    with pytest.raises(Unverified, match=r"dataset.json' was changed since it was signed"):
        verify(NAME)
    document = Proof.read(model.proof.read_bytes(), "", None).statement
    document["predicate"]["buildDefinition"]["resolvedDependencies"][0]["annotations"]["dataset.json"] = sha256_bytes(
        changed
    )
    key = signing_key(local_store())
    (model.home / "store/proofs/run-c.intoto.jsonl").write_bytes(seal(json.dumps(document).encode(), key))
    assert verify(NAME)[0] is not None


@pytest.mark.parametrize("place", PLACES)
def test_one_changed_byte_is_refused(model: Promoted, place: str) -> None:
    chance = random.Random(place)
    assert sum(refused(model, place, chance) for _ in range(TRIES)) == TRIES
    assert verify(NAME)[0] is not None


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (PROOF, f"{PROOF} is gone"),
        (SIGNATURE, f"{SIGNATURE} is gone"),
        ("config.json", "config.json is gone"),
    ],
)
def test_nothing_of_it_can_be_taken_away(model: Promoted, gone: str, said: str) -> None:
    (model.model / "manifest.json").unlink()
    (model.model / gone).unlink()
    with pytest.raises(Unverified, match=said):
        verify(str(model.model))


def test_nothing_can_be_added(model: Promoted) -> None:
    (model.model / "modeling_own.py").write_text("import os\n")
    with pytest.raises(Unverified, match=r"modeling_own.py is not part of what was signed"):
        verify(str(model.model))


def test_a_record_that_lost_its_signature_is_refused(model: Promoted) -> None:
    record = json.loads(model.record.read_bytes())
    del record["signature"]
    model.record.write_text(json.dumps(record))
    with pytest.raises(Unverified, match="is not signed, although what it names is"):
        load(local_store(), NAME)


def test_without_the_key_nobody_changes_the_record(
    model: Promoted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (public,) = (model.home / "store/keys/signing").iterdir()
    shutil.copytree(model.home / "store", tmp_path / "elsewhere/store")
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(Unverified, match=f"with the key {public.stem[:12]}, which is not trusted here"):
        verify(NAME)
    monkeypatch.setenv(TRUSTED, str(public))
    assert verify(NAME)[0] is not None
    monkeypatch.setenv("STILLHOUSE_STORE", str(model.home / "store"))
    with pytest.raises(UserError, match="is signed, and only who has a key may change it"):
        change(local_store(), NAME, lambda record: record.registered(model.entry.digest, "7"))


def test_predict_and_rollback_and_serving_refuse_it(model: Promoted, monkeypatch: pytest.MonkeyPatch) -> None:
    store = local_store()
    with model_folder(f"models:/{NAME}@champion") as folder:
        assert (folder / "model.json").is_file()
    other = model.entry.model_copy(update={"digest": "0" * 64, "run": "run-b"})
    change(store, NAME, lambda record: record.promoted(other))
    weights = model.model / "model.safetensors"
    changed = flipped(weights.read_bytes(), random.Random(1))
    copy = model.home / "copy"
    shutil.copytree(model.model, copy)
    (copy / "model.safetensors").write_bytes(changed)
    store.put_folder(_without_manifest(copy), model_key(model.entry.digest))  # by somebody who mends the manifest, too
    for name in (f"models:/{NAME}@previous", str(model.model)):
        with pytest.raises(Unverified, match=r"model.safetensors was changed since it was signed"), model_folder(name):
            pass
    with pytest.raises(Unverified, match=r"model.safetensors was changed since it was signed"):
        rollback(NAME)
    record, _ = load(store, NAME)
    assert record.champion == other
    monkeypatch.setenv(SERVICE, "models/mails")
    served = {"spec": {"predictor": {"model": {"storageUri": "s3://bucket/models/old"}}}}
    monkeypatch.setattr(serving, "_api", lambda: SimpleNamespace(get_namespaced_custom_object=lambda **where: served))
    (said,) = serve(record.swapped(), store)
    assert "model.safetensors was changed since it was signed" in said


def _without_manifest(folder: Path) -> Path:
    (folder / "manifest.json").unlink()
    return folder


def test_models_of_before_go_on_and_say_that_they_are_not_signed(home: Path) -> None:
    shutil.copytree(OLD, home / "store")
    assert verify("fruit") == (
        None,
        "Version 2 is not signed: it was promoted without a key to sign with.",
    )
    told: list[str] = []
    with model_folder("models:/fruit@champion", told.append) as folder:
        assert (folder / "model.json").is_file()
    assert told == ["Version 2 is not signed: it was promoted without a key to sign with."]
    store = local_store()
    change(store, "fruit", lambda record: record.swapped())
    record, _ = load(store, "fruit")
    assert record.signed_by
    assert (home / LOCAL).is_file()
    assert verify("fruit")[1] == "Version 1 is not signed: it was promoted without a key to sign with."


def test_others_verify_the_files_by_openssf_model_signing(model: Promoted) -> None:
    from model_signing import verifying

    (public,) = (model.home / "store/keys/signing").iterdir()
    config = verifying.Config().use_elliptic_key_verifier(public_key=public)
    config.verify(model.model, model.model / SIGNATURE)
    weights = model.model / "model.safetensors"
    weights.write_bytes(flipped(weights.read_bytes(), random.Random(1)))
    with pytest.raises(ValueError, match=r"Hash mismatch for 'model.safetensors'"):
        config.verify(model.model, model.model / SIGNATURE)
