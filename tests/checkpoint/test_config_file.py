import json

import pytest

from infoxlm.checkpoint.config_file import check_config, check_fits, read_config_file
from infoxlm.errors import UserError

#: What microsoft/infoxlm-base has, as far as it matters.
BASE = {
    "model_type": "xlm-roberta", "hidden_act": "gelu", "position_embedding_type": "absolute",
    "vocab_size": 250002, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
    "intermediate_size": 3072, "max_position_embeddings": 514, "type_vocab_size": 1,
    "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "layer_norm_eps": 1e-05,
    "initializer_range": 0.02, "pad_token_id": 1,
}  # fmt: skip


def refused(folder, changes):
    (folder / "config.json").write_text(json.dumps(BASE | changes))
    with pytest.raises(UserError) as caught:
        read_config_file(folder)
    file, _, told = caught.value.problem.partition(": ")
    assert file == str(folder / "config.json")
    assert "\n" not in told
    return told


def test_what_is_read_is_what_is_there(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(BASE | {"anything": [1]}))
    assert read_config_file(tmp_path) == BASE | {"anything": [1]}


@pytest.mark.parametrize("text", ["", "[]", "7", '{"model_type": "xlm-roberta"', "[" * 100_000])
def test_what_is_no_json_object(text, tmp_path):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"config\.json is not"):
        read_config_file(tmp_path)


def test_folder_and_file_that_are_missing_are_told_apart(tmp_path):
    with pytest.raises(UserError, match="nowhere does not exist"):
        read_config_file(tmp_path / "nowhere")
    with pytest.raises(UserError, match="has no config.json"):
        read_config_file(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="config.json is a file"):
        read_config_file(tmp_path / "config.json")


@pytest.mark.parametrize(
    ("key", "right", "wrong"),
    [
        ("model_type", ["roberta"], ["bert", "XLM-RoBERTa", None, 7]),
        ("hidden_act", [], ["relu", None]),
        ("position_embedding_type", [], ["relative_key"]),
        ("pad_token_id", [], [0, -1, "<pad>", None]),
        ("vocab_size", [1], [0, -1, "many", 1.5, None, True, 2**31]),
        ("hidden_size", [12], [0, "768", None]),
        ("num_hidden_layers", [1], [0, -1]),
        ("num_attention_heads", [1, 768], [0, -12]),
        ("max_position_embeddings", [3], [0]),
        ("hidden_dropout_prob", [0, 0.5], [1, -0.1, "x", None, 10**30]),
        ("classifier_dropout", [None, 0], [1.0, "none"]),
        ("layer_norm_eps", [1e-12, 0.001], [0, -1, 1, "1e-5", None]),
        ("initializer_range", [1], [0, "x", 1e308]),
        ("num_labels", [1, 5], [0, "three"]),
        ("id2label", [None, {}, {"0": "A"}, {"1": "B", "0": "A"}],
         ["x", ["A"], {"1": "A"}, {"a": "A"}, {"0": None}, {"0": ["A"]}]),
        ("train_max_length", [8, 512], [7, 513, "x", None, True]),
        ("encoder_name", ["infoxlm_base"], [7, {"a": 1}]),
    ],
)  # fmt: skip
def test_entries(key, right, wrong, tmp_path):
    for value in right:
        check_config(BASE | {key: value}, tmp_path)
    for value in wrong:
        assert refused(tmp_path, {key: value}).startswith(f"{key} is {value!r}, not ")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("1" * 400, "is not JSON: it holds a number of 400 digits"),
        ("1e400", "is not JSON: it holds 1e400, which is too large"),
        ("NaN", "is not JSON: it holds NaN"),
        ('[["' + 200 * "x" + '"]]', r"hidden_size is \[\['x+\.\.\., not a positive whole number"),
        (str(10**30), "hidden_size is 1000000000000000000000000000000, not a positive"),
    ],
)
def test_odd_numbers_are_told_in_a_line(value, told, tmp_path):
    text = json.dumps(BASE | {"hidden_size": "VALUE"}).replace('"VALUE"', value)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=told) as caught:
        read_config_file(tmp_path)
    assert len(caught.value.problem) < len(str(tmp_path)) + 150


def test_heads_divide_the_width(tmp_path):
    told = refused(tmp_path, {"num_attention_heads": 5})
    assert "hidden_size 768 is not a multiple of num_attention_heads 5" in told


@pytest.mark.parametrize(
    ("vocab_size", "max_length", "told"),
    [
        (250002, 512, None),
        (250003, 512, "250002 word embeddings, its tokenizer 250003 tokens"),
        (250002, 513, "data.max_length=513, but the model has positions for 512 tokens"),
    ],
)
def test_misfits(vocab_size, max_length, told):
    if told is None:
        check_fits(BASE, vocab_size, max_length)
    else:
        with pytest.raises(UserError, match=told):
            check_fits(BASE, vocab_size, max_length)
