"""Set our runs beside the PyTorch loop's: every loss, and the logits of 200 pairs at the end.

    python compare.py --ours RUN_E5 RUN_BASE --pytorch E5.json BASE.json [--controls JSON ...]

Reads metrics.jsonl and checkpoints/best of each run's folder and what pytorch_loop.py wrote; our
logits are computed here, from the texts, with our tokenizer and our model. A control is the PyTorch
loop with one setting changed: its distance to the unchanged loop is what a mistake in that setting
would look like. Writes comparison.md, comparison.json and comparison.png into --out.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from infoxlm.data.source import EMBEDDED, open_source
from infoxlm.data.xnli import WORDS
from infoxlm.hardware.environment import load_paddle, prepare_environment
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

LOSS_BOUND, LOGIT_BOUND = 1e-4, 1e-3
LINE_STYLES = {"weight_decay": "-", "epsilon": "--", "warmup_steps": ":"}


class PyTorchRun:
    """Read what pytorch_loop.py wrote, lists as arrays."""

    def __init__(self, path: Path) -> None:
        record = json.loads(path.read_text(encoding="utf-8"))
        steps, self.pairs = record["steps"], record["pairs"]
        self.model: str = record["model"]
        self.settings: dict[str, float] = record["settings"]
        self.losses = np.array([step["loss"] for step in steps])
        self.learning_rates = np.array([step["learning_rate"] for step in steps])
        self.gradient_norms = np.array([step["gradient_norm"] for step in steps])
        self.logits_before = np.array([pair["logits_before"] for pair in self.pairs])
        self.logits = np.array([pair["logits"] for pair in self.pairs])


def our_steps(run: Path, key: str) -> np.ndarray:
    """A number of every optimizer step of our run, float64 ``[steps]``."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").open(encoding="utf-8")]
    steps = [line for line in lines if key in line]
    if [line["step"] for line in steps] != list(range(1, len(steps) + 1)):
        raise SystemExit(f"{run} did not log every step: run it with trainer.log_every=1")
    return np.array([line[key] for line in steps])


def our_logits(run: Path, pairs: list[dict[str, Any]]) -> tuple[np.ndarray, int]:
    """Our trained model's logits ``[n, 3]``, and how many pairs have PyTorch's token ids."""
    prepare_environment()
    load_paddle()
    import paddle

    from infoxlm.model import InfoXLMForSequenceClassification

    folder = run / "checkpoints" / "best"
    sample = open_source(EMBEDDED)
    examples = {
        (language, example.row): example
        for language in {pair["language"] for pair in pairs}
        for example in sample.read("test", language)
    }
    chosen = [examples[pair["language"], pair["row"]] for pair in pairs]
    token_ids = InfoXLMTokenizer.from_pretrained(folder).encode(
        [example.premise for example in chosen],
        [example.hypothesis for example in chosen],
        max_length=128,
    )
    equal = [token_ids[i].tolist() == pair["token_ids"] for i, pair in enumerate(pairs)]
    model = InfoXLMForSequenceClassification.from_pretrained(folder)
    model.eval()
    parts = np.array_split(np.arange(len(pairs)), 10)
    with paddle.no_grad():
        logits = [model(paddle.to_tensor(token_ids.padded(part))).logits.numpy() for part in parts]
    if [model.config.id2label[column] for column in range(len(WORDS))] != list(WORDS):
        raise SystemExit(f"{folder} has its labels in another order than PyTorch's model")
    return np.concatenate(logits), sum(equal)


def compare(run: Path, pytorch: PyTorchRun) -> dict[str, Any]:
    """The numbers of one model: losses of every step, largest differences of all else."""
    losses, learning_rates, norms = (
        our_steps(run, f"train/{key}") for key in ("loss", "learning_rate", "gradient_norm")
    )
    logits, equal_ids = our_logits(run, pytorch.pairs)
    largest_loss = float(abs(losses - pytorch.losses).max())
    largest_logit = float(abs(logits - pytorch.logits).max())
    return {
        "model": json.loads((run / "results.json").read_text(encoding="utf-8"))["model"],
        "settings": pytorch.settings,
        "losses": {"ours": losses.tolist(), "pytorch": pytorch.losses.tolist()},
        "gradient_norms": pytorch.gradient_norms.tolist(),
        "largest_difference": {
            "loss": largest_loss,
            "logit": largest_logit,
            "learning_rate": float(abs(learning_rates - pytorch.learning_rates).max()),
            "gradient_norm": float(abs(norms - pytorch.gradient_norms).max()),
        },
        "mean_difference": {
            "loss": float(abs(losses - pytorch.losses).mean()),
            "logit": float(abs(logits - pytorch.logits).mean()),
        },
        "logit_change_by_training": float(abs(pytorch.logits - pytorch.logits_before).mean()),
        "pairs": len(logits),
        "pairs_with_equal_token_ids": equal_ids,
        "same_numbers": largest_loss <= LOSS_BOUND
        and largest_logit <= LOGIT_BOUND
        and equal_ids == len(logits),
    }


def compare_control(control: PyTorchRun, unchanged: PyTorchRun) -> dict[str, Any]:
    """Compare the PyTorch loop with itself under one changed setting."""
    changed = {k: v for k, v in control.settings.items() if v != unchanged.settings[k]}
    return {
        "change": ", ".join(f"{key}={value:g}" for key, value in changed.items()),
        "losses": control.losses.tolist(),
        "largest_difference": {
            "loss": float(abs(control.losses - unchanged.losses).max()),
            "logit": float(abs(control.logits - unchanged.logits).max()),
        },
    }


