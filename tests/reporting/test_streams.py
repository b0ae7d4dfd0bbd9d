import io
import os
import sys

import pytest

from infoxlm.reporting.streams import (
    encodable,
    forget_empty_variables,
    holds_all,
    prepare_streams,
    visible,
)


def test_visible():
    assert visible("größer 語 \U0001f600\n\ta") == "größer 語 \U0001f600\n\ta"
    assert visible("a\x1b[2Jb\rc\x9bd\x7f\0") == "a\\x1b[2Jb\\rc\\x9bd\\x7f\\x00"
    assert visible("a\u202eb\u2066c\u200f\xa0d") == "a\\u202eb\\u2066c\u200f\xa0d"
    assert visible(os.fsdecode(b"f\xff")) == "f\\udcff"


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-16", None])
def test_unicode_holds_all(encoding):
    assert encodable("−★é語", encoding) == "−★é語"


def test_nearest_signs_then_escapes():
    assert encodable("−1.5 – 2 ± 3 ★ …", "ascii") == "-1.5 - 2 +- 3 * ..."
    assert encodable("é語\U0001f600", "ascii") == "\\xe9\\u8a9e\\U0001f600"
    assert encodable("−é", "latin-1") == "-é"
    assert not holds_all("ISO-8859-1")


def test_prepared_standard_output_raises_at_nothing(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "ascii"))
    monkeypatch.setattr(sys, "stderr", None)  # as in a process without one
    prepare_streams()
    print("−★é", os.fsdecode(b"\xff"), flush=True)
    assert written.getvalue() == b"-*\\xe9 \\udcff\n"


def test_empty_variables_of_ours_are_unset(monkeypatch):
    for name in ("INFOXLM_CACHE", "INFOXLM_API_KEY", "OTHER"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("INFOXLM_KEPT", "/a")
    forget_empty_variables()
    assert "INFOXLM_CACHE" not in os.environ
    kept = ("INFOXLM_API_KEY", "OTHER", "INFOXLM_KEPT")
    assert [os.environ[name] for name in kept] == ["", "", "/a"]
