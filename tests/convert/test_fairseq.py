"""fairseq's model.pt, old and new: every value arrives, nothing is run, the order is checked."""

import argparse

import numpy as np
import paddle
import pytest
from omegaconf import OmegaConf
from safetensors.numpy import load_file

from infoxlm import InfoXLMForMaskedLM
from infoxlm.convert import convert_to_paddle
from infoxlm.convert.find_checkpoint import find_checkpoint
from infoxlm.errors import UserError
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

PARTS = {
    "attention.self.query": "self_attn.q_proj",
    "attention.self.key": "self_attn.k_proj",
    "attention.self.value": "self_attn.v_proj",
    "attention.output.dense": "self_attn.out_proj",
    "attention.output.LayerNorm": "self_attn_layer_norm",
    "intermediate.dense": "fc1",
    "output.dense": "fc2",
    "output.LayerNorm": "final_layer_norm",
}


def theirs(state, side="decoder", layer_norm="emb_layer_norm", joined=False):
    """A state dict of transformers under fairseq's names."""
    found = {}
    for name, array in state.items():
        tensor = torch.tensor(array)
        name = name.removeprefix("roberta.")
        if name.startswith("lm_head."):
            found[f"{side}.{name}"] = tensor
            continue
        prefix = f"{side}.sentence_encoder."
        if "token_type" in name:
            continue
        if name.startswith("encoder.layer."):
            _, _, number, part = name.split(".", 3)
            part, kind = part.rsplit(".", 1)
            found[f"{prefix}layers.{number}.{PARTS[part]}.{kind}"] = tensor
        else:
            name = name.removeprefix("embeddings.")
            for ours, fairseq in (
                ("word_embeddings", "embed_tokens"), ("position_embeddings", "embed_positions"),
                ("LayerNorm", layer_norm),
            ):  # fmt: skip
                name = name.replace(ours, fairseq)
            found[prefix + name] = tensor
    if joined:
        for number in (0, 1):
            attention = f"{side}.sentence_encoder.layers.{number}.self_attn."
            for kind in ("weight", "bias"):
                parts = [found.pop(f"{attention}{x}_proj.{kind}") for x in "qkv"]
                found[f"{attention}in_proj_{kind}"] = torch.cat(parts)
    found[f"{side}.lm_head.weight"] = found[f"{side}.sentence_encoder.embed_tokens.weight"]
    found[f"{side}.sentence_encoder.version"] = torch.tensor([3.0])
    return found


@pytest.fixture
def write(tmp_path, tiny_state, sentencepiece_file):
    """Writes a folder as fairseq's, and gives it with the state dict as transformers has it."""

    def folder(*, archive=True, extra=None, content=None, words=None, dtype=None, **names):
        state = tiny_state("lm_head")
        state["roberta.embeddings.token_type_embeddings.weight"][:] = 0
        path = tmp_path / "fairseq"
        path.mkdir(exist_ok=True)
        model = {**theirs(state, **names), **(extra or {})}
        if dtype is not None:
            model = {name: x.to(dtype) for name, x in model.items()}
        args = argparse.Namespace(arch="roberta_base", encoder_attention_heads=4, task="infoxlm")
        described = {"args": args, "model": model, "extra_state": {"epoch": 3, "val_loss": 1.5}}
        torch.save(
            described if content is None else content(described),
            path / "model.pt",
            _use_new_zipfile_serialization=archive,
        )
        (path / "sentencepiece.bpe.model").write_bytes(sentencepiece_file.read_bytes())
        tokenizer = InfoXLMTokenizer(sentencepiece_file)
        pieces = words or tokenizer.tokens(range(4, tokenizer.vocab_size - 1))
        lines = "".join(f"{piece} 1\n" for piece in pieces)
        (path / "dict.txt").write_text(lines, encoding="utf-8")
        return path, state

    return folder


def convert(folder, tmp_path, name="paddle"):
    return convert_to_paddle(str(folder), tmp_path / name, cache_dir=tmp_path)


