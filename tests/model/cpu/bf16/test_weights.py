import paddle

from infoxlm.model.cpu import Narrowed, as_here, bf16_products, in_bf16
from infoxlm.model.cpu.bf16.weights import weight_in_bf16


def test_a_weight_is_narrowed_once_within_the_products():
    weight, kept = paddle.randn([4, 4]), Narrowed()
    for _ in range(2):
        with bf16_products(kept):
            found = weight_in_bf16(weight)
            assert weight_in_bf16(weight) is found
    assert kept.of(weight) is found
    weight.set_value(weight + 1)
    with bf16_products():
        assert float((weight_in_bf16(weight).widened() - weight).abs().max()) < 0.02
    with bf16_products(kept):
        assert weight_in_bf16(weight) is found


def test_a_weight_that_has_changed_is_narrowed_anew_where_it_was():
    weight, kept = paddle.randn([4, 4]), Narrowed()
    before = kept.of(weight)
    exact = weight.astype("bfloat16").astype("float32")
    weight.set_value(-weight)
    assert float((kept.of(weight).widened() - exact).abs().max()) == 0.0
    kept.change()
    found = kept.of(weight)
    assert found.data_ptr() == before.data_ptr()
    assert float((found.widened() + exact).abs().max()) == 0.0


def test_what_was_not_wanted_again_is_forgotten():
    kept, weights = Narrowed(), [paddle.randn([4, 4]) for _ in range(2)]
    for weight in weights:
        kept.of(weight)
    kept.change()
    kept.of(weights[0])
    kept.change()
    assert list(kept._kept) == [id(weights[0])]


def test_functions_multiply_as_where_they_were_made():
    assert not in_bf16()
    assert as_here(in_bf16) is in_bf16
    with bf16_products():
        assert in_bf16()
        made = as_here(in_bf16)
    assert not in_bf16()
    assert made()
