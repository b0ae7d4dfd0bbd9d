import numpy as np
import paddle
import pytest

from infoxlm.distributed.ranks import Ranks
from infoxlm.tasks.classification.objective import ClassificationObjective
from infoxlm.tasks.consistency.objective import ConsistencyObjective
from infoxlm.tasks.objective import Objective
from infoxlm.train.active_vocabulary import ActiveVocabulary
from infoxlm.train.gradient import accumulate_gradient

ROWS = np.array([3, 8, 11, 14, 6, 19])
SEED = (1, 2, 0)


def log_softmax(logits):
    logits = logits.astype(np.float64)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def kl(target, predicted):
    return (np.exp(target) * (target - predicted)).sum(-1)


def predicted(model, token_ids):
    ids = paddle.to_tensor(token_ids.padded(np.arange(len(token_ids))))
    return log_softmax(model(ids).logits.numpy())


def computed(stream, rows=ROWS, seed=SEED, **options):
    """The losses of rows, and the gradient that they leave."""
    batch = stream.examples.batch(rows, seed)
    model = stream.objective.model
    model.train()
    for parameter in model.parameters():
        parameter.clear_gradient(set_to_zero=False)
    losses = accumulate_gradient(
        stream.objective, batch, np.arange(len(rows)), divisor=len(rows),
        **{"max_tokens": 400} | options,
    )  # fmt: skip
    gradient = {name: x.grad.numpy() for name, x in model.named_parameters() if x.grad is not None}
    return losses, gradient


@pytest.mark.parametrize("loss_on_copies", [False, True])
def test_losses_are_the_formulas(consistent, tiny_model, loss_on_copies):
    model = tiny_model()
    stream = consistent(
        model, "subword_sampling", weight=3.0, ratio=1.0, loss_on_copies=loss_on_copies
    )
    batch = stream.examples.batch(ROWS, SEED)
    own, copies = predicted(model, batch.token_ids), predicted(model, batch.copies)
    labels = batch.targets["labels"]
    expected = -own[np.arange(6), labels] + 3.0 * (kl(own, copies) + kl(copies, own))
    if loss_on_copies:
        expected -= copies[np.arange(6), labels]
    np.testing.assert_allclose(computed(stream)[0], expected, rtol=2e-5)
    assert np.abs(own - copies).max() > 0.05
    for _ in range(2):  # each step has its own
        stream.objective.after_step(1, Ranks())
        expected = (kl(own, copies) + kl(copies, own)).mean()
        found = stream.objective.scalars()
        assert found == {"example_consistency": pytest.approx(expected, rel=1e-4)}
        computed(stream, max_tokens=60)


def test_no_gradient_goes_through_a_target(consistent, tiny_model):
    """With both sides free the gradient would be another one; Paddle's says which."""
    model = tiny_model()
    stream = consistent(model, "subword_sampling", weight=3.0, ratio=1.0)
    _, found = computed(stream)
    batch = stream.examples.batch(ROWS, SEED)
    gradients = {}
    for detached in (True, False):
        for parameter in model.parameters():
            parameter.clear_gradient(set_to_zero=False)
        own, copies = (
            paddle.nn.functional.log_softmax(model(paddle.to_tensor(x.padded(np.arange(6)))).logits)
            for x in (batch.token_ids, batch.copies)
        )
        to = [x.detach() if detached else x for x in (own, copies)]
        divergences = (to[0].exp() * (to[0] - copies) + to[1].exp() * (to[1] - own)).sum()
        labels = paddle.to_tensor(batch.targets["labels"])
        plain = paddle.nn.functional.nll_loss(own, labels, reduction="sum")
        ((plain + 3.0 * divergences) / 6).backward()
        gradients[detached] = model.classifier.out_proj.weight.grad.numpy()
    name = "classifier.out_proj.weight"
    np.testing.assert_allclose(found[name], gradients[True], rtol=1e-4, atol=1e-6)
    assert np.abs(gradients[True] - gradients[False]).max() > 1e-3


