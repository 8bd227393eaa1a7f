"""Networks on pictures and their preprocessing: made or read from a folder, under a head, and written."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from stillhouse.components.modalities.image.preprocessing import FILE, Preprocessing
from stillhouse.components.models.architectures import TIMM
from stillhouse.components.models.image_settings import FIRST_BOTTLENECK, RESNETS
from stillhouse.components.models.loaded import LoadedModel, model_json
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel

    from stillhouse.components.models.image_settings import ImageArchitecture
    from stillhouse.components.models.timm_network import TimmForImageClassification

LIKE = "take a base that was saved with its image processor, or copy that file beside its weights"


def under_new_head(
    start: str | None,
    architecture: "ImageArchitecture",
    preprocessing: Preprocessing,
    *,
    head: Mapping[str, Any],
    answers_otherwise: Callable[[Mapping[str, Any]], bool],
    size: int | None = None,
) -> LoadedModel:
    """The backbone in the folder `start` under a head for other targets; what the folder holds of such a head is kept
    where it answers the same. Without `start` random weights of `architecture`.

    Args:
        preprocessing: of a model from random weights; that in the folder says what it was trained with.
        head: options of the configuration, num_labels among them.
        answers_otherwise: given the model.json of a folder of ours ({} for another one), whether its head is of no use.
        size: pixels either way that the recipe asks for.

    Raises:
        UserError: the model in the folder cannot be loaded, or does not take pictures of that size.
    """
    from stillhouse.components.models.dense_head import under_dense_head
    from stillhouse.components.models.image_networks import classifier_of, from_folder
    from stillhouse.components.models.layers import output_layer

    if start is None:
        config = config_of(architecture, preprocessing)
        config.update(dict(head))
        model = classifier_of(config)
    else:
        model = from_folder(start, ignore_mismatched_sizes=True, **head)
        if answers_otherwise(model_json(Path(start))):
            cast(Any, output_layer(model)).reset_parameters()
        preprocessing = resized_to(preprocessing_in(start), model, size)
    preprocessing, notes = _taken_by(model, preprocessing, size)
    if architecture.head_width:
        model = under_dense_head(model, architecture.head_width)
    return LoadedModel(model, preprocessing, notes=notes)


def _taken_by(
    model: "PreTrainedModel", preprocessing: Preprocessing, size: int | None
) -> tuple[Preprocessing, dict[str, str]]:
    """The preprocessing at a size that the network takes, and what must be said of it; networks of timm differ in that.

    Raises:
        UserError: the recipe asks for a size that it does not take.
    """
    if model.config.model_type != TIMM:
        return preprocessing, {}
    network = cast("TimmForImageClassification", model)
    name, usual, notes = network.config.architecture, network.usual_size, {}
    if not network.takes(*(preprocessing.output_size or usual)):
        if size is not None:
            raise UserError(
                f"input.size is {size}, and timm's {name} does not take such pictures; it was made for {usual[0]} x "
                f"{usual[1]} pixels: leave input.size out, or set it to that."
            )
        preprocessing = replace(preprocessing, shortest=None, size=usual, crop=None)
        notes = {"size": f"Pictures are resized to {usual[0]} x {usual[1]} pixels: {name} does not take smaller ones."}
    network.config.image_size = list(preprocessing.output_size or usual)
    return preprocessing, notes


def load_trained(folder: Path, info: dict[str, Any], device: str) -> LoadedModel:
    """A trained model on `device`, ready to answer; `info` is its model.json.

    Raises:
        UserError: it cannot be loaded.
    """
    from stillhouse.components.models.image_networks import from_folder

    return LoadedModel(from_folder(str(folder)), preprocessing_in(str(folder)), info).answering(device)


def write_image_model(loaded: LoadedModel, folder: Path) -> dict[str, Any]:
    """Write weights (safetensors) and preprocessing; returns what model.json says of how they are read."""
    loaded.model.save_pretrained(folder)
    loaded.processor.save(folder)
    return {"load": "transformers"}


def forward(model: "nn.Module", pixel_values: "Tensor", **wanted: bool) -> Any:
    """A network's outputs for pixels float32 [pictures, 3, height, width].

    A batch of one picture goes by the running statistics of batch normalisation: after it the map of a small picture
    has one value a channel, of which there is no deviation.
    """
    from stillhouse.components.models.layers import running_statistics

    if len(pixel_values) > 1:
        return model(pixel_values=pixel_values, **wanted)
    with running_statistics(model):
        return model(pixel_values=pixel_values, **wanted)


def preprocessing_in(folder: str) -> Preprocessing:
    """What the folder's preprocessor_config.json says.

    Raises:
        UserError: it is missing, or asks for what is not known: how pictures were shown is part of the weights.
    """
    try:
        return Preprocessing.load(Path(folder))
    except ValueError as error:
        why = str(error) if Path(folder, FILE).is_file() else f"it has no {FILE}"
        raise UserError(f"model '{folder}': {why}; {LIKE}.") from None


def resized_to(preprocessing: Preprocessing, model: "PreTrainedModel", size: int | None) -> Preprocessing:
    """The preprocessing with the size that a recipe asks for, else with its own.

    Raises:
        UserError: the model takes pictures of one size, and this is another.
    """
    if size is not None:
        preprocessing = replace(preprocessing, shortest=None, size=(size, size), crop=None)
    asked = getattr(model.config, "image_size", None)
    wanted = (asked, asked) if isinstance(asked, int) else tuple(asked) if asked else None
    if wanted and "patch_size" in model.config.to_dict() and preprocessing.output_size != wanted:
        raise UserError(
            f"the model takes pictures of {wanted[0]} x {wanted[1]} pixels, and input.size or its {FILE} asks for "
            f"{' x '.join(map(str, preprocessing.output_size or ('others',)))}; leave input.size out."
        )
    return preprocessing


def config_of(architecture: "ImageArchitecture", preprocessing: Preprocessing, *, masked: bool = False) -> Any:
    """Configuration of a network from random weights.

    Args:
        masked: whether it is a masked autoencoder's; its decoder is a layer of half the width.

    Raises:
        UserError: a transformer's patches do not fit the pictures.
    """
    from transformers import ResNetConfig

    from stillhouse.components.models.conv_autoencoder import ConvAutoencoderConfig

    a, size = architecture, preprocessing.output_size
    if a.network == "convolutional":
        return ConvAutoencoderConfig(
            hidden_size=a.width, num_hidden_layers=a.layers, image_size=list(size) if size else None
        )
    if a.network == "timm":
        from stillhouse.components.models.timm_network import timm_config

        return timm_config(a.name, dropout=a.dropout)
    if a.network == "resnet":
        basic = a.layers < FIRST_BOTTLENECK
        widths = [(1 if basic else 4) * each for each in (64, 128, 256, 512)]
        kind = "basic" if basic else "bottleneck"
        config = ResNetConfig(hidden_sizes=widths, depths=list(RESNETS[a.layers]), layer_type=kind)
        config.update({"image_size": list(size) if size else None})
        return config
    return _transformer_config(a, size, masked=masked)


def _transformer_config(a: "ImageArchitecture", size: tuple[int, int] | None, *, masked: bool) -> Any:
    from transformers import ViTConfig, ViTMAEConfig

    if size is None or size[0] != size[1] or size[0] % a.patch:
        seen = "of any size" if size is None else f"of {size[0]} x {size[1]} pixels"
        raise UserError(
            f"model.teacher: a transformer takes square pictures of whole patches of {a.patch} pixels, and these are "
            f"{seen}; set input.size to a multiple of {a.patch}."
        )
    shape: dict[str, Any] = {
        "image_size": size[0],
        "patch_size": a.patch,
        "hidden_size": a.width,
        "num_hidden_layers": a.layers,
        "num_attention_heads": a.heads,
        "intermediate_size": 4 * a.width,
        "hidden_dropout_prob": a.dropout,
        "attention_probs_dropout_prob": 0.0,
    }
    if not masked:
        return ViTConfig(**shape)
    heads = max(1, a.heads // 2)
    decoder = {
        "decoder_hidden_size": heads * (a.width // a.heads),
        "decoder_num_hidden_layers": 1,
        "decoder_num_attention_heads": heads,
        "decoder_intermediate_size": 2 * a.width,
    }
    return ViTMAEConfig(**shape, **decoder, norm_pix_loss=True)
