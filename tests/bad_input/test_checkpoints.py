"""Checkpoints: configuration, weights, tokenizer, labels."""

import json
import random
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

SAMPLE = "data=sample data.limit_eval=3 data.eval_languages=[en]"
EVALUATE = f"evaluate model.checkpoint=model {SAMPLE}"
TRAIN = (
    f"train model=checkpoint model.checkpoint=model {SAMPLE} data.max_length=32 "
    "data.limit_train=8 trainer.max_steps=1"
)
TO_TORCH = "convert source=model target=new/torch direction=to_torch"
TO_PADDLE = "convert source=model target=new/paddle"

MATRIX = "roberta.encoder.layer.0.attention.self.query.weight"


def test_nothing_is_wrong_with_the_model_that_is_spoiled_below(infoxlm, model):
    for line in (EVALUATE, TRAIN, TO_TORCH):
        assert infoxlm(*line.split()).code == 0


# config.json: what is changed in it, what the line names besides the file.
ENTRIES = [
    ({"model_type": "bert"}, ["model_type is 'bert', not 'xlm-roberta'", "Give an XLM-R"]),
    ({"hidden_act": "relu"}, ["hidden_act is 'relu'", "Give an XLM-R"]),
    ({"position_embedding_type": "relative_key"}, ["is 'relative_key'", "Give an XLM-R"]),
    ({"pad_token_id": 0}, ["pad_token_id is 0, not 1", "Give an XLM-R"]),
    ({"hidden_size": -16}, ["hidden_size is -16, not a positive whole", "Correct config.json"]),
    ({"hidden_size": "16"}, ["hidden_size is '16', not a positive whole", "Correct config.json"]),
    ({"hidden_size": 10**12}, ["hidden_size is 1000000000000", "Correct config.json"]),
    ({"num_attention_heads": 0}, ["num_attention_heads is 0", "Correct config.json"]),
    ({"num_attention_heads": 3}, ["hidden_size 16 is not a multiple", "heads 3", "Correct"]),
    ({"num_hidden_layers": "two"}, ["num_hidden_layers is 'two'", "Correct config.json"]),
    ({"vocab_size": None}, ["vocab_size is None", "Correct config.json"]),
    ({"layer_norm_eps": -1}, ["layer_norm_eps is -1", "at most 0.001", "Correct config.json"]),
    ({"hidden_dropout_prob": 2}, ["hidden_dropout_prob is 2", "below 1", "Correct config.json"]),
    ({"id2label": ["entailment"]}, ["id2label is ['entailment']", "an object", "Correct"]),
    ({"id2label": {"1": "entailment"}}, ["id2label is {'1': 'entailment'}", "the keys 0, 1"]),
    ({"train_max_length": 9999}, ["train_max_length is 9999", "8 to 512", "Correct config.json"]),
    ({"encoder_name": {"a": 1}}, ["encoder_name is {'a': 1}, not a text", "Correct config.json"]),
]
# What the weights beside it tell, which are named instead.
SHAPES = [
    ({"hidden_size": 32}, ["word_embeddings.weight has shape", "asks for", "belong together"]),
    ({"intermediate_size": 64}, ["[16, 48]", "asks for [16, 64]", "belong together"]),
    ({"max_position_embeddings": 20}, ["position_embeddings.weight", "[20, 16]", "Give weights"]),
    ({"num_hidden_layers": 3}, ["has no roberta.encoder.layer.2", "15 more", "Give a whole"]),
    ({"num_hidden_layers": 1}, ["has 2 layers", "num_hidden_layers 1", "Give a checkpoint"]),
]


def change_entries(model, changes):
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | changes))


@pytest.mark.parametrize(
    ("changes", "named"), ENTRIES, ids=[json.dumps(changes) for changes, _ in ENTRIES]
)
def test_entries(refused, model, changes, named):
    change_entries(model, changes)
    for line in (EVALUATE, TO_TORCH):
        refused(line, ["model/config.json: ", *named])


