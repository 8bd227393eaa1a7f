#!/usr/bin/env bash
# transformers 5.23.0 with timm 1.0.31: a timm network made from a configuration does not start as timm starts it.
#
# Guess: TimmWrapperForImageClassification(config) has the random weights that timm.create_model gives the network (each
#   architecture has an initialisation of its own), with a new classifier at most.
# Seen: every convolution is drawn anew with a standard deviation of 0.02, whatever its fan-in. The depthwise filters of
#   mobilenetv3_small_050 fall from 0.5 to 0.02; what tells one picture from another at the output of test_efficientnet
#   shrinks from 3e-3 to 1e-15, of test_resnet from 2e-3 to 3e-8 (evaluation mode). Nothing is said. Who trains from random
#   weights copies the state_dict of timm.create_model into the wrapper.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check timm==1.0.31 transformers==5.23.0 torch==2.15.0
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import timm
import torch
from transformers import TimmWrapperConfig, TimmWrapperForImageClassification


def made(name: str) -> dict[str, torch.nn.Module]:
    """The network as timm makes it, and as transformers does."""
    config = TimmWrapperConfig(architecture=name, num_labels=5)
    of_timm, wrapper = timm.create_model(name, num_classes=5), TimmWrapperForImageClassification(config)
    return {"timm": of_timm.eval(), "transformers": wrapper.timm_model.eval()}


torch.manual_seed(0)
for who, model in made("mobilenetv3_small_050").items():
    depthwise = [of.weight.std().item() for of in model.modules() if isinstance(of, torch.nn.Conv2d) and of.groups > 1]
    print(f"depthwise filters of {who}: {min(depthwise):.3f} to {max(depthwise):.3f}")
    assert min(depthwise) > 0.2 if who == "timm" else max(depthwise) < 0.03

pictures = torch.randn(8, 3, 160, 160)
for name in ("test_efficientnet", "test_resnet"):
    with torch.no_grad():
        spread = {who: model(pictures).std(0).mean().item() for who, model in made(name).items()}
    print(name, {who: f"{value:.0e}" for who, value in spread.items()})
    assert spread["timm"] > 1000 * spread["transformers"]
PY
