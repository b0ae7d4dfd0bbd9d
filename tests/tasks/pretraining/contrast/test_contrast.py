"""The contrast against NumPy, whatever the micro-batches, and resumed to the bit."""

import signal

import numpy as np
import paddle
import pytest
from safetensors.numpy import load_file, save_file

from infoxlm.errors import UserError
from infoxlm.model.pretraining import PROJECTION
from infoxlm.runs.context import RunContext
from infoxlm.schema import Momentum, PretrainingConfig
from infoxlm.stopping import Interrupted, StopRequests
from infoxlm.tasks.pretraining.contrast import ContrastObjective, nearest
from infoxlm.tasks.stream import read_objectives, write_objectives
from infoxlm.tracking.timings import Timings
from infoxlm.train.building import prepare

CASES = {
    "defaults": {},
    "no projection": {"projection": False},
    "normalized": {"normalize": True, "temperature": 0.05},
    "negatives of the batch": {"batch_negatives": True},
    "and equal ones too": {"batch_negatives": True, "mask_equal_texts": False},
    "second block": {"block": 2},
    "small queue": {"queue_size": 5},
}


def weights(module):
    return {name: x.numpy() for name, x in module.model.named_parameters()}


def assert_close(found, expected, **tolerance):
    for name, value in expected.items():
        if "key.bias" not in name:  # its gradient is zero but for rounding
            np.testing.assert_allclose(found[name], value, err_msg=name, **tolerance)


def vectors(model, ids, options):
    """The vectors of the first tokens, from the whole padded model."""
    compact = paddle.to_tensor(ids)
    states = model.roberta(compact, output_hidden_states=True).hidden_states
    found = states[options.block][:, 0].numpy().astype(np.float64)
    if options.projection:
        found = found @ model.contrast_projection.weight.numpy()
    if options.normalize:
        found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found


@pytest.mark.parametrize("case", CASES)
def test_first_losses_match_numpy(case, pretraining, made_up, tiny_model):
    """At the first step the momentum encoder is the model, and the queue the last batches."""
    options = PretrainingConfig(**{"block": 1, "queue_size": 20, "momentum": 0.9} | CASES[case])
    module = pretraining(names=["xlco"], hardware={"active_vocabulary": False}, **CASES[case])
    model, examples = module.model, made_up()["xlco"]
    model.eval()
    stream = module.streams[0]

    def sides(step):
        batch = stream.examples.batch(stream.sampler.rows(step), (1, step, 0))
        arrays = batch.arrays(np.arange(8))
        return [vectors(model, arrays[side], options) for side in ("input_ids", "key_ids")]

    queue, texts = [], []
    for step in (2, 1, 0)[: 3 if options.queue_size == 20 else 1]:
        queue.append(sides(step)[1])
        texts.append(examples.texts[stream.sampler.rows(step)])
    queue, texts = np.concatenate(queue), np.concatenate(texts)
    queue, texts = queue[-options.queue_size :], texts[-options.queue_size :]
    queries, keys = sides(0)
    own = examples.texts[stream.sampler.rows(0)]
    expected, right, tied, right_in_batch = [], [], [], []
    for number, query in enumerate(queries):
        scores = [query @ keys[number]]
        for key, key_texts in zip(queue, texts, strict=True):
            if not (options.mask_equal_texts and set(own[number]) & set(key_texts)):
                scores.append(query @ key)
        others = [
            query @ keys[other]
            for other in range(len(keys))
            if other != number
            and not (options.mask_equal_texts and set(own[number]) & set(own[other]))
        ]
        right_in_batch.append(scores[0] > max(others))
        scores += others if options.batch_negatives else []
        right.append(scores[0] > max(scores[1:]))
        tied.append(scores[0] == pytest.approx(max(scores[1:]), abs=1e-6))
        scores = np.array(scores) / options.temperature
        expected.append(np.log(np.exp(scores - scores.max()).sum()) + scores.max() - scores[0])
    losses, _ = module.backward(0)
    np.testing.assert_allclose(losses["xlco"].losses, expected, rtol=1e-4, atol=1e-5)
    assert np.std(expected) > 0.01
    module.optimizer_step(1)
    scalars = module.scalars()
    if any(tied):  # with its own key in the queue: rounding tells which comes first
        assert not options.mask_equal_texts
        most = np.mean(np.logical_or(right, tied))
        assert (
            np.mean(np.logical_and(right, ~np.array(tied)))
            <= scalars["train/xlco/accuracy"]
            <= most
        )
    else:
        assert scalars["train/xlco/accuracy"] == pytest.approx(np.mean(right))
    assert scalars["train/xlco/accuracy_in_batch"] == pytest.approx(np.mean(right_in_batch))
    assert set(scalars) == {
        f"train/xlco/{x}" for x in ("accuracy", "accuracy_in_batch", "equal_texts", "momentum")
    }


@pytest.mark.parametrize("case", ["defaults", "negatives of the batch"])
def test_micro_batches_do_not_matter(case, pretraining, take_steps):
    found = []
    for tokens in (50, 10_000):
        module = pretraining(hardware={"micro_batch_tokens": tokens}, **CASES[case])
        found.append((take_steps(module, range(4)), weights(module), module.scalars()))
    for one, other in zip(found[0][0], found[1][0], strict=True):
        assert one == pytest.approx(other, rel=1e-5)
    assert_close(found[0][1], found[1][1], rtol=1e-4, atol=1e-4)
    assert found[0][2] == found[1][2]


