"""Questions to predict on, out of a file in SQuAD's form: answers, if it has any, do not matter."""

import re
from collections.abc import Iterator
from pathlib import Path

from infoxlm.files.regular_file import open_regular
from infoxlm.tasks.inference import Row
from infoxlm.tasks.question_answering.squad_file import read_entries

#: How such a file begins, and no line of JSON lines with questions does.
_BEGINNING = re.compile(rb'(\xef\xbb\xbf)?\s*\{\s*"(data|version)"\s*:')


def squad_rows(path: Path) -> Iterator[tuple[str, Row]] | None:
    """Read each question's id, and the question with its context, in the file's order.

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
    except OSError:
        return None  # whoever reads tables says why
    found = [entry.question for entry in read_entries([path])]
    return iter([(each.id, (each.question, each.context)) for each in found])
