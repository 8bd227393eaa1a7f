"""Base models of one layer from random weights, with tokenizers that transformers' classes would make otherwise."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BERT_NAMES = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
WORDS = ["the", "apple", "Apple", "co", "op", "-", "a", "é", "e", "1", "2", "3", "4", "一", "二", "alpha", "beta"]
LETTERS = [piece for letter in "abcdefghijklmnopqrstuvwxyzABCD" for piece in (letter, f"##{letter}")]
TEXTS = [
    "the apple and the Apple",
    "co-op op-co  co-op",
    "12 34 1234 é e 一二",
    "alpha\tbeta\n alpha",
    "<new> thing [NEW]thing <pad> [PAD] [SEP] </s> <|endoftext|>",
    " begins with a space",
    "ﬁ Ｆｕｌｌ ½ … ’s don't",
    "",
]
"""Texts that the readings below tell apart."""
MakeBase = Callable[[Path], Path]


def wordpiece(words: Iterable[str] = WORDS, first: Iterable[str] = ()) -> "Tokenizer":
    """BERT's tokenizer with case kept."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = list(dict.fromkeys([*first, *names, *words, *LETTERS]))
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(names)
    ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B", ends)
    return tokenizer


def byte_level(specials: list[str]) -> "Tokenizer":
    """A byte-level BPE learnt from the texts."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*TEXTS, "12 34 12 34 1234"] * 3, trainer)
    return tokenizer


def write_base(folder: Path, tokenizer: "Tokenizer", kind: str, config: dict[str, Any], **shape: Any) -> Path:
    """The folder of a base: weights, config.json, tokenizer.json and a tokenizer_config.json that holds `config`."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

    torch.manual_seed(0)
    sizes: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 32, "max_position_embeddings": 66}
    if kind == "gpt2":
        sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 64}
    elif kind == "distilbert":
        sizes = {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 32, "max_position_embeddings": 64}
    elif kind in ("llama", "qwen2", "qwen3"):
        sizes |= {"num_key_value_heads": 2, "head_dim": 8}
    elif kind == "albert":
        sizes |= {"embedding_size": 16}
    made = AutoConfig.for_model(kind, vocab_size=tokenizer.get_vocab_size(), **{**sizes, **shape})
    causal = kind in ("gpt2", "llama", "qwen2", "qwen3")
    (AutoModelForCausalLM if causal else AutoModelForMaskedLM).from_config(made).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def _bert(folder: Path, tokenizer: "Tokenizer", **shape: Any) -> Path:
    return write_base(folder, tokenizer, "bert", {"tokenizer_class": "BertTokenizer", **BERT_NAMES}, **shape)


def cased(folder: Path) -> Path:
    """BERT, cased, without the key do_lower_case."""
    return _bert(folder, wordpiece())


def nameless(folder: Path) -> Path:
    """The same, as old folders are: not even the special tokens are named."""
    return write_base(folder, wordpiece(), "bert", {"model_max_length": 512})


def replacing(folder: Path) -> Path:
    """BERT with a normalizer that makes words of numbers."""
    from tokenizers import normalizers

    tokenizer = wordpiece()
    tokenizer.normalizer = normalizers.Sequence([normalizers.Replace("12", "alpha"), normalizers.Replace("34", "beta")])
    return _bert(folder, tokenizer)


def splitting(folder: Path) -> Path:
    """BERT that splits at white space only."""
    from tokenizers import pre_tokenizers

    tokenizer = wordpiece([*WORDS, "co-op", "op-co"])
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return _bert(folder, tokenizer)


def unframed(folder: Path) -> Path:
    """BERT without a post-processor: no [CLS], no [SEP]."""
    from tokenizers import Tokenizer

    described = json.loads(wordpiece().to_str())
    described["post_processor"] = None
    return _bert(folder, Tokenizer.from_str(json.dumps(described)))


def padding_last(folder: Path) -> Path:
    """BERT whose padding token is not the first of the vocabulary."""
    tokenizer = wordpiece(first=["zero", "one", "[UNK]"])
    return _bert(folder, tokenizer, pad_token_id=tokenizer.token_to_id("[PAD]"))


def with_added_tokens(folder: Path) -> Path:
    """BERT with added tokens of each kind."""
    from tokenizers import AddedToken

    tokenizer = wordpiece()
    tokenizer.add_tokens([AddedToken("<new>", lstrip=True), AddedToken("thing", single_word=True)])
    tokenizer.add_special_tokens([AddedToken("[NEW]", rstrip=True)])
    return _bert(folder, tokenizer)


def undeclared(folder: Path) -> Path:
    """BERT whose padding token is a word of the vocabulary as any other, and whose other special tokens are found."""
    from tokenizers import Tokenizer

    described = json.loads(wordpiece().to_str())
    described["added_tokens"] = [token for token in described["added_tokens"] if token["content"] != "[PAD]"]
    return _bert(folder, Tokenizer.from_str(json.dumps(described)))


def cutting(folder: Path) -> Path:
    """BERT whose file cuts and pads, with an endless model_max_length."""
    tokenizer = wordpiece()
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=6, pad_id=tokenizer.token_to_id("[PAD]"), pad_token="[PAD]")
    config = {"tokenizer_class": "BertTokenizer", "model_max_length": 1000000000000000019884624838656, **BERT_NAMES}
    return write_base(folder, tokenizer, "bert", {**config, "padding_side": "left"})


