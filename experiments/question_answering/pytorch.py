"""The other side of the comparison: fine-tuning in plain PyTorch, and answers in every language.

    python pytorch.py --model INITIAL --train_file $SQUAD_TRAIN --xquad_root $XQUAD_ROOT \
        --seed 1 --out OUT

INITIAL is a folder in transformers' format with its head already drawn (initial_model.py). A step
learns from the windows that `infoxlm train` draws with the seed; windows and the choice of answers
are the package's, all computing and learning is transformers' and PyTorch's. OUT gets every loss
(metrics.jsonl), the trained model, predictions/predictions.{language}.json in SQuAD's form, and
results.json. The same command again resumes: training from OUT/state.pt, which is written every ten
minutes, scoring from the first language that has no file.
"""

import argparse
import json
import math
import os
import resource
import sys
import time
from pathlib import Path

import torch
from features import (
    LANGUAGES,
    Features,
    answers_of,
    features,
    read_questions,
    split,
    xquad_file,
)
from torch_side import PyTorchSide, Settings, sequences
from tqdm import tqdm
from transformers import get_linear_schedule_with_warmup

from infoxlm.data.sampler import EpochSampler
from infoxlm.files.atomic import atomic_folder, write_json
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

sys.path.append(str(Path(__file__).parents[1]))
from torch_state import restore, save  # noqa: E402  # in the folder above


def train(arguments: argparse.Namespace, learned: Features) -> None:
    """Train one epoch, or what is left of it, and save the model."""
    side = PyTorchSide(
        arguments.model, arguments.learning_rate, arguments.settings, arguments.dropout
    )
    sampler = EpochSampler(len(learned.windows.questions), arguments.batch_size, arguments.seed)
    steps = arguments.max_steps or sampler.per_epoch
    warmup = math.ceil(arguments.warmup_ratio * steps)
    schedule = get_linear_schedule_with_warmup(side.optimizer, warmup, steps)
    token_ids = sequences(learned.windows.token_ids.ids, learned.windows.token_ids.offsets)
    state, log = arguments.out / "state.pt", arguments.out / "metrics.jsonl"
    history = []
    if state.exists():
        history = restore(state, side.model, side.optimizer, schedule)["history"]
        print(f"resumed after step {len(history)}")
    saved = time.monotonic()
    for step in tqdm(range(len(history), steps), initial=len(history), total=steps, disable=None):
        started = time.perf_counter()
        loss = side.backward(token_ids, learned.targets, sampler.rows(step))
        rate = schedule.get_last_lr()[0]
        side.optimizer_step()
        schedule.step()
        seconds = time.perf_counter() - started
        history.append({"step": step + 1, "loss": loss, "learning_rate": rate, "seconds": seconds})
        log.write_text("".join(json.dumps(line) + "\n" for line in history), encoding="utf-8")
        if time.monotonic() - saved > 60 * arguments.save_minutes:
            save(state, side.model, side.optimizer, schedule, history=history)
            saved = time.monotonic()
    with atomic_folder(arguments.out / "model") as temporary:
        side.model.save_pretrained(temporary)
    state.unlink(missing_ok=True)


def answer(arguments: argparse.Namespace, tokenizer: InfoXLMTokenizer) -> None:
    """Write the answers of each language that has none yet."""
    side = PyTorchSide(arguments.out / "model", arguments.learning_rate, arguments.settings)
    for language in tqdm(arguments.languages, disable=None):
        path = arguments.out / "predictions" / f"predictions.{language}.json"
        if path.exists():
            continue
        file = xquad_file(arguments.xquad_root, language)
        questions = read_questions(file, arguments.questions)
        windows = split(tokenizer, questions)
        outputs = side.outputs(sequences(windows.token_ids.ids, windows.token_ids.offsets))
        ranked = answers_of(outputs, windows)
        answers = {
            question.id: question.context[found[0].start : found[0].end] if found else ""
            for question, found in zip(questions, ranked, strict=True)
        }
        path.parent.mkdir(exist_ok=True)
        write_json(path, answers, indent=None)


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("model", "train_file", "xquad_root", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--learning_rate", type=float, default=2e-4)
    parser.add_argument("--warmup_ratio", type=float, default=0.1)
    parser.add_argument("--batch_size", type=int, default=32, help="windows of a step")
    parser.add_argument("--questions", type=int, default=300, help="of XQuAD, a language")
    parser.add_argument("--languages", nargs="+", default=list(LANGUAGES))
    parser.add_argument("--limit_train", type=int, help="training questions")
    parser.add_argument("--max_steps", type=int, help="less than an epoch, for trying it")
    parser.add_argument("--save_minutes", type=float, default=10)
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON: see torch_side.py")
    parser.add_argument("--dropout", type=float, help="that of the model if not given")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    arguments.settings = Settings(**arguments.settings)
    return arguments


def main() -> None:
    arguments = parsed()
    os.environ["HF_HUB_OFFLINE"] = "1"
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    tokenizer = InfoXLMTokenizer.from_pretrained(arguments.model)
    if not (arguments.out / "model").exists():
        questions = read_questions(arguments.train_file, arguments.limit_train)
        train(arguments, features(tokenizer, questions))
    answer(arguments, tokenizer)
    lines = (arguments.out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    results = {
        "steps": len(lines),
        "training_seconds": sum(json.loads(line)["seconds"] for line in lines),
        "peak_mb_of_this_process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    write_json(arguments.out / "results.json", results)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
