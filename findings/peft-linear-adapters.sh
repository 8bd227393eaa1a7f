#!/usr/bin/env bash
# peft 0.21.2: add_weighted_adapter(combination_type="linear") is not the weighted sum of the adapters' changes.
#
# Guess: "linear" with weights 0.5 and 0.5 is the mean of the two weight changes: B1 A1 / 2 + B2 A2 / 2 (with "cat" doing the same at a higher rank).
# Seen: the factors are summed each by itself, so the change is (w1 B1 + w2 B2)(w1' A1 + w2' A2) with products of one adapter's B and the other's A in it. For two
#   random adapters of rank 2 it lies as far from the mean as the mean is large; "cat" equals the mean to 1e-7; "svd" to the rank that is kept.
#   Only adapters that share A or B come out right. No warning.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check peft==0.21.2 torch==2.15.0 transformers==4.57.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import torch
from peft import LoraConfig, get_peft_model


class Network(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense = torch.nn.Linear(8, 8, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(x)


torch.manual_seed(0)
settings = LoraConfig(r=2, lora_alpha=2, target_modules=["dense"], init_lora_weights=False)
model = get_peft_model(Network(), settings, adapter_name="first")
model.add_adapter("second", settings)
layer = model.base_model.model.dense
mean = (layer.get_delta_weight("first") + layer.get_delta_weight("second")) / 2
distance = {}
for kind in ("linear", "cat"):
    model.base_model.add_weighted_adapter(["first", "second"], [0.5, 0.5], kind, combination_type=kind)
    distance[kind] = (layer.get_delta_weight(kind) - mean).norm().item() / mean.norm().item()
    print(f"{kind}: distance to the mean, in lengths of the mean: {distance[kind]:.2g}")
assert distance["linear"] > 0.3 and distance["cat"] < 1e-6
PY
