"""Twenty steps with all three losses give those of a plain PyTorch implementation."""

import importlib.util
from pathlib import Path

import numpy as np
import paddle
import pytest

from infoxlm.convert import convert_to_torch
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

pytest.importorskip("torch")
pytest.importorskip("transformers")

SIDE = Path(__file__).parents[4] / "experiments" / "pretraining" / "pytorch_side.py"
STEPS, QUEUE = 20, 20


@pytest.fixture(scope="module")
def pytorch_side():
    spec = importlib.util.spec_from_file_location("pytorch_side", SIDE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def micro_batches(drawn, vocabulary):
    """A batch as arrays in two micro-batches, in the order of the batch."""
    halves = np.array_split(np.arange(drawn.size), 2)
    found = []
    for positions in halves:
        arrays = drawn.batch.arrays(positions)
        if vocabulary is not None:
            for name in drawn.batch.token_arrays:
                arrays[name] = vocabulary.compact(arrays[name])
        found.append(arrays)
    return found


@pytest.mark.parametrize("joint", [True, False])
def test_losses_and_logits(
    joint, pretraining, tiny_model, sentencepiece_file, pytorch_side, tmp_path
):
    model = tiny_model("InfoXLMForPretraining", initializer_range=0.1)
    model.save_pretrained(tmp_path / "paddle")
    InfoXLMTokenizer(sentencepiece_file).save_pretrained(tmp_path / "paddle")
    convert_to_torch(tmp_path / "paddle", tmp_path / "torch")
    projection = model.contrast_projection.weight.numpy()
    ours = pretraining(
        model=model, joint=joint, steps=STEPS, queue_size=QUEUE, momentum=0.9,
        optimizer={"learning_rate": 1e-3, "beta2": 0.98, "epsilon": 1e-6},
    )  # fmt: skip
    vocabulary = ours.vocabulary
    theirs = pytorch_side.PyTorchSide(
        tmp_path / "torch",
        pytorch_side.Settings(block=1, queue_size=QUEUE, momentum=0.9, joint=joint),
        projection,
        vocabulary.active,
    )
    contrast = ours.batches[2]
    filling = [contrast.draw(step) for step in (2, 1, 0)]
    theirs.fill_queue([micro_batches(drawn, vocabulary) for drawn in filling])
    moved = []
    for step in range(STEPS):
        batches = {x.stream.name: micro_batches(x.draw(step), vocabulary) for x in ours.batches}
        expected = theirs.step(batches, ours.optimizer.get_lr())
        losses, _ = ours.backward(step)
        ours.optimizer_step(step + 1)
        found = {name: loss.mean for name, loss in losses.items()}
        assert found == pytest.approx(expected, rel=1e-4), step
        moved.append(found)
    assert all(moved[-1][name] < moved[0][name] - 0.05 for name in ("mlm", "tlm"))
    np.testing.assert_allclose(
        contrast.stream.objective.state()["queue.keys"], theirs.queue.numpy(), atol=1e-3
    )
    ids = vocabulary.compact(ours.streams[0].examples.token_ids.padded(range(8)))
    model.eval()
    logits = model(paddle.to_tensor(ids)).logits.numpy()
    is_token = ids != 1
    np.testing.assert_allclose(logits[is_token], theirs.logits(ids)[is_token], atol=1e-3)