def distilbert(folder: Path) -> Path:
    """DistilBERT, cased, without the key do_lower_case."""
    return write_base(folder, wordpiece(), "distilbert", {"tokenizer_class": "DistilBertTokenizer", **BERT_NAMES})


def gpt2(folder: Path) -> Path:
    """GPT-2 that splits numbers into digits, and has no padding token."""
    from tokenizers import pre_tokenizers

    tokenizer = byte_level(["<|endoftext|>"])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    names = dict.fromkeys(["bos_token", "eos_token", "unk_token"], "<|endoftext|>")
    return write_base(folder, tokenizer, "gpt2", {"tokenizer_class": "GPT2Tokenizer", **names})


def roberta(folder: Path) -> Path:
    """RoBERTa that puts a space before the first word."""
    from tokenizers import pre_tokenizers, processors

    tokenizer = byte_level(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), True, True)
    names = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>"}
    names |= {"unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>"}
    return write_base(folder, tokenizer, "roberta", {"tokenizer_class": "RobertaTokenizer", **names}, pad_token_id=1)


def _llama_like(folder: Path, kind: str, name: str) -> Path:
    from tokenizers import Regex, normalizers, pre_tokenizers, processors

    tokenizer = byte_level(["<unk>", "<s>", "</s>"])
    tokenizer.normalizer = normalizers.Lowercase()
    split = pre_tokenizers.Split(Regex(r"\d{1,3}|\s+|[^\s\d]+"), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A <s> $B", [("<s>", 1)])
    template = "{{ bos_token }}{% for message in messages %}{{ message['content'] }}{% endfor %}"
    config = {"tokenizer_class": name, "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return write_base(folder, tokenizer, kind, {**config, "add_bos_token": True, "chat_template": template})


def llama(folder: Path) -> Path:
    """Llama with a byte-level split, a begin token by its post-processor and a chat template that adds another."""
    return _llama_like(folder, "llama", "LlamaTokenizer")


def qwen2(folder: Path) -> Path:
    """Qwen2 with the same."""
    return _llama_like(folder, "qwen2", "Qwen2Tokenizer")


def qwen3(folder: Path) -> Path:
    """Qwen3 with the same."""
    return _llama_like(folder, "qwen3", "Qwen2Tokenizer")


def unigram(folder: Path) -> Path:
    """XLM-RoBERTa: unigram behind a precompiled map of characters."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    names = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [(name, 0.0) for name in names] + [(f"▁{word}", -3.0) for word in WORDS]
    pieces += [(letter, -9.0) for letter in "▁abcdefghijklmnopqrstuvwxyzABCDEF0123456789-"]
    tokenizer = Tokenizer(models.Unigram([*pieces, ("<mask>", 0.0)], unk_id=3))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(_character_map({"ﬁ": "fi", "é": "e"})), normalizers.Replace("  ", " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens([*names, "<mask>"])
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> $B", [("<s>", 0), ("</s>", 2)])
    roles = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>"}
    roles |= {"unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>"}
    return write_base(
        folder, tokenizer, "xlm-roberta", {"tokenizer_class": "XLMRobertaTokenizer", **roles}, pad_token_id=1
    )


def _character_map(changes: dict[str, str]) -> bytes:
    """SentencePiece's precompiled map: a double-array trie of UTF-8 (Darts), then the replacements, each ended by 0."""
    import struct

    units: dict[int, int] = {0: 0}
    replacements = bytearray()

    def place(node: int, branches: dict[int, Any]) -> None:
        offset = next(o for o in range(1, 1 << 20) if not any((o ^ byte) in units for byte in branches) and node != o)
        while any((offset ^ byte) in units for byte in branches):
            offset += 1
        units[node] |= (node ^ offset) << 10
        for byte in branches:
            units[offset ^ byte] = byte
        for byte, below in branches.items():
            if byte == 0:
                units[offset] = (1 << 31) | below
                units[node] |= 1 << 8
            else:
                place(offset ^ byte, below)

    trie: dict[int, Any] = {}
    for source, target in sorted(changes.items()):
        node = trie
        for byte in source.encode():
            node = node.setdefault(byte, {})
        node[0] = len(replacements)
        replacements += target.encode() + b"\0"
    place(0, trie)
    size = -(-(max(units) + 1) // 256) * 256
    array = [units.get(index, 0) for index in range(size)]
    return struct.pack("<I", 4 * size) + struct.pack(f"<{size}I", *array) + bytes(replacements)


BASES: dict[str, MakeBase] = {
    "BERT, cased": cased,
    "BERT without names": nameless,
    "BERT with Replace": replacing,
    "BERT with WhitespaceSplit": splitting,
    "BERT without a post-processor": unframed,
    "BERT, padding is not the first token": padding_last,
    "BERT with added tokens": with_added_tokens,
    "BERT with an undeclared padding token": undeclared,
    "BERT that cuts and pads": cutting,
    "DistilBERT, cased": distilbert,
    "GPT-2 with single digits": gpt2,
    "RoBERTa with a prefix space": roberta,
    "Llama, byte-level": llama,
    "Qwen2": qwen2,
    "Qwen3": qwen3,
    "unigram with a map of characters": unigram,
}
