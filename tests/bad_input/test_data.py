"""Data: folders, tables, encodings, zips, JSON lines."""

import io
import random
import shutil
import zipfile
from pathlib import Path

import pytest

TRAIN = "train model=tiny data.root=data data.eval_languages=[en] trainer.max_steps=1"

HEADER = "premise\thypothesis\tlabel\n"
ROW = "a man sleeps\ta man is awake\tcontradiction\n"
GOOD = {f"{split}/en.tsv": HEADER + ROW for split in ("train", "dev", "test")}

XNLI = "language\tgold_label\tsentence1\tsentence2\nen\tneutral\ta man sleeps\ta man dreams\n"
XNLI_MT = "premise\thypo\tlabel\n" + ROW


def zipped(members):
    """A zip with these members in a folder."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(f"folder/{name}", text)
    return content.getvalue()


DEV_AND_TEST = zipped({"xnli.dev.tsv": XNLI * 99, "xnli.test.tsv": XNLI})
FLIPPED = DEV_AND_TEST[:80] + bytes(x ^ 0xFF for x in DEV_AND_TEST[80:90]) + DEV_AND_TEST[90:]
# The lowest of the flags behind a header's signature and versions.
ENCRYPTED = DEV_AND_TEST.replace(b"PK\3\4\x14\0\0", b"PK\3\4\x14\0\1").replace(
    b"PK\1\2\x14\3\x14\0\0", b"PK\1\2\x14\3\x14\0\1"
)
ZIPS = {
    "XNLI-1.0.zip": DEV_AND_TEST, "XNLI-MT-1.0.zip": zipped({"multinli.train.en.tsv": XNLI_MT}),
    **dict.fromkeys(GOOD),
}  # fmt: skip


def json_lines(line):
    """XNLI's files, dev of one line of JSON."""
    files = {"xnli.test.tsv": XNLI, "multinli.train.en.tsv": XNLI_MT, **dict.fromkeys(GOOD)}
    return files | {"xnli.dev.jsonl": f"{line}\n"}


