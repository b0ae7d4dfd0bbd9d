"""Questions to predict on, out of a file in SQuAD's form: answers, if it has any, are not read."""

import re
from collections.abc import Iterator
from pathlib import Path

from infoxlm.errors import UserError
from infoxlm.files.json_file import read_json
from infoxlm.files.regular_file import open_regular
from infoxlm.schema import json_shapes as shapes
from infoxlm.tasks.inference import Row

#: How such a file begins, and no line of JSON lines with questions does.
_BEGINNING = re.compile(rb'(\xef\xbb\xbf)?\s*\{\s*"(data|version)"\s*:')

_QUESTION = shapes.fields({"question": shapes.text}, ["question"])
_PARAGRAPH = shapes.fields(
    {"context": shapes.text, "qas": shapes.items(_QUESTION)}, ["context", "qas"]
)
_ARTICLE = shapes.fields({"paragraphs": shapes.items(_PARAGRAPH)}, ["paragraphs"])
_FILE = shapes.fields({"data": shapes.items(_ARTICLE)}, ["data"])


def squad_rows(path: Path) -> Iterator[Row] | None:
    """Read each question with its context, in the file's order.

    Args:
        path: Any file.

    Returns:
        None where it is missing, or not in SQuAD's form.

    Raises:
        UserError: It begins like such a file, and is at fault.
    """
    if path.suffix.lower() != ".json":
        return None
    try:
        with open_regular(path) as stream:
            if not _BEGINNING.match(stream.read(64)):
                return None
        content = read_json(path)
        _FILE(content)
    except OSError:
        return None  # whoever reads tables says why
    except shapes.MisfitError as misfit:
        where = f"{misfit.where} " if misfit.where else "it "
        raise UserError(
            f"input={path} is not in SQuAD's form: {where}{misfit.problem}", "Correct it."
        ) from misfit
    except ValueError as error:
        raise UserError(f"input={path} is not in SQuAD's form: {error}", "Correct it.") from error
    return iter(
        [
            (question["question"], paragraph["context"])
            for article in content["data"]
            for paragraph in article["paragraphs"]
            for question in paragraph["qas"]
        ]
    )
