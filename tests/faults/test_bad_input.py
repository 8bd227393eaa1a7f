"""Bad input by the thousand: the promises of the default tests on ten times as many inputs, and real commands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[2]
FILES = [
    "tests/unit/pipelines/recipes/test_bad_recipes.py",
    "tests/unit/prepare/test_bad_files.py",
    "tests/unit/predict/test_bad_files.py",
]
MIN_INPUTS = 2000

RECIPES = {
    "empty": "",
    "list": "- a\n",
    "tag": "name: !!python/object/apply:os.system [id]\n",
    "laughs": "a: &a [x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n"
    + "".join(f"c{i}: &c{i} [{', '.join([f'*c{i - 1}' if i else '*b'] * 9)}]\n" for i in range(9)),
    "deep": "name: " + "[" * 10_000,
    "twice": "name: a\nname: b\n",
    "unknown": "nam: a\n",
    "date": "name: 2026-01-01\n",
    "number": "name: a\nseed: " + "9" * 5000,
    "nan": "name: a\nseed: .nan\n",
    "no source": "name: a\ndata: {source: nothing.csv}\n",
    "device": "name: a\ndata: {source: /dev/zero}\n",
    "metadata": "name: a\ndata: {source: 's3://169.254.169.254/x'}\n",
    "scheme": "name: a\ndata: {source: 'http://example.org/x'}\n",
    "password": "name: a\ndata: {source: 's3://me:sekret-word@bucket/x'}\n",
    "key": "name: a\ndata: {source: AKIAIOSFODNN7EXAMPLE}\n",
    "nul": 'name: a\ndata: {source: "a\\0b"}\n',
    "control": 'name: "a\\e[31m"\n',
    "latin": "name: caf\udce9\n",
    "binary": "\udcff\udcfe\0\0",
}


def test_thousands_of_inputs_keep_the_promise() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *FILES]
    options = ["--hypothesis-profile=thorough", "--hypothesis-show-statistics"]
    ended = subprocess.run([*command, *options], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stdout[-6000:]
    tried = sum(map(int, re.findall(r"- (\d+) passing", ended.stdout)))
    sys.stdout.write(f"{tried} inputs\n")
    assert tried >= MIN_INPUTS


@pytest.mark.parametrize("kind", RECIPES)
def test_the_command_refuses_a_bad_recipe_with_one_line_and_code_2(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(RECIPES[kind].encode("utf-8", "surrogateescape"))
    command = [str(Path(sys.executable).with_name("stillhouse")), "run", str(path), "--home", str(tmp_path / "runs")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert "Traceback" not in ended.stderr
    assert "sekret-word" not in ended.stderr and "AKIA" not in ended.stderr
    assert not (tmp_path / "runs").exists()
