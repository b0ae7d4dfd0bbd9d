import os

import pytest

from infoxlm.deploy.native_output import withheld_output


def speak():
    os.write(1, b"from C\n")
    os.write(2, b"to its errors\n")


def test_nothing_comes_through(capfd):
    print("before")
    with withheld_output():
        speak()
    print("after")
    assert capfd.readouterr() == ("before\nafter\n", "")


def test_what_was_said_before_a_failure_is_shown(capfd):
    with pytest.raises(KeyError), withheld_output():
        speak()
        raise KeyError
    out, err = capfd.readouterr()
    assert out == ""
    assert err == "from C\nto its errors\n"
