import importlib
import subprocess
import sys

import pytest

from infoxlm.hardware.deferred_package import defer_package


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose code is told when it runs, with one in it."""
    made = tmp_path / "heavy_thing"
    (made / "inner").mkdir(parents=True)
    (made / "__init__.py").write_text(
        "import sys\nsys.heavy_runs.append(1)\n__version__ = '1.0'\n"
        "from . import light\nanswer = light.answer + 1\n"
    )
    (made / "light.py").write_text("from . import __version__\nanswer = 41\n")
    (made / "inner" / "__init__.py").write_text("import sys; sys.heavy_runs.append(2)\n")
    (made / "inner" / "deep.py").write_text("depth = 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "heavy_runs", [], raising=False)
    yield sys.heavy_runs
    for name in [name for name in sys.modules if name.split(".")[0] == "heavy_thing"]:
        del sys.modules[name]


def test_modules_come_without_the_packages_code(package):
    defer_package("heavy_thing", {"__version__": "1.0"})
    defer_package("heavy_thing.inner")
    import heavy_thing.inner.deep
    from heavy_thing import light

    assert light.answer == 41
    assert light.__version__ == "1.0"
    assert heavy_thing.inner.deep.depth == 2
    assert not hasattr(heavy_thing, "__wrapped__")
    assert package == []


def test_the_code_runs_once_when_something_of_it_is_wanted(package):
    defer_package("heavy_thing", {"__version__": "1.0"})
    from heavy_thing import answer

    assert answer == 42
    import heavy_thing

    assert heavy_thing.answer == 42
    assert package == [1]
    with pytest.raises(AttributeError):
        heavy_thing.no_such_thing  # noqa: B018


def test_a_name_that_is_not_there_is_an_error(package):
    defer_package("heavy_thing", {"__version__": "1.0"})
    import heavy_thing

    with pytest.raises(AttributeError):
        heavy_thing.no_such_thing  # noqa: B018
    assert package == [1]


def test_a_failure_is_told_every_time(package, tmp_path):
    (tmp_path / "heavy_thing" / "__init__.py").write_text("import no_such_dependency\n")
    defer_package("heavy_thing")
    import heavy_thing

    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
            heavy_thing.answer  # noqa: B018


def test_a_star_import_is_whole(package):
    defer_package("heavy_thing", {"__version__": "1.0"})
    found = {}
    exec("from heavy_thing import *", found)
    assert found["answer"] == 42


def test_what_is_imported_or_missing_is_left_alone(package):
    importlib.import_module("heavy_thing")

    before = sys.modules["heavy_thing"]
    defer_package("heavy_thing")
    assert sys.modules["heavy_thing"] is before
    defer_package("no_such_package_at_all")
    assert "no_such_package_at_all" not in sys.modules


def test_paddlenlp_is_whole_when_it_is_asked_for():
    script = (
        "import sys, infoxlm.model\n"
        "heavy = [x for x in ('sklearn', 'fastapi', 'pandas') if x in sys.modules]\n"
        "import paddlenlp\n"
        "from paddlenlp.transformers import PretrainedModel, AutoTokenizer\n"
        "assert issubclass(infoxlm.model.InfoXLMModel, PretrainedModel)\n"
        "print(heavy, paddlenlp.__version__, paddlenlp.Taskflow.__name__)\n"
    )
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-1] == "[] 3.0.0b4 Taskflow"
