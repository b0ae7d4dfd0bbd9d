"""Adapters as peft saves them; expected logits come from torch, where nothing is merged."""

import json
import logging
import os

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from infoxlm.convert import convert_to_paddle
from infoxlm.convert.find_checkpoint import find_checkpoint
from infoxlm.convert.source import open_source
from infoxlm.errors import UserError

LABELS = {"id2label": {"0": "entailment", "1": "neutral", "2": "contradiction"}}
PREFIX = "base_model.model."
SELF = "roberta.encoder.layer.{}.attention.self.{}"
IDS = np.array([[0, 5, 77, 301, 2, 2, 9, 2], [0, 8, 9, 2, 2, 12, 2, 1]])


@pytest.fixture
def base(tiny_state, torch_folder):
    state = {name: values / 3 for name, values in tiny_state("classifier", **LABELS).items()}
    return torch_folder(state, "base", **LABELS, torch_dtype="float32")


@pytest.fixture
def adapter(base, tmp_path):
    """Writes an adapter of rank 4, and gives its folder."""

    def write(tensors, **changes):
        folder = tmp_path / "adapter"
        folder.mkdir(exist_ok=True)
        tensors = {PREFIX + name: values for name, values in tensors.items()}
        save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
        config = {
            "base_model_name_or_path": str(base), "peft_type": "LORA", "r": 4, "lora_alpha": 6,
        }  # fmt: skip
        (folder / "adapter_config.json").write_text(json.dumps(config | changes))
        return folder

    return write


def matrices(layers, rows=16, columns=16, rank=4, kind="lora_{}.weight"):
    """Random matrices for layers of one shape."""
    rng = np.random.default_rng(3)
    shapes = {"A": (rank, columns), "B": (rows, rank)}
    return {
        f"{layer}.{kind.format(side)}": rng.normal(0, 0.3, shape).astype(np.float32)
        for layer in layers
        for side, shape in shapes.items()
    }


