import numpy as np
import paddle
import pytest

from infoxlm.errors import UserError
from infoxlm.model.precision import Precision
from infoxlm.schema import Amp, HardwareConfig


@pytest.mark.parametrize("amp", [Amp.bf16, Amp.fp16])
def test_half_precision_is_refused_on_a_cpu(amp):
    with pytest.raises(UserError, match=f"hardware.amp={amp.value} on a CPU"):
        HardwareConfig(device="cpu", amp=amp)
    assert HardwareConfig(device="gpu", amp=amp).amp is amp


def test_without_it_everything_is_as_if_it_were_not_there():
    layer = paddle.nn.Linear(3, 3)
    batch = paddle.ones([2, 3])
    precision = Precision()
    with precision.autocast():
        output = layer(batch)
    np.testing.assert_array_equal(output.numpy(), layer(batch).numpy())
    assert output.dtype == paddle.float32
    loss = output.sum()
    assert float(precision.scaler.scale(loss)) == float(loss)
    loss.backward()
    before, gradient = layer.weight.numpy(), layer.weight.grad.numpy()
    precision.step(paddle.optimizer.SGD(0.5, parameters=layer.parameters()))
    np.testing.assert_allclose(layer.weight.numpy(), before - 0.5 * gradient, rtol=1e-6)
