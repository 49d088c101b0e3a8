"""Intervals: exact where rows are counted, of a width that says what few rows say, and never of none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from modeling_lstm.evaluation.intervals import (
    average,
    bootstrap,
    difference_interval,
    drawn_difference_interval,
    exact_intervals,
    find_intervals,
    find_mean_intervals,
    find_percentiles,
    score_drawn_rows,
)
from modeling_lstm.evaluation.metrics import compute_scores, confusion_scores

KIND = "single_label_classification"
SEVERAL = "multi_label_classification"


def test_of_thirty_six_rows_that_are_right_one_in_ten_may_yet_be_wrong() -> None:
    references = np.repeat([0, 1, 2], 12)
    found = find_intervals(KIND, references, references, list("abc"))
    assert found["accuracy"] == pytest.approx([0.9026, 1.0], abs=1e-4)  # 0.025 ** (1 / 36)
    share = 0.025 ** (1 / 12)
    assert found["f1_a"] == pytest.approx([2 * share / (1 + share), 1.0])
    for name, (low, high) in found.items():
        assert 0.8 < low < 0.93 and high == 1.0, name


def test_accuracy_has_the_interval_of_the_binomial() -> None:
    references = np.zeros(400, dtype=int)
    predictions = np.repeat([0, 1], [300, 100])
    expected = binomtest(300, 400).proportion_ci(method="exact")
    found = find_intervals(KIND, predictions, references, ["a", "b"], resamples=100)["accuracy"]
    assert found == pytest.approx([expected.low, expected.high])
    rows = np.eye(2, dtype=int)[predictions]
    whole = find_intervals(SEVERAL, rows, np.eye(2, dtype=int)[references], ["a", "b"], resamples=100)["accuracy"]
    assert whole == pytest.approx([expected.low, expected.high])


def test_a_label_of_three_rows() -> None:
    references = np.repeat([0, 1], [57, 3])
    names = ["common", "rare"]
    perfect = find_intervals(KIND, references, references, names)
    assert perfect["f1_rare"] == pytest.approx([0.4517, 1.0], abs=1e-3)  # three of three: 0.292 to 1 of those rows
    assert 0.6 < perfect["macro_recall"][0] < 0.7 and perfect["macro_recall"][1] == 1.0
    common = find_intervals(KIND, np.zeros(60, dtype=int), references, names)
    low, high = common["macro_recall"]
    assert 0.45 < low < 0.5 < high < 0.9  # the three rows leave it open whether half of such rows would be right
    assert common["f1_rare"][0] == 0.0 and common["f1_rare"][1] < 0.9
    two_wrong = references.copy()
    two_wrong[:2] = 1
    assert find_intervals(KIND, two_wrong, references, names)["macro_recall"][0] < 0.7  # draws alone would say 0.96


def test_a_label_that_test_lacks_counts_in_the_interval_as_in_the_score() -> None:
    references = np.repeat([0, 1], [40, 20])
    names = ["a", "b", "never"]
    found = find_intervals(KIND, references, references, names, resamples=100)
    score = compute_scores(KIND, references, references, names)["macro_recall"]
    assert found["macro_recall"][0] > 0.55 and found["macro_recall"][1] == pytest.approx(score) == 2 / 3
    assert "f1_never" not in found
    two_wrong = references.copy()
    two_wrong[:2] = 1
    found = find_intervals(KIND, two_wrong, references, ["a", "b"], resamples=100)
    assert found["macro_f1"][1] < (found["f1_a"][1] + found["f1_b"][1]) / 2 + 1e-9 < 1.0
    wrong = references.copy()
    wrong[0] = 2
    assert find_intervals(KIND, wrong, references, names, resamples=100)["macro_f1"][1] < 0.7


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_interval_has_a_width_and_holds_its_score(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([KIND, SEVERAL]))
    labels, rows = data.draw(st.integers(2, 4)), data.draw(st.integers(1, 12))
    rng = np.random.default_rng(data.draw(st.integers(0, 1_000)))
    shape = (rows, labels) if kind == SEVERAL else (rows,)
    most = 2 if kind == SEVERAL else labels
    references = rng.integers(most, size=shape)
    predictions = np.where(rng.random(shape) < data.draw(st.sampled_from([0.0, 0.7, 1.0])), references, 0)
    names = [str(number) for number in range(labels)]
    whole = compute_scores(kind, predictions, references, names)
    found = find_intervals(kind, predictions, references, names, resamples=100)
    assert found.keys() <= whole.keys() and (rows > 1) == bool(found)
    for name, (low, high) in found.items():
        assert 0.0 <= low < high <= 1.0, name
        if name == "accuracy" or name.startswith("f1_"):
            assert low <= whole[name] <= high, name


@pytest.mark.parametrize("counts", [[57, 3], [30, 30], [100, 30, 5]])
def test_intervals_hold_the_true_score_of_most_samples(counts: list[int]) -> None:
    """Of 120 samples of a classifier whose scores are known, nine in ten at the least."""
    rng = np.random.default_rng(0)
    labels = len(counts)
    chances = np.full((labels, labels), 0.1 / (labels - 1))
    np.fill_diagonal(chances, 0.9)
    references = np.repeat(np.arange(labels), counts)
    many = np.repeat(references, 1_000)
    names = [str(number) for number in range(labels)]

    def guess(true: np.ndarray) -> np.ndarray:
        return (chances[true].cumsum(axis=1) < rng.random((len(true), 1))).sum(axis=1).clip(max=labels - 1)

    truth = compute_scores(KIND, guess(many), many, names)
    held: dict[str, list[bool]] = {}
    for _ in range(120):
        for name, (low, high) in find_intervals(KIND, guess(references), references, names, resamples=100).items():
            held.setdefault(name, []).append(low <= truth[name] <= high)
    for name in ("accuracy", "macro_recall", "macro_f1", *(f"f1_{one}" for one in names)):
        assert np.mean(held[name]) > 0.87, name


@pytest.mark.parametrize("chances", [[[1.0, 0.0], [1.0, 0.0]], [[0.95, 0.05], [0.8, 0.2]]])
def test_scores_that_depend_on_the_shares_of_the_labels(chances: list[list[float]]) -> None:
    """Other samples have other shares of the labels, also where a classifier always says the same."""
    rng = np.random.default_rng(0)
    shares, names = np.array([0.6, 0.4]), ["a", "b"]
    chance = np.array(chances) * shares[:, None]
    truth = confusion_scores(chance, names)
    held: dict[str, list[bool]] = {"macro_precision": [], "weighted_f1": []}
    for _ in range(60):
        references, predictions = np.divmod(rng.choice(4, size=200, p=chance.ravel()), 2)
        found = find_intervals(KIND, predictions, references, names, resamples=100)
        for name, one in held.items():
            one.append(found[name][0] <= truth[name] <= found[name][1])
    for name, one in held.items():
        assert np.mean(one) > 0.9, name


def test_a_label_that_is_never_predicted_may_have_any_precision() -> None:
    """Of samples in which this happens by chance, the intervals hold the true score."""
    rng = np.random.default_rng(0)
    chances, shares = np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.35, 0.35, 0.3]]), np.array([0.6, 0.35, 0.05])
    chance = chances * shares[:, None]
    truth, held = confusion_scores(chance, list("abc"))["macro_precision"], []
    while len(held) < 30:
        references, predictions = np.divmod(rng.choice(9, size=60, p=chance.ravel()), 3)
        if (predictions != 2).all() and (references == 2).any():
            found = find_intervals(KIND, predictions, references, list("abc"), resamples=100)["macro_precision"]
            held.append(found[0] <= truth <= found[1])
    assert np.mean(held) > 0.9


def test_draws_within_labels_keep_their_rows_and_others_do_not() -> None:
    references = np.repeat([0, 1], [5, 95])
    drawn = bootstrap(KIND, references, references, ["rare", "common"], resamples=200, seed=0)
    assert (drawn["f1_rare"] == 1.0).all() and (drawn["macro_f1"] == 1.0).all()
    wrong = np.where(np.arange(100) < 50, 1 - references, references)
    assert np.std(bootstrap(KIND, wrong, references, ["rare", "common"], resamples=400, seed=0)["accuracy"]) == (
        pytest.approx(0.05, rel=0.15)
    )


def test_the_same_seed_draws_the_same_rows_for_all() -> None:
    rng = np.random.default_rng(0)
    references = rng.integers(3, size=300)
    predictions = np.where(rng.random(300) < 0.8, references, 0)
    one, other = (bootstrap(KIND, predictions, references, list("abc"), resamples=100, seed=5) for _ in range(2))
    assert all((one[name] == other[name]).all() for name in one)
    probabilities = rng.dirichlet(np.ones(3), 300)
    drawn = bootstrap(KIND, predictions, references, list("abc"), probabilities, resamples=400, seed=0)
    whole = compute_scores(KIND, predictions, references, list("abc"), probabilities)
    assert drawn.keys() == whole.keys()
    for name in whole.keys() - {"calibration_error"}:  # which draws exaggerate
        assert drawn[name].mean() == pytest.approx(whole[name], rel=0.02), name


def test_what_draws_cannot_tell_has_no_interval() -> None:
    numbers = np.arange(10.0)
    assert find_intervals("regression", numbers, numbers, ["number"]) == {}
    assert find_intervals("regression", numbers[:1], numbers[:1] + 1, ["number"]) == {}
    assert find_intervals(KIND, np.array([0]), np.array([0]), ["a", "b"]) == {}
    constant = find_intervals("regression", np.zeros(10), numbers, ["number"])
    assert "pearson" not in constant and constant["mean_absolute_error"][0] < 4.5 < constant["mean_absolute_error"][1]
    two = find_intervals("regression", np.array([0.0, 1.0]), np.array([0.0, 3.0]), ["number"])
    assert all(low < high for low, high in two.values())
    small = np.random.default_rng(0).normal(size=(2, 50)) * 1e-7
    assert "mean_squared_error" in find_intervals("regression", *small, ["number"]), "in any unit"
    rows = np.array([[1, 0], [0, 1], [1, 1]])
    assert find_intervals(SEVERAL, rows, rows, ["a", "b"]).keys() == {"accuracy", "macro_f1", "f1_a", "f1_b"}


def test_several_labels_at_once() -> None:
    """A label that a draw lacks is left out of it."""
    references = np.zeros((60, 2), dtype=int)
    references[:30, 0], references[:3, 1] = 1, 1
    predictions = references.copy()
    predictions[20:30, 0] = 0
    drawn = bootstrap(SEVERAL, predictions, references, ["common", "rare"], resamples=400, seed=0)
    assert np.isnan(drawn["f1_rare"]).any() and np.nanmin(drawn["f1_rare"]) == 1.0 and drawn["macro_f1"].min() > 0.6
    found = find_intervals(SEVERAL, predictions, references, ["common", "rare"])
    assert found["f1_rare"] == pytest.approx([0.4517, 1.0], abs=1e-3) and 0.4 < found["macro_f1"][0] < 0.75


@pytest.mark.parametrize("kind", [KIND, SEVERAL, "regression"])
def test_draws_are_scored_as_the_rows_they_hold(kind: str) -> None:
    rng = np.random.default_rng(0)
    shape = (30, 2) if kind == SEVERAL else 30
    references, predictions = rng.integers(2, size=(2, *np.atleast_1d(shape)))
    if kind == "regression":
        references, predictions = references + 1e3, predictions + rng.normal(size=30)
    draws = [rng.integers(30, size=30) for _ in range(3)]
    counts = [np.bincount(chosen, minlength=30) for chosen in draws]
    found = score_drawn_rows(kind, predictions, references, counts, ["a", "b"])
    for number, chosen in enumerate(draws):
        expected = compute_scores(kind, predictions[chosen], references[chosen], ["a", "b"])
        assert {name: values[number] for name, values in found.items()} == pytest.approx(expected)
    constant = score_drawn_rows(kind, predictions, references, [np.bincount([0], minlength=30)], ["a", "b"])
    assert kind != "regression" or np.isnan([constant["r2"], constant["pearson"]]).all()


def test_the_mean_of_seeds_is_as_uncertain_as_each() -> None:
    rng = np.random.default_rng(0)
    references = rng.integers(2, size=200)
    one = np.where(rng.random(200) < 0.8, references, 1 - references)
    names = ["a", "b"]
    alone = find_intervals(KIND, one, references, names, resamples=300)
    draws = average([bootstrap(KIND, one, references, names, resamples=300, seed=0)] * 3)
    whole = average([compute_scores(KIND, one, references, names)] * 3)
    thrice = find_mean_intervals(KIND, [one] * 3, references, names, draws, whole)
    assert thrice.keys() == alone.keys()
    for name in alone:
        assert thrice[name] == pytest.approx(alone[name]), name
    assert exact_intervals("regression", references, references, names) == {}


def test_differences_of_rows() -> None:
    assert difference_interval(np.zeros(98)) == pytest.approx([-0.0277, 0.0277], abs=1e-4)
    low, high = difference_interval(np.repeat([1.0, -1.0, 0.0], [60, 40, 900]))
    error = (100 / 1_000 - 0.02**2) ** 0.5 / 1_000**0.5  # of the mean, by its variance
    assert (low, high) == pytest.approx((0.02 - 1.96 * error, 0.02 + 1.96 * error), abs=5e-4)
    assert find_percentiles(np.array([1.0, 1.0])) is None and find_percentiles(np.array([np.nan])) is None
    varies, same = np.array([0.1, 0.2, 0.3]), np.zeros(3)
    assert drawn_difference_interval(varies, same) is None and drawn_difference_interval(same, varies) is None
    assert drawn_difference_interval(varies, varies[::-1]) == pytest.approx([-0.19, 0.19])


def test_the_calibration_error_lies_in_its_interval() -> None:
    """Of perfect probabilities it is chance alone, of which each draw adds some."""
    rng = np.random.default_rng(0)
    for _ in range(10):
        sure = rng.uniform(0.5, 1.0, 500)
        probabilities = np.stack([sure, 1 - sure], axis=1)
        references = (rng.random(500) > sure).astype(int)
        given = (KIND, np.zeros(500, int), references, ["a", "b"], probabilities)
        low, high = find_intervals(*given, resamples=100)["calibration_error"]
        assert low <= compute_scores(*given)["calibration_error"] <= high
