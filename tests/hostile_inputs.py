"""Whole folders to spoil, and the commands that read them."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

SAMPLE = "data=sample data.limit_train=8 data.limit_eval=3 data.eval_languages=[en,de]"
SHORT = "model=tiny trainer.eval_every=1 data.max_length=32"
TRAIN = f"train {SHORT} trainer.max_steps=1"
STOPPED = f"{SHORT} {SAMPLE} trainer.max_steps=3 trainer.save_every=1"
SERVE = "serve model.checkpoint={in} port=0"
RETRIEVE = "data.languages=[fr,de] data.max_length=32 layer=all"
OWN = "data.eval_languages=[en] data.train_languages=[en] data.limit_train=8 data.limit_eval=3"

#: The inputs to spoil: the folder below the whole ones, and the commands that read it.
KINDS: dict[str, tuple[str, list[str]]] = {
    "exported": (
        "exported",
        [
            "predict model.checkpoint={in} text=a<sep>b",
            "predict model.checkpoint={in} text=a<sep>b runtime=onnx",
            "predict model.checkpoint={in} input={whole}/rows/rows.tsv output=out.jsonl",
            "predict model.checkpoint={in} input={whole}/rows/rows.tsv runtime=onnx",
            SERVE,
            f"{SERVE} runtime=onnx workers=2",
        ],
    ),
    "quantized": ("quantized", ["predict model.checkpoint={in} text=a<sep>b"]),
    "pickled": (
        "pickled",
        [
            "predict model.checkpoint={in} text=a<sep>b",
            f"evaluate model.checkpoint={{in}} {SAMPLE}",
            "convert source={in} target=out direction=to_torch",
            f"retrieve model.checkpoint={{in}} data.root={{whole}}/tatoeba {RETRIEVE}",
            SERVE,
        ],
    ),
    "checkpoint": (
        "checkpoint",
        [
            "predict model.checkpoint={in} text=a<sep>b",
            f"evaluate model.checkpoint={{in}} {SAMPLE}",
            "convert source={in} target=out direction=to_torch",
            f"train model=checkpoint model.checkpoint={{in}} {SAMPLE} trainer.max_steps=1 "
            "data.max_length=32",
            "export model.checkpoint={in} target=out",
            f"retrieve model.checkpoint={{in}} data.root={{whole}}/tatoeba {RETRIEVE}",
            SERVE,
        ],
    ),
    "torch": ("torch", ["convert source={in} target=out"]),
    "torch_pickled": ("torch_pickled", ["convert source={in} target=out"]),
    "rows": (
        "rows",
        [
            "predict model.checkpoint={whole}/checkpoint input={in}/rows.tsv output=out.tsv",
            "predict model.checkpoint={whole}/checkpoint input={in}/rows.csv on_error=skip",
            "predict model.checkpoint={whole}/checkpoint input={in}/rows.jsonl on_error=skip",
        ],
    ),
    "pairs": ("pairs", [f"{TRAIN} data.root={{in}} {OWN}"]),
    "zipped": (
        "zipped",
        [f"evaluate model.checkpoint={{whole}}/checkpoint data.root={{in}} {OWN}"],
    ),
    "tatoeba": (
        "tatoeba",
        [f"retrieve model.checkpoint={{whole}}/checkpoint data.root={{in}} {RETRIEVE}"],
    ),
    "run": (
        "run",
        [
            "repeat run={in}",
            "compare run_a={in} run_b={whole}/run",
            f"evaluate model.checkpoint={{in}} {SAMPLE}",
            "predict model.checkpoint={in} text=a<sep>b",
        ],
    ),
    "curves": ("run", ["dashboard folder={in} port={port}"]),
    "stopped": (
        "stopped",
        [
            f"train {STOPPED} trainer.resume=auto hydra.run.dir={{in}}/name/run",
            f"train {STOPPED} trainer.resume=auto hydra.run.dir={{in}}/name/run",
            f"train {STOPPED} trainer.resume={{in}}/name/run",
        ],
    ),
    "sweep": ("sweep", ["report sweep={in}"]),
    "cut_sweep": ("cut_sweep", ["train --multirun sweep.resume={in}"]),
    "words": (
        "checkpoint",
        [
            "predict model.checkpoint={in} text=a<sep>b",
            f"evaluate model.checkpoint={{in}} {SAMPLE}",
            "convert source={in} target=out direction=to_torch",
            f"{TRAIN} {SAMPLE}",
            "report sweep={whole}/sweep",
            "compare run_a={whole}/run run_b={whole}/run",
            f"retrieve model.checkpoint={{in}} data.root={{whole}}/tatoeba {RETRIEVE}",
            SERVE,
        ],
    ),
}

#: Of each folder, the files that are spoiled most often.
TELLING = {
    "exported": ("inference*", "model.onnx", "config.json", "sentencepiece*"),
    "quantized": ("model.onnx", "config.json"),
    "pickled": ("model_state.pdparams", "model_state.pdparams", "config.json"),
    "checkpoint": ("config.json", "model.safetensors", "sentencepiece*", "manifest.json"),
    "torch": ("config.json", "model.safetensors", "sentencepiece*"),
    "torch_pickled": ("pytorch_model.bin", "config.json"),
    "run": ("run.json", "results.json", "*.yaml", "metrics.jsonl", "best/config.json", "*.tsv"),
    "curves": ("vdlrecords*", "run.json"),
    "stopped": ("training_state.json", "run.json", "m*.json*", "optimizer.safetensors", "*.yaml"),
    "cut_sweep": ("sweep.json", "sweep.json", "job.json", "run.json", "training_state.json"),
    "sweep": ("run.json", "results.json", "*.yaml", "*.jsonl", "status.json", "sweep*.json"),
}


def call(words: list[str], folder: Path) -> None:
    """Run a command that has to end well, in a process of its own."""
    line = [sys.executable, "-c", "from infoxlm.cli import main; main()", *words]
    finished = subprocess.run(line, cwd=folder, capture_output=True, text=True)
    if finished.returncode:
        raise SystemExit(f"{' '.join(words)}: {finished.stderr}")


def make_whole(whole: Path) -> None:
    """Make everything that is spoiled later: nothing is wrong with it."""
    tiny = ["model=tiny", *SAMPLE.split(), "trainer.max_steps=2", "trainer.eval_every=1"]
    tiny += ["data.max_length=32"]
    call(["train", *tiny, f"hydra.run.dir={whole}/run"], whole)
    call(["train", "--multirun", *tiny, "seed=1,2", f"hydra.sweep.dir={whole}/sweep"], whole)
    make_cut(whole)
    checkpoint = whole / "checkpoint"
    shutil.copytree(whole / "run" / "checkpoints" / "best", checkpoint)
    common = f"convert source={checkpoint} direction=to_torch target={whole}/torch"
    call(common.split(), whole)
    for precision, name in (("fp32", "exported"), ("int8_dynamic", "quantized")):
        words = f"export model.checkpoint={checkpoint} target={whole}/{name} precision={precision}"
        call([*words.split(), "format=onnx"], whole)
    code = (
        "import sys, paddle, torch, numpy\n"
        "from safetensors.numpy import load_file\n"
        "state = load_file(sys.argv[1] + '/checkpoint/model.safetensors')\n"
        "tensors = {name: paddle.to_tensor(value) for name, value in state.items()}\n"
        "paddle.save(tensors, sys.argv[1] + '/model_state.pdparams')\n"
        "state = load_file(sys.argv[1] + '/torch/model.safetensors')\n"
        "torch.save({k: torch.tensor(v) for k, v in state.items()}, sys.argv[1] + '/x.bin')"
    )
    subprocess.run([sys.executable, "-c", code, whole], check=True, capture_output=True)
    for source, name, weights in (
        ("checkpoint", "pickled", "model_state.pdparams"),
        ("torch", "torch_pickled", "x.bin"),
    ):
        shutil.copytree(whole / source, whole / name)
        (whole / name / "model.safetensors").unlink()
        (whole / name / "manifest.json").unlink(missing_ok=True)
        final = weights if name == "pickled" else "pytorch_model.bin"
        (whole / weights).rename(whole / name / final)
    write_texts(whole)


def make_cut(whole: Path) -> None:
    """Make a run that was stopped after two of three steps, and a sweep cut in its last job."""
    run = whole / "stopped" / "name" / "run"
    call(["train", *STOPPED.split(), f"hydra.run.dir={run}"], whole)
    shutil.rmtree(run / "checkpoints" / "step-3")
    sweep = whole / "cut_sweep"
    call(["train", "--multirun", *STOPPED.split(), "seed=1,2", f"hydra.sweep.dir={sweep}"], whole)
    shutil.rmtree(sweep / "1" / "checkpoints" / "step-3")
    for folder in (run, sweep / "1"):
        (folder / "results.json").unlink()
    job = sweep / "1" / "job.json"
    job.write_text(job.read_text().replace('"finished"', '"running"'))


def write_texts(whole: Path) -> None:
    """Write pairs of texts in the forms that people keep them in."""
    pairs = [
        (f"the cat {n} sat", f"a dog {n} ran", ("neutral", "entailment")[n % 2]) for n in range(8)
    ]
    table = "".join("\t".join(row) + "\n" for row in pairs)
    for split in ("train", "dev", "test"):
        (whole / "pairs" / split).mkdir(parents=True)
        text = f"premise\thypothesis\tlabel\n{table}"
        (whole / "pairs" / split / "en.tsv").write_text(text)
    rows = whole / "rows"
    rows.mkdir()
    (rows / "rows.tsv").write_text(f"premise\thypothesis\tlabel\n{table}")
    (rows / "rows.csv").write_text(
        "premise,hypothesis\n" + "".join(f"{a},{b}\n" for a, b, _ in pairs)
    )
    lines = (json.dumps({"premise": a, "hypothesis": b}) + "\n" for a, b, _ in pairs)
    (rows / "rows.jsonl").write_text("".join(lines))
    (whole / "tatoeba").mkdir()
    for code, other in (("fra", "le chat {} dort"), ("deu", "die Katze {} ruht")):
        for name, text in ((code, other), ("eng", "the cat {} sleeps")):
            lines = (f"{text.format(n)}\n" for n in range(8))
            (whole / "tatoeba" / f"tatoeba.{code}-eng.{name}").write_text("".join(lines))
    (whole / "zipped").mkdir()
    xnli = "language\tgold_label\tsentence1\tsentence2\n"
    xnli += "".join(f"en\t{label}\t{a}\t{b}\n" for a, b, label in pairs)
    with zipfile.ZipFile(whole / "zipped" / "XNLI-1.0.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for split in ("dev", "test"):
            archive.writestr(f"XNLI-1.0/xnli.{split}.tsv", xnli)
