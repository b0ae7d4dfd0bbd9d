#!/usr/bin/env bash
# sentencepiece's "proto" counts bytes, although it replaces what counted characters.
#
# sentencepiece 0.2.3. return_type="immutable_proto", whose begin and end counted characters, raises and
# recommends return_type="proto". That one counts bytes of UTF-8: text[begin:end] is right in English
# and wrong in every other script, and nothing raises. Characters come from return_type="offset_mapping".
# Whoever cuts answers out of a context by these numbers gets wrong spans in fourteen of fifteen
# languages.
#
# Seen on 27 November 2026:
#     proto: the piece 'о' of 'Ворота' has [2, 4), where the text has 'ро'
#     offset_mapping: it has [1, 2), where the text has 'о'
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check sentencepiece==0.2.3 protobuf==7.36.2
cd "$folder"
export OMP_NUM_THREADS=1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import io

import sentencepiece

lines = ["Ворота сегодня закрыты", "Сегодня ворота открыты", "Закрыты все ворота"] * 40
model = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(lines),
    model_writer=model,
    vocab_size=24,
    model_type="char",
    hard_vocab_limit=False,
    minloglevel=2,
)
processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
text = "Ворота"
try:
    processor.encode(text, return_type="immutable_proto")
    raise SystemExit("immutable_proto is there again")
except ValueError as error:
    assert "return_type='proto'" in str(error), error
proto = processor.encode(text, return_type="proto").pieces[2]
mapping = processor.encode(text, return_type="offset_mapping")
begin, end = mapping["offsets"][2]
print("proto:", proto.piece, (proto.begin, proto.end), repr(text[proto.begin : proto.end]))
print("offset_mapping:", mapping["pieces"][2], (begin, end), repr(text[begin:end]))
assert (proto.piece, proto.begin, proto.end, text[proto.begin : proto.end]) == ("о", 2, 4, "ро")
assert (mapping["pieces"][2], begin, end, text[begin:end]) == ("о", 1, 2, "о")
PYTHON
