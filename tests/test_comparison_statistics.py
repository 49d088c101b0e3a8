"""What a comparison says of its systems: slices of the texts, intervals, differences, and the front in its plots."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from modeling_lstm.comparison.plots import _name_points, against_cost, undominated
from modeling_lstm.comparison.significance import enough, holm, interval, paired, resampled
from modeling_lstm.comparison.slices import shuffled, slices
from modeling_lstm.intervals import bootstrap_intervals
from modeling_lstm.metrics import scores


def test_slices() -> None:
    assert shuffled(["a\0 b\0"]) in (["a\0 b\0"], ["b\0 a\0"])
    texts = ["It is not good .", "Good , but long .", "I ca n't say", "Nothing happens", "knot a butter", "Fine film"]
    found = slices(texts)
    assert np.flatnonzero(found["negation"]).tolist() == [0, 2, 3]
    assert np.flatnonzero(found["contrast"]).tolist() == [1]
    assert np.flatnonzero(found["neither"]).tolist() == [4, 5]
    lengths = [rows for name, rows in found.items() if "words" in name]
    assert (np.sum(lengths, axis=0) == 1).all()
    assert list(slices(["same same"] * 4)) == ["neither", "up to 2 words"]


@given(st.lists(st.text(st.sampled_from("ab c"), max_size=12), max_size=5))
def test_shuffled_texts_have_the_same_words(texts: list[str]) -> None:
    mixed = shuffled(texts)
    assert [sorted(text.split()) for text in mixed] == [sorted(text.split()) for text in texts]
    assert mixed == shuffled(texts)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0] and holm([]) == []


def test_intervals_are_those_of_the_binomial() -> None:
    """Of 400 rows with 300 right, the standard error of accuracy is known."""
    references = np.zeros(400, dtype=int)
    guesses = {"one": [np.repeat([0, 1], [300, 100])]}
    drawn = resampled(guesses, references, ["a", "b"], ("accuracy",), resamples=3_000)["one"]["accuracy"]
    error = (0.75 * 0.25 / 400) ** 0.5
    assert drawn.mean() == pytest.approx(0.75, abs=0.003) and drawn.std() == pytest.approx(error, rel=0.06)
    low, high = interval(drawn)
    assert low == pytest.approx(0.75 - 1.96 * error, abs=0.006) and high == pytest.approx(
        0.75 + 1.96 * error, abs=0.006
    )


def test_rare_labels_have_intervals_of_their_own_rows() -> None:
    references = np.repeat([0, 1, 2], [400, 97, 3])
    drawn = resampled({"a": [references]}, references, ["a", "b", "c"], ("macro_recall", "macro_f1"), resamples=500)
    assert interval(drawn["a"]["macro_recall"]) == [1.0, 1.0] == interval(drawn["a"]["macro_f1"])


def test_a_label_that_test_lacks_counts_in_the_interval_as_in_the_score() -> None:
    references = np.repeat([0, 1], [40, 20])
    names = ["a", "b", "never"]
    drawn = resampled({"right": [references]}, references, names, ("macro_recall",), resamples=100)
    alone = bootstrap_intervals("single_label_classification", references, references, names, resamples=100)
    score = scores("single_label_classification", references, references, names)["macro_recall"]
    assert [score, score] == interval(drawn["right"]["macro_recall"]) == alone["macro_recall"] and score < 0.7


def test_many_systems_can_still_be_told_apart() -> None:
    for systems in (2, 6, 11):
        number = enough(100, systems)
        pairs = systems * (systems - 1) // 2
        assert holm([2 / (number + 1)] * pairs)[0] < 0.01
    assert enough(2_000, 3) == 2_000


def test_differences_are_found_where_there_are_some() -> None:
    rng = np.random.default_rng(0)
    references = rng.integers(3, size=600)

    def guess(right: float) -> np.ndarray:
        return np.where(rng.random(600) < right, references, (references + 1) % 3)

    good, bad = guess(0.9), guess(0.8)
    guesses = {"good": [good], "bad": [bad], "same": [good]}
    drawn = resampled(guesses, references, ["a", "b", "c"], ("macro_recall",), resamples=1_000)
    scores = {name: float((one[0] == references).mean()) for name, one in guesses.items()}
    found = {
        (one["first"], one["second"]): one for one in paired({n: d["macro_recall"] for n, d in drawn.items()}, scores)
    }
    assert found["good", "bad"]["p_corrected"] < 0.01 and found["good", "bad"]["interval"][0] > 0
    assert found["good", "same"]["p_corrected"] == 1.0 and found["good", "same"]["interval"] == [0.0, 0.0]
    assert all(one["p"] <= one["p_corrected"] for one in found.values())


def test_chance_alone_is_seldom_called_a_difference() -> None:
    """Of 100 pairs of equally good systems, about 5 have a p-value below 0.05."""
    rng = np.random.default_rng(1)
    references = np.zeros(200, dtype=int)
    found = 0
    for _ in range(100):
        guesses = {name: [(rng.random(200) < 0.3).astype(int)] for name in "ab"}
        drawn = resampled(guesses, references, ["x", "y"], ("accuracy",), resamples=200)
        (pair,) = paired({name: one["accuracy"] for name, one in drawn.items()}, {"a": 0.0, "b": 0.0})
        found += pair["p"] < 0.05
    assert found <= 12


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8))
def test_the_front_is_of_those_that_nobody_beats(pairs: list[tuple[int, int]]) -> None:
    points = {str(number): (float(cost), float(score)) for number, (cost, score) in enumerate(pairs)}

    def is_beaten(name: str) -> bool:
        cost, score = points[name]
        return any(c <= cost and s >= score and (c, s) != (cost, score) for c, s in points.values())

    front = undominated(points)
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