def logits_with_hooks(base, tensors, scale):
    """Compute torch's logits when each adapted layer adds its product to its output."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    model = transformers.XLMRobertaForSequenceClassification.from_pretrained(base).eval()
    modules = dict(model.named_modules())

    def add(layer):
        a, b = (torch.tensor(tensors[f"{layer}.lora_{side}.weight"]) for side in "AB")
        modules[layer].register_forward_hook(
            lambda module, given, out: out + scale * (given[0] @ a.T @ b.T)
        )

    for layer in {name.split(".lora_")[0] for name in tensors}:
        add(layer)
    with torch.no_grad():
        return model(torch.tensor(IDS), torch.tensor(IDS != 1)).logits.numpy()


def our_logits(folder):
    import paddle

    from infoxlm import InfoXLMForSequenceClassification

    model = InfoXLMForSequenceClassification.from_pretrained(folder)
    model.eval()
    return model(paddle.to_tensor(IDS)).logits.numpy()


@pytest.mark.parametrize(
    ("changes", "scale"),
    [
        ({}, 1.5),
        ({"use_rslora": True}, 3.0),
        # peft puts it back to false for linear layers, and so it means nothing here.
        ({"fan_in_fan_out": True}, 1.5),
    ],
)
def test_logits_are_those_of_torch(changes, scale, base, adapter, tmp_path):
    layers = [SELF.format(i, kind) for i in (0, 1) for kind in ("query", "value")]
    tensors = matrices([*layers, "classifier.dense"])
    folder = adapter(tensors, **changes)
    expected = logits_with_hooks(base, tensors, scale)
    convert_to_paddle(str(folder), tmp_path / "paddle", cache_dir=tmp_path)
    found = our_logits(tmp_path / "paddle")
    np.testing.assert_allclose(found, expected, atol=2e-6)
    convert_to_paddle(str(base), tmp_path / "base_paddle", cache_dir=tmp_path)
    assert np.abs(our_logits(tmp_path / "base_paddle") - expected).max() > 0.05
    np.testing.assert_array_equal(
        our_logits(find_checkpoint(str(folder), tmp_path / "cache")), found
    )


def test_each_tensor_is_what_the_formula_says(base, adapter, tiny_torch_config, monkeypatch):
    monkeypatch.setattr("infoxlm.convert.lora_adapter.ROWS", 7)  # pieces that do not divide
    words = "roberta.embeddings.word_embeddings"
    dense = "roberta.encoder.layer.1.intermediate.dense"
    size = tiny_torch_config["vocab_size"]
    tensors = {
        **matrices([dense], rows=48, rank=2),
        **matrices([words], rows=16, columns=size, kind="lora_embedding_{}"),
    }
    folder = adapter(tensors, alpha_pattern={"intermediate.dense": 5})
    merged, plain = open_source(str(folder), folder), open_source(str(base), folder)
    for name in plain.tensors.names:
        shape = plain.tensors.shape(name)
        change = np.zeros(shape, np.float32)
        if name == f"{dense}.weight":
            a, b = (tensors[f"{dense}.lora_{side}.weight"] for side in "AB")
            change = 5 / 2 * b @ a
        elif name == f"{words}.weight":
            a, b = (tensors[f"{words}.lora_embedding_{side}"] for side in "AB")
            change = 6 / 4 * (b @ a).T
        expected = plain.tensors.read(name, shape) + change
        for _ in range(2):  # reading leaves the base as it is
            np.testing.assert_allclose(merged.tensors.read(name, shape), expected, atol=1e-6)


def test_modules_saved_with_the_adapter_replace_the_base_s(adapter, tiny_state, caplog):
    caplog.set_level(logging.INFO)
    new = tiny_state("classifier", id2label={str(i): "" for i in range(5)})
    head = {name: x + 1 for name, x in new.items() if name.startswith("classifier.")}
    layers = matrices([SELF.format(0, "query")])
    checkpoint = open_source(
        str(adapter(layers | head, modules_to_save=["classifier", "score"])), None
    )
    for name, values in head.items():
        np.testing.assert_array_equal(checkpoint.tensors.read(name, values.shape), values)
    assert checkpoint.config["id2label"] == {str(i): f"LABEL_{i}" for i in range(5)}
    assert "the classifier is the adapter's, its labels are called LABEL_0, " in caplog.text


def test_an_encoder_gets_its_head_of_question_answering_with_the_adapter(
    base, adapter, tiny_state, torch_folder, tmp_path
):
    encoder = torch_folder(tiny_state(), "encoder")
    head = {name: x for name, x in tiny_state("qa_outputs").items() if name.startswith("qa_")}
    layers = matrices([SELF.format(0, "query")])
    told = {"base_model_name_or_path": str(encoder), "modules_to_save": ["qa_outputs"]}
    with pytest.raises(UserError, match="has no qa_outputs.weight: .* qa_outputs is saved with"):
        convert_to_paddle(str(adapter(layers, **told)), tmp_path / "paddle", cache_dir=tmp_path)
    folder = adapter(layers | head, **told)
    report = convert_to_paddle(str(folder), tmp_path / "paddle", cache_dir=tmp_path)
    assert report.architectures == ("XLMRobertaForQuestionAnswering",)
    found = load_file(tmp_path / "paddle" / "model.safetensors")
    np.testing.assert_array_equal(found["qa_outputs.weight"], head["qa_outputs.weight"].T)
    np.testing.assert_array_equal(found["qa_outputs.bias"], head["qa_outputs.bias"])


def test_adapter_in_a_pickle(adapter, tmp_path):
    torch = pytest.importorskip("torch")
    tensors = matrices([SELF.format(0, "query")])
    folder = adapter(tensors)
    expected = open_source(str(folder), tmp_path).tensors
    name, shape = f"{SELF.format(0, 'query')}.weight", (16, 16)
    values = expected.read(name, shape)
    (folder / "adapter_model.safetensors").unlink()
    state = {PREFIX + name: torch.tensor(x) for name, x in tensors.items()}
    torch.save(state, folder / "adapter_model.bin")
    found = open_source(str(folder), tmp_path).tensors
    np.testing.assert_array_equal(found.read(name, shape), values)


def test_a_changed_base_is_merged_again(base, adapter, tmp_path):
    folder = adapter(matrices([SELF.format(0, "query")]))
    first = find_checkpoint(str(folder), tmp_path / "cache")
    assert find_checkpoint(str(folder), tmp_path / "cache") == first
    weights = base / "model.safetensors"
    os.utime(weights, ns=(0, weights.stat().st_mtime_ns + 1))
    assert find_checkpoint(str(folder), tmp_path / "cache") != first


QUERY = matrices([SELF.format(0, "query")])


@pytest.mark.parametrize(
    ("tensors", "changes", "told"),
    [
        ({}, {}, "is empty"),
        (matrices([SELF.format(7, "query")]), {}, r"changes roberta.encoder.layer.7.*has not"),
        (dict(list(QUERY.items())[:1]), {}, "has of roberta.*query.weight only lora_A"),
        (QUERY, {"modules_to_save": ["classifier"]}, "has no classifier.*says classifier is"),
        (QUERY | {"classifier.dense.bias": np.ones(16, np.float32)},
         {"modules_to_save": ["classifier"]}, "has no classifier.dense.weight and 2 more"),
        (QUERY | {"classifier.dense.bias": np.ones(16, np.float32),
                  "classifier.modules_to_save.dense.bias": np.zeros(16, np.float32)}, {},
         "has both base_model.model.classifier.dense.bias and .*modules_to_save"),
        (QUERY | {"x.lora_magnitude_vector": np.ones(3, np.float32)}, {}, "no tensor of a plain"),
        (QUERY | {"x.lora_A.default.weight": np.ones(3, np.float32)}, {}, "no tensor of a plain"),
        (QUERY, {"use_dora": True}, "use_dora is True"),
        (QUERY, {"base_model_name_or_path": "nowhere"},
         "is an adapter of nowhere, which cannot be used: source nowhere does not exist. Name a"),
        (QUERY, {"base_model_name_or_path": "adapter"}, "adapter is an adapter too"),
    ],
)  # fmt: skip
def test_what_does_not_belong_together(tensors, changes, told, adapter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = adapter(tensors, **changes)
    with pytest.raises(UserError, match=told) as error:
        convert_to_paddle(str(folder), tmp_path / "paddle", cache_dir=tmp_path)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "paddle").exists()


def test_shapes_that_are_not_the_base_s(adapter, tmp_path):
    folder = adapter(matrices([SELF.format(0, "query")], columns=8))
    with pytest.raises(UserError, match=r"lora_A.weight has shape \[4, 8\]"):
        convert_to_paddle(str(folder), tmp_path / "paddle", cache_dir=tmp_path)


def test_whole_weights_next_to_an_adapter_are_ambiguous(adapter, base, tmp_path):
    folder = adapter(QUERY)
    (folder / "model.safetensors").symlink_to(base / "model.safetensors")
    with pytest.raises(UserError, match="holds an adapter .* and whole weights"):
        find_checkpoint(str(folder), tmp_path / "cache")


def test_an_adapter_without_weights(adapter, tmp_path):
    folder = adapter(QUERY)
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(UserError, match="neither adapter_model.safetensors nor adapter_model.bin"):
        find_checkpoint(str(folder), tmp_path / "cache")
