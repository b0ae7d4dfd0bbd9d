"""Exact match and F1 of an answer, by the rules of SQuAD 1.1, of SQuAD 2.0 and of MLQA.

Rules say when two texts are the same answer: each text becomes a list of words, without case,
punctuation and articles. Equal lists are an exact match, and F1 is that of the two bags of words.
Of several gold answers the one counts that the answer comes nearest to.

P. Rajpurkar et al. (2016), SQuAD: 100,000+ questions for machine comprehension of text;
P. Lewis et al. (2020), MLQA: evaluating cross-lingual extractive question answering.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from infoxlm.errors import UserError

_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
_IDEOGRAPH = re.compile("[\u4e00-\u9fa5]")


def _words(listed: str) -> re.Pattern[str]:
    return re.compile(rf"\b({'|'.join(listed.split())})\b")


#: What MLQA's rules take for articles, by language; None: it has none.
MLQA_ARTICLES: Mapping[str, re.Pattern[str] | None] = {
    "ar": re.compile("ال"),  # wherever it stands: it is written together with its noun
    "de": _words("ein eine einen einem eines einer der die das den dem des"),
    "en": _words("a an the"),
    "es": _words("un una unos unas el la los las"),
    "hi": None,
    "vi": _words("của là cái chiếc những"),
    "zh": None,
}


@lru_cache(maxsize=4096)
def _is_punctuation(character: str) -> bool:
    # ASCII has some, such as $ and +, that Unicode calls symbols.
    return unicodedata.category(character)[0] == "P" or character in string.punctuation


def squad_words(text: str, language: str = "en") -> list[str]:
    """The words of an answer by SQuAD's rules, which are those of English in every language."""
    articles = MLQA_ARTICLES["en"]
    assert articles is not None
    return articles.sub(" ", text.lower().translate(_ASCII_PUNCTUATION)).split()


def mlqa_words(text: str, language: str) -> list[str]:
    """The words of an answer by MLQA's rules; of Chinese, each ideograph is one.

    Args:
        text: The answer.
        language: Of the answer, and so of the context.
    """
    kept = "".join(x for x in text.lower() if not _is_punctuation(x))
    if articles := MLQA_ARTICLES[language]:
        kept = articles.sub(" ", kept)
    if language == "zh":
        kept = _IDEOGRAPH.sub(r" \g<0> ", kept)
    return kept.split()


@dataclass(frozen=True)
class Rules:
    """When two texts are the same answer.

    Attributes:
        name: What the configuration and files call them.
        title: What readers see.
        words: Makes the words of a text in a language.
        knows_empty: Whether there are questions without an answer: two texts without words then
            agree, and gold answers without words do not count. Else their F1 is 0, though they
            are an exact match.
        languages: The languages that they are made for; empty: they do not ask.
    """

    name: str
    title: str
    words: Callable[[str, str], list[str]]
    knows_empty: bool = False
    languages: tuple[str, ...] = ()

    def check(self, languages: Sequence[str]) -> None:
        """Check that answers in some languages can be scored.

        Raises:
            UserError: The rules do not say how.
        """
        missing = [language for language in languages if language not in self.languages]
        if self.languages and missing:
            raise UserError(
                f"{self.title}'s rules know no answers in {' '.join(missing)}, only in "
                f"{' '.join(self.languages)}",
                "Leave the languages out of data.eval_languages, or give task.rules=squad.",
            )


SQUAD = Rules("squad", "SQuAD 1.1", squad_words)
SQUAD2 = Rules("squad2", "SQuAD 2.0", squad_words, knows_empty=True)
MLQA = Rules("mlqa", "MLQA", mlqa_words, languages=tuple(MLQA_ARTICLES))
RULES = {rules.name: rules for rules in (SQUAD, SQUAD2, MLQA)}


def rules_for(name: str, *, unanswerable: bool = False) -> Rules:
    """The rules of a name; SQuAD's are those of 2.0 where questions may have no answer.

    Args:
        name: "squad" or "mlqa".
        unanswerable: Whether there are questions without an answer.
    """
    return SQUAD2 if unanswerable and name == SQUAD.name else RULES[name]


class AnswerScore(NamedTuple):
    """The worth of an answer, each from 0 to 1."""

    f1: float
    exact_match: float


def score_answer(
    answer: str | None, golds: Sequence[str], rules: Rules, language: str
) -> AnswerScore:
    """Score an answer.

    Args:
        answer: The answer, "" for none; None where the question was not reached, which is worth 0.
        golds: The gold answers; none where the question has no answer.
        rules: When two texts are the same answer.
        language: Of the context.
    """
    if answer is None:
        return AnswerScore(0.0, 0.0)
    words = rules.words(answer, language)
    wanted = [rules.words(gold, language) for gold in golds]
    if rules.knows_empty:
        wanted = [gold for gold in wanted if gold]
    wanted = wanted or [[]]
    f1 = max(words_f1(words, gold) for gold in wanted)
    if rules.knows_empty and words in wanted:
        f1 = 1.0
    return AnswerScore(f1, float(words in wanted))


def exact_match(answer: str | None, golds: Sequence[str], rules: Rules, language: str) -> float:
    """1 where an answer is one of the gold answers, else 0; see `score_answer`."""
    return score_answer(answer, golds, rules, language).exact_match


def f1(answer: str | None, golds: Sequence[str], rules: Rules, language: str) -> float:
    """The F1 of an answer and the nearest gold answer; see `score_answer`."""
    return score_answer(answer, golds, rules, language).f1


def words_f1(words: Sequence[str], gold: Sequence[str]) -> float:
    """Harmonic mean of the shares of words that two lists have in common; 0 where it is none."""
    common = sum((Counter(words) & Counter(gold)).values())
    if not common:
        return 0.0
    precision, recall = common / len(words), common / len(gold)
    return 2 * precision * recall / (precision + recall)
