import numpy as np

from infoxlm.deploy import paddle_executors
from infoxlm.deploy.static_scoring import static_graph

IDS = np.random.default_rng(0).integers(4, 60, (12, 32))


def test_inputs_of_every_kind_and_more_shapes_than_are_kept(tiny_model, tmp_path, monkeypatch):
    import paddle

    monkeypatch.setattr(paddle_executors, "MOST_SHAPES", 3)
    model = tiny_model("InfoXLMForSequenceClassification")
    model.eval()
    with static_graph(model, tmp_path) as compute, paddle.no_grad():
        for rows, width in [(12, 32), (1, 7), (8, 30), (7, 29), (2, 5), (6, 28), (1, 32), (3, 3)]:
            ids = IDS[:rows, :width]
            expected = model(paddle.to_tensor(ids)).logits.numpy()
            assert np.abs(compute(ids) - expected).max() < 1e-5
    assert not list(tmp_path.iterdir())