# Kind, what is other than in a folder of good files (None: not there), what the line names.
KINDS = [
    # files and folders
    ("no training pairs", {"train/en.tsv": None},
     ["data has no train pairs in en or another language", "data.train_root"]),
    ("no dev pairs", {"dev/en.tsv": None}, ["data has no dev pairs", "Give another data.root"]),
    ("no test pairs", {"test/en.tsv": None}, ["data has no test pairs", "Give another data.root"]),
    ("nothing at all", dict.fromkeys(GOOD), ["data.root=data has none of the known", "Give XNLI"]),
    ("folder for a file", {"train/en.tsv": None, "train/en.tsv/x": ""},
     ["data has no train pairs", "data.train_root"]),
    ("no bytes", {"train/en.tsv": ""}, ["data/train/en.tsv is empty", "Copy or download it"]),
    ("blank lines", {"dev/en.tsv": "\n\n"}, ["data/dev/en.tsv is empty", "Copy or download it"]),
    ("header alone", {"train/en.tsv": HEADER}, ["data/train/en.tsv holds no pair", "Copy or"]),
    ("no gold label", {"test/en.tsv": HEADER + "a\tb\t-\n"},
     ["data: test en has no example that can be used", "leave the language out"]),
    # tables
    ("no header", {"train/en.tsv": ROW}, ["en.tsv, line 1", "'a man sleeps", "Start the file"]),
    ("no column of labels", {"train/en.tsv": "premise\thypothesis\na\tb\n"},
     ["data/train/en.tsv, line 1: 'premise\\thypothesis'", "Start the file with"]),
    ("commas", {"train/en.tsv": "premise,hypothesis,label\na,b,neutral\n"},
     ["line 1: 'premise,hypothesis,label' does not name the columns", "<TAB>"]),
    ("old Macintosh", {"train/en.tsv": (HEADER + ROW).replace("\n", "\r")},
     ["line 1", "does not name the columns"]),
    ("short row", {"train/en.tsv": HEADER + ROW + "a\tb\n"},
     ["data/train/en.tsv, line 3: 2 tab-separated columns instead of 3", "Mend the line"]),
    ("long row", {"train/en.tsv": HEADER + ROW + "a\tb\tneutral\tc\n"},
     ["data/train/en.tsv, line 3: 4 tab-separated columns instead of 3", "Mend the line"]),
    ("blank line", {"dev/en.tsv": HEADER + ROW + "\n" + ROW}, ["line 3 is blank", "Remove it"]),
    ("label that is no word", {"dev/en.tsv": HEADER + "a\tb\tmaybe\n"},
     ["data/dev/en.tsv, line 2: label 'maybe'", "Write entailment, neutral or contradiction"]),
    ("label that is a number", {"train/en.tsv": HEADER + "a\tb\t2\n"},
     ["data/train/en.tsv, line 2: label '2'", "other labels in other projects",
      "data.labels=[entailment,neutral,contradiction]"]),
    ("label left out", {"test/en.tsv": HEADER + "a\tb\t\n"},
     ["data/test/en.tsv, line 2: label ''", "'-' for no gold label"]),
    # encodings
    ("Latin-1", {"train/en.tsv": (HEADER + ROW).encode() + b"caf\xe9\tb\tneutral\n"},
     ["data/train/en.tsv, line 3: byte 0xe9 is not UTF-8", "Save the file as UTF-8"]),
    ("UTF-16", {"train/en.tsv": (HEADER + ROW).encode("utf-16")},
     ["data/train/en.tsv is UTF-16, not text in UTF-8", "Save it as UTF-8"]),
    ("UTF-16 without mark", {"train/en.tsv": (HEADER + ROW).encode("utf-16-le")},
     ["data/train/en.tsv is UTF-16LE, not text in UTF-8", "Save it as UTF-8"]),
    ("lost block", {"test/en.tsv": HEADER + ROW + "\0" * 512},
     ["data/test/en.tsv, line 3 holds a NUL byte", "Save the file again"]),
    ("random bytes", {"train/en.tsv": random.Random(1).randbytes(2000)},
     ["data/train/en.tsv, line 1: byte 0xf5 is not UTF-8", "Save the file as UTF-8"]),
    # zips
    ("zip cut short", ZIPS | {"XNLI-1.0.zip": DEV_AND_TEST[:300]},
     ["data/XNLI-1.0.zip cannot be opened as a zip", "Download it again"]),
    ("page for a zip", ZIPS | {"XNLI-1.0.zip": "<html>404</html>"},
     ["data/XNLI-1.0.zip cannot be opened as a zip", "Download it again"]),
    ("zip with flipped bits", ZIPS | {"XNLI-1.0.zip": FLIPPED},
     ["data/XNLI-1.0.zip/folder/xnli.dev.tsv", "the zip is damaged", "Download it again"]),
    ("encrypted zip", ZIPS | {"XNLI-1.0.zip": ENCRYPTED},
     ["data/XNLI-1.0.zip/folder/xnli.dev.tsv", "encrypted", "Unpack it"]),
    ("zip without the files", ZIPS | {"XNLI-1.0.zip": zipped({"readme": "x"})},
     ["data has no dev pairs", "Give another data.root"]),
    ("zip without training pairs", ZIPS | {"XNLI-MT-1.0.zip": None},
     ["data has no train pairs", "data.train_root"]),
    # JSON lines
    ("JSON cut short", json_lines('{"language": "en"'),
     ["data/xnli.dev.jsonl, line 1", "is not a JSON object", "Mend the line"]),
    ("JSON without a key", json_lines('{"language": "en", "sentence1": "a"}'),
     ["data/xnli.dev.jsonl, line 1", "'language, sentence1'", "Mend the line"]),
    ("JSON with null for a text", json_lines('{"premise": "a", "hypothesis": null, "label": "-"}'),
     ["data/xnli.dev.jsonl, line 1", "hypothesis is not a text", "Mend the line"]),
    ("JSON nested without end", json_lines("[" * 100_000),
     ["data/xnli.dev.jsonl, line 1: '[[[", "is not a JSON object", "Mend the line"]),
    ("JSON with numbers for labels",
     json_lines('{"language": "en", "premise": "a", "hypothesis": "b", "label": 0}'),
     ["data/xnli.dev.jsonl, line 1: label '0'", "data.labels=[entailment,neutral,contradiction]"]),
    # quotes of a csv writer
    ("quoted field cut short", {"train/en.tsv": HEADER + ROW + 'a "b"\t"c\tneutral\nd\n'},
     ["data/train/en.tsv, line 4: 1 tab-separated columns instead of 3", "Mend the line"]),
    ("row of quoted fields too long",
     {"train/en.tsv": HEADER + '"a ""b"""\tc\tneutral\n"d\te"\tf\tg\tneutral\n'},
     ["data/train/en.tsv, line 3: 4 tab-separated columns instead of 3", "Mend the line"]),
    ("CSV with a quote inside a quoted field",
     {"train/en.tsv": None, "train/en.csv": 'premise,hypothesis,label\n"a "b" c",d,neutral\n'},
     ["data/train/en.csv, line 2: ',' expected after '\"'", "Mend the line"]),
    # Parquet
    ("text for Parquet", {"train/en.tsv": None, "train/en.parquet": HEADER + ROW},
     ["data/train/en.parquet cannot be read as Parquet", "Copy or download it"]),
    # other languages
    ("Korean", {f"{split}/ko.tsv": HEADER + ROW for split in ("dev", "test")} | dict.fromkeys(GOOD),
     ["data has no train pairs", "data.train_root"]),
    # XTREME
    ("XTREME's test files", {"train-en.tsv": ROW, "dev-en.tsv": ROW, "test-en.tsv": "a\tb\n",
                             **dict.fromkeys(GOOD)},
     ["XTREME leaves the labels out of its test files", "has no test pairs", "data.root"]),
]  # fmt: skip


