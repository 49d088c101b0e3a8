"""What a comparison says of its systems: slices of the texts, intervals, differences, and the front in its plots."""

import itertools
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from scipy.stats import binomtest
from sklearn import metrics as sk

from modeling_lstm.comparison.report_plots import _name_points, against_cost, find_pareto_front
from modeling_lstm.comparison.row_groups import group_rows, shuffle_words
from modeling_lstm.evaluation.intervals import average, bootstrap
from modeling_lstm.evaluation.metrics import (
    MULTI_LABEL,
    REGRESSION,
    SINGLE_LABEL,
    compute_scores,
    make_summands,
    score_sums,
)
from modeling_lstm.evaluation.significance import (
    compare_pairs,
    correct_by_holm,
    enough_resamples,
    randomization_test,
    sign_test,
)


def test_slices() -> None:
    assert shuffle_words(["a\0 b\0"]) in (["a\0 b\0"], ["b\0 a\0"])
    texts = ["It is not good .", "Good , but long .", "I ca n't say", "Nothing happens", "knot a butter", "Fine film"]
    found = group_rows(texts)
    assert np.flatnonzero(found["negation"]).tolist() == [0, 2, 3]
    assert np.flatnonzero(found["contrast"]).tolist() == [1]
    assert np.flatnonzero(found["neither"]).tolist() == [4, 5]
    lengths = [rows for name, rows in found.items() if "words" in name]
    assert (np.sum(lengths, axis=0) == 1).all()
    assert list(group_rows(["same same"] * 4)) == ["neither", "up to 2 words"]


@given(st.lists(st.text(st.sampled_from("ab c"), max_size=12), max_size=5))
def test_shuffled_texts_have_the_same_words(texts: list[str]) -> None:
    mixed = shuffle_words(texts)
    assert [sorted(text.split()) for text in mixed] == [sorted(text.split()) for text in texts]
    assert mixed == shuffle_words(texts)
    (pair,) = shuffle_words(["one two three four [SEP] five six seven eight"])
    first, second = (sorted(part.split()) for part in pair.split(" [SEP] "))
    assert (first, second) == (sorted("one two three four".split()), sorted("five six seven eight".split()))


def test_holm_by_hand() -> None:
    assert correct_by_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert correct_by_holm([0.9, 0.8]) == [1.0, 1.0] and correct_by_holm([]) == []


KIND = "single_label_classification"


def guessed(references: np.ndarray, share: float, rng: np.random.Generator, labels: int) -> np.ndarray:
    """Predictions of which such a share is right."""
    return np.where(rng.random(len(references)) < share, references, (references + 1) % labels)


def pair(first: list[np.ndarray], second: list[np.ndarray], references: np.ndarray, metric: str) -> dict:
    """What is said of two systems with so many labels as the references have."""
    names = [str(number) for number in range(int(references.max()) + 1)]
    answers = {"first": first, "second": second}
    means = {
        name: float(np.mean([compute_scores(KIND, one, references, names)[metric] for one in seeds]))
        for name, seeds in answers.items()
    }
    drawn = {
        name: average([bootstrap(KIND, one, references, names, resamples=300, seed=0) for one in seeds])[metric]
        for name, seeds in answers.items()
    }
    (found,) = compare_pairs(answers, references, names, metric, means, drawn, resamples=1_000)
    return found


@pytest.mark.parametrize(
    ("differing", "rows", "p"), [(3, 6, 0.25), (4, 60, 0.125), (5, 60, 0.0625), (6, 60, 0.03125), (0, 60, 1.0)]
)
def test_few_answers_that_differ_have_the_p_value_of_mcnemar(differing: int, rows: int, p: float) -> None:
    references = np.arange(rows) % 2
    worse = references.copy()
    worse[:differing] = 1 - worse[:differing]
    found = pair([references], [worse], references, "accuracy")
    assert found["p"] == found["p_corrected"] == pytest.approx(p)
    low, high = found["interval"]
    assert low < found["difference"] < high and (low > 0) == (p < 0.05)  # the interval says what the test says


@settings(max_examples=40)
@given(st.integers(0, 40), st.integers(0, 40))
def test_of_single_runs_the_test_of_accuracy_is_that_of_mcnemar(better: int, worse: int) -> None:
    differences = np.repeat([1, -1, 0], [better, worse, 7])
    expected = binomtest(better, better + worse).pvalue if better + worse else 1.0
    assert sign_test(differences) == pytest.approx(expected)


@settings(max_examples=25)
@given(st.lists(st.integers(-6, 6), min_size=1, max_size=9))
def test_signs_of_any_numbers(differences: list[int]) -> None:
    signs = np.array(list(itertools.product([1, -1], repeat=len(differences))))
    expected = (abs(signs @ np.array(differences)) >= abs(sum(differences))).mean()
    assert sign_test(np.array(differences)) == pytest.approx(expected)


