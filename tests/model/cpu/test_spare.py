from infoxlm.model.cpu.spare import Spare


def test_what_is_given_back_is_handed_out_again():
    spare = Spare("float32")
    first = spare.take(100)
    spare.give(first)
    assert spare.take(125).data_ptr() == first.data_ptr()  # a quarter more than was asked for


def test_what_is_in_use_is_not_handed_out():
    spare = Spare("float32")
    first, second = spare.take(10), spare.take(10)
    assert first.data_ptr() != second.data_ptr()


def test_what_is_too_small_is_made_anew_and_the_larger_is_kept():
    spare = Spare("bfloat16")
    spare.give(spare.take(10))
    large = spare.take(1000)
    assert large.size >= 1000
    small = spare.take(10)
    spare.give(large)
    spare.give(small)
    assert spare.take(1000).data_ptr() == large.data_ptr()
