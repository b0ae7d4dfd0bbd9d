import matplotlib.image
import pytest

from infoxlm.sweep.sweep_plot import colouring_key, places_of, plot_sweep, spans_decades
from infoxlm.sweep.sweep_results import SweepResults

RATE, RATIO = "optimizer.learning_rate", "scheduler.warmup_ratio"


def jobs(*keys, count=4):
    values = {RATE: lambda n: 10.0 ** -(n % 4), RATIO: lambda n: n // 4 / 10, "seed": lambda n: n,
              "model": lambda n: ["tiny", "e5_small"][n % 2]}  # fmt: skip
    return [[f"{key}={values[key](n)}" for key in keys] for n in range(count)]


@pytest.mark.parametrize(
    "keys", [[RATE], [RATE, "seed"], ["seed"], [RATE, RATIO], ["model", RATE, RATIO, "seed"]]
)
@pytest.mark.parametrize("count", [2, 40])
def test_any_keys_are_drawn(keys, count, sweep_folder, tmp_path):
    folder = sweep_folder(jobs(*keys, count=count), [n / count for n in range(count)])
    plot_sweep(SweepResults.read(folder), tmp_path / "x.png")
    image = matplotlib.image.imread(tmp_path / "x.png")
    assert image[..., :3].std() > 0.01


def test_numbers_stand_at_themselves_and_names_side_by_side():
    assert places_of(["1e-5", "2"]) == ([1e-5, 2.0], None)
    assert places_of(["tiny", "e5", "tiny"]) == ([1, 0, 1], ["e5", "tiny"])
    assert places_of(["null", "2"])[1] is not None


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [([1e-5, 2e-5, 5e-5], True), ([0.1, 0.2], False), ([0, 1e-3], False), ([1, 2, 5], False),
     ([16, 256], False), ([10, 1000], True)],
)  # fmt: skip
def test_learning_rates_are_drawn_on_a_logarithmic_axis(values, logarithmic):
    assert spans_decades(values) is logarithmic


def test_colour_tells_the_other_key_with_the_fewest_values(sweep_folder):
    folder = sweep_folder(jobs(RATE, RATIO, "model", count=8), [0.5] * 8)
    results = SweepResults.read(folder)
    assert colouring_key(results.keys, results.finished, RATE) in (RATIO, "model")
    assert colouring_key([RATE], results.finished, RATE) is None