@pytest.mark.parametrize("seeds", [(1, 1), (3, 3), (3, 1), (2, 3)])
@pytest.mark.parametrize("rows", [30, 400])
def test_the_randomization_test_of_any_score_is_the_exact_one_of_accuracy(seeds: tuple[int, int], rows: int) -> None:
    """Enumerated where few rows differ, drawn where many do."""
    rng = np.random.default_rng(rows)
    references = rng.integers(3, size=rows)
    first = [guessed(references, 0.95, rng, 3) for _ in range(seeds[0])]
    second = [guessed(references, 0.88, rng, 3) for _ in range(seeds[1])]
    exact = pair(first, second, references, "accuracy")["p"]
    found = randomization_test(np.stack(first), np.stack(second), references, list("abc"), "accuracy", 20_000)
    assert found == pytest.approx(exact, abs=0.015)


def test_macro_scores_of_few_rows_are_tested_by_every_exchange() -> None:
    """By hand: the score of each exchange from scikit-learn."""
    rng = np.random.default_rng(3)
    references = rng.integers(3, size=20)
    first, second = guessed(references, 0.9, rng, 3), guessed(references, 0.7, rng, 3)
    differ = np.flatnonzero(first != second)
    found = []
    for chosen in itertools.product([False, True], repeat=len(differ)):
        one, other = first.copy(), second.copy()
        rows = differ[np.array(chosen, dtype=bool)]
        one[rows], other[rows] = second[rows], first[rows]
        found.append(sk.f1_score(references, one, average="macro") - sk.f1_score(references, other, average="macro"))
    assert 3 <= len(differ) <= 12
    expected = (np.abs(found) >= abs(found[0]) - 1e-12).mean()
    assert pair([first], [second], references, "macro_f1")["p"] == pytest.approx(expected)


def test_differences_are_found_where_there_are_some() -> None:
    rng = np.random.default_rng(0)
    references = rng.integers(3, size=600)
    good, bad = guessed(references, 0.9, rng, 3), guessed(references, 0.8, rng, 3)
    for metric in ("accuracy", "macro_recall", "macro_f1", "f1_1"):
        found = pair([good], [bad], references, metric)
        assert found["p_corrected"] < 0.01 and found["interval"][0] > 0, metric
        same = pair([good], [good], references, metric)
        assert same["p"] == 1.0 and same["difference"] == 0.0
        # of rows on which the two are the same, others like these may still not be
        assert same["interval"] is None or same["interval"][0] < 0 < same["interval"][1]


@pytest.mark.parametrize("seeds", [1, 3])
def test_chance_alone_is_seldom_called_a_difference(seeds: int) -> None:
    """Of 300 pairs of equally good systems, about 15 have a p-value below 0.05"""
    rng = np.random.default_rng(1)
    references = np.arange(200) % 2
    found = {"accuracy": 0, "macro_f1": 0}
    for _ in range(300):
        first, second = (np.stack([guessed(references, 0.7, rng, 2) for _ in range(seeds)]) for _ in range(2))
        found["accuracy"] += sign_test(((first == references).astype(int) - (second == references)).sum(axis=0)) < 0.05
        found["macro_f1"] += randomization_test(first, second, references, ["a", "b"], "macro_f1", 400) < 0.05
    assert all(3 <= number <= 27 for number in found.values()), found


NAMES = ["funny", "sad", "long"]


def example(kind: str, rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """References, and the answers of two systems of which the first is better."""
    if kind == REGRESSION:
        true = rng.normal(size=rows) + 1_000
        return true, true + rng.normal(size=rows), true + 2 * rng.normal(size=rows)
    shape, most = ((rows, 3), 2) if kind == MULTI_LABEL else ((rows,), 3)
    true = rng.integers(most, size=shape)
    first, second = (np.where(rng.random(shape) < share, true, (true + 1) % most) for share in (0.9, 0.7))
    return true, first, second


@pytest.mark.parametrize("kind", [SINGLE_LABEL, MULTI_LABEL, REGRESSION])
def test_scores_of_sums_are_the_scores(kind: str) -> None:
    true, first, _ = example(kind, 50, np.random.default_rng(0))
    sums = make_summands(kind, first, true, 3, origin=float(true.mean())).sum(axis=0)
    found = score_sums(kind, np.stack([sums, sums]), NAMES)
    expected = compute_scores(kind, first, true, NAMES)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx([value, value], rel=1e-9), name


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        *((MULTI_LABEL, metric) for metric in ("accuracy", "macro_f1", "micro_f1", "f1_sad")),
        *((REGRESSION, metric) for metric in ("mean_squared_error", "mean_absolute_error", "r2", "pearson")),
    ],
)
def test_few_rows_of_any_kind_are_tested_by_every_exchange(kind: str, metric: str) -> None:
    """By hand: the score of each exchange, by the function that scores runs."""
    true, first, second = example(kind, 9, np.random.default_rng(2))
    if metric == "pearson":  # in the same units, which the score does not depend on
        first, second = ((one - one.mean()) / one.std() for one in (first, second))
    differences = []
    for chosen in itertools.product([False, True], repeat=len(true)):
        one, other = first.copy(), second.copy()
        rows = np.array(chosen)
        one[rows], other[rows] = second[rows], first[rows]
        differences.append(np.subtract(*(compute_scores(kind, some, true, NAMES)[metric] for some in (one, other))))
    expected = (np.abs(differences) >= abs(differences[0]) - 1e-9).mean()
    found = randomization_test(first[None], second[None], true, NAMES, metric, 100, kind)
    assert found == pytest.approx(expected) and 0.0 < expected < 1.0


