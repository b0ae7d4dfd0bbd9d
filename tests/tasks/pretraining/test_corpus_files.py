import gzip
import logging

import pytest

from infoxlm.errors import UserError
from infoxlm.schema import CorpusConfig
from infoxlm.tasks.pretraining.corpus_files import find_monolingual, find_parallel
from infoxlm.tasks.pretraining.languages import find_corpus


@pytest.fixture
def write(tmp_path):
    """Writes files of these names, whose texts name them."""

    def write(*names, text=None):
        for name in names:
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            content = (f"in {name}\n" if text is None else text).encode()
            file.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return tmp_path

    return write


def texts(files):
    return {
        code: [row.texts for rows in each for row in rows.rows()] for code, each in files.items()
    }


def names(files, root):
    return {
        code: [
            "+".join(str(file.path.relative_to(root)) for file in rows.files) for rows in each
        ]
        for code, each in files.items()
    }  # fmt: skip


def test_monolingual_files_by_their_names(write):
    root = write(
        "de.txt", "news/wmt.de", "news/wmt.2.fr.gz", "sw/one.txt", "sw/two.txt.gz", "ceb.txt",
        "wiki.zh-Hant.txt", "x/deu_Latn.txt", "README.md", "run.sh", "notes.txt", "table.csv",
        ".git/en.txt", "de.bak", "de.txt~", "all.txt", "wiki/fil/a.txt",
    )  # fmt: skip
    found = find_monolingual([root])
    assert names(found, root) == {
        "ceb": ["ceb.txt"],
        "de": ["de.txt", "news/wmt.de"],
        "deu_Latn": ["x/deu_Latn.txt"],
        "fil": ["wiki/fil/a.txt"],
        "fr": ["news/wmt.2.fr.gz"],
        "sw": ["sw/one.txt", "sw/two.txt.gz"],
        "zh-Hant": ["wiki.zh-Hant.txt"],
    }
    assert texts(found)["fr"] == [("in news/wmt.2.fr.gz",)]


def test_sides_of_pairs_are_monolingual_text_too(write):
    root = write("a/en-de.tsv", text="en\tde\nhello\thallo\nyou\tdu\n")
    write("b/x-y.txt", "b/N.en-sw.sw", "b/N.en-sw.en")
    found = find_monolingual([root])
    assert texts(found) == {
        "de": [("hallo",), ("du",)],
        "en": [("hello",), ("you",), ("in b/N.en-sw.en",)],
        "sw": [("in b/N.en-sw.sw",)],
    }


def test_tables_of_pairs(write):
    root = write("one/pairs.tsv", text="de\ten\r\nhallo\thello\r\n")  # the header alone tells
    write("two/en-de.tsv", text="you\tdu\nen\tde\n")  # no header, the second row only looks like it
    write("three/de-en.tsv.gz", text="wir\twe\n")
    write("fr-sw.tsv", text="fr\tsw\neau\tmaji\n")
    write("labels.tsv", text="premise\thypothesis\tlabel\na\tb\tneutral\n")
    write("code.py", "my-new.tsv", "nli-dev.tsv")
    assert texts(find_parallel([root])) == {
        "en-de": [("hello", "hallo"), ("we", "wir"), ("you", "du"), ("en", "de")],
        "fr-sw": [("eau", "maji")],
    }


def test_aligned_files(write):
    root = write(
        "OPUS/Tatoeba.de-en.de", "OPUS/Tatoeba.de-en.en", "OPUS/Tatoeba.de-en.ids",
        "b/en-sw.sw.gz", "b/en-sw.en", "moses/train.tr", "moses/train.en",
        "three/all.tr", "three/all.en", "three/all.de", "x.zh-Hant-en.zh-Hant", "x.zh-Hant-en.en",
    )  # fmt: skip
    found = find_parallel([root])
    assert names(found, root) == {
        "en-de": ["OPUS/Tatoeba.de-en.en+OPUS/Tatoeba.de-en.de"],
        "en-sw": ["b/en-sw.en+b/en-sw.sw.gz"],
        "en-tr": ["moses/train.en+moses/train.tr"],
        "en-zh-Hant": ["x.zh-Hant-en.en+x.zh-Hant-en.zh-Hant"],
    }
    assert texts(found)["en-sw"] == [("in b/en-sw.en", "in b/en-sw.sw.gz")]


def test_aligned_files_may_be_given_one_by_one(write):
    root = write("a/en-de.de", "a/en-de.en", "b/train.sw", "b/train.en", "c/train.sw")
    paths = [root / x for x in ("a/en-de.de", "a/en-de.en", "b/train.sw", "b/train.en")]
    assert names(find_parallel(paths), root) == {
        "en-de": ["a/en-de.en+a/en-de.de"], "en-sw": ["b/train.en+b/train.sw"]
    }  # fmt: skip
    with pytest.raises(UserError, match=r"c/train.sw holds no text in a known form"):
        find_parallel([*paths, root / "c/train.sw"])


@pytest.mark.parametrize(
    ("languages", "kept", "missing"),
    [
        (["en", "zh-Hant"], ["en-zh-Hant"], []),
        (["de", "sw", "en"], ["en-de"], ["data.parallel has no text in sw"]),
        (["de", "zh-Hant"], ["de-zh-Hant"], []),
    ],
)
def test_files_of_the_languages_asked_for(languages, kept, missing, write, caplog):
    root = write("en-de.tsv", "en-zh-Hant.tsv", "de-zh-Hant.tsv", text="a\tb\n")
    data = CorpusConfig("x", parallel=[str(root)], languages=languages, cache_dir="x")
    assert list(find_corpus(data, ["tlm"])[1]) == kept
    assert caplog.messages == missing


