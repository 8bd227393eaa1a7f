"""float32 unless a GPU has bfloat16, or it is asked for."""

import pytest
import torch

from stillhouse.components.training.precision import autocast
from stillhouse.components.training.settings import LoopSettings


@pytest.mark.parametrize(
    ("precision", "dtype"), [("auto", torch.float32), ("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_a_cpu_computes_in_float32_unless_asked(precision: str, dtype: torch.dtype) -> None:
    settings = LoopSettings.model_validate({"precision": precision})
    with autocast(settings, torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
