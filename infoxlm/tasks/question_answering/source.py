"""Questions in files of SQuAD's form, by split and language."""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from infoxlm.data.source import EMBEDDED
from infoxlm.data.text_file import TextFile
from infoxlm.errors import UserError
from infoxlm.schema.choices import AnswerRules, Faulty, Unanswerable
from infoxlm.tasks.question_answering.layouts import (
    FORMS,
    Layout,
    SplitFiles,
    all_files,
    combination,
    combined,
    split_files,
)
from infoxlm.tasks.question_answering.questions import Question
from infoxlm.tasks.question_answering.squad_file import Entry, read_entries

if TYPE_CHECKING:
    from infoxlm.schema import DataConfig, QuestionAnsweringConfig

logger = logging.getLogger(__name__)

#: Raised when `read` gives anything else of the same files.
_VERSION = 1

#: Our own questions, which `data.root=embedded` stands for.
SAMPLE = Path(__file__).parent / "sample"


class QuestionSource:
    """Questions by split (``train``, ``dev``, ``test``) and language.

    Where files are parallel, a language may also be a combination such as ``de-en``: the context
    in German, the question in English. Where no file holds one, it is joined by the ids.

    Args:
        name: The place that the questions come from, for messages.
        layout: Where they are.
        rules: The rules of scoring that belong to the data set: ``squad`` or ``mlqa``.
        unanswerable: What is done with questions that their context does not answer.
        faulty: What is done with questions that are at fault.
    """

    def __init__(
        self,
        name: str,
        layout: Layout,
        rules: str,
        unanswerable: Unanswerable = Unanswerable.refuse,
        faulty: Faulty = Faulty.refuse,
    ) -> None:
        self.name = name
        self.rules = rules
        self._files = layout.files
        self._unanswerable, self._faulty = unanswerable, faulty
        self._scored: dict[tuple[Path, ...], list[Question]] = {}
        self._read: set[tuple[Path, ...]] = set()

    def languages(self, split: str) -> tuple[str, ...]:
        """Return the languages that hold this split, in the order of their codes."""
        return tuple(sorted(x for x in self._files.get(split, {}) if not combined(x)))

    def combinations(self, split: str) -> tuple[str, ...]:
        """Return all languages and combinations of two: ``de``, ``de-en``, ``en``, ``en-de``."""
        languages = self.languages(split)
        found = {combination(context, question) for context in languages for question in languages}
        return tuple(sorted(found | set(self._files.get(split, {}))))

    def read(self, split: str, language: str, limit: int | None = None) -> Iterator[Question]:
        """Stream the questions of the first `limit` rows of the files, or of all.

        Of questions that are joined by their ids, the first `limit` that both languages have.

        Raises:
            UserError: The split or language is not there, or a question is at fault.
        """
        context_files, question_files = self._places(split, language)
        questions = self._questions(split, context_files)
        if question_files:
            asked = {x.id: x.question for x in self._questions(split, question_files)}
            joined = (x._replace(question=asked[x.id]) for x in questions if x.id in asked)
            return islice(joined, limit)
        return (x for x in questions if limit is None or x.row < limit)

    def log_left_out(self, split: str, language: str) -> None:
        """Say how many questions are left out, unless `read` has said so."""
        dropping = self._faulty is Faulty.drop or self._unanswerable is Unanswerable.drop
        if dropping and self._places(split, language)[0] not in self._read:
            self.read(split, language)

    def fingerprint(self, split: str, language: str) -> str:
        """Return a digest of the bytes behind a split and language, and of how they are read."""
        kept = (self._unanswerable.value, self._faulty.value, _VERSION)
        digests = [TextFile(file).sha256() for file in self.files(split, language)]
        return hashlib.sha256(f"{digests} {kept}".encode()).hexdigest()

    def files(self, split: str, language: str) -> tuple[Path, ...]:
        """Return the files on disk behind a split and language."""
        context_files, question_files = self._places(split, language)
        return context_files + question_files

    def _places(self, split: str, language: str) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
        """The files of contexts, and those of questions in another language.

        Raises:
            UserError: There are none.
        """
        present = self._files.get(split, {})
        if language in present:
            return present[language], ()
        context, question = combined(language) or (language, language)
        if context not in present or question not in present:
            languages = " ".join(self.languages(split))
            raise UserError(
                f"{self.name} has no {split} questions in {language!r}"
                + (f", only {languages}" if languages else ""),
                "Give data.train_root=FILE_OR_FOLDER, or change data.train_languages."
                if split == "train"
                else "Give another data.root, or change data.eval_languages.",
            )
        return present[context], () if context == question else present[question]

    def _questions(self, split: str, files: tuple[Path, ...]) -> list[Question]:
        """Read files; those of dev and test once, of which pairs of languages ask many times."""
        if files not in self._scored:
            entries = list(read_entries(files))
            tell = logger.debug if files in self._read else logger.warning
            found = self._usable(entries, tell, scored=split != "train")
            questions = [x.question for x in found]
            self._read.add(files)
            if split == "train":
                return questions
            self._scored[files] = questions
        return self._scored[files]

    def _usable(
        self, entries: list[Entry], tell: Callable[..., None], *, scored: bool
    ) -> list[Entry]:
        """Leave out what is to be left out, and say so.

        Args:
            entries: All questions of the files.
            tell: What says so.
            scored: Whether answers are scored, which goes by the questions' ids.

        Raises:
            UserError: Questions are at fault, or have no answer, and are not to be left out.
        """
        faults = _faults(entries, scored=scored)
        if faults:
            first, problem = next(iter(faults.items()))
            found = f"{entries[first].file}, question {entries[first].question.id}: {problem}"
            if self._faulty is Faulty.refuse:
                others = f" (and {len(faults) - 1} more at fault)" if len(faults) > 1 else ""
                raise UserError(
                    found + others,
                    "Mend the file, or leave such questions out with task.faulty=drop.",
                )
            tell(
                "%d of %d questions are at fault and left out (task.faulty=drop), the first: %s",
                len(faults), len(entries), found,
            )  # fmt: skip
        entries = [entry for row, entry in enumerate(entries) if row not in faults]
        without = [entry for entry in entries if entry.impossible]
        if not without or self._unanswerable is Unanswerable.keep:
            return entries
        counted = f"{without[0].file}: {len(without)} of {len(entries)} questions have no answer"
        if self._unanswerable is Unanswerable.refuse:
            raise UserError(
                f"{counted}, the first being {without[0].question.id}",
                "Set task.unanswerable=drop to leave them out, or keep to learn them as such.",
            )
        tell("%s and are left out (task.unanswerable=drop)", counted)
        return [entry for entry in entries if not entry.impossible]