def markdown(models: list[dict[str, Any]]) -> str:
    """The results as a table, one column a model."""

    def largest(key: str) -> list[str]:
        return [f"{model['largest_difference'][key]:.1e}" for model in models]

    clipped = [
        sum(norm > model["settings"]["max_grad_norm"] for norm in model["gradient_norms"])
        for model in models
    ]
    losses = [model["losses"]["ours"] for model in models]
    rows = {
        "": [model["model"] for model in models],
        "---": ["--:" for _ in models],
        "optimizer steps": map(str, map(len, losses)),
        "of them with clipped gradient": map(str, clipped),
        "training loss, lowest to highest": (f"{min(x):.3f} to {max(x):.3f}" for x in losses),
        f"**loss, largest difference of a step** (bound {LOSS_BOUND:.0e})": largest("loss"),
        "gradient norm, largest difference": largest("gradient_norm"),
        "learning rate, largest difference": largest("learning_rate"),
        "pairs with the same token ids": (
            f"{model['pairs_with_equal_token_ids']} of {model['pairs']}" for model in models
        ),
        f"**logits at the end, largest difference** (bound {LOGIT_BOUND:.0e})": largest("logit"),
        "logits, mean change by training": (
            f"{model['logit_change_by_training']:.1e}" for model in models
        ),
    }
    lines = ["| " + " | ".join([label, *cells]) + " |" for label, cells in rows.items()]
    if any(model["controls"] for model in models):
        lines += [
            "",
            "The PyTorch loop against itself with one setting changed, largest difference:",
            "",
            "| model | change | loss | logit |",
            "| --- | --- | --: | --: |",
        ]
        for model in models:
            for control in model["controls"]:
                loss, logit = (control["largest_difference"][x] for x in ("loss", "logit"))
                change = f"`{control['change']}`"
                lines.append(f"| {model['model']} | {change} | {loss:.1e} | {logit:.1e} |")
    return "\n".join(lines) + "\n"


def plot(models: list[dict[str, Any]], path: Path) -> None:
    """Draw for each model the losses of both, and below them how far apart they are."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    floor = 1e-9  # where no difference at all is drawn: a logarithmic axis has no zero
    figure, axes = plt.subplots(
        2, len(models), figsize=(5.5 * len(models), 6), sharex=True, squeeze=False,
        layout="constrained", height_ratios=(1, 1),
    )  # fmt: skip
    for model, (top, bottom) in zip(models, axes.T, strict=True):
        ours, pytorch = (np.array(model["losses"][side]) for side in ("ours", "pytorch"))
        steps = np.arange(1, len(ours) + 1)
        top.plot(steps, pytorch, "o", color="#8c959f", fillstyle="none", label="PyTorch loop")
        top.plot(steps, ours, "-", color="#1f6feb", linewidth=1.2, label="infoxlm train")
        top.set_title(model["model"], loc="left", fontsize=10)
        bottom.axhline(LOSS_BOUND, color="#cf222e", linestyle="--", linewidth=1, label="bound")
        for control in model["controls"]:
            distance = np.maximum(abs(np.array(control["losses"]) - pytorch), floor)
            style = LINE_STYLES.get(control["change"].partition("=")[0], "-.")
            bottom.plot(
                steps, distance, style, color="#bf8700", linewidth=1, label=control["change"]
            )
        difference = np.maximum(abs(ours - pytorch), floor)
        bottom.plot(steps, difference, ".", color="#1f6feb", label="infoxlm train")
        bottom.set_yscale("log")
        bottom.set_ylim(floor / 2, 10)
        bottom.set_yticks([floor, 1e-7, 1e-5, 1e-3, 1e-1], ["0", "1e-7", "1e-5", "1e-3", "0.1"])
        bottom.set_xlabel("optimizer step")
        bottom.legend(frameon=False, fontsize=8, ncols=2, loc="upper left")
        for axis in (top, bottom):
            axis.spines[["top", "right"]].set_visible(False)
    axes[0, 0].legend(frameon=False)
    axes[0, 0].set_ylabel("training loss")
    axes[1, 0].set_ylabel("loss, distance to PyTorch")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ours", nargs="+", type=Path, required=True)
    parser.add_argument("--pytorch", nargs="+", type=Path, required=True)
    parser.add_argument("--controls", nargs="*", type=Path, default=[])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    controls = [PyTorchRun(path) for path in arguments.controls]
    models = []
    for run, pytorch in zip(arguments.ours, map(PyTorchRun, arguments.pytorch), strict=True):
        of_model = [
            compare_control(control, pytorch)
            for control in controls
            if control.model == pytorch.model
        ]
        models.append({**compare(run, pytorch), "controls": of_model})

    record = {"bounds": {"loss": LOSS_BOUND, "logit": LOGIT_BOUND}, "models": models}
    (arguments.out / "comparison.json").write_text(json.dumps(record, indent=2) + "\n")
    text = markdown(models)
    (arguments.out / "comparison.md").write_text(text, encoding="utf-8")
    plot(models, arguments.out / "comparison.png")
    print(text)
    for model in models:
        verdict = "the same numbers" if model["same_numbers"] else "NOT the same numbers"
        print(f"{model['model']}: {verdict}")


if __name__ == "__main__":
    main()