@pytest.mark.parametrize("archive", [True, False])
@pytest.mark.parametrize(
    "names",
    [{}, {"side": "encoder", "layer_norm": "layernorm_embedding"}, {"joined": True}],
    ids=["decoder", "encoder", "one matrix"],
)
def test_logits_are_those_of_transformers(archive, names, write, tmp_path, tiny_torch_config):
    folder, state = write(archive=archive, **names)
    convert(folder, tmp_path)
    config = {**tiny_torch_config, "num_attention_heads": 4}
    config.pop("torch_dtype")
    expected = transformers.XLMRobertaForMaskedLM(transformers.XLMRobertaConfig(**config)).eval()
    expected.load_state_dict({k: torch.tensor(x) for k, x in state.items()}, strict=False)
    expected.tie_weights()
    ids = np.array([[0, 20, 30, 40, 2], [0, 11, 12, 2, 1]])
    with torch.no_grad():
        logits = expected(torch.tensor(ids), attention_mask=torch.tensor(ids != 1).long()).logits
    model = InfoXLMForMaskedLM.from_pretrained(tmp_path / "paddle")
    model.eval()
    found = model(paddle.to_tensor(ids)).logits.numpy()
    is_token = ids != 1
    np.testing.assert_allclose(found[is_token], logits.numpy()[is_token], rtol=1e-4, atol=1e-4)
    assert model.config.num_attention_heads == 4
    assert find_checkpoint(str(folder), tmp_path / "cache").is_dir()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(dtype, write, tmp_path):
    folder, state = write(dtype=dtype)
    convert(folder / "model.pt", tmp_path)
    found = load_file(tmp_path / "paddle" / "model.safetensors")
    name = "roberta.encoder.layer.1.output.dense.weight"
    expected = torch.tensor(state[name]).to(dtype).float().numpy().T
    np.testing.assert_array_equal(found[name], expected)


def test_what_is_neither_encoder_nor_head_is_named(write, tmp_path):
    extra = {"proj.weight": torch.ones(2), "slow_encoder.x": torch.ones(2), "queue": torch.ones(3)}
    folder, _ = write(extra=extra)
    report = convert(folder, tmp_path)
    assert "proj.weight and 2 more tensors left out" in report.verdict
    told = (tmp_path / "paddle" / "conversion.md").read_text()
    for name in extra:
        assert f"- `{name}`: neither encoder nor masked-LM head" in told


@pytest.mark.parametrize("kind", ["namespace", "dictionary", "OmegaConf"])
def test_newer_files_with_a_configuration(kind, write, tmp_path, caplog):
    def content(described):
        model = {"_name": "roberta_base", "encoder_attention_heads": 4}
        if kind == "namespace":
            model = described["args"]
        cfg = {"model": model, "task": {"_name": "masked_lm", "seed": None}}
        cfg = OmegaConf.create(cfg) if kind == "OmegaConf" else cfg
        return {"args": None, "cfg": cfg, "model": described["model"]}

    folder, _ = write(content=content)
    convert(folder, tmp_path)
    assert "does not say" not in caplog.text
    found = (tmp_path / "paddle" / "config.json").read_text()
    assert '"num_attention_heads": 4' in found


def test_heads_that_are_not_told(write, tmp_path, caplog):
    folder, _ = write(content=lambda described: {"model": described["model"]})
    convert(folder, tmp_path)
    assert "does not say how many heads" in caplog.text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda pieces: [pieces[1], pieces[0], *pieces[2:]], "dict.txt line 1 has"),
        (lambda pieces: pieces[:-1], "has nothing"),
        (lambda pieces: [*pieces, "more"], "<mask> would get the id"),
    ],
)
def test_a_dictionary_in_another_order_is_refused(
    change, told, write, tmp_path, sentencepiece_file
):
    tokenizer = InfoXLMTokenizer(sentencepiece_file)
    pieces = tokenizer.tokens(range(4, tokenizer.vocab_size - 1))
    folder, _ = write(words=change(pieces))
    with pytest.raises(UserError, match=told):
        convert(folder, tmp_path)
    assert not (tmp_path / "paddle").exists()


def test_damaged_dictionaries_are_refused(write, tmp_path):
    folder, _ = write()
    for content, told in ((b"word\n", "line 1"), (b"\xff 1\n", "not UTF-8")):
        (folder / "dict.txt").write_bytes(content)
        with pytest.raises(UserError, match=told):
            convert(folder, tmp_path)
    (folder / "dict.txt").unlink()
    with pytest.raises(UserError, match="cannot be read"):
        convert(folder, tmp_path)


def test_a_model_of_another_kind_is_refused(write, tmp_path):
    layer = "decoder.sentence_encoder."
    for extra, told in (
        ({f"{layer}layer_norm.weight": torch.ones(16)}, "layer_norm.weight without a place"),
        ({f"{layer}layers.0.adapter.weight": torch.ones(16)}, "adapter"),
    ):
        folder, _ = write(extra=extra)
        with pytest.raises(UserError, match=told):
            convert(folder, tmp_path)
    folder, _ = write(content=lambda described: {"weights": described["model"]})
    with pytest.raises(UserError, match="no model of fairseq's"):
        convert(folder, tmp_path)
    folder, _ = write(content=lambda described: {"model": {"x.weight": torch.ones(2)}})
    with pytest.raises(UserError, match="has no roberta.embeddings"):
        convert(folder, tmp_path)
