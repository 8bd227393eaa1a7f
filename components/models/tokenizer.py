"""The tokenizer of a model folder: where there is a tokenizer.json that file counts, whatever class the folder names.

transformers 5.23's AutoTokenizer makes the tokenizers of BERT, GPT-2, RoBERTa and others anew from the vocabulary, with
the normalizer, split and special tokens that the class has in mind, and says nothing where the file has others. So the
file is read with `tokenizers`; transformers adds the names of the special tokens and what else surrounds it.
"""

import json
from collections.abc import Iterator, Sequence
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from stillhouse.components.safety.model_folders import read_object
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

TOKENIZER_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"
READING = "tokenizer"
"""The key of model.json that says which file the weights' ids come from (tokenizer.json). Models written before there
was this key were trained on the ids that transformers' class made, and keep them."""
REBUILT_ALWAYS = {"qwen2", "qwen3_5"}
"""Architectures whose class AutoTokenizer takes whatever the folder names; a test asks transformers for others."""
ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
KEPT_OPTIONS = ("model_max_length", "padding_side", "truncation_side", "clean_up_tokenization_spaces", "chat_template")
"""What is taken over as it stands in the folder; none of it changes the ids of a text."""
HARMLESS_OPTIONS: dict[str, tuple[Any, ...]] = {
    "clean_text": (True,),
    "do_basic_tokenize": (True,),
    "do_lower_case": (False,),
    "keep_accents": (False,),
    "never_split": (None, []),
    "strip_accents": (None, False),
    "tokenize_chinese_chars": (True,),
    "wordpieces_prefix": ("##",),
}
"""Options that change the ids of a vocabulary, with the values that do not ask anything of a class without them."""
COMPARED_TEXTS = 4096
"""Texts that are encoded in both ways at a time."""
SAFE: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
MEND = "save the folder anew with the program that made it, `tokenizer.save_pretrained(folder)`"


def read_tokenizer(folder: Path) -> "PreTrainedTokenizerFast":
    """The tokenizer as the folder's weights were trained with it; it neither cuts nor pads.

    Its ids are those of `tokenizers.Tokenizer.from_file` where there is a tokenizer.json. Where there is none, or the
    weights have learnt them (a model written before `READING`), they are those of transformers' class.

    Raises:
        UserError: the folder's files make no tokenizer, or not the one that its options ask for.
    """
    if not (folder / TOKENIZER_FILE).is_file():
        return _from_vocabulary(folder)
    return _by_class(folder) if _has_learnt_the_class(folder) else _from_file(folder)