def test_changed_examples_are_held_to_the_teacher(consistent, tiny_model):
    model, first_stage = tiny_model(), tiny_model(seed=5, initializer_range=0.2)
    stream = consistent(
        model, "word_dropout", weight=0.0, ratio=0.3, teacher=True, teacher_weight=2.0
    )
    rows = np.array([3, 28, 11, 34, 6, 19])
    batch = stream.examples.batch(rows, SEED)
    assert batch.copies is None
    own, taught = predicted(model, batch.token_ids), predicted(first_stage, batch.token_ids)
    expected = -own[np.arange(6), batch.targets["labels"]]
    expected[[1, 3]] += 2.0 * (6 / 2) * kl(taught, own)[[1, 3]]
    found, gradient = computed(stream, rows)
    np.testing.assert_allclose(found, expected, rtol=2e-5)
    assert all(x.grad is None for x in stream.objective.teacher._objective.model.parameters())
    assert gradient
    stream.objective.after_step(1, Ranks())
    apart = kl(taught, own)[[1, 3]].mean()
    assert stream.objective.scalars() == {"model_consistency": pytest.approx(apart, rel=1e-4)}
    # The teacher keeps only the embeddings that may occur.
    kept = len(stream.objective.teacher._objective.model.roberta.embeddings.word_embeddings.weight)
    assert kept < len(model.roberta.embeddings.word_embeddings.weight) / 2


@pytest.mark.parametrize("name", ["subword_sampling", "gaussian_noise", "word_dropout"])
@pytest.mark.parametrize("teacher", [False, True])
def test_nothing_depends_on_the_micro_batch_or_the_active_vocabulary(
    consistent, tiny_model, name, teacher
):
    rows = ROWS + 20 * teacher * np.array([1, 0, 1, 0, 0, 0])
    found = []
    for max_tokens, compact in ((400, False), (30, False), (120, True)):
        model = tiny_model()
        stream = consistent(model, name, sigma=0.3, teacher=teacher)
        vocabulary = None
        if compact:
            vocabulary = ActiveVocabulary(model.roberta.embeddings, [stream.examples.ids_in_use()])
        losses, gradient = computed(stream, rows, max_tokens=max_tokens, vocabulary=vocabulary)
        found.append((losses, gradient))
        if compact:
            table = np.zeros_like(found[0][1]["roberta.embeddings.word_embeddings.weight"])
            table[vocabulary.active] = gradient["roberta.embeddings.word_embeddings.weight"]
            gradient["roberta.embeddings.word_embeddings.weight"] = table
    (losses, gradient), *others = found
    for other_losses, other in others:
        np.testing.assert_allclose(other_losses, losses, rtol=1e-5)
        for key, value in gradient.items():
            np.testing.assert_allclose(other[key], value, rtol=1e-3, atol=2e-6, err_msg=key)


def test_noise_moves_the_predictions_in_both_ways_of_encoding(consistent, tiny_model):
    model = tiny_model()
    stream = consistent(model, "gaussian_noise", sigma=0.3, weight=1.0)
    batch = stream.examples.batch(ROWS, SEED)
    arrays = {name: paddle.to_tensor(x) for name, x in batch.arrays(np.arange(6)).items()}
    packed = stream.objective.forward(arrays).wrapped.numpy()
    assert np.abs(packed[:6] - packed[6:]).max() > 0.01
    # Padding in front of the tokens, which the packed way does not take.
    model.roberta.encode_without_padding = lambda *_, **__: None
    padded = stream.objective.forward(arrays).wrapped.numpy()
    np.testing.assert_allclose(padded, packed, rtol=1e-4, atol=1e-5)
    # What is added is gone afterwards.
    plain = model(arrays["input_ids"]).logits.numpy()
    np.testing.assert_allclose(plain[:6], plain[6:], rtol=1e-5, atol=1e-6)


def test_the_wrapped_objective_does_what_it_does(tiny_model):
    calls = []

    class Kept(ClassificationObjective):
        flops_share = 0.5

        def before_training(self, batches, ranks):
            calls.append(("before training", batches, ranks))

        def before_backward(self, batch, ranks):
            calls.append(("before backward", batch, ranks))

        def after_step(self, step, ranks):
            calls.append((step, ranks))

        def state(self):
            return {"queue": np.arange(2)}

        def restore(self, state):
            calls.append(state)

    objective = ConsistencyObjective(Kept(tiny_model()), weight=1.0)
    ranks = Ranks()
    objective.before_training("batches", ranks)
    objective.before_backward("batch", ranks)
    objective.after_step(3, ranks)
    objective.restore({"queue": 1})
    assert calls == [
        ("before training", "batches", ranks),
        ("before backward", "batch", ranks),
        (3, ranks),
        {"queue": 1},
    ]
    assert objective.state().keys() == {"queue"}
    assert objective.flops_share == 0.5


def test_objectives_without_probabilities_say_so(tiny_model):
    with pytest.raises(NotImplementedError):
        Objective(tiny_model()).log_probabilities(None)
