"""One byte of a signed model, or of what is kept with it, is changed; how often is that refused?

    python tests/bench/tampering.py [--tries 1000]

It writes the table of docs/promotion.md.

Each try changes one byte at random to another, in one of four places, and asks `stillhouse verify` for the name:

- model: any file of its folder in the store, its signatures among them;
- data: its dataset.json, or the data's digest in the signed statement;
- gate: the gates in the signed statement, or the run's verdict.json;
- record: the promotion record.
"""

import argparse
import base64
import json
import os
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from results_page import put, rows_and_columns
from safetensors.numpy import save_file

from stillhouse.components.artifacts.kept import model_key, rows_key, statistics_key
from stillhouse.components.artifacts.promotion_record import Entry, Record, change, now
from stillhouse.components.artifacts.proof import proof_key
from stillhouse.components.artifacts.verdict import Verdict, verdict_key
from stillhouse.components.promote.sealing import Sealer
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.promote.verify import verify
from stillhouse.components.signing.keys import FILE, SECRET, TRUSTED
from stillhouse.components.storage.digests import PROOF, digest_folder
from stillhouse.components.storage.home import local_store
from stillhouse.errors import UserError

VERDICT = Path(__file__).parents[1] / "data/verdict-by-5c44ae6/verdict.json"
PAGE = Path(__file__).parents[2] / "docs/promotion.md"
NAME = "mails"


@dataclass(frozen=True)
class Promoted:
    """A model that was promoted and signed, in a home folder of its own."""

    home: Path
    entry: Entry

    @property
    def model(self) -> Path:
        """Its folder in the store."""
        return self.home / "store" / model_key(self.entry.digest)

    @property
    def record(self) -> Path:
        return self.home / f"store/promotions/{NAME}.json"

    @property
    def dataset(self) -> Path:
        """dataset.json of its data."""
        return self.home / "store" / statistics_key(self.entry.dataset_digest)

    @property
    def verdict(self) -> Path:
        """verdict.json of its run, in the store."""
        return self.home / "store" / verdict_key(self.entry.run)

    @property
    def proof(self) -> Path:
        """The proof of that."""
        return self.home / "store" / proof_key(self.entry.run)


def promoted(home: Path) -> Promoted:
    """Promote a small model in an empty home folder, by the code that promote has for it; STILLHOUSE_HOME names it."""
    store, made = local_store(), home / "made"
    (made / "dataset").mkdir(parents=True)
    (made / "model").mkdir()
    spec: dict[str, Any] = {"format": 1, "task": "text_classification", "target": "classes", "labels": ["ham", "spam"]}
    spec |= {"source": "/data/mails.parquet", "content_digest": "7" * 64, "rows": {"train": 80, "test": 20}}
    (made / "dataset/dataset.json").write_text(json.dumps(spec, indent=1))
    weights = np.random.default_rng(1).normal(size=(16, 16)).astype(np.float32)
    save_file({"weight": weights}, made / "model/model.safetensors")
    about = {**spec, "dataset_digest": spec["content_digest"], "git_sha": "1" * 40, "image_digest": ""}
    (made / "model/model.json").write_text(json.dumps(about, indent=1))
    (made / "model/config.json").write_text('{"model_type": "bert"}')
    told = json.loads(VERDICT.read_bytes()) | {"decision": "promoted", "model_name": NAME, "passed_over": []}
    verdict = Verdict.model_validate(told)
    settings = PromoteSettings(model_name=NAME, task="text_classification")
    sealer = Sealer.of(store, settings, Record(), dataset=made / "dataset", code="2" * 64)
    digest = digest_folder(made / "model")
    entry = Entry(
        digest=digest,
        uri=store.uri(model_key(digest)),
        run=verdict.run,
        dataset_digest=spec["content_digest"],
        statistics_uri=store.uri(statistics_key(spec["content_digest"])),
        promoted_at=now(),
        signed_by=sealer.signed_by,
    )
    with sealer.signed(made / "model", verdict, made) as folder:
        store.put_folder(folder, model_key(digest))
    store.put(rows_key(digest), b"")
    store.put(statistics_key(spec["content_digest"]), (made / "dataset/dataset.json").read_bytes())
    change(store, NAME, lambda record: record.promoted(entry))
    store.put(proof_key(verdict.run), sealer.of_run(store, verdict, made / "model", digest))
    store.put(verdict_key(verdict.run), json.dumps(verdict.model_dump(mode="json")).encode())
    return Promoted(home, entry)


def flipped(data: bytes, chance: random.Random, low: int = 0, high: int | None = None) -> bytes:
    """`data` with one byte between `low` and `high` changed to another."""
    at = chance.randrange(low, len(data) if high is None else high)
    return data[:at] + bytes([data[at] ^ chance.randrange(1, 256)]) + data[at + 1 :]


def in_statement(found: bytes, chance: random.Random, part: Callable[[str], tuple[int, int]]) -> bytes:
    """An envelope in whose statement one byte of a part, which is given by its ends, is changed."""
    envelope = json.loads(found)
    statement = base64.b64decode(envelope["payload"])
    changed = flipped(statement, chance, *part(statement.decode("latin-1")))
    return json.dumps({**envelope, "payload": base64.b64encode(changed).decode()}).encode() + b"\n"


def gates(statement: str) -> tuple[int, int]:
    """Where the gates of a statement stand."""
    return statement.index('"gates": '), statement.index('"passed_over": ')


def data_digest(statement: str) -> tuple[int, int]:
    """Where the digest of the data stands."""
    begin = statement.index('"digest": ', statement.index('"name": "dataset"'))
    return begin, statement.index("}", begin)


def tampered(place: str, model: Promoted, chance: random.Random) -> tuple[Path, bytes]:
    """A file of the model, and what it is after one byte in this place was changed."""
    if place == "model":
        files = sorted(path for path in model.model.iterdir() if path.is_file())
        path = chance.choice(files)
        return path, flipped(path.read_bytes(), chance)
    if place == "record":
        return model.record, flipped(model.record.read_bytes(), chance)
    signed, beside, part = {
        "data": (model.model / PROOF, model.dataset, data_digest),
        "gate": (chance.choice([model.model / PROOF, model.proof]), model.verdict, gates),
    }[place]
    if chance.random() < 0.5:
        return signed, in_statement(signed.read_bytes(), chance, part)
    data = beside.read_bytes()
    ends = gates(data.decode("latin-1")) if place == "gate" else ()
    return beside, flipped(data, chance, *ends)


PLACES = ("model", "data", "gate", "record")


def refused(model: Promoted, place: str, chance: random.Random) -> bool:
    """Change one byte, verify, and put it back."""
    path, changed = tampered(place, model, chance)
    whole = path.read_bytes()
    path.write_bytes(changed)
    try:
        verify(NAME)
    except UserError:
        return True
    finally:
        path.write_bytes(whole)
    return False


def main() -> None:
    """Try, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=1000, help="in each place")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["STILLHOUSE_HOME"] = home
        for name in ("STILLHOUSE_STORE", SECRET, FILE, TRUSTED):
            os.environ.pop(name, None)
        model, chance, lines = promoted(Path(home)), random.Random(given.seed), list[list[str]]()
        for place in PLACES:
            count = sum(refused(model, place, chance) for _ in range(given.tries))
            lines.append([place, f"{count:,} of {given.tries:,}"])
            print(*lines[-1], flush=True)
        assert verify(NAME)[0] is not None, "whole again, it is taken"
    put(Path(__file__).name, [rows_and_columns(["one byte changed in", "refused"], lines)], PAGE)


if __name__ == "__main__":
    main()