@pytest.mark.parametrize(
    ("changes", "named"), SHAPES, ids=[json.dumps(changes) for changes, _ in SHAPES]
)
def test_shapes_that_are_not_the_weights(refused, model, changes, named):
    change_entries(model, changes)
    for line in (EVALUATE, TRAIN, TO_TORCH):
        refused(line, ["model/model.safetensors", *named])


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", ["model/config.json is not JSON", "Fetch or write it again"]),
        (b'{"model_type"', ["model/config.json is not JSON", "line 1 column", "Fetch"]),
        (b"[]", ["model/config.json is not a JSON object", "Fetch or write it again"]),
        (b"\xff\xfe{\0}\0", ["model/config.json is not JSON", "0xff", "Fetch or write it again"]),
        (b"[" * 100_000, ["model/config.json is not JSON", "Fetch or write it again"]),
        (None, ["Give a"]),
    ],
    ids=["empty", "cut", "list", "UTF-16", "nested without end", "missing"],
)
def test_configurations(refused, model, content, named):
    (model / "config.json").unlink()
    if content is not None:
        (model / "config.json").write_bytes(content)
    for line in (EVALUATE, TO_TORCH):
        refused(line, named)


def with_header(change):
    """A safetensors file whose header lies."""

    def lie(content):
        size = struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8 : 8 + size])
        change(header)
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + content[8 + size :]

    return lie


# Kind, what is made of the file's bytes, what the line names besides the file.
FILES = [
    ("empty", lambda content: b"", ["is damaged", "Make or fetch it again"]),
    ("cut in the header", lambda content: content[:100], ["is damaged", "Make or fetch"]),
    ("cut by a byte", lambda content: content[:-1], ["is damaged", "not fully covered", "Make"]),
    ("longer", lambda content: content + b"x", ["is damaged", "not fully covered", "Make"]),
    ("random bytes", lambda _: random.Random(0).randbytes(5000), ["is damaged", "Make or fetch"]),
    ("git-lfs pointer", lambda _: b"version https://git-lfs.github.com/spec/v1\n", ["is damaged"]),
    ("header longer than the file", lambda content: struct.pack("<Q", 2**60) + content[8:],
     ["is damaged", "header too large", "Make or fetch it again"]),
    ("offsets out of the file",
     with_header(lambda header: header[MATRIX].update(data_offsets=[10**9, 10**9 + 1024])),
     ["is damaged", "invalid offset", "Make or fetch it again"]),
    ("shape larger than the bytes",
     with_header(lambda header: header[MATRIX].update(shape=[2**62, 4])),
     ["is damaged", "overflow", "Make or fetch it again"]),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "named"), [x[1:] for x in FILES], ids=[x[0] for x in FILES])
def test_weight_files(refused, model, spoil, named):
    file = model / "model.safetensors"
    file.write_bytes(spoil(file.read_bytes()))
    for line in (EVALUATE, TO_TORCH):
        refused(line, ["model/model.safetensors", *named])


# Kind, what is made of the tensors, what the line names besides the file.
TENSORS = [
    ("missing", lambda state: state.pop(MATRIX), [f"has no {MATRIX}", "Give a whole checkpoint"]),
    ("half a head", lambda state: state.pop("classifier.dense.bias"),
     ["has no classifier.dense.bias", "Give a whole checkpoint"]),
    ("of another model", lambda state: state.update({"bert.x": state.pop(MATRIX)}),
     [f"has no {MATRIX}", "Give a whole checkpoint"]),
    ("twice", lambda state: state.update({MATRIX.removeprefix("roberta."): state[MATRIX] * 2}),
     ["has both encoder.layer.0", f"and {MATRIX}", "Remove one of the two"]),
    ("of a third layer", lambda state: state.update({MATRIX.replace("0", "2"): state[MATRIX]}),
     ["has 3 layers", "num_hidden_layers 2", "Give a checkpoint"]),
    ("cut", lambda state: state.update({MATRIX: state[MATRIX][:8]}),
     [f"{MATRIX} has shape [8, 16]", "asks for [16, 16]", "Give weights"]),
    ("int8", lambda state: state.update({MATRIX: state[MATRIX].astype(np.int8)}),
     [f"{MATRIX} is of type ", "Give weights in float32"]),
    ("NaN", lambda state: state.update({MATRIX: state[MATRIX] * np.nan}),
     [f"{MATRIX} holds infinities or NaN", "Fetch or save it again"]),
    ("vocabulary cut", lambda state: state.update(
        {name: x[:300] for name, x in state.items() if "word_embeddings" in name}),
     ["word_embeddings.weight has shape [300, 16]", "Give weights"]),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "named"), [x[1:] for x in TENSORS], ids=[x[0] for x in TENSORS])
