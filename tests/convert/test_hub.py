import json
from unittest.mock import Mock

import huggingface_hub
import pytest
from huggingface_hub.errors import (
    EntryNotFoundError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from infoxlm.convert.hub import download_checkpoint
from infoxlm.errors import UserError


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with these files; the names that were asked for are recorded."""
    asked = []

    def make(*files):
        def hf_hub_download(repository, name, *, revision):
            asked.append(name)
            if name not in files:
                raise EntryNotFoundError(f"404 {repository} at {revision}\nno {name}")
            return str(tmp_path / name)

        monkeypatch.setattr(huggingface_hub, "hf_hub_download", hf_hub_download)
        return asked

    return make


FILES = ["config.json", "sentencepiece.bpe.model"]
#: What else a tokenizer may have.
MORE = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"]


def test_one_file_of_weights_is_enough(hub, tmp_path):
    asked = hub(*FILES, "model.safetensors", "pytorch_model.bin")
    assert download_checkpoint("microsoft/infoxlm-base") == tmp_path
    assert asked == [*FILES, *MORE, "model.safetensors"]


def test_the_pickle_is_the_second_choice(hub, tmp_path):
    pytest.importorskip("torch")
    asked = hub(*FILES, "pytorch_model.bin")
    download_checkpoint("microsoft/infoxlm-base")
    weights = ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"]
    assert asked == [*FILES, *MORE, *weights]


def test_a_tokenizer_without_a_sentencepiece_model(hub, tmp_path):
    hub("config.json", "tokenizer.json", "model.safetensors")
    assert download_checkpoint("owner/name") == tmp_path


@pytest.mark.parametrize("kind", ["model.safetensors", "pytorch_model.bin"])
def test_every_file_that_an_index_lists_is_fetched(kind, hub, tmp_path):
    if kind == "pytorch_model.bin":
        pytest.importorskip("torch")
    stem, suffix = kind.split(".")
    shards = [f"{stem}-0000{i}-of-00002.{suffix}" for i in (1, 2)]
    weight_map = {"a": shards[1], "b": shards[0], "c": shards[1]}
    (tmp_path / f"{kind}.index.json").write_text(json.dumps({"weight_map": weight_map}))
    asked = hub(*FILES, f"{kind}.index.json", *shards)
    assert download_checkpoint("owner/name") == tmp_path
    assert asked[-2:] == shards
    hub(*FILES, f"{kind}.index.json", shards[0])
    with pytest.raises(UserError, match=f"owner/name on the Hugging Face hub has no {shards[1]}"):
        download_checkpoint("owner/name")


def test_an_adapter_is_fetched_where_there_is_no_model(hub, tmp_path):
    asked = hub("adapter_config.json", "adapter_model.safetensors")
    assert download_checkpoint("owner/name", "main") == tmp_path
    assert asked == ["config.json", "adapter_config.json", "adapter_model.safetensors"]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ([], "has no config.json"),
        (["config.json"], "has no sentencepiece.bpe.model and no tokenizer.json"),
        (FILES, "has no model.safetensors and no pytorch_model.bin"),
        (["adapter_config.json"], "has no adapter_model.safetensors and no adapter_model.bin"),
    ],
)
def test_the_file_that_is_missing_is_named(files, told, hub):
    pytest.importorskip("torch")
    hub(*files)
    with pytest.raises(UserError, match=f"microsoft/infoxlm-base on .* hub {told}") as error:
        download_checkpoint("microsoft/infoxlm-base")
    assert "\n" not in str(error.value)
    assert "HF_ENDPOINT" not in str(error.value)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionError("no route\nmore"), "no route. Set HF_ENDPOINT .*give the folder that"),
        (RepositoryNotFoundError("401 Client Error\nmore", response=Mock()),
         "hub has no repository microsoft/infoxlm-base, .*HF_TOKEN"),
    ],
)  # fmt: skip
def test_a_failure_is_one_line_with_a_way_out(error, told, monkeypatch):
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", Mock(side_effect=error))
    with pytest.raises(UserError, match=told) as refused:
        download_checkpoint("microsoft/infoxlm-base")
    assert "\n" not in str(refused.value)


def test_what_the_hub_s_cache_holds_is_enough_without_a_network(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    held = {*FILES, "pytorch_model.bin"}

    def download(repository, name, *, revision):
        if name in held:
            return str(tmp_path / name)
        raise LocalEntryNotFoundError("the hub cannot be asked\nmore")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert download_checkpoint("microsoft/infoxlm-base") == tmp_path
    held.remove("pytorch_model.bin")
    with pytest.raises(UserError, match="cannot be fetched .*: the hub cannot be asked. Set HF"):
        download_checkpoint("microsoft/infoxlm-base")


def test_offline_without_a_copy(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="microsoft/infoxlm-base cannot be fetched") as error:
        download_checkpoint("microsoft/infoxlm-base")
    assert "\n" not in str(error.value)