def write(files):
    """Write the files that have a content below `data`."""
    for name, content in files.items():
        if content is not None:
            path = Path("data", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize(
    ("changes", "named"), [kind[1:] for kind in KINDS], ids=[kind[0] for kind in KINDS]
)
def test_files(refused, changes, named):
    Path("data").mkdir()
    write(GOOD | changes)
    refused(TRAIN, named)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("data.root=gone", ["data.root=gone does not exist", "Give XNLI-1.0"]),
        ("data.root=embeded", ["data.root=embeded does not exist", "Give XNLI-1.0"]),
        (
            "data.root=data/train/en.tsv",
            ["data.root=data/train/en.tsv has none of the known forms"],
        ),
        ("data.root=data/train/en.tsv/x", ["data.root=data/train/en.tsv/x does not exist"]),
        (f"data.root={'x' * 300}", ["xxx: File name too long", "Give a shorter path"]),
        ("data.train_root=data/train/de.tsv", ["data.train_root=data/train/de.tsv does not exist"]),
        ("data.train_root=data/notes", ["data.train_root=data/notes holds no training data"]),
        ("data.train_root=data/table.xls", ["data.train_root=data/table.xls", "a known form"]),
        (
            "data.train_root=data/ko.tsv",
            ["train: data/ko.tsv has no train pairs in en", "It has ko: change data.train_lang"],
        ),
        ("data.labels=[yes,no]", ["data.labels=[yes,no]", "such as [entailment,neutral,contradi"]),
        ("data.train_languages=[en,de]", ["data has no train pairs in de", "It has en: change"]),
        ("data.eval_languages=[de]", ["data has no dev pairs in de", "change data.eval_languages"]),
    ],
)
def test_places_and_languages(refused, line, named):
    write(GOOD | {"notes/x": "", "table.xls": "a,b,c\n", "ko.tsv": HEADER + ROW})
    refused(f"{TRAIN} {line}", named)


def test_links_to_nowhere_and_in_a_circle(refused):
    write(GOOD)
    for target in ("gone", "en.tsv"):
        Path("data/dev/en.tsv").unlink()
        Path("data/dev/en.tsv").symlink_to(target)
        refused(TRAIN, ["data has no dev pairs"])


def test_what_editors_do_to_line_ends_changes_nothing(infoxlm, model):
    text = HEADER + ROW + "a dog runs\ta dog moves\tentailment\n"
    found = set()
    for content in (text, text.replace("\n", "\r\n"), f"\ufeff{text}", f"{text}\n\r\n"):
        write({"test/en.tsv": content})
        words = ("data.root=data", "data.eval_languages=[en]", "hydra.run.dir=run")
        assert infoxlm("evaluate", "model.checkpoint=model", *words).code == 0
        found.add(Path("run/predictions.jsonl").read_text())
        shutil.rmtree("run")
    (predictions,) = found
    assert len(predictions.splitlines()) == 2