def test_keys_that_have_become_one_are_not_told_apart():
    scores = np.array([[1.0, 1.0, 1.0], [2.0, 1.0, -np.inf], [0.0, 1.0, 0.0]], np.float32)
    assert float(nearest(paddle.to_tensor(scores))) == 1


def test_projection_and_momentum_encoder_move(pretraining, take_steps):
    module = pretraining()
    take_steps(module, range(1))  # at a learning rate of 0
    before = weights(module)["contrast_projection.weight"]
    objective = module.streams[2].objective
    copy = {name: x.copy() for name, x in objective.state().items()}
    take_steps(module, range(1, 2))
    now = weights(module)["contrast_projection.weight"]
    assert np.abs(now - before).max() > 1e-3
    state = objective.state()
    np.testing.assert_allclose(
        state["momentum.projection"], 0.9 * before + 0.1 * now, rtol=1e-5, atol=1e-6
    )
    name = "encoder.layer.0.output.dense.weight"
    np.testing.assert_allclose(
        state[f"momentum.{name}"],
        0.9 * copy[f"momentum.{name}"] + 0.1 * weights(module)[f"roberta.{name}"],
        rtol=1e-5,
        atol=1e-6,
    )
    assert not [x for x in state if "layer.1" in x]  # behind the block that is contrasted
    # The batch's keys are the newest of the queue; the oldest are gone.
    assert (state["queue.keys"] != copy["queue.keys"]).any(axis=1).sum() == 8


@pytest.mark.parametrize("active", [True, False])
def test_resumed_to_the_bit(active, pretraining, take_steps, tmp_path):
    hardware = {"active_vocabulary": active}
    whole = pretraining(hardware=hardware)
    expected = take_steps(whole, range(6))
    first = pretraining(hardware=hardware)
    assert take_steps(first, range(3)) == expected[:3]
    first.write(tmp_path)
    state = first.state_dict()
    from infoxlm import InfoXLMForPretraining

    with paddle.utils.unique_name.guard():
        model = InfoXLMForPretraining.from_pretrained(tmp_path)
    second = pretraining(hardware=hardware, model=model, begin=False)
    second.restore(tmp_path, state)
    assert take_steps(second, range(3, 6)) == expected[3:]
    found = weights(second)
    for name, value in weights(whole).items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    states = [module.streams[2].objective.state() for module in (whole, second)]
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        assert value.dtype == states[1][name].dtype
        np.testing.assert_array_equal(states[1][name], value, err_msg=name)


def test_a_state_of_other_options_is_refused(pretraining, tmp_path):
    streams = pretraining().streams
    write_objectives(tmp_path, streams)
    for options, told in (
        ({"queue_size": 30}, "20 keys, not 30"),
        ({"block": 2}, "layer.1"),
    ):
        with pytest.raises(UserError, match=told):
            read_objectives(tmp_path, pretraining(begin=False, **options).streams)
    for missing in ("queue.texts", PROJECTION):
        kept = dict(load_file(tmp_path / "objective.safetensors"))
        del kept[f"xlco.{missing}"]
        (tmp_path / "part").mkdir(exist_ok=True)
        save_file(kept, tmp_path / "part" / "objective.safetensors")
        with pytest.raises(UserError, match=f"holds no {missing}"):
            read_objectives(tmp_path / "part", pretraining(begin=False).streams)
    with pytest.raises(UserError, match="no queue"):
        read_objectives(tmp_path / "nothing", pretraining(begin=False).streams)


def test_the_momentum_encoder_follows_its_schedule(pretraining, take_steps):
    module = pretraining(
        momentum_schedule=Momentum.linear, momentum_start=0.5, momentum=0.9, momentum_steps=4
    )
    found = []
    for step in range(5):
        take_steps(module, range(step, step + 1))
        found.append(module.streams[2].objective.scalars()["momentum"])
    assert found == pytest.approx([0.6, 0.7, 0.8, 0.9, 0.9])


def test_a_block_that_the_model_does_not_have(tiny_model):
    with pytest.raises(UserError, match="behind block 8, the model has 2"):
        ContrastObjective(tiny_model("InfoXLMForPretraining"), PretrainingConfig())


def test_flops_of_one_side_forward_and_one_both_ways(tiny_model):
    model = tiny_model("InfoXLMForPretraining", num_hidden_layers=12)
    objective = ContrastObjective(model, PretrainingConfig(block=8))
    # Of two equally long sides: three thirds and one third, each through 8 of 12 blocks.
    assert objective.flops_share == pytest.approx((1 + 1 / 3) / 2 * 8 / 12)


def test_a_request_to_stop_while_the_queue_is_filled(pretraining, monkeypatch, tmp_path):
    module = pretraining(begin=False, queue_size=1000)
    objective = module.streams[2].objective
    encode, calls = objective._encode_keys, []

    def interrupted(batch, ranks):
        calls.append(batch)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGTERM)
        return encode(batch, ranks)

    monkeypatch.setattr(objective, "_encode_keys", interrupted)
    with StopRequests() as stop, pytest.raises(Interrupted, match="before the first step"):
        run = RunContext({}, tmp_path, False, module.ranks, Timings(), stop, record=lambda: None)
        prepare(module, run)
    assert len(calls) == 3
