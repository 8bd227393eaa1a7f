#!/usr/bin/env bash
# transformers 5.23.0: PreTrainedTokenizerFast gives other ids than its own tokenizer.json to texts that spell a special token.
#
# Guess: a tokenizer.json loaded by PreTrainedTokenizerFast, the class that does nothing but wrap it, gives the ids of tokenizers.Tokenizer.from_file; a name in
#   tokenizer_config.json only says which token pads.
# Seen: a special token that tokenizer_config.json names and the file does not list among its added tokens is added on loading: "[PAD]" inside a text is cut out as one
#   token before anything is split, where the file alone reads three words. len(added tokens) grows from 0 to 1. Two services that load the same folder by the two libraries score other inputs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.23.0 tokenizers==0.23.3
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import json
import logging
from pathlib import Path

logging.disable(logging.CRITICAL)

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

words = ["[PAD]", "[UNK]", "a", "[", "PAD", "]", "b"]
tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
folder = Path("model")
folder.mkdir()
tokenizer.save(str(folder / "tokenizer.json"))
named = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]"}
(folder / "tokenizer_config.json").write_text(json.dumps(named))
alone = Tokenizer.from_file(str(folder / "tokenizer.json"))
wrapped = PreTrainedTokenizerFast.from_pretrained(folder)
seen = {text: (alone.encode(text).ids, wrapped(text)["input_ids"]) for text in ("a b", "a [PAD] b")}
for text, (file_ids, class_ids) in seen.items():
    print(f"{text!r}: tokenizers {file_ids}, transformers {class_ids}")
assert seen["a b"][0] == seen["a b"][1] == [2, 6]
assert seen["a [PAD] b"] == ([2, 3, 4, 5, 6], [2, 0, 6])
PY
