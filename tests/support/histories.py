"""Users who take items of one of three groups: what comes next can be told from what came before."""

import hashlib
import json
import random
from pathlib import Path
from typing import Any

GROUPS, EACH = 3, 12


def histories(users: int, seed: int = 7) -> dict[str, list[str]]:
    """Items of each user, oldest first: of ten, nine are of the user's group."""
    draw, found = random.Random(seed), {}
    for user in range(users):
        own = draw.randrange(GROUPS)
        items = draw.sample(range(EACH), 7)
        taken = [f"item {GROUPS * item + (own if draw.random() < 0.9 else draw.randrange(GROUPS))}" for item in items]
        found[f"user {user}"] = list(dict.fromkeys(taken))
    return found


def write_rows(path: Path, users: int, **wanted: Any) -> Path:
    """A CSV with a row for each item that was taken; the rows stand in no order."""
    times = [(user, item, at) for user, items in histories(users, **wanted).items() for at, item in enumerate(items)]
    random.Random(1).shuffle(times)
    lines = [f"{user},{item},{1000 + at}" for user, item, at in times]
    path.write_text("\n".join(["user,item,time", *lines]) + "\n")
    return path


def write_dataset(folder: Path, users: int = 90) -> Path:
    """The same as prepare leaves it."""
    import pyarrow
    import pyarrow.parquet

    from stillhouse.components.artifacts.examples import Examples
    from stillhouse.components.artifacts.spec import Spec
    from stillhouse.components.tasks.recommendation import Recommendation

    folder.mkdir()
    found = list(histories(users).items())
    parts = {"train": found[: users // 2], "validation": found[users // 2 : users * 3 // 4]}
    parts |= {"test": found[users * 3 // 4 :], "unlabelled": []}
    names = pyarrow.list_(pyarrow.string())
    for split, some in parts.items():
        columns = {
            "hash": pyarrow.array([hashlib.sha256(user.encode()).hexdigest()[:32] for user, _ in some], "string"),
            "user": pyarrow.array([user for user, _ in some], pyarrow.string()),
            "items": pyarrow.array([items[:-2] for _, items in some], names),
            "held_out": pyarrow.array([items[-2:] for _, items in some], names),
        }
        pyarrow.parquet.write_table(pyarrow.table(columns), folder / f"{split}.parquet")
    about: dict[str, Any] = {"format": 1, "task": "recommendation", "target": "items", "labels": [], "columns": {}}
    about["content_digest"] = hashlib.sha256(f"{users}".encode()).hexdigest()
    train = Examples.of(items=[items[:-2] for _, items in parts["train"]], held_out=[i[-2:] for _, i in parts["train"]])
    about["fitted"] = Recommendation.fit(Spec.model_validate(about), train)
    (folder / "dataset.json").write_text(json.dumps(about))
    return folder
