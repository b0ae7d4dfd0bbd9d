import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from infoxlm.convert import convert_to_paddle
from infoxlm.errors import UserError

EVERY_PART = ("roberta.pooler", "lm_head", "classifier")


def in_paddle(state):
    """The state dict as Paddle wants it, told by hand: linear weights are transposed."""
    return {
        name: array.T
        if array.ndim == 2 and "embeddings" not in name and "decoder" not in name
        else array
        for name, array in state.items()
    }


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
        assert found[name].dtype == np.float32


@pytest.mark.parametrize("parts", [(), EVERY_PART, ("classifier",), ("lm_head",)])
@pytest.mark.parametrize("prefix", [True, False])
def test_every_value_arrives(parts, prefix, tmp_path, tiny_state, torch_folder):
    state = tiny_state(*parts)
    stored = state if prefix else {k.removeprefix("roberta."): v for k, v in state.items()}
    target = tmp_path / "paddle"
    report = convert_to_paddle(str(torch_folder(stored)), target, cache_dir=tmp_path)

    assert_same(load_file(target / "model.safetensors"), in_paddle(state))
    with safe_open(target / "model.safetensors", "np") as file:
        assert file.metadata() == {"format": "np"}
    assert "complete" in report.verdict
    assert len(report.tensors) == len(state)
    assert report.parameters == sum(array.size for array in state.values())


def test_float16_is_widened(tmp_path, tiny_state, torch_folder):
    state = {name: array.astype(np.float16) for name, array in tiny_state("classifier").items()}
    convert_to_paddle(str(torch_folder(state)), tmp_path / "paddle", cache_dir=tmp_path)
    widened = {name: array.astype(np.float32) for name, array in state.items()}
    assert_same(load_file(tmp_path / "paddle" / "model.safetensors"), in_paddle(widened))


def test_bfloat16_is_widened(tmp_path, tiny_state, torch_folder):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_torch

    state = {name: torch.tensor(array).bfloat16() for name, array in tiny_state().items()}
    folder = torch_folder({})
    save_torch(state, folder / "model.safetensors", metadata={"format": "pt"})
    convert_to_paddle(str(folder), tmp_path / "paddle", cache_dir=tmp_path)
    widened = {name: tensor.float().numpy() for name, tensor in state.items()}
    assert_same(load_file(tmp_path / "paddle" / "model.safetensors"), in_paddle(widened))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("archive", [True, False])
def test_pickled_weights(dtype, archive, tmp_path, tiny_state, torch_folder):
    torch = pytest.importorskip("torch")
    state = {
        name: torch.tensor(array).to(getattr(torch, dtype))
        for name, array in tiny_state("lm_head").items()
    }
    folder = torch_folder({})
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin", _use_new_zipfile_serialization=archive)
    convert_to_paddle(str(folder), tmp_path / "paddle", cache_dir=tmp_path)
    widened = {name: tensor.float().numpy() for name, tensor in state.items()}
    assert_same(load_file(tmp_path / "paddle" / "model.safetensors"), in_paddle(widened))


def test_buffers_and_second_names_are_left_out(tmp_path, tiny_state, torch_folder):
    state = tiny_state("lm_head")
    stored = {
        **state,
        "roberta.embeddings.position_ids": np.arange(80)[None],
        "lm_head.decoder.weight": state["roberta.embeddings.word_embeddings.weight"].copy(),
        "lm_head.decoder.bias": state["lm_head.bias"].copy(),
    }
    target = tmp_path / "paddle"
    report = convert_to_paddle(str(torch_folder(stored)), target, cache_dir=tmp_path)
    assert load_file(target / "model.safetensors").keys() == state.keys()
    assert "complete" in report.verdict
    text = (target / "conversion.md").read_text(encoding="utf-8")
    assert "`roberta.embeddings.position_ids`: a buffer" in text
    assert "`lm_head.decoder.bias`: equal to `lm_head.bias`" in text


