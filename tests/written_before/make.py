"""Write small folders with the version of infoxlm that runs this, for later versions to open.

    python make.py --out FOLDER

What lies in this folder was written at commit 61c0001, the last one before tasks were folders. Do
not make it again with a later version: it is here because a later version did not write it.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import sentencepiece
from safetensors.numpy import save_file

import infoxlm as infoxlm_package

SIZES = {
    "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16,
    "max_position_embeddings": 40, "type_vocab_size": 1,
}  # fmt: skip
SENTENCES = [
    "the cat sat on the mat and the dog ran home again because it rained",
    "a woman is playing the violin in the park, never alone.",
    "der kleine Hund läuft schnell durch den Garten und bellt!",
    "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ äöüß 0123456789 .,;:!?'\"()-",
]
VOCABULARY = 128

#: What every run is told.
WORDS = [
    "data=sample", "data.cache_dir=cache", "data.limit_train=48", "data.limit_eval=6",
    "data.eval_languages=[en,de]", "data.max_length=32", "hardware.threads=1",
]  # fmt: skip
TRAIN = [
    *WORDS, "model=checkpoint", "model.checkpoint=torch", "trainer.effective_batch_size=8",
    "optimizer.learning_rate=1e-2", "optimizer.weight_decay=0.01", "trainer.log_every=1",
    "trainer.max_steps=8", "trainer.eval_every=4",
]  # fmt: skip
#: Runs the command line, and ends it as Ctrl-C would once so many steps are taken.
STOPPED = """
import os, signal, sys
from infoxlm.cli import main
from infoxlm.train.trainer import Trainer

take_step = Trainer.take_step

def counted(self, rows):
    result = take_step(self, rows)
    if self.state.step == 5:
        os.kill(os.getpid(), signal.SIGINT)
    return result

Trainer.take_step = counted
main(sys.argv[1:])
"""


def write_torch_folder(folder: Path) -> None:
    """Write a tiny XLM-R with random weights in PyTorch's layout, and its vocabulary."""
    folder.mkdir(parents=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 4),
        model_prefix=str(folder / "sentencepiece.bpe"),
        vocab_size=VOCABULARY - 2,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="identity",
        num_threads=1,
        minloglevel=2,
    )
    (folder / "sentencepiece.bpe.vocab").unlink()
    (folder / "sentencepiece.bpe.model").chmod(0o644)
    config = {
        "model_type": "xlm-roberta", "architectures": ["XLMRobertaModel"],
        "vocab_size": VOCABULARY, "pad_token_id": 1, "layer_norm_eps": 1e-5,
        "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "hidden_act": "gelu",
        **SIZES,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    rng = np.random.default_rng(7)
    width, inner = SIZES["hidden_size"], SIZES["intermediate_size"]
    shapes = {
        "embeddings.word_embeddings.weight": (VOCABULARY, width),
        "embeddings.position_embeddings.weight": (SIZES["max_position_embeddings"], width),
        "embeddings.token_type_embeddings.weight": (1, width),
        "embeddings.LayerNorm.weight": (width,),
        "embeddings.LayerNorm.bias": (width,),
    }
    for number in range(SIZES["num_hidden_layers"]):
        layer = f"encoder.layer.{number}"
        for name, (rows, columns) in {
            "attention.self.query": (width, width), "attention.self.key": (width, width),
            "attention.self.value": (width, width), "attention.output.dense": (width, width),
            "intermediate.dense": (inner, width), "output.dense": (width, inner),
        }.items():  # fmt: skip
            shapes |= {f"{layer}.{name}.weight": (rows, columns), f"{layer}.{name}.bias": (rows,)}
        for name in ("attention.output", "output"):
            shapes |= {f"{layer}.{name}.LayerNorm.{x}": (width,) for x in ("weight", "bias")}
    state = {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    for name in state:
        if name.endswith("LayerNorm.weight"):
            state[name] += 1
    save_file(state, folder / "model.safetensors", {"format": "pt"})


def infoxlm(*words: str, expected: int = 0, program: tuple[str, ...] = ("-m", "infoxlm")) -> None:
    """Run a command line here."""
    environment = os.environ | {"INFOXLM_CACHE": "cache", "COLUMNS": "100"}
    command = [sys.executable, *program, *words]
    finished = subprocess.run(command, capture_output=True, text=True, env=environment)
    if finished.returncode != expected:
        raise SystemExit(f"{words} ended with {finished.returncode}:\n{finished.stderr}")


def make() -> None:
    """Write everything into the folder this process is in."""
    write_torch_folder(Path("torch"))
    infoxlm("train", *TRAIN, "name=finished", "hydra.run.dir=finished")
    interrupted = ("train", *TRAIN, "name=interrupted", "seed=7", "hydra.run.dir=interrupted")
    stopped = 128 + signal.SIGINT
    infoxlm(*interrupted, expected=stopped, program=("-c", STOPPED))
    shutil.copytree("interrupted", "resumed")
    infoxlm(*interrupted[:-1], "hydra.run.dir=other", "trainer.resume=resumed")
    evaluated = ["evaluate", *WORDS, "model.checkpoint=finished", "split=test"]
    infoxlm(*evaluated, "hydra.run.dir=evaluated")
    infoxlm(
        "train", "--multirun", *TRAIN, "name=sweep", "trainer.keep_checkpoints=0", "seed=1,2",
        "hydra.sweep.dir=sweep",
    )  # fmt: skip
    text = "text=The cat sat on the mat.<sep>It never rained."
    infoxlm("export", "model.checkpoint=finished", "target=exported")
    infoxlm("export", "model.checkpoint=finished", "target=exported_onnx", "format=onnx")
    for folder in ("finished", "exported"):
        infoxlm("predict", f"model.checkpoint={folder}", text, f"output={folder}.jsonl")


def tidy() -> None:
    """Remove pictures, locks and what is there twice; name no place of this machine."""
    expected = Path("expected")
    expected.mkdir()
    shutil.copy("resumed/metrics.jsonl", expected / "resumed_metrics.jsonl")
    shutil.copy("resumed/predictions.jsonl", expected / "resumed_predictions.jsonl")
    shutil.copy("resumed/checkpoints/step-8/model.safetensors", expected)
    shutil.move("finished.jsonl", expected / "predicted.jsonl")
    Path("exported.jsonl").unlink()
    shutil.rmtree("resumed")
    for pattern in ("*.png", "*.lock", "*.log"):
        for file in Path().rglob(pattern):
            if not file.name.startswith("vdlrecords"):
                file.unlink()
    package = str(Path(infoxlm_package.__file__).parents[1])
    for pattern in ("run.json", "hydra.yaml", "multirun.yaml", "sweep.json"):
        for file in Path().rglob(pattern):
            text = file.read_text(encoding="utf-8")
            text = text.replace(package, "/home/user/infoxlm").replace(
                str(Path.cwd()), "/home/user"
            )
            file.write_text(text, encoding="utf-8")


def main() -> None:
    """Make the folders."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out.resolve()
    out.mkdir(parents=True)
    os.chdir(out)
    make()
    tidy()


if __name__ == "__main__":
    main()