def test_a_language_with_a_hyphen_is_one(write):
    root = write("zh-Hant.txt", "zh.txt", text="a\n")
    data = CorpusConfig("x", mono=[str(root)], languages=["zh-Hant"], cache_dir="x")
    assert list(find_corpus(data, ["mlm"])[0]) == ["zh-Hant"]


def test_a_side_that_is_missing_is_named(write):
    root = write("n/OPUS.de-en.de", "en-fr.en", "en-fr.fr")
    with pytest.raises(UserError, match=r"OPUS.de-en.de has no translation: OPUS.de-en.en is not"):
        find_parallel([root])
    assert list(find_parallel([root], exclude=["*/n/*"])) == ["en-fr"]


def test_files_with_unequal_lines_are_refused_with_both_numbers(write):
    root = write("a.en-de.en", text="1\n2\n3\n4\n")
    write("a.en-de.de", text="1\n2\n")
    write("b.en-fr.en", text="1\n2\n")
    write("b.en-fr.fr", text="1\n2\n3\n")
    for code, told in (
        ("en-de", "a.en-de.en has 4, .*a.en-de.de has 2"),
        ("en-fr", "b.en-fr.en has 2, .*b.en-fr.fr has 3"),
    ):
        (rows,) = find_parallel([root])[code]
        with pytest.raises(UserError, match=told):
            list(rows.rows())


def test_rows_keep_their_place_and_lack_what_is_not_there(write):
    root = write("en-de.tsv", text="en\tde\na\tb\n\n \tc\nd\n e \t f \n")
    (rows,) = find_parallel([root])["en-de"]
    assert [tuple(row) for row in rows.rows()] == [
        (0, 2, ("a", "b")), (1, 3, ("", "")), (2, 4, ("", "c")), (3, 5, ("d", "")),
        (4, 6, ("e", "f")),
    ]  # fmt: skip


def test_rows_of_three_columns_are_refused_by_their_line(write):
    root = write("en-de.tsv", text="a\tb\na\tb\t0.9\n")
    (rows,) = find_parallel([root])["en-de"]
    with pytest.raises(UserError, match=r"en-de.tsv, line 2 has 3 columns"):
        list(rows.rows())


def test_quotes_that_a_csv_writer_put_there_are_no_text(write):
    root = write("en-de.tsv", text='"en"\t"de"\n"say ""a"""\t"b\nc"\n"d"\t"e"\n')
    (rows,) = find_parallel([root])["en-de"]
    assert [tuple(row) for row in rows.rows()] == [(0, 2, ('say "a"', "b c")), (1, 4, ("d", "e"))]
    write("en-fr.tsv", text='"a" b\t"c"\nd\t"e"\n')
    (rows,) = find_parallel([root])["en-fr"]
    assert [row.texts for row in rows.rows()] == [('"a" b', '"c"'), ("d", '"e"')]


@pytest.mark.parametrize("find", [find_monolingual, find_parallel])
def test_paths_without_text_are_refused(find, write):
    key = "mono" if find is find_monolingual else "parallel"
    root = write("README.md", "f/en-de.tsv", text="en\tde\na\tb\n")
    with pytest.raises(UserError, match=f"data.{key}: .*/none does not exist"):
        find([root / "none"])
    with pytest.raises(UserError, match=f"data.{key}: .*README.md holds no text in a known form"):
        find([root, root / "README.md"])
    with pytest.raises(UserError, match=f"data.{key}: data.exclude leaves out every file of .*/f"):
        find([root / "f"], exclude=["*/f/*"])


def test_a_file_counts_once(write):
    root = write("en-de.tsv", text="en\tde\na\tb\n")
    assert len(find_parallel([root, root / "en-de.tsv"])["en-de"]) == 1
    assert len(find_monolingual([root / "en-de.tsv", root])["en"]) == 1


def test_a_pattern_that_excludes_nothing_is_logged(write, caplog):
    root = write("a/en-de.tsv", "flores/en-de.tsv", text="en\tde\na\tb\n")
    patterns = ["*/flores/*", "*/flroes/*"]
    with caplog.at_level(logging.WARNING):
        data = CorpusConfig("x", parallel=[str(root)], exclude=patterns, cache_dir="x")
        _, parallel = find_corpus(data, ["tlm"])
    assert names(parallel, root) == {"en-de": ["a/en-de.tsv"]}
    assert caplog.messages == ["data.exclude: no file's path fits */flroes/*"]


def test_patterns_fit_relative_paths_from_the_root(write, monkeypatch):
    root = write("flores/en-de.tsv", "a/en-fr.tsv", text="a\tb\n")
    monkeypatch.chdir(root)
    kept = find_parallel([root.relative_to(root)], ["*/flores/*"])
    assert list(kept) == ["en-fr"]


def test_real_folders_are_found_as_they_are(shared):
    root = shared / "data"
    assert list(find_monolingual([root / "mono"])) == ["bg", "el", "th"]
    parallel = find_parallel([root / "parallel", root / "tatoeba"], ["*/flores200/*"])
    own = ["ar", "bg", "de", "el", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"]
    assert set(parallel) >= {f"en-{code}" for code in own}
    assert len(parallel["eng-deu"]) == 1
    assert sum(1 for _ in parallel["en-ar"][0].rows()) == 17_225


def test_linked_folders_are_looked_into(write, tmp_path_factory):
    root = write("books/de.txt", "books/en-fr.tsv")
    folder = tmp_path_factory.mktemp("linked")
    (folder / "text").symlink_to(root / "books")
    assert texts(find_monolingual([folder]))["de"] == [("in books/de.txt",)]
    # What is left out under one name is not learned from under another.
    with pytest.raises(UserError, match="leaves out every file"):
        find_parallel([folder], exclude=["*/books/*"])
