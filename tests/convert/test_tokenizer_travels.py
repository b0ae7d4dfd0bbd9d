"""A tokenizer goes with its weights, whichever files it came in."""

import json

import pytest

from infoxlm.convert import convert_to_paddle, convert_to_torch
from infoxlm.errors import UserError
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
from infoxlm.tokenization.tokenizer_files import TokenizerFiles, read_model_file

TEXTS = ["[USER] the cat<e1>sat  [USER]", "a woman is playing", ""]
TOKENIZER_FILES = ("sentencepiece.bpe.model", "tokenizer.json", "tokenizer_config.json")


@pytest.fixture
def source(torch_folder, tiny_state, tiny_torch_config, sentencepiece_file):
    """A PyTorch folder with two added tokens, saved as transformers 5 does, or without them."""
    from infoxlm.tokenization.added_tokens import AddedToken

    def write(added=True, dtype_key="dtype", rows=None):
        size = tiny_torch_config["vocab_size"]
        files = read_model_file(sentencepiece_file)
        if added:
            special = AddedToken(size + 1, "<e1>", normalized=False, special=True)
            tokens = (AddedToken(size, "[USER]"), special)
            files = TokenizerFiles(files.source, files.model, tokens)
        rows = rows or size + len(files.added_tokens)
        state = tiny_state("classifier", vocab_size=rows)
        folder = torch_folder(state, vocab_size=rows, **{dtype_key: "float16"})
        InfoXLMTokenizer(files).save_pretrained(folder, fast=True)
        for name in ("sentencepiece.bpe.model", "added_tokens.json", "special_tokens_map.json"):
            (folder / name).unlink(missing_ok=True)
        path = folder / "tokenizer_config.json"
        config = json.loads(path.read_text())
        del config["added_tokens_decoder"]
        config["extra_special_tokens"] = config.pop("additional_special_tokens", [])
        path.write_text(json.dumps(config))
        return folder

    return write


def ids(folder):
    encoded = InfoXLMTokenizer.from_pretrained(folder).encode(TEXTS, max_length=64)
    return [row.tolist() for row in encoded]


@pytest.mark.parametrize("added", [False, True])
def test_there_and_back(source, tmp_path, added):
    torch_folder = source(added)
    convert_to_paddle(str(torch_folder), tmp_path / "paddle", cache_dir=tmp_path)
    convert_to_torch(tmp_path / "paddle", tmp_path / "back")
    expected = ids(torch_folder)
    assert ids(tmp_path / "paddle") == ids(tmp_path / "back") == expected
    assert (tmp_path / "paddle" / "tokenizer.json").exists() == added
    assert all((tmp_path / "back" / name).exists() for name in TOKENIZER_FILES)
    for key in ("dtype", "torch_dtype"):
        assert json.loads((tmp_path / "back" / "config.json").read_text()).get(key) != "float16"

    transformers = pytest.importorskip("transformers")
    for fast in (True, False):
        theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "back", use_fast=fast)
        assert [theirs(text)["input_ids"] for text in TEXTS] == expected


def test_added_tokens_without_embeddings(source, tiny_torch_config, tmp_path):
    size = tiny_torch_config["vocab_size"]
    message = f"the tokenizer has {size + 2} ids, config.json says vocab_size {size}"
    with pytest.raises(UserError, match=message):
        convert_to_paddle(str(source(rows=size)), tmp_path / "paddle", cache_dir=tmp_path)
    assert not (tmp_path / "paddle").exists()
