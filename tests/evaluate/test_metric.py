import pytest

from infoxlm.evaluate.metric import ACCURACY, Metric


@pytest.mark.parametrize(
    ("share", "plain", "signed"),
    [
        (None, "", ""),
        (0.0, "0.0", "+0.0"),
        (-1e-17, "0.0", "+0.0"),
        (-0.0004, "0.0", "+0.0"),
        (-0.0006, "−0.1", "−0.1"),
        (0.7504, "75.0", "+75.0"),
        (1.0, "100.0", "+100.0"),
    ],
)
def test_percent_as_it_is_shown(share, plain, signed):
    assert (ACCURACY.shown(share), ACCURACY.shown(share, signed=True)) == (plain, signed)


def test_names_as_they_are_read():
    assert [Metric(x).title for x in ("f1", "exact_match")] == ["F1", "exact match"]
    assert Metric("f1").unit == "F1 in percent"