def test_an_untied_output_matrix_is_refused(tmp_path, tiny_state, torch_folder):
    state = tiny_state("lm_head")
    untied = state["roberta.embeddings.word_embeddings.weight"] + np.float32(1)
    folder = torch_folder({**state, "lm_head.decoder.weight": untied})
    with pytest.raises(UserError, match=r"lm_head\.decoder\.weight differs"):
        convert_to_paddle(str(folder), tmp_path / "paddle", cache_dir=tmp_path)


@pytest.mark.parametrize("dtype_key", ["torch_dtype", "dtype"])  # transformers 4 and 5
def test_the_configuration(dtype_key, tmp_path, tiny_state, torch_folder, tiny_torch_config):
    labels = {
        "id2label": {"0": "entailment", "1": "neutral", "2": "contradiction"},
        "label2id": {"entailment": 0, "neutral": 1, "contradiction": 2},
    }
    state = {k: x.astype("f2") for k, x in tiny_state("classifier", "lm_head", **labels).items()}
    folder = torch_folder(state, **labels)
    described = {**tiny_torch_config, **labels}
    described[dtype_key] = described.pop("torch_dtype")
    (folder / "config.json").write_text(json.dumps(described))
    report = convert_to_paddle(str(folder), tmp_path / "paddle", cache_dir=tmp_path)
    config = json.loads((tmp_path / "paddle" / "config.json").read_text())
    assert json.loads((folder / "config.json").read_text())[dtype_key] == "float16"
    heads = ["XLMRobertaForSequenceClassification", "XLMRobertaForMaskedLM"]
    assert config["architectures"] == heads == list(report.architectures)
    assert config["id2label"] == labels["id2label"]
    assert config["label2id"] == labels["label2id"]
    assert config["dtype"] == "float32"
    assert "torch_dtype" not in config
    assert config["layer_norm_eps"] == 1e-5


def test_a_classifier_without_labels_gets_their_names(tmp_path, tiny_state, torch_folder):
    folder = torch_folder(tiny_state("classifier"))
    convert_to_paddle(str(folder), tmp_path / "paddle", cache_dir=tmp_path)
    config = json.loads((tmp_path / "paddle" / "config.json").read_text())
    assert config["id2label"] == {"0": "LABEL_0", "1": "LABEL_1"}


@pytest.mark.parametrize(
    ("head", "architecture"),
    [
        ("linear classifier", "XLMRobertaForTokenClassification"),
        ("linear classifier", "XLMRobertaForMultipleChoice"),
        ("qa_outputs", "XLMRobertaForQuestionAnswering"),
    ],
)
def test_heads_of_other_tasks_arrive_too(head, architecture, tmp_path, tiny_state, torch_folder):
    parts = (head, "roberta.pooler") if "Choice" in architecture else (head,)
    state = tiny_state(*parts, architectures=[architecture])
    target = tmp_path / "paddle"
    folder = torch_folder(state, architectures=[architecture])
    report = convert_to_paddle(str(folder), target, cache_dir=tmp_path)
    assert report.architectures == (architecture,)
    assert_same(load_file(target / "model.safetensors"), in_paddle(state))


