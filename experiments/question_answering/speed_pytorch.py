"""PyTorch's side of speed.py: torch_side.py with transformers' tokenizer."""

import os

from speed_arguments import STEP, read_arguments


def main() -> None:
    arguments = read_arguments(__doc__)
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    os.environ["HF_HUB_OFFLINE"] = "1"

    import time

    import numpy as np
    import torch
    from features import (
        MAX_LENGTH,
        OPTIONS,
        answers_of,
        features,
        read_questions,
        split,
        xquad_questions,
    )
    from torch_side import PyTorchSide, Settings, sequences
    from transformers import AutoTokenizer
    from worker import serve

    from infoxlm.data.sampler import EpochSampler
    from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

    torch.manual_seed(42)
    torch.set_num_threads(arguments.threads)
    ours = InfoXLMTokenizer.from_pretrained(arguments.model)
    learned = features(ours, read_questions(arguments.train_file, arguments.limit_train))
    token_ids = sequences(learned.windows.token_ids.ids, learned.windows.token_ids.offsets)
    sampler = EpochSampler(len(token_ids), STEP, 42)
    side = PyTorchSide(arguments.model, 2e-5, Settings(**arguments.settings))
    done = 0

    def train() -> dict:
        nonlocal done
        tokens, started = 0, time.perf_counter()
        for _ in range(arguments.steps):
            rows = sampler.rows(done)
            side.backward(token_ids, learned.targets, rows)
            side.optimizer_step()
            done += 1
            tokens += sum(len(token_ids[row]) for row in rows)
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "per_second": tokens / seconds}

    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    questions = xquad_questions(arguments.xquad_root, arguments.questions)
    # The windows' spans, for decoding, are the package's; token ids are transformers' below.
    windows = split(ours, questions)

    def encode() -> list[np.ndarray]:
        encoded = tokenizer(
            [question.question for question in questions],
            [question.context for question in questions],
            truncation="only_second",
            max_length=MAX_LENGTH,
            stride=OPTIONS.stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        return [np.array(ids) for ids in encoded["input_ids"]]

    same = zip(encode(), sequences(windows.token_ids.ids, windows.token_ids.offsets), strict=True)
    if not all(np.array_equal(*pair) for pair in same):
        raise SystemExit("transformers' windows are not the package's")

    def score() -> dict:
        started = time.perf_counter()
        outputs = side.outputs(encode())
        answers_of(outputs, windows)
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "per_second": len(questions) / seconds}

    serve({"train": train, "score": score})


if __name__ == "__main__":
    main()
