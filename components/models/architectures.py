"""The architectures of transformers that a base model may have, and how long a text each of them takes.

Read without torch: inspect refuses a base before anything is paid for. A test trains, thins out and loads one of each.
"""

import re
from collections.abc import Mapping
from typing import Any

ENCODERS = {
    *("albert", "bert", "camembert", "convbert", "data2vec-text", "deberta", "deberta-v2", "distilbert", "electra"),
    *("ernie", "eurobert", "gte", "jina_embeddings_v3", "megatron-bert", "mobilebert", "modernbert", "mpnet"),
    *("nomic_bert", "rembert", "roberta", "roberta-prelayernorm", "roformer", "squeezebert", "xlm-roberta"),
    "xlm-roberta-xl",
}
"""They read in both directions; pretraining is masked_lm."""
DECODERS = {
    *("bloom", "falcon", "gemma", "gemma2", "gemma3_text", "gpt2", "gpt_neox", "llama", "mistral", "olmo2", "opt"),
    *("phi", "phi3", "qwen2", "qwen3", "smollm3", "stablelm", "starcoder2"),
}
"""They read from left to right; pretraining is next_word, and their last layer has no bias."""
RECURRENT = {"stillhouse_lstm"}
"""They read from left to right and, apart from that, from right to left; pretraining is next_word both ways."""
TIMM = "timm_wrapper"
"""The model_type of timm's networks."""
IMAGES = {
    *("beit", "bit", "convnext", "convnextv2", "cvt", "data2vec-vision", "deit", "dinov2", "dinov2_with_registers"),
    *("efficientnet", "focalnet", "hiera", "levit", "mobilenet_v1", "mobilenet_v2", "mobilevit", "mobilevitv2"),
    *(
        "poolformer",
        "pvt",
        "pvt_v2",
        "regnet",
        "resnet",
        "segformer",
        "stillhouse_conv_autoencoder",
        "stillhouse_dense_head",
    ),
    *("swiftformer", "swin", "swinv2", TIMM, "vit", "vit_mae", "vit_msn"),
}
"""They see pictures."""
COUNT_BEHIND_PADDING = {
    *("camembert", "data2vec-text", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl"),
}
"""Their positions begin behind that of the padding token."""
PADDING_ID = 1
"""Of these, where the configuration does not say it."""
WITHOUT_LIMIT = {"bloom"}
"""They have no positions of their own: distances alone count."""
POOLER = re.compile(r"(^|\.)pooler(\.|_)")
"""Where names are of what a backbone puts over its first token: many a base comes without it."""
HEADS = re.compile(
    r"(cls|lm_head|classifier|score|pooler\w*|qa_outputs|predictions|pre_classifier|sop_classifier|seq_relationship"
    r"|vocab_(transform|layer_norm|projector)|discriminator_predictions|generator_predictions|generator_lm_head"
    r"|mask_predictions|lm_predictions|predict_layer|lm_loss|nsp|mlm|head|heads|logits_proj|sequence_summary|summary"
    r"|embed_out|contact_head|multiple_choice_head|entity_predictions|v_head|value_head|regressor)\."
    r"|(decoder|dense)\.(weight|bias)$"
)
"""How names begin of what models of transformers have on top of their backbone."""
KNOWN = (
    "bert",
    "roberta",
    "xlm-roberta",
    "distilbert",
    "electra",
    "deberta-v2",
    "modernbert",
    "gpt2",
    "llama",
    "qwen3",
)
"""Of all, those that a sentence names."""
READ_BOTH = {"t5", "mt5", "umt5", "bart", "mbart", "plbart", "bigbird_pegasus", "mvp", "t5gemma", "t5gemma2"}
"""Encoder and decoder in one."""


def num_positions(config: Mapping[str, Any]) -> int | None:
    """Tokens of the longest text that a model takes; None where nothing says it.

    Args:
        config: its config.json.
    """
    kind = config.get("model_type")
    found = next((config[key] for key in ("max_position_embeddings", "n_positions") if config.get(key)), None)
    if kind in WITHOUT_LIMIT or not isinstance(found, int):
        return None
    padding = config.get("pad_token_id")
    return found - (padding if isinstance(padding, int) else PADDING_ID) - 1 if kind in COUNT_BEHIND_PADDING else found


def num_layers(config: Mapping[str, Any]) -> int | None:
    """Layers that a config.json asks for, under whichever of its names; None where it does not say."""
    keys = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")
    found = next((config[key] for key in keys if config.get(key) is not None), None)
    return found if isinstance(found, int) else None


def why_not(kind: Any) -> str:
    """Why a base of the architecture `kind` is not taken, with the fix; empty when it is."""
    if kind in ENCODERS | DECODERS | RECURRENT | IMAGES:
        return ""
    if not isinstance(kind, str) or not kind:
        return "its config.json has no model_type; save the model again with save_pretrained of transformers"
    what = "an encoder and a decoder in one" if kind in READ_BOTH else "an architecture that is not supported"
    return f"{kind} is {what}; take a base of one of {', '.join(KNOWN)}, or another that docs/bases.md lists"
