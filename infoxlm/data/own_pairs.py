"""Pairs of one's own: labels and languages come from the configuration (`data=pairs`)."""

from collections.abc import Sequence

from infoxlm.data.file_forms import FileForms
from infoxlm.data.label_set import LabelSet, PairRules
from infoxlm.data.language_files import language_folders, split_folders, split_names
from infoxlm.errors import UserError

#: The forms that `data.root` may have, for messages.
FORMS = (
    "a folder of SPLIT/LANG.tsv, SPLIT-LANG.tsv or LANG/SPLIT.tsv (or .csv, .jsonl, .parquet), "
    "SPLIT being train, dev or test, with the columns sentence1, sentence2, label"
)


def own_forms(labels: Sequence[str] | None, train_languages: Sequence[str]) -> FileForms:
    """Return the forms of pairs with labels of one's own.

    Args:
        labels: The words in the order of their indices, which are their numbers, too.
        train_languages: The languages of training.

    Raises:
        UserError: No labels are given.
    """
    if not labels:
        raise UserError(
            "data.labels is not set",
            "Name the labels of the pairs in the order of their numbers, such as "
            "data.labels=[no,yes].",
        )
    words = tuple(label.strip() for label in labels)
    # Where the words are numbers themselves, a number is a word and nothing else.
    numbers = () if any(word.isdecimal() for word in words) else words
    return FileForms(
        FORMS,
        (split_names, split_folders, language_folders),
        PairRules(LabelSet(words, numbers=numbers, any_case=True), fingerprint=f"pairs {words}"),
        tuple(train_languages),
    )
