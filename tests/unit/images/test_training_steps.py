"""The training steps do their work in what the training image holds: nothing that only tests and benches bring."""

import os
import subprocess
import sys
from pathlib import Path

from tests.unit.images.only_training import link_training

ROOT = Path(__file__).parents[3]
STEPS = (
    "prepare/test_rare_labels.py",
    "pretrain/test_pretrain.py::test_next_words_teach_a_decoder_that_is_tuned_and_distilled",
    "distill/test_distill.py::test_label_sets_are_distilled",
    "tasks/test_image_steps.py::test_a_network_of_timm_with_batch_normalisation_goes_on_to_the_same_bits_and_teaches",
)


def test_the_steps_run_in_the_training_image(tmp_path: Path) -> None:
    assert link_training(tmp_path) == []
    tests = [f"tests/unit/{name}" for name in STEPS]
    path = os.pathsep.join(map(str, (tmp_path, ROOT / "src", ROOT)))
    command = [sys.executable, "-S", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
