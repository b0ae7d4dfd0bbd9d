"""The order of the layers: nothing imports upwards, nothing in circles, few modules lie loose.

All imports count: those inside functions and under TYPE_CHECKING, and modules that a string names
for ``import_module``.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "infoxlm"

#: From the top to the bottom. Folders of one layer may use each other, but not in a circle.
BANDS = (
    ("cli",),
    ("commands",),
    ("serve", "sweep"),
    ("train", "deploy"),
    ("runs",),
    ("tasks",),
    ("retrieval",),
    ("evaluate", "convert"),
    ("model",),
    ("data", "tracking"),
    ("reporting",),
    ("tokenization", "checkpoint", "distributed"),
    ("schema", "hardware", "files"),
    ("stopping", "listening", "constants", "errors", "os_errors"),
)
HEIGHT = {room: -number for number, rooms in enumerate(BANDS) for room in rooms}

#: Imports upwards that are still there. It only gets shorter: one that is gone must leave the list.
KNOWN: set[tuple[str, str]] = set()

#: At most so many modules lie at the top of the package.
LOOSE = 8


class Import(NamedTuple):
    """One module that another one names.

    Attributes:
        source: The module in which it stands.
        target: The module, or the package that a string begins with.
        by_string: Whether a string names it, so that it is imported by a registry or not at all.
    """

    source: str
    target: str
    by_string: bool = False


def module_names(package: Path) -> dict[str, Path]:
    """The file of each module of a package, by its dotted name."""
    names = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return names


def imports_in(name: str, text: str, modules: Mapping[str, Path], package: bool) -> set[Import]:
    """All that a module imports from its own package."""
    found = set()
    root = name.split(".")[0]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {Import(name, alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = base_of(node, name, package)
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                found.add(Import(name, whole if whole in modules else base))
        elif isinstance(node, ast.JoinedStr | ast.Constant):
            found |= {Import(name, target, True) for target in named_by(node, root)}
    inside = {x for x in found if x.target.split(".")[0] == root and x.target != x.source}
    # A string that names no module, such as a logger's, is none.
    return {x for x in inside if not x.by_string or x.target in modules}


def base_of(node: ast.ImportFrom, name: str, package: bool) -> str:
    """The module that ``from ... import`` names, dots at its front resolved."""
    if not node.level:
        return node.module or ""
    parts = name.split(".")
    parts = parts[: len(parts) + package - node.level]
    return ".".join([*parts, *([node.module] if node.module else [])])


def named_by(node: ast.JoinedStr | ast.Constant, root: str) -> Iterator[str]:
    """The module that a whole string names, or its constant beginning up to a dot."""
    if isinstance(node, ast.JoinedStr):
        first = node.values[0] if node.values else None
        start = first.value if isinstance(first, ast.Constant) else ""
        if match := re.match(rf"{root}(\.\w+)*(?=\.)", start):
            yield match[0]
    # A colon stands before an attribute, as in entry points.
    elif match := re.fullmatch(rf"({root}(?:\.\w+)+)(?::\w+)?", str(node.value)):
        yield match[1]


def all_imports(package: Path) -> list[Import]:
    """Every import within a package, sorted."""
    modules = module_names(package)
    found = set()
    for name, file in modules.items():
        text = file.read_text(encoding="utf-8")
        found |= imports_in(name, text, modules, package=file.name == "__init__.py")
    return sorted(found)


def room(module: str) -> str | None:
    """The folder or the loose module at the top; None for the package itself."""
    parts = module.split(".")
    return None if len(parts) == 1 or parts[1] == "__main__" else parts[1]


def between_rooms(imports: list[Import]) -> list[Import]:
    """The imports that leave a room."""
    pairs = ((x, room(x.source), room(x.target)) for x in imports)
    return [x for x, source, target in pairs if source and target and source != target]


def circle(edges: list[tuple[str, str]]) -> list[str]:
    """The nodes of a circle in a graph, in order; none: there is no circle."""
    following: dict[str, list[str]] = {}
    for source, target in edges:
        following.setdefault(source, []).append(target)
    done: set[str] = set()

    def search(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node not in done:
            for target in following.get(node, ()):
                if found := search(target, [*path, node]):
                    return found
            done.add(node)
        return []

    return next((found for node in list(following) if (found := search(node, []))), [])


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    return all_imports(PACKAGE)


def test_every_room_has_its_band(imports):
    rooms = {room(name) for name in module_names(PACKAGE)} - {None}
    assert rooms <= HEIGHT.keys(), "a room without a band: give it one in BANDS"


def test_nothing_imports_upwards(imports):
    upwards = {
        (x.source, x.target)
        for x in between_rooms(imports)
        if HEIGHT[room(x.target)] > HEIGHT[room(x.source)]
    }
    assert upwards - KNOWN == set(), "imports upwards"
    assert KNOWN - upwards == set(), "no longer there: take them out of KNOWN"


def test_rooms_import_each_other_in_no_circle(imports):
    kept = [x for x in between_rooms(imports) if (x.source, x.target) not in KNOWN]
    assert circle([(room(x.source), room(x.target)) for x in kept]) == []


def test_modules_import_each_other_in_no_circle(imports):
    # A registry names by a string what builds upon its own module; that loads when asked for.
    edges = [(x.source, x.target) for x in imports if not x.by_string]
    assert circle([edge for edge in edges if edge not in KNOWN]) == []


def test_few_modules_lie_loose():
    loose = [file.name for file in PACKAGE.glob("*.py") if not file.name.startswith("__")]
    assert len(loose) <= LOOSE, loose


def test_imports_of_all_kinds_are_found():
    text = """
import house.attic
from house.cellar import coal as fuel
from house import yard
from . import hall
from ..garden.shed import spade
def later():
    from house.roof import tiles
    import_module("house.chimney")
    import_module(f"house.rooms.{name}")
    get_logger("house.nothing")
    print("see house.chimney for more")
"""
    names = (
        "house", "house.attic", "house.cellar", "house.yard", "house.kitchen.hall",
        "house.garden.shed", "house.roof.tiles", "house.chimney", "house.rooms",
    )  # fmt: skip
    modules = dict.fromkeys(names, Path())
    found = imports_in("house.kitchen.stove", text, modules, package=False)
    assert {x.target.removeprefix("house.") for x in found if not x.by_string} == {
        "attic", "cellar", "yard", "kitchen.hall", "garden.shed", "roof.tiles",
    }  # fmt: skip
    assert {x.target for x in found if x.by_string} == {"house.chimney", "house.rooms"}


def test_a_circle_is_found():
    assert circle([("a", "b"), ("b", "c"), ("a", "c"), ("c", "d")]) == []
    assert circle([("a", "b"), ("b", "c"), ("c", "d"), ("d", "b")]) == ["b", "c", "d", "b"]
