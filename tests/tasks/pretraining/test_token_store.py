import json
import logging

import numpy as np
import pytest

from infoxlm.constants import EOS_ID
from infoxlm.errors import UserError
from infoxlm.tasks.pretraining import store_writer
from infoxlm.tasks.pretraining.corpus_files import find_monolingual, find_parallel
from infoxlm.tasks.pretraining.token_store import open_store

TEXTS = ["the cat sat on the mat", "the dog ran home", "nobody is home", "the dog ran home"]
PAIRS = [("the cat sat", "der Garten"), ("the dog", "der Hund"), ("home", "zu Hause")]


def read_back(store, tokenizer):
    ids = store.token_ids
    assert all(ids[number][-1] == EOS_ID for number in range(len(ids)))
    return [tokenizer.decode(ids[number]) for number in range(len(ids))]


def test_sentences_are_kept_in_order_and_closed(make_store, tokenizer):
    store = make_store("en", TEXTS)
    assert len(store) == 4 and store.width == 1
    expected = tokenizer.pieces(TEXTS)
    for number in range(4):
        assert store.token_ids[number].tolist() == [*expected[number].tolist(), EOS_ID]
    texts = store.texts(np.arange(4)).ravel().tolist()
    assert texts[1] == texts[3] and len(set(texts)) == 3
    assert store.vocabulary.tolist() == sorted({EOS_ID, *expected.ids.tolist()})
    assert [array.values.dtype for array in store.arrays.values()] == [
        np.int32, np.int64, np.int64, np.int32,
    ]  # fmt: skip


def test_sides_of_a_pair_follow_each_other(make_store, tokenizer):
    store = make_store("en-de", PAIRS)
    assert len(store) == 3 and store.width == 2
    assert read_back(store, tokenizer) == [text for pair in PAIRS for text in pair]
    alone = make_store("de", ["der Garten"])
    assert store.texts(np.array([0]))[0, 1] == alone.texts(np.array([0]))[0, 0]


def test_chunks_do_not_show(make_store, tokenizer, monkeypatch):
    whole = make_store("en-de", PAIRS * 5)
    monkeypatch.setattr(store_writer, "MOST_ROWS", 4)
    pieces = make_store("en-de", PAIRS * 5, refuse_faulty=True)  # another folder of the cache
    assert pieces.folder != whole.folder
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(array.values, pieces.arrays[name].values)


def test_second_time_comes_from_disk(make_store, monkeypatch):
    first = make_store("en", TEXTS)
    monkeypatch.setattr(store_writer, "_encode", None)
    again = make_store("en", TEXTS)
    assert again.folder == first.folder
    np.testing.assert_array_equal(again.token_ids.ids, first.token_ids.ids)
    assert not again.token_ids.ids.flags.writeable


@pytest.mark.parametrize("name", [*store_writer.ARRAYS, "manifest"])
def test_damage_is_noticed_and_mended(make_store, tokenizer, name, caplog):
    store = make_store("en", TEXTS)
    file = store.folder / ("manifest.json" if name == "manifest" else f"{name}.npy")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content[: -1 if name == "manifest" else None])
    assert read_back(make_store("en", TEXTS), tokenizer) == TEXTS
    assert "The cache is damaged and is made again" in caplog.text


def test_empty_sides_are_left_out_and_counted(make_store, tokenizer, caplog):
    nothing_known = "\u200b"
    assert nothing_known.strip() and not len(tokenizer.pieces([nothing_known]).ids)
    rows = [PAIRS[0], ("only this", ""), (" ", "nur das"), (nothing_known, "x"), PAIRS[1], ("", "")]
    with caplog.at_level(logging.INFO):
        for _ in range(2):  # told again when it comes from the cache
            store = make_store("en-de", rows)
            message = f"{store.files[0]}: left out 4 rows with an empty side"
            assert message in caplog.messages
            caplog.clear()
    assert read_back(store, tokenizer) == [text for pair in PAIRS[:2] for text in pair]
    assert store.origin(1) == (store.files[0], 4)


@pytest.mark.parametrize(
    ("language", "rows", "told"),
    [
        ("en", ["a cat", "", "a dog"], "en.txt, line 2 is empty"),
        ("en", ["a cat", "a dog", "\u200b"], "en.txt, line 3 is empty"),
        ("en-de", [*PAIRS, ("a", " ")], "en-de.tsv, line 4 lacks a text on one side"),
    ],
)
def test_empty_texts_can_be_refused(make_store, tmp_path, language, rows, told):
    with pytest.raises(UserError, match=f"{told}.*data.faulty=drop"):
        make_store(language, rows, refuse_faulty=True)
    assert [x for x in (tmp_path / "cache").iterdir() if x.is_dir()] == []


def test_lines_that_repeat_are_left_out_of_running_text_alone(make_store, tokenizer, caplog):
    with caplog.at_level(logging.INFO):
        store = make_store("en", ["home", "home", "the dog", "home"])
    assert read_back(store, tokenizer) == ["home", "the dog", "home"]
    assert caplog.messages == ["en: left out 1 lines that repeat the one before"]
    assert len(make_store("en-de", [PAIRS[0], PAIRS[0]])) == 2


def test_a_language_without_text_is_refused(make_store):
    with pytest.raises(UserError, match="en has no text: every row of .*en.txt is empty"):
        make_store("en", ["", " ", ""])
    with pytest.raises(UserError, match="en-de has no text"):
        make_store("en-de", [])


def test_origin_names_file_and_row(tmp_path, tokenizer):
    (tmp_path / "a.de").write_text("eins\n\nzwei\n")
    (tmp_path / "b.de").write_text("drei\nvier\n")
    store = open_store("de", find_monolingual([tmp_path])["de"], tmp_path / "cache", tokenizer)
    a, b = str(tmp_path / "a.de"), str(tmp_path / "b.de")
    assert [store.origin(n) for n in range(4)] == [(a, 0), (a, 2), (b, 0), (b, 1)]
    with pytest.raises(IndexError):
        store.origin(4)


def test_rows_below_a_header_are_counted_from_0(tmp_path, tokenizer):
    file = tmp_path / "pairs.tsv"
    file.write_text("de\ten\nHund\tdog\nGarten\tcat\n")
    store = open_store("en-de", find_parallel([file])["en-de"], tmp_path / "cache", tokenizer)
    assert store.origin(1) == (str(file), 1)
    assert read_back(store, tokenizer) == ["dog", "Hund", "cat", "Garten"]


def test_a_cache_that_cannot_be_written_is_told(tmp_path, tokenizer):
    (tmp_path / "en.txt").write_text("home\n")
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(UserError, match="the cache .* cannot be written"):
        open_store("en", find_monolingual([tmp_path])["en"], tmp_path / "cache", tokenizer)


def test_the_manifest_tells_what_was_kept(make_store):
    manifest = json.loads((make_store("en", [*TEXTS, ""]).folder / "manifest.json").read_text())
    assert manifest["kept"] == [{"rows": 4, "empty": 1, "repeated": 0}]
