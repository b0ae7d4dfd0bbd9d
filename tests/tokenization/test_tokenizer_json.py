import base64
import json
import random

import pytest
import sentencepiece

from infoxlm.errors import UserError
from infoxlm.tokenization.sentencepiece_model import read_model
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
from infoxlm.tokenization.tokenizer_json_reader import read_tokenizer_json

SENTENCE = (
    "the cat sat on маленький 狗 ไม่ बच्चा çocuk never 12 ! , . unseenword Ünïcödé \ufb01 e\u0301"
)
WORDS = SENTENCE.split()


def random_texts(count=200):
    draw = random.Random(1)
    return [" ".join(draw.choices(WORDS, k=draw.randint(0, 20))) for _ in range(count)]


# Read


def test_vocabulary_survives_to_the_bit(sentencepiece_file, json_folder):
    written = read_tokenizer_json(json_folder() / "tokenizer.json").unigram
    assert written == read_model(sentencepiece_file.read_bytes())
    again = InfoXLMTokenizer.from_pretrained(json_folder())
    model = again._files.model
    assert read_model(model) == written


def test_ids_without_a_sentencepiece_file(sentencepiece_file, json_folder, ids):
    original = InfoXLMTokenizer(sentencepiece_file)
    again = InfoXLMTokenizer.from_pretrained(json_folder())
    assert again.vocab_size == original.vocab_size
    assert ids(again, random_texts()) == ids(original, random_texts())


def test_the_file_that_transformers_converts(sentencepiece_file, theirs, ids, tmp_path):
    InfoXLMTokenizer(sentencepiece_file).save_pretrained(tmp_path)
    fast = theirs(tmp_path)
    fast.save_pretrained(tmp_path / "fast", legacy_format=False)
    assert not (tmp_path / "fast" / "sentencepiece.bpe.model").exists()
    ours = InfoXLMTokenizer.from_pretrained(tmp_path / "fast")
    texts = [*random_texts(), "  a  b ", "", "\ta\n"]
    assert ids(ours, texts) == [fast(text)["input_ids"] for text in texts]


def test_older_spellings(json_folder, ids, sentencepiece_file):
    """XLM-R's own file names no model, and says `add_prefix_space`."""

    def older(content):
        del content["model"]["type"], content["model"]["byte_fallback"]
        metaspace = content["pre_tokenizer"]["pretokenizers"][1]
        del metaspace["prepend_scheme"], metaspace["split"]
        metaspace.update(add_prefix_space=True, str_rep="▁")
        content["normalizer"] = {
            "type": "Sequence",
            "normalizers": [
                content["normalizer"],
                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
            ],
        }
        content["post_processor"] = {
            "type": "RobertaProcessing",
            "sep": ["</s>", 2],
            "cls": ["<s>", 0],
            "trim_offsets": True,
            "add_prefix_space": True,
        }

    ours = InfoXLMTokenizer.from_pretrained(json_folder(older))
    expected = ids(InfoXLMTokenizer(sentencepiece_file), random_texts())
    assert ids(ours, random_texts()) == expected


def replaced(*path, by):
    def change(content):
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = by

    return change


