"""The scripts of experiments/question_answering: what they leave out, learn and compare."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "experiments" / "question_answering"
INITIAL_MODEL = FOLDER.parent / "xnli_e5_small" / "initial_model.py"


@pytest.fixture
def script(monkeypatch):
    """Import a script as its folder's others do."""
    monkeypatch.syspath_prepend(FOLDER)
    names = [path.stem for path in FOLDER.glob("*.py")]

    def imported(name):
        return importlib.import_module(name)

    yield imported
    for name in names:
        sys.modules.pop(name, None)


def squad_file(path, contexts, answers=1):
    """Write questions "q0", "q1", ... on each context, whose first word answers them."""
    paragraphs = [
        {
            "context": context,
            "qas": [
                {
                    "id": f"{number}-{asked}",
                    "question": f"q{asked}",
                    "answers": [{"text": context.split()[0], "answer_start": 0}],
                }
                for asked in range(answers)
            ],
        }
        for number, context in enumerate(contexts)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]}))
    return path


def contexts_of(path):
    data = json.loads(path.read_text())["data"]
    return [paragraph["context"] for article in data for paragraph in article["paragraphs"]]


def test_paragraphs_of_the_test_questions_are_left_out(script, tmp_path, monkeypatch, capsys):
    squad_file(tmp_path / "xquad" / "xquad.en.json", ["Rivers run to the sea."])
    squad_file(tmp_path / "mlqa" / "dev" / "en.json", ["Bees dance."])
    train = [
        squad_file(tmp_path / "a.json", ["Bees  dance. ", "Bees dance at noon."], answers=2),
        squad_file(tmp_path / "b.json", ["Owls hunt at night."]),
    ]
    dev = squad_file(tmp_path / "dev.json", ["Rivers run\nto the sea.", "Snow fell."])
    roots = ["--xquad_root", tmp_path / "xquad", "--mlqa_root", tmp_path / "mlqa"]
    words = ["prepare.py", "--train", *train, "--dev", dev, *roots, "--out", tmp_path / "out"]
    monkeypatch.setattr(sys, "argv", [str(word) for word in words])
    script("prepare").main()
    kept = contexts_of(tmp_path / "out" / "train.en.json")
    assert kept == ["Bees dance at noon.", "Owls hunt at night."]
    assert contexts_of(tmp_path / "out" / "dev.en.json") == ["Snow fell."]
    assert "2 questions on 1 paragraphs (left out: 2 questions on 1" in capsys.readouterr().out


def test_a_folder_without_english_test_questions_is_refused(script, tmp_path):
    prepare = script("prepare")
    squad_file(tmp_path / "de.json", ["Flüsse fließen ins Meer."])
    with pytest.raises(SystemExit, match="no English questions"):
        prepare.contexts(prepare.english(tmp_path))


def test_answers_of_both_sides_are_compared_question_by_question(script, tmp_path):
    compare = script("compare")
    texts = ["red fox", "grey owl", "blue whale", "green frog"]
    for language in ("de", "en"):
        squad_file(tmp_path / f"{language}.json", [f"{text} asleep" for text in texts])
    right = {f"{number}-0": text.split()[0] for number, text in enumerate(texts)}
    half = right | {"0-0": "red fox", "1-0": "whale"}  # F1 2/3 and 0
    runs = {}
    for name, answers in (("right", right), ("half", half)):
        runs[name] = tmp_path / name
        (runs[name] / "predictions").mkdir(parents=True)
        for language in ("de", "en"):
            file = runs[name] / "predictions" / f"predictions.{language}.json"
            file.write_text(json.dumps(answers if language == "en" else right))
    scored = {name: compare.scored(run, tmp_path) for name, run in runs.items()}
    sides = {
        "pytorch": [scored["right"], scored["half"]],
        "ours": [scored["half"], scored["half"]],
    }
    record = compare.compared(sides)
    lost = (1 - 2 / 3 + 1) / 4  # of F1 in English, where answers are those of "half"
    assert record["questions"] == 4
    np.testing.assert_allclose(record["f1"]["averages"]["pytorch"], [1, 1 - lost / 2])
    np.testing.assert_allclose(record["f1"]["differences"]["en"]["mean"], -lost / 2)
    np.testing.assert_allclose(record["f1"]["differences"]["average"]["mean"], -lost / 4)
    np.testing.assert_allclose(record["exact_match"]["differences"]["en"]["mean"], -0.25)
    assert "is within their spread" in compare.verdict(record, "f1")
    with pytest.raises(SystemExit, match="different questions"):
        compare.check_same_questions([scored["right"], scored["right"].take(np.arange(3))])


@pytest.fixture
def torch_model(tmp_path):
    """A folder with a tiny model of transformers without dropout."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.XLMRobertaConfig(
        vocab_size=40, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=32, type_vocab_size=1,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=1.0,
    )  # fmt: skip
    transformers.XLMRobertaForQuestionAnswering(config).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_pytorchs_loss_and_answers_do_not_depend_on_micro_batches(script, torch_model):
    side = script("torch_side")
    rng = np.random.default_rng(0)
    token_ids = [rng.integers(4, 40, length) for length in (5, 12, 9, 7, 12)]
    targets = {name: rng.integers(0, 5, 5) for name in ("start", "end")}
    rows = np.array([4, 0, 2, 1])
    found = []
    for settings in ({"batch": 4, "score_batch": 5}, {"batch": 1, "score_batch": 1},
                     {"batch_tokens": 20, "score_batch": 2}):  # fmt: skip
        each = side.PyTorchSide(torch_model, 0.1, side.Settings(**settings))
        loss = each.backward(token_ids, targets, rows)
        outputs = each.outputs(token_ids)
        assert [len(output) for output in outputs] == [5, 12, 9, 7, 12]
        gradients = [x.grad.numpy().ravel() for x in each.model.parameters() if x.grad is not None]
        found.append((loss, np.concatenate(gradients), np.concatenate(outputs)))
    log_shares = [
        [output[:, column] - np.log(np.exp(output[:, column].astype(float)).sum())
         for column in (0, 1)]
        for output in np.split(found[0][2], np.cumsum([5, 12, 9, 7]))
    ]  # fmt: skip
    expected = -np.mean(
        [[log_shares[row][0][targets["start"][row]], log_shares[row][1][targets["end"][row]]]
         for row in rows]
    )  # fmt: skip
    np.testing.assert_allclose(found[0][0], expected, rtol=1e-5)
    for loss, gradient, outputs in found[1:]:
        np.testing.assert_allclose(loss, found[0][0], rtol=1e-5)
        np.testing.assert_allclose(gradient, found[0][1], atol=1e-5)
        np.testing.assert_allclose(outputs, found[0][2], atol=1e-4)


def test_the_initial_head_opens_in_transformers(torch_model, tmp_path, monkeypatch):
    transformers = pytest.importorskip("transformers")
    for name in ("sentencepiece.bpe.model", "tokenizer_config.json"):
        (torch_model / name).write_text("{}")
    words = ["--head", "question_answering", "--encoder", torch_model, "--out", tmp_path / "new"]
    monkeypatch.setattr(sys, "argv", [str(x) for x in (INITIAL_MODEL, *words, "--seed", 3)])
    spec = importlib.util.spec_from_file_location("initial_model", INITIAL_MODEL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main()
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(tmp_path / "new")
    drawn = np.random.default_rng(3).normal(0, 0.02, (2, 8)).astype(np.float32)
    np.testing.assert_array_equal(model.qa_outputs.weight.detach().numpy(), drawn)
    assert not model.qa_outputs.bias.any()
