import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.reporting.drawing import spread


@given(st.lists(st.floats(0, 100), min_size=1, max_size=16), st.floats(0.5, 5))
def test_spread_labels_keep_their_order_and_distance(values, gap):
    values = np.array(values)
    placed = spread(values, gap)
    order = np.argsort(values, kind="stable")
    assert (np.diff(placed[order]) >= 0.95 * gap).all()
    assert placed.mean() == pytest.approx(values.mean())


def test_spread_leaves_room_alone():
    assert spread(np.array([9.0, 1.0, 5.0]), 2).tolist() == [9, 1, 5]


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=16),
    st.floats(0.5, 5),
)
def test_spread_labels_stay_inside_where_there_is_room(values, gap):
    placed = spread(np.array(values), gap, low=0, high=100)
    ordered = np.sort(placed)
    assert (np.diff(ordered) >= 0.95 * gap).all()
    assert ordered[0] >= -1e-9
    assert ordered[-1] <= 100 + 1e-9
