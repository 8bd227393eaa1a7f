from pathlib import Path

import pytest

from stillhouse.components.training import cpu_limit as processors
from stillhouse.components.training.cpu_limit import allowed_processors, limit_threads


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "400000 100000\n"}, 4),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_the_limit_of_a_container_is_read(tmp_path: Path, files: dict[str, str], expected: int | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert allowed_processors(tmp_path) == expected


@pytest.mark.parametrize(("given", "expected"), [({}, "3"), ({"OMP_NUM_THREADS": "8"}, "8")])
def test_threads_follow_the_limit_unless_somebody_has_said_otherwise(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], expected: str
) -> None:
    monkeypatch.setattr(processors, "allowed_processors", lambda: 3)
    limit_threads(given)
    assert given == {"OMP_NUM_THREADS": expected}
