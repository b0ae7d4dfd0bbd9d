"""The command line and the configuration: flags, keys, options, types, ranges, combinations."""

import sys

import pytest

from infoxlm.cli import entry as cli

BASE = "model=tiny data=sample"

# A command line, what the line names. A comment opens the rows of a kind.
MISTAKES = [
    # command, flag
    ("trian", ["'trian'", "Did you mean train?", "evaluate"]),
    ("frobnicate", ["'frobnicate'", ", ".join(cli.COMMANDS)]),
    ("--cofnig", ["'--cofnig'", "train, evaluate"]),
    ("train --nonsense", ["--nonsense", "--hydra-help"]),
    ("train --cfg", ["--cfg", "expected one argument"]),
    ("train --cfg jbo", ["--cfg", "'jbo'", "'job'"]),
    # key
    ("train lr=1", ["lr:", "Did you mean optimizer.learning_rate?"]),
    ("train optimizer.lr=1", ["optimizer.lr:", "Did you mean optimizer.learning_rate?"]),
    ("train trainer.max_step=2", ["trainer.max_step:", "Did you mean trainer.max_steps?"]),
    ("train +sed=2", ["sed:", "Did you mean seed?"]),
    ("train +data.max_lenght=9", ["data.max_lenght:", "Did you mean data.max_length?"]),
    ("train ++optimizer.momentum=9", ["optimizer.momentum:", "--help"]),
    ("train model.shape.hidden_size=64", ["model.shape", "model=tiny"]),
    ("train model.shape={hidden_size:64}", ["model.shape", "model=tiny"]),
    ("train foo.bar=1", ["foo", "infoxlm train --help"]),
    ("evaluate trainer.epochs=1", ["trainer", "infoxlm evaluate --help"]),
    ("dashboard prot=3", ["prot", "Did you mean port?"]),
    ("repeat run=a data.root=b", ["data:", "Did you mean data_root?"]),
    # group, option
    ("train modle=tiny", ["modle", "Did you mean model?"]),
    ("train model=infoxlm_bse", ["model=infoxlm_bse", "Did you mean infoxlm_base?", "tiny"]),
    ("train data=tatoeba", ["data=tatoeba", "infoxlm train", "translate_train, xnli"]),
    ("retrieve data=sample", ["data=sample is not for", "The options of data are tatoeba"]),
    ("train experiment=dmeo", ["experiment=dmeo", "Did you mean demo?", "quick_verify"]),
    ("train hardware=tpu", ["hardware=tpu", "cpu, cpu_bf16, gpu, gpu_bf16, gpu_fp16"]),
    ("train model=???", ["model", "infoxlm_large"]),
    # type
    ("train seed=abc", ["seed", "'abc'", "Integer"]),
    ("train trainer.epochs=2.5", ["trainer.epochs", "'2.5'", "Integer"]),
    ("train model.recompute=maybe", ["model.recompute", "'maybe'", "bool"]),
    ("train hardware.amp=fp8", ["hardware.amp", "'fp8'", "none, bf16, fp16"]),
    ("train trainer.select_on=test", ["trainer.select_on", "'test'", "dev_average, dev_en"]),
    ("train data.eval_languages=en", ["data.eval_languages", "list"]),
    ("train data.cache_dir=null", ["data.cache_dir=null", "needs a value"]),
    ("train trainer=fast", ["trainer", "fast"]),
    ("convert source=a target=b direction=up", ["direction", "'up'", "to_paddle, to_torch"]),
    ("dashboard port=http", ["port", "'http'"]),
    # language
    ("train data.train_languages=[german]", ["data.train_languages", "'german'", "de, swh"]),
    ("train data.eval_languages=[EN]", ["data.eval_languages", "'EN'", "Did you mean en?"]),
    ("train data.eval_languages=[en,en]", ["data.eval_languages", "each once"]),
    ("train data.eval_languages=[]", ["data.eval_languages", "at least one"]),
    (f"train {BASE} data.train_languages=[de]", ["train pairs in de", "data.train_languages"]),
    # path
    ("convert source=./no/such target=x", ["./no/such", "Give"]),
    ("retrieve model=e5_small", ["data.root is not set", "data/tatoeba/v1"]),
    ("retrieve model=e5_small data.root=/no/such", ["data.root=/no/such", "Give data.root"]),
    ("compare run_a=/no/a run_b=/no/b", ["/no/a does not exist", "outputs/train/NAME/TIME"]),
    ("repeat run=/no/such", ["/no/such does not exist", "outputs/train/NAME/TIME"]),
    # range
    (f"train {BASE} model.shape.vocab_size=9", ["model.shape.vocab_size=9", "1000 or more"]),
    ("train optimizer.name=sgd", ["optimizer.name=sgd", "adam or adamw"]),
    ("train hardware.amp=fp16", ["hardware.amp=fp16", "hardware=gpu_fp16"]),
    ("evaluate split=train", ["split=train", "dev or test"]),
    ("dashboard port=0", ["port=0", "from 1 to 65535"]),
    ("retrieve model=e5_small layer=last", ["layer=last", "a list such as [0,7]"]),
    # combination
    ("train optimizer=adam optimizer.weight_decay=0.1", ["weight_decay=0.1", "optimizer=adamw"]),
    ("train trainer.select_on=dev_en data.eval_languages=[de]", ["select_on=dev_en", "Add en"]),
    # missing
    ("convert", ["source is not set", "infoxlm convert source=VALUE"]),
    ("convert source=a", ["target is not set", "infoxlm convert target=VALUE"]),
    ("compare run_a=a", ["run_b is not set", "infoxlm compare run_b=VALUE"]),
    ("repeat", ["run is not set", "infoxlm repeat run=VALUE"]),
    ("train optimizer.learning_rate=???", ["optimizer.learning_rate is not set", "=VALUE"]),
    ("train ~data", ["data is not set", "data=VALUE"]),
    (f"train {BASE} model.shape=null", ["model.checkpoint is not set", "model=tiny"]),
    ("evaluate model=tiny data=sample", ["model.checkpoint is not set", "Give a run"]),
    # junk
    ("train data.root", ["data.root", "KEY=VALUE"]),
    ("train trainer.max_steps={", ["trainer.max_steps={", "KEY=VALUE"]),
    ("train data.root=a[b", ["data.root=a[b", "quotes"]),
    ("train =3", ["--help"]),
    ("train seed=1,2", ["seed=1,2", "--multirun"]),
    ("serve port=1,2", ["port=1,2: several values", "Give one"]),
    ("serve --multirun port=1,2", ["infoxlm serve runs no sweeps", "Leave --multirun out"]),
    ("convert -m source=a target=b", ["infoxlm convert runs no sweeps", "Leave --multirun out"]),
    # null and empty
    ("train seed=null", ["seed=null: it needs a value", "--help"]),
    ("train trainer=null", ["trainer=null: it needs a value", "--help"]),
    ("train data.max_length=null", ["data.max_length=null", "a number of tokens"]),
    ("train data.train_languages=[null]", ["data.train_languages[0]", "None", "--help"]),
    ("train data=null", ["data=null: there is no such option", "translate_train, xnli"]),
    ("train data.root=", ["data.root is empty", "Is the variable set"]),
    ("evaluate model.checkpoint=", ["model.checkpoint is empty", "Is the variable set"]),
    ("train hardware.device=", ["hardware.device is empty", "Is the variable set"]),
    ("train --multirun seed=", ["seed", "''", "Integer"]),
    # interpolation
    ("train data.root=${oc.env:NOT_SET}", ["data.root", "'NOT_SET' not found", "${...}"]),
    ("train data.root=${nowhere}", ["data.root", "'nowhere' not found", "${...}"]),
    ("train name=${name}", ["Recursive interpolation", "write the value itself"]),
    ("train seed=${model.name}", ["seed", "Integer"]),
    # Hydra's own
    ("train sweep=seeds", ["Could not override 'sweep'", "+sweep=seeds"]),
    (
        "train +sweep=nope",
        ["sweep=nope: there is no such option", "grid, learning_rate, optuna, search, seeds"],
    ),
    ("train data=[[1]]", ["data=[[1]]: an option is a word", "squad, translate_train, xnli"]),
    ("train +sweep=[{a:1}]", ["sweep=[{a:1}]: an option is a word", "learning_rate"]),
    ("train --multirun seed=1,2 model=[true]", ["model=[true]: an option is a word", "tiny"]),
    ("train hydra/launcher=[null]", ["hydra/launcher=[null]: an option is a word", "its name"]),
    ("train hydra/launcher=nope", ["hydra/launcher=nope: there is no such option", "basic"]),
    ("train hydra.nope=1", ["hydra.nope: there is no such key", "--cfg hydra"]),
    ("train hydra.mode=x", ["hydra.mode", "'x'", "RUN, MULTIRUN"]),
    ("train --config-name=nope", ["'nope'", "--help"]),
    ("train --config-dir=/no/such", ["'/no/such' not found", "--help"]),
    ("train --config-name=evaluate", ["there is no such key", "infoxlm train --help"]),
    ("train --experimental-rerun=/no/such", ["/no/such does not exist", "--help"]),
    ("train --resolve", ["--resolve", "--cfg or --help"]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "named"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_mistakes(refused, line, named):
    heavy = {"paddle", "torch"} & sys.modules.keys()
    finished = refused(line, named)
    assert finished.out == ""
    assert finished.err.count("\n") == 1
    assert {"paddle", "torch"} & sys.modules.keys() == heavy


# Key, values that are out of its range, what the line says is wanted.
RANGES = [
    ("data.max_length", "0 7 513 -1", "from 8 to 512"),
    ("data.limit_train", "0 99999999999", "It must be"),
    ("data.limit_eval", "0 -3", "1 or more"),
    ("model.dropout", "1 -0.1 nan", "below 1"),
    ("model.shape.num_attention_heads", "0 5", "It must be"),
    ("model.shape.layer_norm_eps", "0 1 nan", "at most 0.001"),
    ("model.shape.vocab_size", "0 99999999999", "It must be"),
    ("optimizer.learning_rate", "0 -1 nan inf 1e400", "above 0 and finite"),
    ("optimizer.weight_decay", "1 -0.1 nan", "below 1"),
    ("optimizer.beta1", "1 -0.1 nan", "below 1"),
    ("optimizer.beta2", "1 2", "below 1"),
    ("optimizer.epsilon", "0 inf nan", "above 0 and finite"),
    ("optimizer.max_grad_norm", "0 -1 inf nan", "above 0 and finite"),
    ("scheduler.warmup_ratio", "1.5 -0.1 nan", "below 1"),
    ("seed", "-1 99999999999999999999", "from 0 to 2147483647"),
    ("trainer.effective_batch_size", "0 -5", "1 or more"),
    ("trainer.max_steps", "0 -1", "1 or more"),
    ("trainer.epochs", "0", "1 or more"),
    ("trainer.eval_every", "0", "1 or more"),
    ("trainer.log_every", "0", "1 or more"),
    ("trainer.save_every", "0", "1 or more"),
    ("trainer.patience", "0", "1 or more"),
    ("trainer.keep_checkpoints", "-1", "0 or more"),
    ("hardware.threads", "0 -1 5000", "1 or more"),
    ("hardware.micro_batch_tokens", "0", "1 or more"),
    ("hardware.micro_batch_size", "0", "1 or more"),
    ("hardware.eval_batch_tokens", "0", "1 or more"),
    ("hardware.device", "cuda tpu gpu:", "cpu, gpu or gpu:N"),
]


@pytest.mark.parametrize(("key", "values", "wanted"), RANGES, ids=[key for key, *_ in RANGES])
def test_ranges(refused, key, values, wanted):
    for value in values.split():
        finished = refused(f"train {BASE} {key}={value}", [f"{key}=", wanted])
        assert finished.err.startswith(f"infoxlm: error: {key}=")


def test_gpu_that_is_not_there(refused, monkeypatch):
    monkeypatch.setattr("infoxlm.hardware.environment.find_distribution", lambda name: False)
    for value in ("gpu", "gpu:9999999999999"):
        named = [f"hardware.device={value}", "CPUs only", "paddlepaddle-gpu", "hardware=cpu"]
        refused(f"train {BASE} hardware.device={value}", named)
