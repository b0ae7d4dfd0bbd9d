"""Questions to predict on, out of a file in SQuAD's form: answers, if it has any, do not matter."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path

from infoxlm.files.json_file import parse_json
from infoxlm.files.regular_file import open_regular
from infoxlm.tasks.inference import Row
from infoxlm.tasks.question_answering.squad_file import read_entries


def squad_rows(path: Path) -> Iterator[tuple[str, Row]] | None:
    """Read each question's id, and the question with its context, in the file's order.

    Args:
        path: Any file.

    Returns:
        None where it is missing, or one of JSON lines.

    Raises:
        UserError: It is of SQuAD's form and at fault, or no JSON.
    """
    if path.suffix.lower() != ".json":
        return None
    try:
        with open_regular(path) as stream:
            lines = (line.removeprefix(BOM_UTF8).strip() for line in stream)
            first = next(filter(None, lines), b"")
    except OSError:
        return None  # whoever reads tables says why
    if not first or is_row(first):
        return None
    found = [entry.question for entry in read_entries([path])]
    return iter([(each.id, (each.question, each.context)) for each in found])


def is_row(line: bytes) -> bool:
    """Tell whether a line is a row of JSON lines, and not the beginning of a document."""
    try:
        record = parse_json(line.decode(), lenient=True)
    except ValueError:
        return False
    return isinstance(record, dict) and not record.keys() & {"data", "version"}
