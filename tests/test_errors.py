"""The messages of users' errors are written alike."""

import ast
from importlib.resources import files

from infoxlm.errors import UserError

#: Names that begin with a capital wherever they stand.
NAMES = ("VisualDL", "Hydra", "Paddle", "XLM-R", "PAWS-X", "XNLI", "ONNX")


def problems():
    """The beginning of each literal problem that the package raises, with its place."""
    for path in sorted(files("infoxlm").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id == "UserError" and node.args:
                problem = node.args[0]
                first = problem.values[0] if isinstance(problem, ast.JoinedStr) else problem
                if isinstance(first, ast.Constant):
                    yield first.value, f"{path.name}:{node.lineno}"


def test_an_error_is_a_line_of_problem_and_remedy():
    assert str(UserError("x is y", "Give z.")) == "x is y. Give z."


def test_problems_do_not_begin_with_a_capital():
    found = list(problems())
    assert len(found) > 100
    assert [x for x in found if x[0][:1].isupper() and not x[0].startswith(NAMES)] == []
