import numpy as np
import pytest
import sentencepiece

from infoxlm.convert.xlmr_vocabulary import Vocabulary, normaliser_rules, sentencepiece_model
from infoxlm.errors import UserError

PIECES = ("<s>", "<pad>", "</s>", "<unk>", "▁", "é", "▁fi", "a", "\u05d0", "<mask>")


def processor(normaliser):
    scores = -np.arange(len(PIECES), dtype=np.float32)
    model = sentencepiece_model(Vocabulary(PIECES, scores, normaliser))
    return sentencepiece.SentencePieceProcessor(model_proto=model)


def test_ids_and_scores():
    model = processor({"\ufb01": "fi"})
    assert [model.id_to_piece(i) for i in range(len(model))] == [
        "<unk>", "<s>", "</s>", "▁", "é", "▁fi", "a", "\u05d0",
    ]  # fmt: skip
    assert model.unk_id() == 0
    assert model.is_control(1) and model.is_control(2)
    assert model.get_score(3) == -4
    assert model.pad_id() == -1


def test_the_table_of_the_file_decides():
    """U+200D is a space for XLM-R, whatever the installed sentencepiece thinks of it."""
    ligature = "\ufb01"
    model = processor({ligature: "fi", "\u200d": " "})
    assert model.normalize(f"{ligature}\u200d{ligature}") == "▁fi▁fi"
    assert processor({"\u200d": "a"}).normalize("\u200d") == "▁a"


def test_accents_are_composed():
    assert processor({"\ufb01": "fi"}).normalize("e\u0301") == "▁é"


def test_sequences_of_younger_characters_are_left_out():
    installed = dict(sentencepiece.SentencePieceNormalizer(rule_name="nmt_nfkc").Decompile())
    single = {source: target for source, target in installed.items() if len(source) == 1}
    rules = normaliser_rules(single)
    dropped = installed.keys() - rules.keys()
    assert dropped
    assert all(ord(source[0]) > 0x105BF for source in dropped)
    assert rules.items() <= installed.items()

    # A character that the file leaves alone is one that came later, and so are its sequences.
    accent = "\u0341"
    older = normaliser_rules({source: to for source, to in single.items() if source != accent})
    assert f"A{accent}" in rules
    assert not any(accent in source for source in older)


def test_an_old_sentencepiece_is_named(monkeypatch):
    monkeypatch.delattr(sentencepiece.SentencePieceNormalizer, "Decompile")
    with pytest.raises(UserError, match=r"pip install .sentencepiece>=0\.2\.3"):
        processor({"\ufb01": "fi"})