def write_tokenizer(tokenizer: "PreTrainedTokenizerFast", folder: Path) -> None:
    """Write it so that AutoTokenizer, PreTrainedTokenizerFast and `tokenizers` alone give equal ids to every text.

    Args:
        folder: holds the model's config.json already.
    """
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(folder)
    path = folder / CONFIG_FILE
    config = json.loads(path.read_text(encoding="utf-8"))
    # The name that transformers before 5 knows, too, and that makes AutoTokenizer leave the file as it is.
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    if read_object(folder / "config.json").get("model_type") in REBUILT_ALWAYS:
        # The one word by which such a class keeps to the file. It lets nobody run code: that is asked of the argument
        # of this name alone, and the folder names no code.
        config["trust_remote_code"] = True
    if _undeclared(tokenizer):
        # transformers would find these names in texts, where the file does not. Told to split special tokens it finds
        # only those that are not called special: so the file's own lose that word, and are found as before. The empty
        # list of added tokens keeps transformers from giving the word back.
        config |= {"split_special_tokens": True, "added_tokens_decoder": {}}
        _call_none_special(folder / TOKENIZER_FILE)
    path.write_text(json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def texts_read_otherwise(folder: Path, tokenizer: "PreTrainedTokenizerFast", texts: Sequence[str]) -> int:
    """How many of `texts` transformers' AutoTokenizer would give other ids; none where it cannot read the folder, or
    is what counts there."""
    if not (folder / TOKENIZER_FILE).is_file() or is_ours(folder):
        return 0
    try:
        other = _auto(folder)
        other_backend = _backend_of(other, folder)
    except UserError:
        return 0
    return count_different(tokenizer.backend_tokenizer, other_backend, texts)


def count_different(one: "Tokenizer", other: "Tokenizer", texts: Sequence[str]) -> int:
    """How many of `texts` get other ids from one than from the other."""
    if one.to_str() == other.to_str():
        return 0
    return sum(
        mine.ids != theirs.ids
        for part in _parts(texts)
        for mine, theirs in zip(one.encode_batch_fast(part), other.encode_batch_fast(part), strict=True)
    )


def is_ours(folder: Path) -> bool:
    """Whether the folder is a model that Stillhouse has written."""
    path = folder / "model.json"
    # A model.json is also what TensorFlow.js writes: its format is a word.
    return path.is_file() and read_object(path).get("format") == 1


def _has_learnt_the_class(folder: Path) -> bool:
    return is_ours(folder) and READING not in read_object(folder / "model.json")


def _from_file(folder: Path) -> "PreTrainedTokenizerFast":
    from tokenizers import Tokenizer

    try:
        backend = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    except Exception as error:  # `tokenizers` has no class of its own for them
        raise UserError(f"model '{folder}': {TOKENIZER_FILE} cannot be read ({_first_line(error)}); {MEND}.") from None
    config = read_object(folder / CONFIG_FILE)
    options = {key: config[key] for key in KEPT_OPTIONS if config.get(key) is not None}
    template = folder / "chat_template.jinja"
    if template.is_file():
        options["chat_template"] = template.read_text(encoding="utf-8")
    names = _names(folder, backend)
    return _shell(backend, names, _extra_names(folder, backend), options)


def _from_vocabulary(folder: Path) -> "PreTrainedTokenizerFast":
    """The tokenizer of a folder without a tokenizer.json: its vocabulary, as transformers' class reads it."""
    made = _auto(folder)
    kind, known = type(made).__name__, set(made.vocab_files_names.values()) - {TOKENIZER_FILE}
    if missing := sorted(name for name in known if not (folder / name).is_file()):
        raise UserError(
            f"model '{folder}' has no {TOKENIZER_FILE}, and of the files of a {kind} {', '.join(missing)} is missing; "
            f"put the base's tokenizer files into it, or {MEND}."
        )
    for option, value in read_object(folder / CONFIG_FILE).items():
        if value not in HARMLESS_OPTIONS.get(option, (value,)) and not _takes(type(made), option):
            raise UserError(
                f"model '{folder}': {CONFIG_FILE} asks for {option} {json.dumps(value)}, which transformers' {kind} "
                f"does not do; give the folder a {TOKENIZER_FILE} that does it."
            )
    return _with_shell(made, folder)


def _by_class(folder: Path) -> "PreTrainedTokenizerFast":
    return _with_shell(_auto(folder), folder)


def _auto(folder: Path) -> "PreTrainedTokenizerBase":
    from transformers import AutoTokenizer

    try:
        return cast("PreTrainedTokenizerBase", AutoTokenizer.from_pretrained(folder, **SAFE))
    except Exception as error:  # each class fails in its own way: KeyError, TypeError, ImportError, RuntimeError
        raise UserError(
            f"model '{folder}': its tokenizer files cannot be read ({_first_line(error)}); put a {TOKENIZER_FILE} "
            f"beside them: {MEND}."
        ) from None


def _with_shell(made: "PreTrainedTokenizerBase", folder: Path) -> "PreTrainedTokenizerFast":
    options = {key: value for key in KEPT_OPTIONS if (value := getattr(made, key, None)) is not None}
    backend = _backend_of(made, folder)
    names = {role: str(name) for role, name in made.special_tokens_map.items() if role in ROLES}
    return _shell(backend, _with_padding(names, folder, backend), [str(t) for t in made.extra_special_tokens], options)


def _backend_of(made: "PreTrainedTokenizerBase", folder: Path) -> "Tokenizer":
    backend = getattr(made, "backend_tokenizer", None)
    if backend is None:
        raise UserError(
            f"model '{folder}': a {type(made).__name__} cannot be written as a {TOKENIZER_FILE}, which is needed; "
            "take a base that has one."
        )
    backend.no_truncation()
    backend.no_padding()
    return backend


def _shell(
    backend: "Tokenizer", names: dict[str, str], extra: list[str], options: dict[str, Any]
) -> "PreTrainedTokenizerFast":
    """What transformers puts around a tokenizer; the tokenizer inside stays as it is."""
    from transformers import PreTrainedTokenizerFast

    backend.no_truncation()
    backend.no_padding()
    # All that our batches hold, whatever a class would add.
    inputs = ["input_ids", "attention_mask"]
    shell = PreTrainedTokenizerFast(
        tokenizer_object=backend, extra_special_tokens=extra, model_input_names=inputs, **names, **options
    )
    # It has made a copy and added each name to it that the file does not call a token of its own: the word "[PAD]" in a
    # text would be the padding token then.
    shell._tokenizer = backend
    return shell


def _names(folder: Path, backend: "Tokenizer") -> dict[str, str]:
    """Special tokens by role, as the folder names them: only those that the tokenizer has."""
    recorded = _recorded(folder)
    names = {role: _content(recorded[role]) for role in ROLES if role in recorded}
    for role, name in _customary(folder).items() if len(names) < len(ROLES) else ():
        names.setdefault(role, name)
    known = {role: name for role, name in names.items() if name and backend.token_to_id(name) is not None}
    return _with_padding(known, folder, backend)


def _recorded(folder: Path) -> dict[str, Any]:
    """tokenizer_config.json, and over it the older special_tokens_map.json where the former lists no added tokens."""
    config = read_object(folder / CONFIG_FILE)
    return config if "added_tokens_decoder" in config else config | read_object(folder / "special_tokens_map.json")


def _extra_names(folder: Path, backend: "Tokenizer") -> list[str]:
    recorded = _recorded(folder)
    extra = recorded.get("extra_special_tokens") or recorded.get("additional_special_tokens") or []
    names = [_content(token) for token in (extra.values() if isinstance(extra, dict) else extra)]
    return [name for name in names if name and backend.token_to_id(name) is not None]


def _customary(folder: Path) -> dict[str, str]:
    """The names that a class gives its special tokens: many folders (bert-base-cased among them) record none."""
    from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES, tokenizer_class_from_name

    config = read_object(folder / "config.json")
    named = read_object(folder / CONFIG_FILE).get("tokenizer_class") or config.get("tokenizer_class")
    candidates = [named, TOKENIZER_MAPPING_NAMES.get(config.get("model_type") or "")]
    for name in [name for name in candidates if isinstance(name, str)]:
        kind = tokenizer_class_from_name(name)
        given = signature(kind.__init__).parameters if kind else {}
        if found := {role: str(given[role].default) for role in ROLES if role in given and given[role].default}:
            return found
    return {}


def _with_padding(names: dict[str, str], folder: Path, backend: "Tokenizer") -> dict[str, str]:
    """`names` with a padding token. What is padded is masked, so that for want of one another token serves."""
    if "pad_token" in names:
        return names
    number = read_object(folder / "config.json").get("pad_token_id")
    stored = (backend.padding or {}).get("pad_token")
    stated = backend.id_to_token(number) if isinstance(number, int) and number >= 0 else None
    for name in (stored, stated, names.get("eos_token"), names.get("unk_token")):
        if name and backend.token_to_id(name) is not None:
            return names | {"pad_token": name}
    raise UserError(
        f"model '{folder}': its tokenizer names neither a padding nor an end token; add `pad_token` to {CONFIG_FILE}, "
        "the name of any token of its vocabulary."
    )


def _undeclared(tokenizer: "PreTrainedTokenizerFast") -> set[str]:
    """Special tokens of the vocabulary that the file does not list as tokens to be found in texts."""
    declared = {token.content for token in tokenizer.backend_tokenizer.get_added_tokens_decoder().values()}
    return set(tokenizer.all_special_tokens) - declared


def _call_none_special(path: Path) -> None:
    described = json.loads(path.read_text(encoding="utf-8"))
    for token in described["added_tokens"]:
        token["special"] = False
    path.write_text(json.dumps(described, indent=2, ensure_ascii=False), encoding="utf-8")


def _takes(kind: type, option: str) -> bool:
    """Whether a class of tokenizers has a parameter of this name."""
    made = (parent.__init__ for parent in kind.__mro__ if "__init__" in vars(parent))
    return any(option in signature(each).parameters for each in made)


def _content(token: Any) -> str | None:
    """The text of a token, which is recorded as text or with its properties."""
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else None


def _parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (texts[start : start + COMPARED_TEXTS] for start in range(0, len(texts), COMPARED_TEXTS))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
