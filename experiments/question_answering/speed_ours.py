"""Our side of speed.py: the package's train module, evaluator and answers, as `train` has them."""

from speed_arguments import STEP, read_arguments

from infoxlm.hardware.environment import load_paddle, prepare_environment


def main() -> None:
    arguments = read_arguments(__doc__)
    prepare_environment(arguments.threads)
    load_paddle()

    import time

    import numpy as np
    from features import MAX_LENGTH, answers_of, features, read_questions, split, xquad_questions
    from worker import serve

    from infoxlm.data.examples import Examples
    from infoxlm.data.sampler import EpochSampler
    from infoxlm.distributed.ranks import Ranks
    from infoxlm.evaluate.evaluator import Evaluator
    from infoxlm.model.loading import load_question_answerer
    from infoxlm.schema import HardwareConfig, ModelConfig, OptimizerConfig, SchedulerConfig
    from infoxlm.tasks.question_answering.objective import QuestionAnsweringObjective
    from infoxlm.tasks.stream import TrainingStream
    from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
    from infoxlm.train.randomness import seed_everything
    from infoxlm.train.train_module import TrainModule

    seed_everything(42)
    tokenizer = InfoXLMTokenizer.from_pretrained(arguments.model)
    learned = features(tokenizer, read_questions(arguments.train_file, arguments.limit_train))
    token_ids = learned.windows.token_ids
    hardware = HardwareConfig(
        "cpu",
        **{
            key: arguments.settings[key]
            for key in ("micro_batch_tokens", "eval_batch_tokens")
            if key in arguments.settings
        },
    )
    name = "question_answering"
    model = load_question_answerer(
        ModelConfig("measured"), arguments.model, tokenizer.vocab_size, MAX_LENGTH, task_name=name
    )
    examples = Examples(token_ids, learned.targets, np.arange(len(token_ids)))
    sampler = EpochSampler(len(token_ids), STEP, 42)
    module = TrainModule(
        model,
        [TrainingStream(name, examples, sampler, QuestionAnsweringObjective(model))],
        optimizer=OptimizerConfig("adamw", 2e-5),
        scheduler=SchedulerConfig("constant"),
        hardware=hardware,
        seed=42,
        steps=1000,
        ranks=Ranks(),
    )
    done = 0

    def train() -> dict:
        nonlocal done
        tokens, started = 0, time.perf_counter()
        for _ in range(arguments.steps):
            rows = sampler.rows(done)
            module.backward(done, {name: rows})
            done += 1
            module.optimizer_step(done)
            tokens += int(token_ids.lengths_of(rows).sum())
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "per_second": tokens / seconds}

    questions = xquad_questions(arguments.xquad_root, arguments.questions)

    def score() -> dict:
        started = time.perf_counter()
        windows = split(tokenizer, questions)
        with module.full_table():
            outputs = Evaluator(hardware).token_outputs(model, windows.token_ids, 2)
        answers_of(outputs, windows)
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "per_second": len(questions) / seconds}

    serve({"train": train, "score": score})


if __name__ == "__main__":
    main()
