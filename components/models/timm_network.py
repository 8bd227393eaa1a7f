"""Networks of timm (Wightman, 2019, doi:10.5281/zenodo.4414861) by name, as transformers wraps them; never downloaded.

To import this makes transformers know the class; it takes a second or two, so only who has such a network does.
"""

from collections.abc import Mapping
from typing import Any, cast

import timm
import torch
from timm.models import group_parameters
from torch import nn
from transformers import AutoModelForImageClassification, TimmWrapperConfig, TimmWrapperForImageClassification

from stillhouse.errors import UserError
from stillhouse.spelling import did_you_mean

ELSEWHERE = {"pretrained", "checkpoint_path", "cache_dir", "pretrained_cfg", "pretrained_cfg_overlay"}
"""Options of timm's networks that lead to files or addresses elsewhere."""


class TimmForImageClassification(TimmWrapperForImageClassification):
    """A network of timm that ends in one dense layer, with what training asks of any network.

    transformers' own class draws all weights anew with a deviation of 0.02, in which the signal of a VGG dies out; here
    they are as timm draws them.
    """

    timm_model: Any

    def __init__(self, config: TimmWrapperConfig) -> None:
        options = config.model_args or {}
        if not timm.is_model(config.architecture) or ELSEWHERE & options.keys():
            raise ValueError(f"{config.architecture} with {sorted(options)} is not a network that timm has")
        super().__init__(config)
        _ = self.output_layer  # that there is one
        config.num_hidden_layers = max(self._levels().values(), default=1) or 1
        config.hidden_size = self.timm_model.num_features

    @property
    def output_layer(self) -> nn.Linear:
        """The dense layer that makes the logits, which lies within what transformers calls the backbone.

        Raises:
            ValueError: the network ends otherwise.
        """
        layer = self.timm_model.get_classifier()
        if not isinstance(layer, nn.Linear):
            raise ValueError(f"{self.config.architecture} does not end in one dense layer")
        return layer

    def parameter_depths(self) -> Mapping[str, int]:
        """Depth of each parameter by its name: 0 for the stem, then the stages, one more for the output layer."""
        head, levels, top = self._head(), self._levels(), self.config.num_hidden_layers
        return {
            name: top + 1 if id(parameter) in head else levels.get(name.removeprefix("timm_model."), 1)
            for name, parameter in self.named_parameters()
        }

    def takes(self, height: int, width: int) -> bool:
        """Whether pictures of so many pixels go through; a network is left as it was."""
        was_training = self.training
        self.eval()
        try:
            with torch.inference_mode():
                self(torch.zeros(1, 3, height, width, device=self.device))
        except (RuntimeError, ValueError, AssertionError, IndexError):  # each network finds its own words
            return False
        finally:
            self.train(was_training)
        return True

    @property
    def usual_size(self) -> tuple[int, int]:
        """Height and width in pixels that it was designed for."""
        return self.timm_model.pretrained_cfg["input_size"][1:]

    def _levels(self) -> dict[str, int]:
        """The stage of each parameter but the output layer's, as timm counts them; none where it does not count."""
        network, head = self.timm_model, self._head()
        try:
            found: Any = group_parameters(network, network.group_matcher(coarse=True), reverse=True)
        except (AttributeError, AssertionError):
            return {}
        return {name: int(found[name]) for name, parameter in network.named_parameters() if id(parameter) not in head}

    def _head(self) -> set[int]:
        """Which parameters are the output layer's; none under another head."""
        return {id(parameter) for parameter in self.timm_model.get_classifier().parameters()}

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear) and module is self.timm_model.get_classifier():
            module.reset_parameters()
        elif hasattr(module, "init_non_persistent_buffers"):
            cast(Any, module).init_non_persistent_buffers()
        elif not any(True for _ in module.parameters(recurse=False)):
            super()._init_weights(module)  # buffers that are not saved


AutoModelForImageClassification.register(TimmWrapperConfig, TimmForImageClassification, exist_ok=True)


def timm_config(name: str, *, dropout: float) -> TimmWrapperConfig:
    """Configuration of a network by its name.

    Raises:
        UserError: timm has none of that name, or it does not end in one dense layer.
    """
    if not timm.is_model(name):
        fix = did_you_mean(name, timm.list_models(), "python -c 'import timm; print(timm.list_models())' lists them.")
        raise UserError(f"model.teacher or model.student: timm has no network '{name}'; {fix}")
    with torch.device("meta"):
        network: Any = timm.create_model(name, pretrained=False)
    if not isinstance(network.get_classifier(), nn.Linear):
        raise UserError(
            f"model.teacher or model.student: timm's {name} does not end in one dense layer, which a head for "
            "other labels needs; take another network."
        )
    options: dict[str, Any] = {"drop_rate": dropout} if dropout else {}
    return TimmWrapperConfig(architecture=name, model_args=options or None)
