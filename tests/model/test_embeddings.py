import numpy as np
import paddle
import pytest


@pytest.fixture
def embeddings(tiny_model):
    return tiny_model("InfoXLMModel").embeddings


def test_positions_start_behind_the_padding_id_and_skip_padding(embeddings):
    input_ids = paddle.to_tensor([[0, 9, 8, 2, 1, 1], [1, 0, 9, 1, 8, 2]])
    np.testing.assert_array_equal(
        embeddings.position_ids(input_ids), [[2, 3, 4, 5, 1, 1], [1, 2, 3, 1, 4, 5]]
    )


def test_the_three_tables_are_summed_and_normalised(embeddings):
    ids = np.array([0, 9, 8, 2])
    tables = {name: value.numpy() for name, value in embeddings.named_parameters()}
    total = (
        tables["word_embeddings.weight"][ids]
        + tables["position_embeddings.weight"][[2, 3, 4, 5]]
        + tables["token_type_embeddings.weight"][0]
    )
    centred = total - total.mean(-1, keepdims=True)
    expected = centred / np.sqrt(total.var(-1, keepdims=True) + 1e-5)
    expected = expected * tables["LayerNorm.weight"] + tables["LayerNorm.bias"]
    computed = embeddings(paddle.to_tensor(ids[None])).numpy()[0]
    np.testing.assert_allclose(computed, expected, atol=2e-6)


def test_only_token_type_0_is_read(tiny_model):
    model = tiny_model("InfoXLMModel", type_vocab_size=2)
    input_ids = paddle.to_tensor([[0, 9, 8, 2, 1]])
    before = model(input_ids).last_hidden_state.numpy()
    table = model.embeddings.token_type_embeddings.weight
    table.set_value(paddle.stack([table[0], paddle.full_like(table[1], float("nan"))]))
    np.testing.assert_array_equal(model(input_ids).last_hidden_state.numpy(), before)
    table.set_value(table + paddle.arange(16, dtype="float32"))
    assert np.abs(model(input_ids).last_hidden_state.numpy() - before).max() > 1e-2
