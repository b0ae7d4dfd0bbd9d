"""`infoxlm evaluate`: score a checkpoint in every language, report."""

import time
from contextlib import nullcontext
from pathlib import Path

from infoxlm.checkpoint.config_file import check_fits, read_config_file
from infoxlm.commands.reporting import finish
from infoxlm.convert.find_checkpoint import find_checkpoint, required_checkpoint
from infoxlm.data.token_cache import TokenCache
from infoxlm.evaluate.predictions import write_predictions
from infoxlm.hardware.environment import check_device, load_paddle
from infoxlm.runs.run_folder import RUN_RECORD
from infoxlm.runs.run_record import weights_checksums, write_run_record
from infoxlm.runs.settings import flat_settings
from infoxlm.schema import Amp, EvaluateConfig
from infoxlm.tasks.registry import task_class
from infoxlm.train.inputs import model_tokenizer, required


def run(config: EvaluateConfig, folder: str | Path) -> float:
    """Score one split and write the report into the run's folder.

    Args:
        config: The run's configuration.
        folder: The run's folder.

    Returns:
        The average accuracy over the languages, a fraction.

    Raises:
        UserError: Something the user gave cannot be used.
    """
    folder, data = Path(folder), config.data
    cache_dir = Path(data.cache_dir).expanduser()
    named = required_checkpoint(config.model.checkpoint)
    check_device(config.hardware.device, config.hardware.amp)
    task = task_class(config.task.name)(config.task, data)
    task.open([config.split])
    checkpoint = find_checkpoint(named, cache_dir)
    task.check_checkpoint(checkpoint, named, trained=True)
    described = read_config_file(checkpoint)
    if data.max_length is None:
        data.max_length = described.get("train_max_length", task.max_length)
    tokenizer = model_tokenizer(config.model, checkpoint, cache_dir, config.hardware)
    check_fits(described, tokenizer.vocab_size, data.max_length)
    cache = TokenCache(cache_dir / "tokens", tokenizer, data.max_length)
    examples = required(task, config.split, cache)

    load_paddle()
    from infoxlm.deploy.static_scoring import TOKENS, static_graph
    from infoxlm.distributed.ranks import Ranks
    from infoxlm.evaluate.evaluator import Evaluator
    from infoxlm.model.loading import select_device
    from infoxlm.tracking.run_tracker import RunTracker

    select_device(config.hardware.device)
    model = task.build_model(config.model, checkpoint, tokenizer.vocab_size, data.max_length)
    write_run_record(
        folder / RUN_RECORD,
        config=config,
        device=config.hardware.device,
        data=task.checksums([config.split]),
        weights=weights_checksums(checkpoint),
    )
    started = time.perf_counter()
    use_graph = config.static_graph
    if use_graph is None:
        tokens = sum(int(x.token_ids.lengths.sum()) for x in examples)
        # In bf16 the model itself is faster than a graph.
        is_fp32 = config.hardware.device == "cpu" and config.hardware.amp is Amp.none
        use_graph = is_fp32 and tokens >= TOKENS
    with static_graph(model, folder) if use_graph else nullcontext() as compute:
        evaluator = Evaluator(config.hardware, Ranks(), compute)
        scores, predictions = task.evaluate(model, examples, evaluator)
    seconds = time.perf_counter() - started
    with RunTracker(folder, config.name) as tracker:
        tracker.scalars(0, scores.tags(config.split))
    write_predictions(folder / "predictions.jsonl", predictions)
    task.write_files(predictions, folder)
    results = {
        "task": "evaluate",
        "task_name": config.task.name,
        "experiment": config.name,
        "model": model.config.encoder_name,
        "data": data.name,
        config.split: scores.as_dict(),
        "evaluate": {"pairs_per_second": len(predictions) / seconds, "seconds": seconds},
        "settings": flat_settings(config),
    }
    finish(results, folder)
    return scores.average
