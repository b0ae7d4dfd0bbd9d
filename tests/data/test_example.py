from infoxlm.data.example import shown


def test_shown_is_one_short_line() -> None:
    assert shown("a\nb") == r"'a\nb'"
    assert shown("x" * 500) == repr("x" * 57 + "...")
