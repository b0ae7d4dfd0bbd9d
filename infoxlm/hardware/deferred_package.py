"""Packages whose own code runs only when something of it is asked for.

``import paddlenlp.transformers.model_utils`` first runs ``paddlenlp/__init__.py``, which imports a
web server, scikit-learn, pandas and sixty models: 1.9 seconds and 206 MB with paddlenlp 3.0.0b4 on
a Zen 4. What is used here lies in modules that need none of it.
"""

import importlib
import importlib.util
import sys
import threading
from collections.abc import Mapping
from typing import Any


def defer_package(name: str, attributes: Mapping[str, Any] | None = None) -> None:
    """Have a package imported without running its ``__init__.py``, unless it has been already.

    Its modules are imported as ever. The code runs when the package is asked for anything that is
    neither a module of it nor given here, so that nobody can tell the difference later.

    Args:
        name: The package; one that it lies in was imported, or deferred, before.
        attributes: What its modules ask it for while they are imported, by name.
    """
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return  # not installed: importing it says so
    loader, module = spec.loader, importlib.util.module_from_spec(spec)
    vars(module).update(attributes or {})

    running = threading.RLock()

    def ask(asked: str) -> Any:
        if asked.startswith("__") and asked != "__all__":  # tools look at every module
            raise AttributeError(f"module {name!r} has no attribute {asked!r}")
        if importlib.util.find_spec(f"{name}.{asked}"):
            return importlib.import_module(f"{name}.{asked}")
        with running:
            if vars(module).pop("__getattr__", None):
                try:
                    loader.exec_module(module)
                except BaseException:
                    vars(module)["__getattr__"] = ask  # who asks next is told as well
                    raise
        return getattr(module, asked)

    vars(module)["__getattr__"] = ask
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
