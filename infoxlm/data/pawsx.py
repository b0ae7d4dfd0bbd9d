"""PAWS-X (Yang et al. 2019, arXiv 1908.11828): paraphrases or not, in seven languages.

Its files come from people's and machines' hands: some translations were never made and hold `NS`
or nothing, with label 0 whatever the label of the English pair; some files were written by a csv
writer that quotes, others not.
"""

from collections.abc import Sequence
from functools import partial

from infoxlm.data.file_forms import FileForms
from infoxlm.data.label_set import LabelSet, PairRules
from infoxlm.data.language_files import language_folders, split_folders
from infoxlm.data.xtreme_files import xtreme

LANGUAGES = ("de", "en", "es", "fr", "ja", "ko", "zh")

#: In the order of the numbers that its files have.
WORDS = ("not_paraphrase", "paraphrase")

#: The forms that `data.root` may have, for messages.
FORMS = (
    "x-final.tar.gz unpacked (en/train.tsv, LANG/translated_train.tsv, LANG/dev_2k.tsv, "
    "LANG/test_2k.tsv), XTREME's train-en.tsv, dev-LANG.tsv and test-LANG.tsv, a copy of the hub's "
    "paws-x, or dev/LANG.tsv, test/LANG.tsv and train/LANG.tsv (or .csv, .jsonl, .parquet) with "
    "the columns sentence1, sentence2, label"
)

#: Stand-ins for sentences that were not translated; such rows are left out where pairs are read
#: (`pair_file.labelled_examples`).
UNTRANSLATED = ("NS", "")


def pawsx_forms(
    labels: Sequence[str] | None = None, train_languages: Sequence[str] = ("en",)
) -> FileForms:
    """Return the forms of PAWS-X.

    Args:
        labels: The labels of numbers where they are not those of PAWS-X (`data.labels`).
        train_languages: The languages of training.

    Raises:
        UserError: The labels are not those of PAWS-X.
    """
    known = LabelSet(WORDS, numbers=WORDS).configured(labels)
    return FileForms(
        FORMS,
        (partial(xtreme, labelled_in="x-final.tar.gz"), split_folders, language_folders),
        PairRules(known, UNTRANSLATED, fingerprint=f"pawsx {known.numbers} {UNTRANSLATED}"),
        tuple(train_languages),
        no_training=" (PAWS-X is trained on en/train.tsv of x-final.tar.gz)",
    )
