"""Accuracy, size and speed of each exported form of a classifier.

    python formats.py --checkpoint RUN_OR_FOLDER --xnli_root $XNLI_ROOT

Exports the checkpoint in every form into a temporary folder, and has each, in turns, score the
first rows of XNLI's test set in fifteen languages: all together, and some one by one. Writes the
section "formats" of results.json, results.md and results.png beside this file. Timings mean
something only on an idle machine.
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from arguments import parsed, parser_of
from contenders import Score, export, package
from results import record
from turns import at_the_start, order

from infoxlm.checkpoint.weights_file import SAFETENSORS
from infoxlm.convert.find_checkpoint import find_checkpoint
from infoxlm.data.source import open_source
from infoxlm.data.xnli import LANGUAGES, WORDS
from infoxlm.deploy.model_folder import ONNX_MODEL, PARAMETERS, default_cache_dir

#: Pairs that are scored one by one.
SINGLE = 100


class Form(NamedTuple):
    """One form of a model.

    Attributes:
        precision: Of the export; None: the checkpoint itself.
        runtime: What runs it.
        file: What holds its weights.
    """

    precision: str | None
    runtime: str
    file: str


FORMS = {
    "checkpoint": Form(None, "paddle", SAFETENSORS),
    "infoxlm, Paddle fp32": Form("fp32", "paddle", PARAMETERS),
    "infoxlm, Paddle fp16": Form("fp16", "paddle", PARAMETERS),
    "infoxlm, ONNX fp32": Form("fp32", "onnx", ONNX_MODEL),
    "infoxlm, ONNX fp16": Form("fp16", "onnx", ONNX_MODEL),
    "infoxlm, ONNX int8 dynamic": Form("int8_dynamic", "onnx", ONNX_MODEL),
    "infoxlm, ONNX int8 static": Form("int8_static", "onnx", ONNX_MODEL),
}


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rows", type=int, default=500, help="test rows a language")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parsed(parser)
    source = open_source(arguments.xnli_root)
    examples = [
        each for language in LANGUAGES for each in source.read("test", language, arguments.rows)
    ]
    pairs = [(example.premise, example.hypothesis) for example in examples]
    labels = np.array([WORDS[example.label] for example in examples])
    single = [[pair] for pair in pairs[:: max(1, len(pairs) // SINGLE)]]
    checkpoint = find_checkpoint(arguments.checkpoint, default_cache_dir())

    with tempfile.TemporaryDirectory() as temporary:
        folders = {None: checkpoint}
        for precision in dict.fromkeys(form.precision for form in FORMS.values()):
            if precision is not None:
                folders[precision] = Path(temporary) / precision
                export(checkpoint, folders[precision], precision)
        loads = {
            name: partial(load, folders[form.precision], form.runtime)
            for name, form in FORMS.items()
        }
        sides: dict[str, dict[str, Any]] = {}
        times: dict[str, list[float]] = {name: [] for name in FORMS}
        alone: dict[str, list[float]] = {name: [] for name in FORMS}
        predicted: dict[str, np.ndarray] = {}
        with at_the_start(loads, threads=arguments.threads) as contenders:
            for contender in contenders.values():
                contender.take_turn(single[:20])
            for number in range(arguments.rounds):
                for name in order(list(contenders), number):
                    turn = contenders[name].take_turn([pairs])
                    times[name] += turn.seconds
                    predicted[name] = np.array([max(x, key=x.__getitem__) for x in turn.answers])
                    alone[name] += contenders[name].take_turn(single).seconds
                    sides[name] = {"memory_mb": turn.memory}
                    print(f"round {number + 1}: {name} {turn.seconds[0]:.1f} s", flush=True)
            for name, contender in contenders.items():
                form = FORMS[name]
                sides[name] |= {
                    "megabytes": (folders[form.precision] / form.file).stat().st_size / 1e6,
                    "accuracy": 100 * float((predicted[name] == labels).mean()),
                    "same_label": 100 * float((predicted[name] == predicted["checkpoint"]).mean()),
                    "pairs_per_second": len(pairs) / float(np.median(times[name])),
                    "p50_ms": 1000 * float(np.median(alone[name])),
                    "load_seconds": contender.load_seconds,
                }
    settings = {"pairs": len(pairs), "rounds": arguments.rounds, "threads": arguments.threads}
    record("formats", {"settings": settings, "sides": {x: sides[x] for x in FORMS}}, arguments.out)


def load(folder: Path, runtime: str, threads: int) -> Score:
    """Load one form."""
    return package(folder, runtime, threads)


if __name__ == "__main__":
    main()
