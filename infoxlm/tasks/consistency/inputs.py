"""Inputs of consistency regularization: found and checked before paddle is imported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from infoxlm.convert.find_checkpoint import find_checkpoint
from infoxlm.data.examples import Examples
from infoxlm.data.text_file import TextFile
from infoxlm.data.token_cache import TokenCache
from infoxlm.errors import UserError
from infoxlm.schema import ConsistencyConfig, DataConfig
from infoxlm.tasks.consistency.dictionaries import (
    Dictionaries,
    dictionary_files,
    read_dictionary,
)
from infoxlm.tasks.task import Task
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

#: The least share of rows with the same label in two languages that are taken for translations.
_PARALLEL = 0.9


@dataclass(frozen=True)
class ConsistencyInputs:
    """What a run with changed copies reads, next to what any run reads.

    Attributes:
        config: The group ``consistency`` of the configuration.
        teacher: The model folder of the first stage; None: there is none.
        translations: The training split in each language that copies may be in.
        trained: The training split in each training language, as the task loaded it.
        dictionaries: By language the translations of English words.
        checksums: SHA-256 of the files of both, by path.
    """

    config: ConsistencyConfig
    teacher: Path | None = None
    translations: Sequence[Examples] = ()
    trained: Sequence[Examples] = ()
    dictionaries: Dictionaries = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)


def load_consistency(
    config: ConsistencyConfig, task: Task, data: DataConfig, cache: TokenCache
) -> ConsistencyInputs | None:
    """Find, check and read what changed copies are made of.

    Args:
        config: The group ``consistency`` of the configuration.
        task: The task, with its data open.
        data: The group ``data``.
        cache: The cache of encoded examples.

    Returns:
        None where there are no copies.

    Raises:
        UserError: Something is missing or at fault.
    """
    if config.name == "none":
        return None
    teacher = None
    if config.teacher is not None:
        folder = Path(data.cache_dir).expanduser()
        teacher = find_teacher(config.teacher, task, cache.tokenizer, folder)
    found = ConsistencyInputs(config, teacher, checksums=consistency_checksums(config, task, data))
    if config.name == "code_switching":
        files = dictionaries_of(config)
        return replace(
            found, dictionaries={code: read_dictionary(file) for code, file in files.items()}
        )
    if config.name == "translation":
        return replace(
            found, translations=translated_task(config, task, data).load("train", cache) or []
        )
    return found


def consistency_checksums(
    config: ConsistencyConfig, task: Task, data: DataConfig
) -> dict[str, str]:
    """SHA-256 of each file that only changed copies are made of, by its path.

    Args:
        config: The group ``consistency`` of the configuration.
        task: The task.
        data: The group ``data``.

    Raises:
        UserError: A file is missing or cannot be read.
    """
    if config.name == "code_switching":
        return {str(file): file.sha256() for file in dictionaries_of(config).values()}
    if config.name == "translation":
        return translated_task(config, task, data).checksums(["train"])
    return {}


def dictionaries_of(config: ConsistencyConfig) -> dict[str, TextFile]:
    """The files of ``consistency.dictionaries`` by language."""
    return dictionary_files(Path(config.dictionaries or "").expanduser(), config.languages)


def translated_task(config: ConsistencyConfig, task: Task, data: DataConfig) -> Task:
    """The task with the languages that copies may be in for those of training, its data open.

    Raises:
        UserError: The data has no training examples in one of them.
    """
    languages = config.languages or data.train_languages
    check_translated(languages, data.train_languages)
    other = type(task)(task.options, replace(data, train_languages=languages))
    try:
        other.open(["train"])
    except UserError as error:
        remedy = error.remedy.replace("data.train_languages", "consistency.languages")
        raise UserError(error.problem, remedy) from error
    return other


def find_teacher(named: str, task: Task, tokenizer: InfoXLMTokenizer, cache_dir: Path) -> Path:
    """The model folder of ``consistency.teacher``.

    Raises:
        UserError: It is none, of another task, or has another vocabulary.
    """
    try:
        folder = find_checkpoint(named, cache_dir)
        task.check_checkpoint(folder, named, trained=True)
        others = InfoXLMTokenizer.from_pretrained(folder, threads=1)
    except UserError as error:
        problem = error.problem.replace("model.checkpoint=", "consistency.teacher=")
        if not problem.startswith("consistency.teacher"):
            problem = f"consistency.teacher={named}: {problem}"
        remedy = "Give the folder of a run that was trained for the same task."
        raise UserError(problem, remedy) from error
    if others.fingerprint != tokenizer.fingerprint:
        raise UserError(
            f"consistency.teacher={named} has another vocabulary than the model that is trained",
            "Give a first stage that was trained from the same checkpoint.",
        )
    return folder


def check_translated(languages: Sequence[str], trained: Sequence[str]) -> None:
    """Check that every training language has another one to be translated into.

    Raises:
        UserError: One has not.
    """
    for language in trained:
        if not set(languages) - {language}:
            raise UserError(
                f"consistency=translation: there is no language but {language}",
                "Name those that copies may be in: consistency.languages=[de,fr].",
            )


def check_parallel(trained: Sequence[Examples], translations: Sequence[Examples]) -> None:
    """Check that rows of the same number in two languages have the same label, nearly all.

    Args:
        trained: The training examples of each language, as the task loaded them: a model's head
            may count the labels in another order.
        translations: Those of the languages that copies may be in.

    Raises:
        UserError: They have not: the files are no translations of each other.
    """
    for part in trained:
        for other in translations:
            _, ours, theirs = np.intersect1d(part.rows, other.rows, return_indices=True)
            if not len(ours):
                raise UserError(
                    f"{part.file} and {other.file} have no row in common",
                    "Give files whose rows are translations of each other.",
                )
            for name, values in part.targets.items():
                same = np.mean(values[ours] == other.targets[name][theirs])
                if same < _PARALLEL:
                    raise UserError(
                        f"{name} of {part.file} and {other.file} are the same in "
                        f"{same:.0%} of the rows only",
                        "Give files whose rows are translations of each other.",
                    )
