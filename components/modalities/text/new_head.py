"""A network on texts under a head for new targets."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillhouse.components.modalities.text.load import load_folder, noted
from stillhouse.components.modalities.text.pretraining import config_of, tokenizer_for
from stillhouse.components.models.loaded import LoadedModel, model_json

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from stillhouse.components.models.settings import Architecture


def under_new_head(
    auto: Any,
    start: str | None,
    texts: Sequence[str],
    architecture: "Architecture | None",
    *,
    head: Mapping[str, Any],
    answers_otherwise: Callable[[Mapping[str, Any]], bool],
    tokenizer: "PreTrainedTokenizerFast | None" = None,
) -> LoadedModel:
    """The backbone in the folder `start` under a head of the class `auto`; what the folder holds of such a head is kept
    where it answers the same.

    Without `start` random weights of `architecture`, with the given tokenizer or one learnt from `texts`, see
    `tokenizer_for`.

    Args:
        auto: class of transformers that makes and loads such a model.
        head: options of the configuration, num_labels among them.
        answers_otherwise: given the model.json of a folder of ours ({} for another one), whether its head is of no use.

    Raises:
        UserError: the model in the folder cannot be loaded.
    """
    from stillhouse.components.models.layers import output_layer
    from stillhouse.components.models.quiet import quiet

    quiet()
    if start is None:
        assert architecture is not None
        processor, notes = tokenizer_for(architecture, texts, tokenizer)
        config = config_of(architecture, processor, "masked_lm")
        config.update(head)
        return LoadedModel(auto.from_config(config), processor, notes=notes)
    # A head for another number of labels that the folder may hold is not taken, nor one that answers otherwise.
    loaded = load_folder(auto, start, ignore_mismatched_sizes=True, **head)
    if answers_otherwise(model_json(Path(start))):
        output_layer(loaded.model).reset_parameters()
    return noted(loaded, start, texts)