QUERY = "roberta.encoder.layer.0.attention.self.query"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (f"{QUERY}.lora_A.default.weight", "LoRA tensors that are not merged.*merge_and_unload"),
        (f"{QUERY}.loras.xnli.lora_B", "LoRA tensors that are not merged.*merge_adapter"),
        (f"{QUERY}.base_layer.weight", "LoRA tensors that are not merged"),
        ("classifier.modules_to_save.default.dense.bias", "LoRA tensors that are not merged"),
        ("roberta.encoder.layer.0.output.adapters.xnli.adapter_up.bias", "holds adapters"),
        ("roberta.invertible_adapters.de.F.0.bias", "holds adapters"),
        ("roberta.encoder.layer.0.crossattention.self.key.bias", "without a place in XLM-R"),
        ("roberta.encoder.layer.0.attention.self.query.weight_scale", "without a place in XLM-R"),
        ("projection.weight", "without a place in XLM-R.*remove them from the file"),
        ("classifier.0.weight", "without a place in XLM-R"),
    ],
)
def test_what_the_model_would_compute_without_is_refused_by_name(
    name, told, tmp_path, tiny_state, torch_folder
):
    more = {name: np.ones((2, 16), np.float32), f"{name}.zzz": np.ones(2, np.float32)}
    folder = torch_folder({**tiny_state("classifier"), **more})
    with pytest.raises(UserError, match=told) as error:
        convert_to_paddle(str(folder), tmp_path / "paddle", cache_dir=tmp_path)
    assert f"{folder / 'model.safetensors'} holds" in str(error.value)
    assert f"{name} and 1 more tensors" in str(error.value)
    assert not (tmp_path / "paddle").exists()


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: f"_orig_mod.{name}",
        lambda name: f"module.{name}",
        lambda name: f"module._orig_mod.{name.removeprefix('roberta.')}",
        lambda name: name.replace("layer.1.", "layer.1._orig_mod."),
        lambda name: name.replace("attention.", "attention._fsdp_wrapped_module."),
        lambda name: (
            name.replace("LayerNorm.weight", "LayerNorm.gamma")
            .replace("LayerNorm.bias", "LayerNorm.beta")
            .replace("layer_norm.weight", "layer_norm.gamma")
        ),
    ],
)
def test_names_with_traces_of_training_are_cleaned_and_told(
    rename, tmp_path, tiny_state, torch_folder, caplog
):
    caplog.set_level("INFO")
    state = tiny_state(*EVERY_PART)
    stored = {rename(name): array for name, array in state.items()}
    folder = torch_folder(stored)
    convert_to_paddle(str(folder), tmp_path / "paddle", cache_dir=tmp_path)
    assert_same(load_file(tmp_path / "paddle" / "model.safetensors"), in_paddle(state))
    (told,) = [x.getMessage() for x in caplog.records if "renamed" in x.getMessage()]
    bare = {name.removeprefix("roberta.") for name in state} | set(state)
    assert f"{folder}: {len(stored.keys() - bare)} tensors were renamed, such as" in told


def test_one_tensor_under_two_spellings_is_refused(tmp_path, tiny_state, torch_folder):
    name = "roberta.embeddings.LayerNorm.weight"
    folder = torch_folder({**tiny_state(), f"module.{name}": np.ones(16, np.float32)})
    with pytest.raises(UserError, match=f"has both module.{name} and {name}"):
        convert_to_paddle(str(folder), tmp_path / "paddle", cache_dir=tmp_path)


def without(name):
    return lambda state: state.pop(name)


def replaced(name, array):
    return lambda state: state.update({name: array})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without("roberta.encoder.layer.1.output.dense.bias"), "has no roberta.encoder.layer.1"),
        (without("classifier.out_proj.bias"), r"has no classifier\.out_proj\.bias"),
        (
            replaced("roberta.embeddings.LayerNorm.bias", np.ones(15, np.float32)),
            r"LayerNorm\.bias has shape \[15\], config\.json asks for \[16\]",
        ),
        (
            replaced("roberta.encoder.layer.0.output.dense.weight", np.ones((48, 16), np.float32)),
            r"has shape \[48, 16\], config\.json asks for \[16, 48\]",
        ),
        (
            replaced("roberta.encoder.layer.2.output.dense.bias", np.ones(16, np.float32)),
            "has 3 layers, its config.json says num_hidden_layers 2",
        ),
        (
            replaced("embeddings.LayerNorm.bias", np.ones(16, np.float32)),
            r"has both embeddings\.LayerNorm\.bias and roberta\.embeddings\.LayerNorm\.bias",
        ),
        (
            replaced("roberta.embeddings.LayerNorm.bias", np.full(16, np.nan, np.float32)),
            "holds infinities or NaN",
        ),
        (
            replaced("roberta.embeddings.LayerNorm.bias", np.ones(16, np.int8)),
            "is of type int8",
        ),
    ],
)  # fmt: skip
def test_damaged_weights_are_refused(damage, message, tmp_path, tiny_state, torch_folder):
    state = tiny_state("classifier")
    damage(state)
    folder = torch_folder(state)
    with pytest.raises(UserError, match=message) as error:
        convert_to_paddle(str(folder), tmp_path / "paddle", cache_dir=tmp_path)
    assert "\n" not in str(error.value)
    assert {path.name for path in tmp_path.iterdir()} == {"torch"}


