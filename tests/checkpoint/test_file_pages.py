import numpy as np
import paddle
import pytest
from safetensors.numpy import save_file

from infoxlm.checkpoint import file_pages, mapped_tensors, safetensors_writer
from infoxlm.checkpoint.file_pages import give_back, give_back_pages, has_swap, lies_in_file
from infoxlm.checkpoint.mapped_tensors import MappedTensors
from infoxlm.checkpoint.weights_file import WeightsFile
from infoxlm.errors import UserError
from infoxlm.model import InfoXLMForMaskedLM
from infoxlm.train.active_vocabulary import ActiveVocabulary

TABLE = "roberta.embeddings.word_embeddings.weight"


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch):
    """Tables of a tiny model are as large as those that stay in their files; nothing else is."""
    for module in (mapped_tensors, safetensors_writer):
        monkeypatch.setattr(module, "PIECE", 3000)


@pytest.fixture
def saved(saved_model):
    folder = saved_model("InfoXLMForMaskedLM")
    return folder, (folder / "model.safetensors").read_bytes()


def table_of(model):
    return model.roberta.embeddings.word_embeddings.weight


def test_values_are_those_that_are_read(saved):
    folder, _ = saved
    weights = WeightsFile.find(folder)
    shape = tuple(MappedTensors(folder / "model.safetensors").get_tensor(TABLE).shape)
    mapped = weights.map(TABLE, shape)
    np.testing.assert_array_equal(mapped, weights.read(TABLE, shape))
    assert weights.map("roberta.embeddings.LayerNorm.weight", (16,)) is None
    with pytest.raises(UserError, match="has shape"):
        weights.map(TABLE, (shape[0], 8))


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_types_are_not_mapped(tmp_path, dtype):
    save_file({"x": np.ones((300, 20), dtype)}, tmp_path / "x.safetensors")
    assert MappedTensors(tmp_path / "x.safetensors").map("x") is None


def test_what_is_no_number_is_refused(tmp_path):
    values = np.zeros((300, 20), np.float32)
    values[250, 3] = np.nan
    save_file({"x": values}, tmp_path / "model.safetensors", metadata={"format": "np"})
    with pytest.raises(UserError, match="infinities or NaN"):
        WeightsFile.find(tmp_path).map("x", (300, 20))


def test_writing_to_it_leaves_the_file_alone(saved):
    folder, before = saved
    model = InfoXLMForMaskedLM.from_pretrained(folder)
    assert [name for name, x in model.named_parameters() if lies_in_file(x)] == [TABLE]
    table = table_of(model)
    expected = table.numpy() + 1
    with paddle.no_grad():
        table.set_value(table + 1)
    give_back_pages(table)
    np.testing.assert_array_equal(table.numpy(), expected)
    assert (folder / "model.safetensors").read_bytes() == before


def test_it_is_saved_where_it_came_from(saved):
    folder, before = saved
    model = InfoXLMForMaskedLM.from_pretrained(folder)
    model.save_pretrained(folder)
    assert (folder / "model.safetensors").read_bytes() == before
    with paddle.no_grad():
        table_of(model)[3] = 5.0
    model.save_pretrained(folder)
    again = InfoXLMForMaskedLM.from_pretrained(folder)
    np.testing.assert_array_equal(table_of(again).numpy(), table_of(model).numpy())
    assert float(table_of(again)[3].sum()) == 80.0


def test_what_is_read_whole_needs_no_file(saved):
    folder, _ = saved
    model = InfoXLMForMaskedLM.from_pretrained(folder)
    expected = table_of(model).numpy()
    model.read_whole()
    assert not any(map(lies_in_file, model.parameters()))
    np.testing.assert_array_equal(table_of(model).numpy(), expected)
    with paddle.no_grad():
        table_of(model)[0] = 1.0


def test_an_active_vocabulary_decays_scores_and_saves(saved, tmp_path):
    folder, before = saved
    results = []
    for whole in (True, False):
        model = InfoXLMForMaskedLM.from_pretrained(folder)
        if whole:
            model.read_whole()
        vocabulary = ActiveVocabulary(model.roberta.embeddings, [np.arange(4, 30)])
        vocabulary.decay(0.1, 0.5)
        with vocabulary.full_table():
            results.append(table_of(model).numpy())
            model.save_pretrained(tmp_path / str(whole))
    np.testing.assert_array_equal(*results)
    files = [(tmp_path / str(x) / "model.safetensors").read_bytes() for x in (True, False)]
    assert files[0] == files[1] != before
    assert (folder / "model.safetensors").read_bytes() == before


def test_pages_are_kept_where_there_is_swap(tmp_path, monkeypatch):
    (tmp_path / "swaps").write_text("Filename Type Size Used Priority\n")
    assert not has_swap(tmp_path / "swaps")
    (tmp_path / "swaps").write_text("Filename Type Size\n/dev/sda2 partition 8388604\n")
    assert has_swap(tmp_path / "swaps")
    assert has_swap(tmp_path / "nowhere")
    monkeypatch.setattr(file_pages, "has_swap", lambda: True)
    monkeypatch.setattr(file_pages.ctypes, "CDLL", None)
    give_back(np.ones(100_000))