def _faults(entries: Sequence[Entry], *, scored: bool) -> dict[int, str]:
    """Find the questions at fault, by their place among the entries.

    In training an id may be another question's: files are put together, and TyDi's ids count the
    questions of a paragraph.
    """
    faults: dict[int, str] = {}
    seen: dict[tuple[str, ...], Entry] = {}
    for row, entry in enumerate(entries):
        problem = entry.fault()
        name, asked, context, *_ = entry.question
        first = seen.setdefault((name,) if scored else (name, asked, context), entry)
        if first is not entry and problem is None:
            problem = f"its id comes twice, first in {first.file}"
        if problem:
            faults[row] = problem
    return faults


def open_questions(data: "DataConfig", options: "QuestionAnsweringConfig") -> QuestionSource:
    """Open what a configuration points to.

    Args:
        data: The group ``data``: ``root``, ``train_root``, ``train_files`` and ``dev_root``.
        options: The group ``task``.

    Raises:
        UserError: Nothing is there, or it has none of the known forms.
    """
    if data.train_root and data.train_files:
        raise UserError(
            f"data.train_root={data.train_root} with data.train_files", "Give one of the two."
        )
    languages = data.train_languages
    layout, names = Layout({}), list[str]()
    if data.root is not None:
        folder = SAMPLE if data.root == EMBEDDED else Path(data.root).expanduser()
        layout = all_files(folder, languages)
        names.append(data.root)
    own: SplitFiles = {}
    for key, split, roots in (
        ("data.train_root", "train", [data.train_root] if data.train_root else []),
        ("data.train_files", "train", data.train_files or []),
        ("data.dev_root", "dev", [data.dev_root] if data.dev_root else []),
    ):
        for root in roots:
            found = split_files(Path(root).expanduser(), key, split, languages).files[split]
            joined = own.setdefault(split, {})
            for language, files in found.items():
                joined[language] = (*joined.get(language, ()), *files)
            names.append(f"{split}: {root}")
    if not names:
        raise UserError("data.root is not set", f"Give data.root=FOLDER: {FORMS}.")
    layout = replace(layout, files={**layout.files, **own})
    mlqa = layout.mlqa or data.name == AnswerRules.mlqa.value
    return QuestionSource(
        ", ".join(names),
        layout,
        (options.rules or (AnswerRules.mlqa if mlqa else AnswerRules.squad)).value,
        options.unanswerable,
        options.faulty,
    )
