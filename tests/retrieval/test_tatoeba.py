import pytest

from infoxlm.data.xnli import LANGUAGES
from infoxlm.errors import UserError
from infoxlm.retrieval.published import TATOEBA_PAIRS
from infoxlm.retrieval.tatoeba import CODES, file_code, read_pairs


@pytest.fixture
def folder(tmp_path):
    """Three German sentences."""
    write(tmp_path, "deu", "Ja.\nEs regnet.\nWer da?\n", "Yes.\nIt rains.\nWho is there?\n")
    return tmp_path


def write(folder, code, sentences, english):
    for side, text in ((code, sentences), ("eng", english)):
        data = text if isinstance(text, bytes) else text.encode()
        (folder / f"tatoeba.{code}-eng.{side}").write_bytes(data)


def test_codes_are_those_of_xnli_s_languages():
    assert tuple(CODES)[:14] == tuple(language for language in LANGUAGES if language != "en")
    assert len(CODES) == len(set(CODES.values()))
    assert all(len(two) == 2 and len(three) == 3 for two, three in CODES.items())


@pytest.mark.parametrize(
    ("language", "code"), [("ko", "kor"), ("ro", "ron"), ("fa", "pes"), ("ceb", "ceb")]
)
def test_any_language_whose_files_are_there(tmp_path, language, code):
    write(tmp_path, code, "a\nb\n", "c\nd\n")
    pairs = read_pairs(str(tmp_path), language)
    assert (pairs.language, pairs.sentences, pairs.english) == (language, ["a", "b"], ["c", "d"])


def test_language_whose_three_letters_are_not_known():
    with pytest.raises(UserError, match=r"not known .* 'gn'.*\[ron\]"):
        file_code("gn")


def test_pairs(folder):
    pairs = read_pairs(str(folder), "de")
    assert pairs.language == "de"
    assert pairs.sentences == ["Ja.", "Es regnet.", "Wer da?"]
    assert pairs.english == ["Yes.", "It rains.", "Who is there?"]
    assert [file.name for file in pairs.files] == ["tatoeba.deu-eng.deu", "tatoeba.deu-eng.eng"]


@pytest.mark.parametrize(("limit", "count"), [(1, 1), (2, 2), (9, 3)])
def test_limit(folder, limit, count):
    pairs = read_pairs(str(folder), "de", limit)
    assert (len(pairs.sentences), len(pairs.english)) == (count, count)
    assert pairs.sentences[0] == "Ja."


def test_only_a_line_feed_ends_a_line(tmp_path):
    write(tmp_path, "fra", "\ufeffoui\u2028non\r\n peut-être \x85 \r\n", "yes\nmaybe")
    assert read_pairs(str(tmp_path), "fra"[:2]).sentences == ["oui\u2028non", "peut-être"]


@pytest.mark.parametrize(
    ("sentences", "english", "told"),
    [
        ("a\nb\n", "a\n", r"tatoeba.spa-eng.spa has 2 lines, tatoeba.spa-eng.eng has 1\. Line by"),
        ("a\n\nc\n", "a\nb\nc\n", r"tatoeba.spa-eng.spa, line 2 is empty\. .* both files"),
        ("a\nb\n", "a\n \t\n", r"tatoeba.spa-eng.eng, line 2 is empty"),
        ("a\nb\n\n", "a\nb\n", r"tatoeba.spa-eng.spa, line 3 is empty"),
        ("a\n", "", r"tatoeba.spa-eng.eng is empty"),
        ("a\n", b"a\xff\n", r"tatoeba.spa-eng.eng, line 1: byte 0xff is not UTF-8"),
        ("a\n", "a\n".encode("utf-16"), r"tatoeba.spa-eng.eng is UTF-16, not text in UTF-8"),
    ],
)
def test_files_at_fault(tmp_path, sentences, english, told):
    write(tmp_path, "spa", sentences, english)
    with pytest.raises(UserError, match=told):
        read_pairs(str(tmp_path), "es")


def test_missing_file(folder):
    with pytest.raises(UserError, match=r"tatoeba.cmn-eng.cmn cannot be read: No such file"):
        read_pairs(str(folder), "zh")
    (folder / "tatoeba.deu-eng.eng").unlink()
    with pytest.raises(UserError, match=r"tatoeba.deu-eng.eng cannot be read: .*data.languages"):
        read_pairs(str(folder), "de")


def test_missing_folder(tmp_path):
    with pytest.raises(UserError, match="data.root is not set"):
        read_pairs(None, "de")
    with pytest.raises(UserError, match="data.root=.*nowhere is not a folder"):
        read_pairs(str(tmp_path / "nowhere"), "de")


def test_published_files(shared):
    for language in TATOEBA_PAIRS:
        pairs = read_pairs(str(shared / "data" / "tatoeba"), language)
        assert len(pairs.sentences) == len(pairs.english) == TATOEBA_PAIRS[language]
    swahili = read_pairs(str(shared / "data" / "tatoeba"), "sw", 2)
    assert swahili.sentences == ["Alinileta kahawa.", "Ni nyumba ya Anita."]
    assert swahili.english == ["He brought me coffee.", "It is Anita's house."]
