"""The laws of scaling: fitted to what they say themselves, they come back as they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imglab.errors import ImglabError
from imglab.views.scaling import Law, fit

shares = st.floats(0, 0.9)
rates = st.floats(0.1, 1e5)


@given(rate=rates, serial=shares, crosstalk=st.floats(0, 0.2))
def test_a_fit_finds_the_law_that_made_the_figures(rate, serial, crosstalk):
    law = Law(rate, serial, crosstalk)
    workers = [1, 2, 3, 4, 6, 8]
    found = fit(workers, [law.throughput(n) for n in workers])
    for n in (1, 5, 16):
        assert found.throughput(n) == pytest.approx(law.throughput(n), rel=1e-6)


@given(rate=rates, serial=shares)
def test_amdahls_law_is_the_one_without_crosstalk(rate, serial):
    law = Law(rate, serial)
    found = fit([1, 2, 4], [law.throughput(n) for n in (1, 2, 4)], crosstalk=False)
    assert found.crosstalk == 0
    assert found.serial == pytest.approx(serial, abs=1e-6)


def test_a_speed_up_beyond_ideal_gives_no_negative_share():
    found = fit([1, 2, 4, 8], [10, 21, 45, 97])
    assert found.serial == found.crosstalk == 0


def test_the_best_number_of_workers_is_where_the_curve_turns():
    law = Law(100, serial=0.1, crosstalk=0.01)
    assert law.best == pytest.approx(9.49, abs=0.01)
    assert law.throughput(8) < law.throughput(9.49) > law.throughput(11)
    assert Law(100, 0.1).best == float("inf")
    assert Law(100, 1.2, 0.01).best == 1


@pytest.mark.parametrize(
    ("workers", "rates"),
    [([1, 2], [1, 2]), ([1, 1, 1], [1, 1, 1]), ([1, 2, 3], [1, 0, 1]), ([], [])],
)
def test_too_little_to_fit_is_said(workers, rates):
    with pytest.raises(ImglabError, match="at least 3"):
        fit(workers, rates)