@pytest.mark.parametrize(("kind", "metric"), [(MULTI_LABEL, "accuracy"), (MULTI_LABEL, "macro_f1"), (REGRESSION, "r2")])
def test_differences_of_any_kind_are_found_where_there_are_some(kind: str, metric: str) -> None:
    """Of several seeds too, and whatever the numbers are measured in."""
    rng = np.random.default_rng(0)
    true, first, second = example(kind, 300, rng)
    means = {name: compute_scores(kind, one, true, NAMES)[metric] for name, one in (("a", first), ("b", second))}

    def pair(one: list[np.ndarray], other: list[np.ndarray]) -> dict[str, Any]:
        drawn = {
            name: average([bootstrap(kind, seed, true, NAMES, resamples=100, seed=0) for seed in seeds])[metric]
            for name, seeds in (("a", one), ("b", other))
        }
        (found,) = compare_pairs({"a": one, "b": other}, true, NAMES, metric, means, drawn, kind=kind, resamples=500)
        return found

    found = pair([first, first], [second])
    assert found["p"] < 0.01 and 0 < found["interval"][0] < found["difference"] < found["interval"][1]
    assert pair([first], [first])["p"] == 1.0


def test_a_correlation_is_tested_in_the_same_units() -> None:
    true, first, second = example(REGRESSION, 100, np.random.default_rng(3))
    how: list[Any] = [true, ["x"], "pearson", 400, REGRESSION]
    usual = randomization_test(first[None], second[None], *how)
    assert randomization_test(first[None] * 3 + 20, second[None], *how) == pytest.approx(usual) and usual < 0.05


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_test_does_not_depend_on_the_unit_of_numbers(scale: float) -> None:
    true, first, second = example(REGRESSION, 40, np.random.default_rng(1))
    first = true + 0.7 * (second - true)[::-1]
    pair = [one[None] * scale for one in (first, second)]
    found = randomization_test(*pair, true * scale, ["x"], "mean_squared_error", 2_000, REGRESSION)
    usual = randomization_test(first[None], second[None], true, ["x"], "mean_squared_error", 2_000, REGRESSION)
    assert found == pytest.approx(usual) and 0.02 < found < 0.98


def test_many_systems_can_still_be_told_apart() -> None:
    for systems in (2, 6, 11):
        number = enough_resamples(100, systems)
        pairs = systems * (systems - 1) // 2
        assert correct_by_holm([2 / (number + 1)] * pairs)[0] < 0.01
    assert enough_resamples(2_000, 3) == 2_000


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8))
def test_the_front_is_of_those_that_nobody_beats(pairs: list[tuple[int, int]]) -> None:
    points = {str(number): (float(cost), float(score)) for number, (cost, score) in enumerate(pairs)}

    def is_beaten(name: str) -> bool:
        cost, score = points[name]
        return any(c <= cost and s >= score and (c, s) != (cost, score) for c, s in points.values())

    front = find_pareto_front(points)
    assert {points[name] for name in front} == {points[name] for name in points if not is_beaten(name)}
    assert [points[name][0] for name in front] == sorted(points[name][0] for name in front)


@pytest.mark.parametrize(
    ("costs", "shown"),
    [
        ((30.0, 95.0), ("50", "100")),
        ((0.02, 9.0), ("0.1", "10")),
        ((50.5, 51.0), ("50.6", "51")),
        ((9.0, 9.0), ("5", "10")),
    ],
)
def test_costs_are_written_out_on_their_axis(costs: tuple[float, float], shown: tuple[str, ...]) -> None:
    drawn = against_cost({"a $x$": (costs[0], 60.0), "b": (costs[1], 70.0)}, "megabytes", "accuracy")
    texts = re.findall("<!-- (.*) -->", drawn)
    assert {*shown, "a $x$"} <= set(texts)
    assert not [text for text in texts if "mathdefault" in text]


def test_names_of_close_points_keep_off_each_other() -> None:
    axes = Figure().subplots()
    points = {"far": (0.1, 80.0), "higher": (2.97, 88.9), "lower": (2.57, 88.5), "best": (13.0, 90.8)}
    _name_points(axes, points)
    below = {text.get_text() for text in axes.texts if text.xyann[1] < 0}
    assert below == {"lower"}
    _name_points(axes := Figure().subplots(), {"a": (1.0, 50.0), "b": (1.1, 50.1), "c": (1.2, 50.2), "d": (9.0, 60.0)})
    assert {text.get_text() for text in axes.texts if text.xyann[1] < 0} == {"a", "c"}