METASPACE = ("pre_tokenizer", "pretokenizers", 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (replaced("model", by={"type": "BPE", "vocab": {}, "merges": []}), "model is BPE, not Un"),
        (replaced("model", by={"type": "WordPiece", "vocab": {}}), "model is WordPiece"),
        (replaced("model", by=None), "model is None, not Unigram"),
        (replaced("model", "unk_id", by=0), "unk_id is 0, not 3"),
        (replaced("model", "byte_fallback", by=True), "byte_fallback is True"),
        (replaced("model", "vocab", 3, 0, by="x"), "vocab is <s> <pad> </s> x ... <mask>"),
        (replaced("model", "vocab", -1, 0, by="x"), r"\.\.\. x, not .* <mask>"),
        (replaced("model", "vocab", 9, by=["x", "y"]), r"vocab at one place is \['x', 'y'\]"),
        (replaced("model", "vocab", by="x"), "vocab is 'x', not a list"),
        (replaced("model", "vocab", by={}), "vocab is {}, not a list"),
        (replaced("model", "vocab", 9, 1, by=1e50), "vocab at one place is .*1e.50"),
        (replaced("post_processor", "single", by=5), "post_processor for single texts is 5"),
        (
            replaced("normalizer", by={"type": "Sequence", "normalizers": []}),
            "normalizer is , not Precompiled",
        ),
        (
            replaced("pre_tokenizer", by={"type": "Sequence", "pretokenizers": []}),
            "pre_tokenizer is , not Whitespace",
        ),
        (replaced("normalizer", by=None), "normalizer is None, not Precompiled"),
        (replaced("normalizer", by={"type": "BertNormalizer"}), "normalizer is BertNormalizer"),
        (
            lambda content: content.update(
                normalizer={
                    "type": "Sequence",
                    "normalizers": [content["normalizer"], {"type": "Lowercase"}],
                }
            ),
            "normalizer is .*Lowercase",
        ),
        (replaced("normalizer", "precompiled_charsmap", by="?"), "precompiled_charsmap is damaged"),
        (replaced("normalizer", "precompiled_charsmap", by=""), "precompiled_charsmap is empty"),
        (replaced("normalizer", "precompiled_charsmap", by="AAAA"), "refuses its pieces or char"),
        (replaced("normalizer", "precompiled_charsmap", by=7), "precompiled_charsmap is damaged"),
        (replaced("pre_tokenizer", by={"type": "ByteLevel"}), "pre_tokenizer is ByteLevel"),
        (replaced("pre_tokenizer", by=None), "pre_tokenizer is None"),
        (replaced("pre_tokenizer", by={"type": "Metaspace", "replacement": "▁"}), "normalizer is"),
        (replaced(*METASPACE, "prepend_scheme", by="never"), "a ▁ before every text"),
        (replaced(*METASPACE, "replacement", by="_"), "a ▁ before every text"),
        (replaced(*METASPACE, "split", by=False), "Metaspace's split is False"),
        (replaced("post_processor", by={"type": "BertProcessing"}), "post_processor is BertProc"),
        (replaced("post_processor", "pair", by=[]), "post_processor for pair texts is , not <s> A"),
        (replaced("post_processor", "special_tokens", "<s>", "ids", by=[5]), r"id of <s> is \[5\]"),
        (replaced("truncation", by={"direction": "Left"}), "truncation is from the left"),
        (replaced("added_tokens", by={}), None),
        (replaced("added_tokens", by=[7]), "added token None is damaged: 7"),
    ],
)
def test_other_tokenizers_are_named(json_folder, change, message):
    folder = json_folder(change)
    if message is None:
        InfoXLMTokenizer.from_pretrained(folder)
        return
    with pytest.raises(UserError, match=message) as caught:
        InfoXLMTokenizer.from_pretrained(folder)
    assert "tokenizer.json" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"model": NaN}'])
def test_damaged_file(tmp_path, content):
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(UserError, match="tokenizer.json is damaged"):
        InfoXLMTokenizer.from_pretrained(tmp_path)


def test_pieces_that_occur_twice(json_folder):
    def change(content):
        content["model"]["vocab"][8] = content["model"]["vocab"][9]

    with pytest.raises(
        UserError, match=r"tokenizer.json is damaged: sentencepiece refuses its pieces"
    ):
        InfoXLMTokenizer.from_pretrained(json_folder(change))


# Written


def test_tokenizers_reads_what_is_written(sentencepiece_file, json_folder, ids):
    tokenizers = pytest.importorskip("tokenizers")
    theirs = tokenizers.Tokenizer.from_file(str(json_folder() / "tokenizer.json"))
    ours = InfoXLMTokenizer(sentencepiece_file)
    texts = [*random_texts(), "  a  b ", "", "\ta\n"]
    assert ids(ours, texts) == [theirs.encode(text).ids for text in texts]
    pair = ours.encode(["the cat"], ["dog"], max_length=32)[0].tolist()
    assert pair == theirs.encode("the cat", "dog").ids
    assert theirs.get_vocab_size() == ours.vocab_size
    assert theirs.decode(pair) == "the cat dog"


def test_written_without_transformers_knowing_sentencepiece(json_folder, sentencepiece_file, ids):
    transformers = pytest.importorskip("transformers")
    fast = transformers.PreTrainedTokenizerFast.from_pretrained(json_folder())
    ours = ids(InfoXLMTokenizer(sentencepiece_file), random_texts())
    assert ours == [fast(text, return_token_type_ids=False).input_ids for text in random_texts()]


def test_a_model_that_says_more_is_not_written(tmp_path, caplog):
    """A piece of the user's own would be found otherwise; the folder keeps its model."""
    path = tmp_path / "sentencepiece.bpe.model"
    with path.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["the cat sat on the mat"] * 20),
            model_writer=file,
            vocab_size=40,
            hard_vocab_limit=False,
            user_defined_symbols=["<sep>"],
            minloglevel=2,
        )
    InfoXLMTokenizer(path).save_pretrained(tmp_path / "out", fast=True)
    assert not (tmp_path / "out" / "tokenizer.json").exists()
    assert "tokenizer.json is not written: the sentencepiece model has pieces" in caplog.text
    InfoXLMTokenizer.from_pretrained(tmp_path / "out")


def test_table_of_characters_is_the_models_own(sentencepiece_file, json_folder):
    content = json.loads((json_folder() / "tokenizer.json").read_text())
    charsmap = base64.b64decode(content["normalizer"]["precompiled_charsmap"])
    assert charsmap and charsmap in sentencepiece_file.read_bytes()
