"""Combinations cover every pair, and a seed repeats them."""

from __future__ import annotations

import itertools
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from .cases import cases, few
from .faults import FAULTS
from .pairs import pairwise
from .requests import CALLS


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=2, max_size=5),
    seed=st.integers(),
)
def test_every_two_values_of_different_dimensions_are_together(sizes: list[int], seed: int) -> None:
    dimensions = {f"d{number}": range(size) for number, size in enumerate(sizes)}
    rows = pairwise(dimensions, random.Random(seed))
    for one, other in itertools.combinations(dimensions, 2):
        together = {(row[one], row[other]) for row in rows}
        assert together == {*itertools.product(dimensions[one], dimensions[other])}


def test_a_seed_repeats_its_cases_and_another_has_others() -> None:
    assert cases(5) == cases(5)
    assert cases(5) != cases(6)


def test_few_cases_have_every_fault_and_every_call() -> None:
    chosen = few(1)
    assert {case.fault.name for case in chosen} == {fault.name for fault in FAULTS}
    assert {case.call.name for case in chosen} == {call.name for call in CALLS}
    assert {(case.transport, case.kept) for case in chosen} == {
        *itertools.product(("aiohttp", "httpx2"), (False, True))
    }
