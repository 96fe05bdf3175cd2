"""A short run of chaos.py: everything at once, from both sides, while the configuration changes. Longer: chaos.py --help."""

import pytest

import chaos


@pytest.mark.parametrize("workers", [1, 2])
def test_naru_survives_abuse_from_both_sides(tmp_path, workers):
    seen = chaos.hammer(tmp_path, seconds=3, seed=workers, workers=workers, applications=8, drain_at_random=False)
    assert seen[200] > 50, f"too little was carried to prove anything: {seen}"


@pytest.mark.parametrize("seed", [1, 2])
def test_sigterm_in_the_middle_of_abuse_ends_cleanly(tmp_path, seed):
    chaos.hammer(tmp_path, seconds=2, seed=seed, workers=2, applications=8, drain_at_random=True)