def test_a_tokenizer_with_more_ids_than_embeddings_is_refused(tmp_path, tiny_state, torch_folder):
    folder = torch_folder(tiny_state(vocab_size=30), vocab_size=30)
    with pytest.raises(UserError, match="config.json says vocab_size 30"):
        convert_to_paddle(str(folder), tmp_path / "paddle", cache_dir=tmp_path)


def test_a_missing_vocabulary_is_named(tmp_path, tiny_state, torch_folder):
    folder = torch_folder(tiny_state())
    (folder / "sentencepiece.bpe.model").unlink()
    with pytest.raises(UserError, match=r"sentencepiece\.bpe\.model"):
        convert_to_paddle(str(folder), tmp_path / "paddle", cache_dir=tmp_path)


@pytest.mark.parametrize("head", [False, True])
def test_our_models_and_paddlenlp_load_it(head, tmp_path, tiny_state, torch_folder, caplog):
    from paddlenlp.transformers import XLMRobertaForSequenceClassification, XLMRobertaModel

    from infoxlm import InfoXLMForSequenceClassification, InfoXLMModel

    state = tiny_state("classifier") if head else tiny_state()
    folder = tmp_path / "paddle"
    convert_to_paddle(str(torch_folder(state)), folder, cache_dir=tmp_path)
    expected = in_paddle(state)
    if head:
        theirs = XLMRobertaForSequenceClassification.from_pretrained(str(folder))
        ours = InfoXLMForSequenceClassification.from_pretrained(folder)
    else:
        theirs = XLMRobertaModel.from_pretrained(str(folder), add_pooling_layer=False)
        ours = InfoXLMModel.from_pretrained(folder)
        expected = {name.removeprefix("roberta."): array for name, array in expected.items()}
    for model in (ours, theirs):
        assert_same({name: p.numpy() for name, p in model.named_parameters()}, expected)


def test_the_tokenizer_opens_in_both_frameworks(tmp_path, tiny_state, torch_folder):
    transformers = pytest.importorskip("transformers")
    from paddlenlp.transformers import AutoTokenizer

    from infoxlm import InfoXLMTokenizer

    folder = tmp_path / "paddle"
    convert_to_paddle(str(torch_folder(tiny_state())), folder, cache_dir=tmp_path)
    text = "el niño come una manzana"
    expected = InfoXLMTokenizer.from_pretrained(folder).encode([text], max_length=64)[0].tolist()
    for tokenizer in (transformers.AutoTokenizer, AutoTokenizer):
        assert tokenizer.from_pretrained(str(folder))(text)["input_ids"] == expected


def test_damage_while_writing_is_noticed(tmp_path, tiny_state, torch_folder, monkeypatch):
    from infoxlm.checkpoint.safetensors_reader import SafetensorsReader
    from infoxlm.checkpoint.safetensors_writer import SafetensorsWriter

    folder = torch_folder(tiny_state())
    write = SafetensorsWriter.write
    monkeypatch.setattr(
        SafetensorsWriter, "write", lambda self, name, values: write(self, name, values * 2)
    )
    with pytest.raises(UserError, match="other values than were written"):
        convert_to_paddle(str(folder), tmp_path / "paddle", cache_dir=tmp_path)
    assert not (tmp_path / "paddle").exists()
    assert SafetensorsReader(folder / "model.safetensors").format == "pt"


def test_a_target_in_the_way_is_noticed_before_the_source_is_opened(tmp_path):
    (tmp_path / "precious").touch()
    with pytest.raises(UserError, match="was not written by this command"):
        convert_to_paddle("owner/name", tmp_path, cache_dir=tmp_path)