def test_tensors(refused, model, spoil, named):
    change_tensors(model, spoil)
    for line in (EVALUATE, TO_TORCH):
        refused(line, ["model/model.safetensors", *named])


def test_tensors_that_are_no_numbers_leave_no_run(refused, model):
    change_tensors(model, lambda state: state.update({MATRIX: state[MATRIX] * np.nan}))
    refused(TRAIN, [f"{MATRIX} holds infinities or NaN", "Fetch or save it again"])


def change_tensors(model, change):
    state = load_file(model / "model.safetensors")
    change(state)
    state = {name: np.ascontiguousarray(values) for name, values in state.items()}
    save_file(state, model / "model.safetensors", metadata={"format": "np"})


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (
            None,
            [
                "model/sentencepiece.bpe.model cannot be read: No such file",
                "tokenizer.json again from",
            ],
        ),
        (b"", ["model/sentencepiece.bpe.model (0 bytes) is damaged", "Take"]),
        (b"\0" * 500, ["model/sentencepiece.bpe.model (500 bytes) is damaged", "Take"]),
    ],
    ids=["missing", "empty", "zeros"],
)
def test_tokenizers(refused, model, content, named):
    (model / "sentencepiece.bpe.model").unlink()
    if content is not None:
        (model / "sentencepiece.bpe.model").write_bytes(content)
    for line in (EVALUATE, TO_TORCH):
        refused(line, named)


def test_tokenizer_of_another_model(refused, model, cache_folder):
    from infoxlm.data.small_vocabulary import small_vocabulary

    shutil.copy(small_vocabulary(1500, cache_folder), model)
    for line in (EVALUATE, TRAIN):
        refused(line, ["word embeddings, its tokenizer 1500 tokens", "belong together"])
    refused(TO_TORCH, ["the tokenizer has 1500 ids", "Put the vocabulary file"])


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (f"{EVALUATE} data.max_length=200", ["data.max_length=200", "positions for 38 tokens"]),
        (TRAIN.replace("=32", "=39"), ["data.max_length=39", "Set data.max_length to at most 38"]),
        (EVALUATE.replace("=model", "=gone"), ["model.checkpoint=gone does not exist", "Give a"]),
        (EVALUATE.replace("=model", "=model/config.json"),
         ["model.checkpoint=model/config.json is a file", "Give model.checkpoint=model"]),
        (EVALUATE.replace("=model", "=empty"), ["model.checkpoint=empty is neither", "Give a"]),
        (EVALUATE.replace("=model", f"={'x' * 300}"), ["File name too long", "a shorter path"]),
        (TO_TORCH.replace("=model", "=gone"), ["model folder gone does not exist", "Give"]),
        (TO_TORCH.replace("=model", "=empty"), ["empty has no config.json", "Give a folder"]),
        (TO_PADDLE, ["is in Paddle's layout already", "set direction=to_torch"]),
        (TO_PADDLE.replace("=model", "=gone"), ["source gone does not exist", "Give a folder"]),
        (TO_PADDLE.replace("=model", "=model/config.json"),
         ["source=model/config.json is a file", "Give source=model"]),
    ],
)  # fmt: skip
def test_places_and_lengths(refused, model, line, named):
    Path("empty").mkdir()
    refused(line, named)


# Tensors that the model would compute without.

COMMANDS = [
    EVALUATE, TRAIN, TO_TORCH,
    "predict model.checkpoint=model text=a<sep>b",
    "export model.checkpoint=model target=new",
    "serve model.checkpoint=model",
    "retrieve model.checkpoint=model data.root=data data.languages=[de] data.max_length=32",
]  # fmt: skip


