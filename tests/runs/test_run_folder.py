import logging

import pytest

from infoxlm.runs.run_folder import log_into


@pytest.fixture
def root():
    """The root logger with handlers of this test alone."""
    root = logging.getLogger()
    kept, level = root.handlers, root.level
    root.handlers = []
    root.setLevel(logging.INFO)
    yield root
    for handler in root.handlers:
        handler.close()
    root.handlers = kept
    root.setLevel(level)


@pytest.mark.parametrize("consoles", [0, 1, 2])
def test_the_log_goes_on_in_another_folder(consoles, root, tmp_path):
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
    (tmp_path / "old" / "train.log").write_text("from before\n")
    for name in ("train.log", "more.log"):
        handler = logging.FileHandler(tmp_path / "new" / name)
        handler.setFormatter(logging.Formatter("[%(levelname)s] %(message)s"))
        root.addHandler(handler)
        root.handlers.extend(logging.NullHandler() for _ in range(consoles))
    before = len(root.handlers)
    logging.info("one")
    log_into(tmp_path / "old")
    logging.info("two")
    assert len(root.handlers) == before
    assert (tmp_path / "new" / "train.log").read_text() == "[INFO] one\n"
    assert (tmp_path / "old" / "train.log").read_text() == "from before\n[INFO] two\n"
    assert (tmp_path / "old" / "more.log").read_text() == "[INFO] two\n"
    assert (tmp_path / "new" / "more.log").read_text() == "[INFO] one\n"
