import pytest

from bench.summary import Latencies, Spread, latencies, percentile, ratios, spread


def test_percentiles_are_by_nearest_rank() -> None:
    ordered = [float(number) for number in range(1, 201)]

    assert [percentile(ordered, share) for share in (0.5, 0.95, 0.99, 1.0)] == [100, 190, 198, 200]


def test_a_percentile_is_a_value_that_occurred() -> None:
    assert percentile([1.0, 1000.0], 0.5) == 1.0
    assert percentile([7.0], 0.99) == 7.0


def test_a_share_of_nothing_is_the_smallest() -> None:
    assert percentile([3.0, 4.0], 0.0) == 3.0


def test_latencies_are_sorted_first_and_given_in_milliseconds() -> None:
    assert latencies([0.004, 0.001, 0.003, 0.002]) == Latencies(p50=2.0, p95=4.0, p99=4.0, max=4.0)


def test_no_latencies_give_none() -> None:
    assert latencies([]) is None


def test_a_spread_is_the_smallest_the_middle_and_the_largest() -> None:
    assert spread([5.0, 1.0, 3.0]) == Spread(1.0, 3.0, 5.0)
    assert spread([1.0, 2.0]) == Spread(1.0, 1.5, 2.0)
    assert spread([]) is None


def test_ratios_are_of_the_same_round() -> None:
    assert ratios([800.0, 300.0], [100.0, 50.0]) == [8.0, 6.0]


def test_a_baseline_round_that_settled_nothing_gives_no_ratio() -> None:
    assert ratios([800.0, 300.0], [0.0, 50.0]) == [6.0]


def test_ratios_of_unlike_numbers_of_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0], [1.0, 2.0])