@pytest.mark.parametrize("line", COMMANDS)
@pytest.mark.parametrize(
    ("name", "named"),
    [
        (MATRIX.replace("weight", "lora_A.default.weight"), ["LoRA tensors", "merge_and_unload"]),
        ("roberta.encoder.layer.1.output.adapters.xnli.adapter_up.bias", ["holds adapters"]),
        ("projection.weight", ["without a place in XLM-R", "remove them from the file"]),
    ],
)
def test_tensors_without_a_place(refused, model, line, name, named):
    Path("data").mkdir()
    for file in ("deu", "eng"):
        Path("data", f"tatoeba.deu-eng.{file}").write_text("eins\nzwei\n")
    change_tensors(model, lambda state: state.update({name: np.ones((4, 16), np.float32)}))
    refused(line, ["model/model.safetensors holds", name, *named])


# Labels


def test_labels_in_another_order_give_the_same_accuracy(infoxlm, model):
    line = f"{EVALUATE} data.limit_eval=30 hydra.run.dir=run"

    def scored():
        assert infoxlm(*line.split()).code == 0
        results = json.loads(Path("run/results.json").read_text())
        shutil.rmtree("run")
        return results["test"]

    order = [2, 0, 1]
    before = scored()
    change_tensors(model, lambda state: state.update({
        "classifier.out_proj.weight": state["classifier.out_proj.weight"][:, order],
        "classifier.out_proj.bias": state["classifier.out_proj.bias"][order],
    }))  # fmt: skip
    change_entries(model, {"id2label": {"0": "contradiction", "1": "entailment", "2": "Neutral"}})
    assert scored() == before
    change_entries(model, {"id2label": {"0": "entailment", "1": "neutral", "2": "contradiction"}})
    assert scored() != before


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        (["a", "b", "c", "d", "e"], ["model is not", "names a, b, c, d, e"]),
        (["LABEL_0", "LABEL_1", "LABEL_2"], ["model is not a classifier for", "names LABEL_0"]),
        (["entailment", "neutral"], ["model is not", "names entailment, neutral"]),
        (["entailment"], ["model is not", "names entailment"]),
        ([], ["model is not", "names nothing"]),
    ],
)
def test_other_labels(refused, model, labels, named):
    count = len(labels) or 3
    entries = {"id2label": {str(i): label for i, label in enumerate(labels)}, "num_labels": count}
    change_entries(model, entries)
    change_tensors(model, lambda state: state.update({
        "classifier.out_proj.weight": np.zeros((16, count), np.float32),
        "classifier.out_proj.bias": np.zeros(count, np.float32),
    }))  # fmt: skip
    refused(EVALUATE, [*named, "Give a checkpoint", "name its labels in their order"])
    refused(TRAIN, [*named, "Add model.new_head=true", "name its labels in their order"])


@pytest.mark.parametrize("name", ["classifier", "qa_outputs"])
def test_heads_of_other_tasks(refused, model, name):
    change_tensors(model, lambda state: [
        state.pop(x) for x in list(state) if x.startswith("classifier.")
    ] and state.update({
        f"{name}.weight": np.zeros((16, 3 if name == "classifier" else 2), np.float32),
        f"{name}.bias": np.zeros(3 if name == "classifier" else 2, np.float32),
    }))  # fmt: skip
    refused(EVALUATE, [f"model holds an encoder without a classifier of sentences; its {name} is",
                       "Fine-tune it first", "model.new_head=true"])  # fmt: skip
    refused(TRAIN, [f"model was fine-tuned for another task: its head is {name}",
                    "Add model.new_head=true"])  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        EVALUATE,
        "predict model.checkpoint=model text=a",
        "export model.checkpoint=model target=new",
        "serve model.checkpoint=model",
        "retrieve model.checkpoint=model data.root=data data.languages=[de]",
    ],
)
def test_a_new_head_is_for_training(refused, model, line):
    refused(f"{line} model.new_head=true", ["model.new_head=true outside of", "Leave it out"])


def test_encoder_without_a_classifier_is_not_evaluated(refused, model):
    change_tensors(model, lambda state: [
        state.pop(name) for name in list(state) if name.startswith("classifier.")
    ])  # fmt: skip
    refused(EVALUATE, ["model holds an encoder without a classifier", "Fine-tune it"])
