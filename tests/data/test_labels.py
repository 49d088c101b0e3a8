"""What label columns hold: names as they are written, vectors and columns of 0 and 1, numbers."""

import json
import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling_lstm.data.arguments import DataArguments
from modeling_lstm.data.loading import load_data
from modeling_lstm.utils.errors import InputError
from tests.conftest import write_csv
from tests.data.test_loading import load, write

NAMES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=6).filter(str.strip)
    | st.sampled_from(["01", "1", "1.0", "TRUE", "False", "NA", "nan", "null", " pos", "pos", "-0", "1e3"]),
    min_size=2,
    max_size=5,
    unique=True,
)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("a|b", "b|c", "c"), "'a|b'"),
        (("a, b", "c, b", "d"), "'a, b'"),
        (("[1, 0]", "[0, 1]", "[1, 1]"), "'[0, 1]'"),
        (("1,0,0", "0,1,0", "0,0,1"), "'0,0,1'"),
        (("100", "010", "001"), "'001'"),
        (("1,000", "2,000", "3,000"), None),
        (("a|b", "c|d", "e"), None),
    ],
)
def test_names_that_look_like_several(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, names: tuple[str, ...], told: str | None
) -> None:
    load(write_csv(tmp_path / "a.csv", [(f"text {n}", names[n % 3]) for n in range(60)]))
    assert ("look like several" in caplog.text) == (told is not None)
    assert told is None or f"Labels such as {told} look" in caplog.text


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ([["yes", "no"], ["no", "yes"]], None, "Each row of the train split has both labels, no, yes"),
        ([["0"], ["1"], ["0", "1"], []], [["1", "0"], ["0", "1"]], "Each row of the test split has both labels, 0, 1"),
        ([["0"], ["1", "2"], []], ["12"], "must be a list of labels, as in train, found '12'"),
        ([[1, 0, 0], [0, 1, 1]], ["101"], "must be a list of 3 values 0 or 1"),
        (["0", "1"], [["1"]], "The test split holds lists of labels .*, train one label in each row"),
    ],
)
def test_lists_of_another_kind(tmp_path: Path, train: list[Any], test: list[Any] | None, message: str) -> None:
    write(tmp_path / "train.jsonl", [(f"text {n}", train[n % len(train)]) for n in range(40)])
    if test is not None:
        write(tmp_path / "test.jsonl", [(f"other {n}", test[n % len(test)]) for n in range(4)])
    with pytest.raises(InputError, match=message):
        load(tmp_path)


@pytest.mark.parametrize("is_list", [False, True])
def test_labels_that_train_lacks(tmp_path: Path, is_list: bool, caplog: pytest.LogCaptureFixture) -> None:
    def rows(*names: str) -> list[tuple[str, Any]]:
        return [(f"text {n}", [names[n % len(names)]] if is_list else names[n % len(names)]) for n in range(30)]

    write(tmp_path / "train.jsonl", rows("pos", "neg"))
    path = write(tmp_path / "test.jsonl", rows("neg", "so so", "meh"))
    with pytest.raises(InputError) as refused:
        load(tmp_path)
    assert str(refused.value) == (
        "The test split has labels that the train split lacks: meh, so so; known are neg, pos. 20 rows have them, "
        f"the first in line 2 of {str(path)!r}: correct the labels, or add --labels neg pos meh 'so so'."
    )
    assert load(tmp_path, labels=["neg", "pos", "meh", "so so"]).splits["test"].num_rows == 30
    assert "No training row has the label meh, so so: it cannot be learned." in caplog.text
    with pytest.raises(InputError, match="--labels does not name: meh; known .* 10 rows .* or leave these rows out.$"):
        load(tmp_path, labels=["neg", "pos", "so so"])
    other = DataArguments(dataset=str(write(tmp_path / "other.jsonl", rows("neg", "pos")[:3] + rows("bad")[:1])))
    with pytest.raises(InputError, match="does not know: bad; .* The row is line 4 of .* or leave these rows out.$"):
        load_data(other, only="test", label_names=["neg", "pos"], is_other=True)


def test_a_label_that_looks_like_a_known_one(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", [(f"text {n}", ["e\u0301t\u00e9", "neg"][n % 2]) for n in range(30)])
    write(tmp_path / "test.csv", [("other", "\u00e9t\u00e9")])
    with pytest.raises(InputError, match="and .* differ only in blanks, case, .*: write both alike.$") as refused:
        load(tmp_path)
    assert r"'\xe9t\xe9' and 'e\u0301t\xe9'" in str(refused.value) and "--labels" not in str(refused.value)


@pytest.mark.parametrize(("known", "found"), [("1", "1.0"), ("1", "true"), ("01", "1")])
def test_a_label_with_the_value_of_a_known_one(tmp_path: Path, known: str, found: str) -> None:
    write(tmp_path / "train.csv", [(f"text {n}", ["0", known][n % 2]) for n in range(30)])
    write(tmp_path / "test.csv", [("other", found)])
    with pytest.raises(InputError, match=f"; {found} and {known} may be the same: write both alike.$"):
        load(tmp_path)


def test_numbers_in_place_of_names(tmp_path: Path) -> None:
    """Which number stands for which name is in doubt, unless transformers made the names."""
    numbers = DataArguments(dataset=str(write(tmp_path / "a.csv", [(f"text {n}", str(n % 3)) for n in range(9)])))
    with pytest.raises(InputError, match="does not know: 0, 1, 2; known are b, a, c. Write the names of the labels "):
        load_data(numbers, only="test", label_names=["b", "a", "c"], is_other=True)


def test_an_empty_label_in_a_list(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [(f"text {n}", [["a"], [""], ["a", "b"]][n % 3]) for n in range(30)])
    with pytest.raises(InputError, match="The label in line 2 of .* is a list with a missing label, \\[''\\]"):
        load(tmp_path / "a.jsonl")


@pytest.mark.parametrize("has_names", [False, True])
def test_a_missing_label_in_a_list(tmp_path: Path, has_names: bool) -> None:
    lists: list[Any] = [["None"], ["pos"], []]
    path = tmp_path / ("train.parquet" if has_names else "train.jsonl")

    def write_lists(path: Path, values: list[Any]) -> None:
        rows = [(f"{path.stem} {n}", values[n % len(values)]) for n in range(30)]
        if not has_names:
            write(path, rows)
            return
        codes = [[{"None": 0, "pos": 1}.get(one, -1) for one in some] for _, some in rows]
        features = Features({"text": Value("string"), "label": List(ClassLabel(names=["None", "pos"]))})
        data = {"text": [text for text, _ in rows], "label": codes}
        Dataset.from_dict(data, features=features).to_parquet(str(path))

    write_lists(path, lists)
    write_lists(path.with_stem("test"), [*lists, [None]])
    with pytest.raises(InputError, match="is a list with a missing label") as refused:
        load(tmp_path)
    assert "test" in str(refused.value)
    if has_names:
        write_lists(path.with_stem("test"), [[None]])
        assert "test" not in load(tmp_path).splits, "withheld"


def test_a_label_of_several_is_missing(tmp_path: Path) -> None:
    features = Features({"text": Value("string"), "p": ClassLabel(names=["0", "1"]), "q": Value("int64")})
    rows = {"text": [f"text {n}" for n in range(20)], "p": [0, -1] * 10, "q": [0, 1] * 10}
    Dataset.from_dict(rows, features=features).to_parquet(str(tmp_path / "a.parquet"))
    with pytest.raises(InputError, match=r"label in row 2 .* must be 0 or 1, found -1 \(column 'p'\)"):
        load(tmp_path / "a.parquet", label_column=["p", "q"])


def test_a_column_for_a_label_with_names_of_its_own(tmp_path: Path) -> None:
    """Its numbers say nothing: 0 may stand for yes."""
    for names, expected in ((["yes", "no"], None), (["true", "false"], [1.0, 0.0])):
        features = Features({"text": Value("string"), "p": ClassLabel(names=names), "q": Value("int64")})
        rows = {"text": [f"text {n}" for n in range(20)], "p": [0, 1] * 10, "q": [0, 1] * 10}
        Dataset.from_dict(rows, features=features).to_parquet(str(tmp_path / "a.parquet"))
        if expected is None:
            with pytest.raises(InputError, match="must be 0 or 1, found 'yes' .column 'p'"):
                load(tmp_path / "a.parquet", label_column=["p", "q"])
        else:
            data = load(tmp_path / "a.parquet", label_column=["p", "q"]).splits["train"]
            assert {tuple(label) for label in data["label"]} == {(1.0, 0.0), (0.0, 1.0)}


def test_labels_with_other_names_than_those_asked_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    features = Features({"text": Value("string"), "label": ClassLabel(names=["positive", "negative"])})
    rows = {"text": [f"text {n}" for n in range(20)], "label": [0, 1] * 10}
    Dataset.from_dict(rows, features=features).to_parquet(str(tmp_path / "a.parquet"))
    load(tmp_path / "a.parquet", labels=["neg", "pos"])
    assert "names its labels positive, negative; their numbers are read as neg, pos" in caplog.text


@pytest.mark.parametrize("number", [-1, "-1", -1.0, "-1.0"])
def test_a_test_split_of_a_regression_may_hold_minus_one_alone(
    number: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In GLUE's STS-B it stands for withheld numbers, so it is told."""
    write(tmp_path / "train.jsonl", [(f"text {n}", n / 10) for n in range(40)])
    write(tmp_path / "test.jsonl", [(f"other {n}", number) for n in range(4)])
    assert load(tmp_path, problem_type="regression").splits["test"]["label"][:] == [-1.0] * 4
    assert "All targets of the test split are -1, which often means that they are withheld." in caplog.text


@pytest.mark.parametrize("names", [["False", "True"], ["false", "true"], ["TRUE", "FALSE"]])
def test_truth_values_of_another_format_are_known(names: list[str], tmp_path: Path) -> None:
    """pandas writes the same column as True to CSV and Parquet, and as true to JSON."""
    frame = pd.DataFrame({"text": [f"text {n}" for n in range(20)], "label": [n % 3 > 0 for n in range(20)]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "a.parquet")
    number = [name.lower() for name in names].index("true")
    for path in sorted(tmp_path.glob("a.*")):
        data = load_data(DataArguments(dataset=str(path)), only="train", label_names=names, is_other=True)
        assert data.label_names == names
        assert [row == number for row in data.splits["train"]["label"][:]] == frame["label"].tolist()
    write_csv(tmp_path / "b.csv", [("a", "True"), ("b", "true"), ("c", "False")] * 9)
    assert load(tmp_path / "b.csv").label_names == ["False", "True", "true"]


@settings(max_examples=40, deadline=None)
@given(names=NAMES, number=st.integers(20, 60))
def test_any_names_keep_their_spelling_and_number(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], number: int
) -> None:
    folder = tmp_path_factory.mktemp("names")
    rows = [(f"text {n}", names[n % len(names)]) for n in range(number)]
    data = load(write_csv(folder / "a.csv", rows))
    assert sorted(data.label_names) == sorted(names)
    found = {text: data.label_names[label] for split in data.splits.values() for text, label in split_rows(split)}
    assert found == dict(rows)


def split_rows(split: Dataset) -> list[tuple[str, Any]]:
    return list(zip(split["text"], split["label"], strict=True))


@pytest.mark.parametrize("last", ["other", "01", "02.0", "x"])
def test_names_do_not_depend_on_blocks_of_rows_or_on_the_file(tmp_path: Path, last: str) -> None:
    """Ten thousand rows of what looks like numbers, then something else."""
    rows = [(f"text {n}", ("01", "02")[n % 2]) for n in range(10_500)] + [("end", last), ("end 2", last)]
    write_csv(tmp_path / "train.csv", rows)
    write_csv(tmp_path / "validation.csv", [("a", "01"), ("b", "02")])
    assert load(tmp_path).label_names == sorted({"01", "02", last})


def test_whole_numbers_are_sorted_by_size(tmp_path: Path) -> None:
    rows = [(f"text {n}", str(n % 12 - 1)) for n in range(120)]
    assert load(write_csv(tmp_path / "a.csv", rows)).label_names == [str(n) for n in range(-1, 11)]


def test_names_that_differ_in_blanks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [(f"text {n}", ("pos", "pos ", "neg")[n % 3]) for n in range(60)]
    assert load(write_csv(tmp_path / "a.csv", rows)).label_names == ["neg", "pos", "pos "]
    assert "differ only in blanks, case, invisible characters or how characters are encoded, but" in caplog.text
    assert caplog.text.rstrip().endswith("'pos', 'pos '")


def test_a_label_that_nobody_sees_is_missing(tmp_path: Path) -> None:
    rows = [(f"text {n}", ("pos", "\u200b", "neg")[n % 3]) for n in range(60)]
    with pytest.raises(InputError, match="label in line 3 .* is missing"):
        load(write_csv(tmp_path / "a.csv", rows))


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("Good", "good", "bad"), "'Good', 'good'"),
        (("d\u00e9but", "de\u0301but", "fin"), r"'de\u0301but', 'd\xe9but'"),
        (("pos", "pos\u200b", "neg"), r"'pos', 'pos\u200b'"),
        (("so  so", "so so", "bad"), "'so  so', 'so so'"),
    ],
)
def test_names_that_look_alike(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, names: tuple[str, ...], told: str
) -> None:
    data = load(write_csv(tmp_path / "a.csv", [(f"text {n}", names[n % 3]) for n in range(60)]))
    assert data.label_names == sorted(names)
    assert f"but count as different: {told}" in caplog.text


@pytest.mark.parametrize(
    ("names", "warns"),
    [
        (("['good', 'phone']", "['bad']", "['phone']"), True),
        (("good,phone", "bad", "phone"), True),
        (("good; phone", "bad", "phone"), True),
        (("Congo, Republic", "Congo-Kinshasa", "nan"), False),
    ],
)
def test_names_that_are_lists(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, names: tuple[str, ...], warns: bool
) -> None:
    load(write_csv(tmp_path / "a.csv", [(f"text {n}", names[n % 3]) for n in range(60)]))
    assert ("look like several, but count as one name each" in caplog.text) == warns
    assert "--problem_type regression" not in caplog.text


VECTORS = [[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
@pytest.mark.parametrize("form", [int, float, bool, str])
def test_vectors_of_zeros_and_ones(tmp_path: Path, kind: str, form: Any) -> None:
    rows = [(f"good thing {n}", [form(one) for one in VECTORS[n % 4]]) for n in range(40)]
    data = load(write(tmp_path / f"a.{kind}", rows, ("text", "labels")))
    assert (data.problem_type, data.label_names) == ("multi_label_classification", ["0", "1", "2"])
    for text, label in split_rows(data.splits["train"]):
        assert label == VECTORS[int(text.split()[-1]) % 4]
    named = load(tmp_path / f"a.{kind}", labels=["toxic", "rude", "threat"])
    assert named.label_names == ["toxic", "rude", "threat"]
    with pytest.raises(InputError, match="a 0 or 1 for each of 3 labels, but the names of 2 labels are given: a, b"):
        load(tmp_path / f"a.{kind}", labels=["a", "b"])


def test_vectors_with_the_names_of_a_class_label(tmp_path: Path) -> None:
    features = Features({"text": Value("string"), "labels": List(ClassLabel(names=["x", "y", "z"]))})
    rows = {"text": [f"a {n}" for n in range(40)], "labels": [VECTORS[n % 4] for n in range(40)]}
    Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "a.parquet")
    data = load(tmp_path / "a.parquet")
    assert data.label_names == ["x", "y", "z"]
    assert {tuple(label) for label in data.splits["train"]["label"]} == {tuple(map(float, one)) for one in VECTORS}


def test_sets_are_not_taken_for_vectors(tmp_path: Path) -> None:
    """Numbers of labels that a row has, of a different number of labels in each row; pairs of numbers are refused."""
    rows = [(f"a {n}", [[0], [1], [0, 1], []][n % 4]) for n in range(40)]
    assert load(write(tmp_path / "a.jsonl", rows)).label_names == ["0", "1"]
    features = Features({"text": Value("string"), "label": List(ClassLabel(names=["x", "y"]))})
    pairs = {"text": [f"a {n}" for n in range(40)], "label": [[0, 1], [1, 0]] * 20}
    Dataset.from_dict(pairs, features=features).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match="Each row of the train split has both labels, x, y"):
        load(tmp_path / "b.parquet")


@pytest.mark.parametrize("values", [("0", "1"), ("False", "TRUE"), ("0.0", "1.0")])
def test_a_column_for_each_label(tmp_path: Path, values: tuple[str, str]) -> None:
    rows = [(f"text {n}", values[n % 2], values[n // 2 % 2]) for n in range(40)]
    path = write_csv(tmp_path / "a.csv", rows, ("text", "toxic", "rude"))
    data = load(path, label_column=["toxic", "rude"])
    assert (data.problem_type, data.label_names) == ("multi_label_classification", ["toxic", "rude"])
    for text, label in split_rows(data.splits["train"]):
        number = int(text.split()[1])
        assert label == [number % 2, number // 2 % 2]
    with pytest.raises(InputError, match="Several columns that hold 0 or 1, one for each label, can be named together"):
        load(path)


def test_columns_are_those_of_the_labels_with_their_names(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [(f"text {n}", n % 2, 0) for n in range(40)], ("text", "joy", "anger"))
    for columns in (["joy", "anger"], ["anger", "joy"]):
        data = load_data(DataArguments(dataset=str(path), label_column=columns), label_names=["joy", "anger"])
        assert all(label == [int(text.split()[1]) % 2, 0] for text, label in split_rows(data.splits["train"]))
    data = load(path, label_column=["joy", "anger"], labels=["Anger", "JOY"])
    assert data.label_names == ["Anger", "JOY"]
    assert all(label == [0, int(text.split()[1]) % 2] for text, label in split_rows(data.splits["train"]))
    with pytest.raises(InputError, match="Joy would not be read from the column of the same name"):
        load(path, label_column=["joy", "anger"], labels=["fear", "Joy"])
    data = load(path, label_column=["joy", "anger"], labels=["happy", "cross"])
    assert data.label_names == ["happy", "cross"] and [1.0, 0.0] in data.splits["train"]["label"][:]
    with pytest.raises(InputError, match="joy would not be read from the column"):
        load(path, label_column=["joy", "anger"], labels=["fear", "joy"])


@pytest.mark.parametrize("value", ["2", "", "-1", "yes"])
def test_a_column_for_each_label_holds_nothing_else(tmp_path: Path, value: str) -> None:
    rows = [(f"text {n}", str(n % 2), "0") for n in range(40)]
    rows[2] = ("text 2", value, "0")
    path = write_csv(tmp_path / "a.csv", rows, ("text", "toxic", "rude"))
    with pytest.raises(InputError, match=f"label in line 4 of '.*a.csv' must be 0 or 1, found '{value}'.*'toxic'"):
        load(path, label_column=["toxic", "rude"])


def test_names_for_numbers(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [(f"text {n}", n % 3) for n in range(60)])
    data = load(path, labels=["negative", "neutral", "positive"])
    assert data.label_names == ["negative", "neutral", "positive"]
    assert all(int(text.split()[1]) % 3 == label for text, label in split_rows(data.splits["train"]))
    told = "labels that --labels does not name: 2; known are negative, neutral. .* 0 stands for the first label"
    with pytest.raises(InputError, match=told):
        load(path, labels=["negative", "neutral"])
    with pytest.raises(InputError, match="--labels must be different names, found a, a"):
        load(path, labels=["a", "a"])


def test_numbers_are_names_or_stand_for_them(tmp_path: Path) -> None:
    """Names that are numbers stand for themselves alone: of stars from 0 to 4, 1 must not become two of them."""
    stars = ["1", "2", "3", "4", "5"]
    path = write_csv(tmp_path / "from1.csv", [(f"text {n}", n % 5 + 1) for n in range(100)])
    assert load(path, labels=stars).label_names == stars
    path = write_csv(tmp_path / "from0.csv", [(f"text {n}", n % 5) for n in range(100)])
    with pytest.raises(InputError, match="labels that --labels does not name: 0; known are 1, 2, 3, 4, 5. 20 rows"):
        load(path, labels=stars)
    few = write_csv(tmp_path / "few.csv", [(f"text {n}", n % 2 + 1) for n in range(20)])
    words = ["none", "some", "many"]
    data = load_data(DataArguments(dataset=str(few), labels=words), only="train", label_names=words, is_other=True)
    assert [label for _, label in split_rows(data.splits["train"])] == [n % 2 + 1 for n in range(20)]
    features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    rows = {"text": [f"a {n}" for n in range(40)], "label": [n % 2 for n in range(40)]}
    Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "a.parquet")
    assert load(tmp_path / "a.parquet", labels=["negative", "positive"]).label_names == ["negative", "positive"]
    turned = load(tmp_path / "a.parquet", labels=["pos", "neg"])
    assert all(
        ("neg", "pos")[int(text.split()[1]) % 2] == turned.label_names[n]
        for text, n in split_rows(turned.splits["train"])
    )
    moved = load(tmp_path / "a.parquet", labels=["pos", "other"])
    assert all(int(text.split()[1]) % 2 == n for text, n in split_rows(moved.splits["train"]))
    words = write_csv(tmp_path / "words.csv", [(f"text {n}", ("good", "bad")[n % 2]) for n in range(40)])
    with pytest.raises(InputError, match="labels that --labels does not name: bad, good; known are x, y"):
        load(words, labels=["x", "y"])
    mixed = write_csv(tmp_path / "mixed.csv", [(f"text {n}", ("neg", "pos", "1")[n % 3]) for n in range(40)])
    with pytest.raises(InputError, match="line 4 of '.*mixed.csv' is the number 1, other rows have names such as neg"):
        load(mixed, labels=["neg", "pos"])


def test_many_unknown_labels_are_not_all_listed(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [(f"text {n}", "ab"[n % 2]) for n in range(40)])
    write_csv(tmp_path / "test.csv", [(f"text {n}", f"label {n:03}") for n in range(200)])
    with pytest.raises(
        InputError, match="lacks: label 000, .*, label 009 and 190 more; .*with the names of all labels"
    ):
        load(tmp_path)


@pytest.mark.parametrize(("names", "is_clear"), [("01", True), ("12", True), ("10", False), ("312", False)])
def test_numbers_as_names_are_renamed_only_in_their_order(tmp_path: Path, names: str, is_clear: bool) -> None:
    features = Features({"text": Value("string"), "label": ClassLabel(names=list(names))})
    rows = {"text": [f"a {n}" for n in range(40)], "label": [n % len(names) for n in range(40)]}
    Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "a.parquet")
    asked = ["bad", "good", "best"][: len(names)]
    if is_clear:
        found = split_rows(load(tmp_path / "a.parquet", labels=asked).splits["train"])
        assert all(int(text.split()[1]) % len(names) == label for text, label in found)
    else:
        with pytest.raises(InputError, match="in this order: it is in doubt which ones --labels bad, good"):
            load(tmp_path / "a.parquet", labels=asked)


def test_targets_that_are_names_of_classes_are_their_names(tmp_path: Path) -> None:
    def numbers(names: list[str], last: int = 0) -> Any:
        features = Features({"text": Value("string"), "label": ClassLabel(names=names)})
        rows = {"text": [f"a {n}" for n in range(31)], "label": [*(n % 3 for n in range(30)), last]}
        Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "a.parquet")
        return load(tmp_path / "a.parquet", problem_type="regression").splits["train"]

    named = split_rows(numbers(["1", "10", "2.5"]))
    assert all(label == (1, 10, 2.5)[int(text.split()[1]) % 3] for text, label in named)
    with pytest.raises(InputError, match="row 31 of '.*a.parquet' is missing or infinite"):
        numbers(["1", "10", "2.5"], last=-1)
    with pytest.raises(InputError, match="row 1 of '.*a.parquet' must be a number, found 'bad'"):
        numbers(["bad", "ok", "good"])


@pytest.mark.parametrize("odd", [[1], [], [1, 2], [1, -1], [0, 1, 0]])
def test_an_odd_row_among_vectors_of_two_is_named(tmp_path: Path, odd: list[int]) -> None:
    rows = [(f"a {n}", odd if n == 7 else [n % 2, 1 - n % 2]) for n in range(30)]
    with pytest.raises(InputError, match=r"line 8 of '.*a.jsonl' must be a list of 2 values 0 or 1, one for each"):
        load(write(tmp_path / "a.jsonl", rows, ("text", "labels")))


@pytest.mark.parametrize("ragged", [[], [1, 0], [1, 0, 2], [1, 0, 0, 0]])
def test_one_ragged_row_makes_no_names_of_vectors(tmp_path: Path, ragged: list[int]) -> None:
    rows = [(f"a {n}", VECTORS[n % 3]) for n in range(40)] + [("odd", ragged)]
    with pytest.raises(InputError, match=r"line 41 of '.*a.jsonl' must be a list of 3 values 0 or 1, one for each"):
        load(write(tmp_path / "a.jsonl", rows, ("text", "labels")))


def test_fractions_as_labels_are_mentioned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = load(write_csv(tmp_path / "a.csv", [(f"text {n}", ("0.5", "1.0")[n % 2]) for n in range(40)]))
    assert data.label_names == ["0.5", "1.0"]
    assert "Labels such as 0.5 are treated as names; to predict a number, add --problem_type regression" in caplog.text


def test_missing_lists_are_no_empty_ones(tmp_path: Path) -> None:
    rows = [("a", ["x", "y"]), ("b", []), ("c", None), ("d", ["y"])] * 10
    with pytest.raises(InputError, match="label in line 3 of '.*' is missing: a row without labels has an"):
        load(write(tmp_path / "a.jsonl", rows))
    with pytest.raises(InputError, match=r"line 3 .* must be a list of 2 values 0 or 1.*, found None"):
        load(write(tmp_path / "b.jsonl", [(f"a {n}", [[0, 0], [1, 1], None, [1, 0]][n % 4]) for n in range(40)]))


def test_lists_and_single_values_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [{"text": "a", "label": ["x"]}] * 20 + [{"text": "b", "label": "xy"}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with pytest.raises(
        InputError, match="column 'label' must hold lists of strings or numbers, found xy in line 21 of"
    ):
        load(path)


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_numbers_to_predict(tmp_path: Path, kind: str) -> None:
    rows = [(f"text {n}", [0.5, 1e-3, -2.25][n % 3]) for n in range(60)]
    data = load(write(tmp_path / f"a.{kind}", rows), problem_type="regression")
    assert sorted(set(data.splits["train"]["label"])) == pytest.approx([-2.25, 1e-3, 0.5])
    place = {"jsonl": "line 2", "parquet": "row 2"}.get(kind, "line 3")
    with pytest.raises(InputError, match=f"{place} of '.*b.{kind}' (must be a number, found 'x'|is missing)"):
        wrong: list[tuple[str, Any]] = [("a", 1.0), ("b", None if kind == "parquet" else "x"), *rows]
        load(write(tmp_path / f"b.{kind}", wrong), problem_type="regression")


@pytest.mark.parametrize("wrong", ["1_0", "\uff11\uff12", "0x1", "1e39", "-1e39", "1,5"])
def test_what_is_no_number(tmp_path: Path, wrong: str) -> None:
    path = write(tmp_path / "a.csv", [("a", "1.5"), ("b", wrong), ("c", " 2. "), ("d", "-.5e-3")])
    with pytest.raises(InputError, match="line 3 of .* must be a number"):
        load(path, problem_type="regression")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("targets", "low"),
    [
        (["20000001", "20000002", "20000007"], "20000001"),
        ([-5.000001, -5.000002, -5.000003], "-5.000003"),
        ([1.7e9, 1.71e9, 1.73e9], None),  # timestamps of some months
        ([0.1, 0.1, 0.1], None),
        ([-1e-9, 0.0, 1e-9], None),
    ],
)
def test_numbers_that_32_bits_cannot_tell_apart(tmp_path: Path, kind: str, targets: list[Any], low: str | None) -> None:
    values = [float(one) if kind == "parquet" else one for one in targets]
    path = write(tmp_path / f"a.{kind}", [(f"text {n}", values[n % 3]) for n in range(60)])
    if low is None:
        assert load(path, problem_type="regression").splits["train"].num_rows == 54
        return
    with pytest.raises(InputError, match=rf"differ too little .*: from {low}.* to .*\. Subtract a constant, {low}"):
        load(path, problem_type="regression")
    data = DataArguments(dataset=str(path), problem_type="regression")
    assert load_data(data, only="test", is_other=True).splits["test"].num_rows == 60


def test_a_code_that_looks_like_a_number_beyond_all_bounds(tmp_path: Path) -> None:
    rows = [(f"text {n}", ["1e99999999999999999999", "2"][n % 2]) for n in range(20)]
    assert load(write(tmp_path / "a.csv", rows)).label_names == ["1e99999999999999999999", "2"]


def test_columns_are_named_in_any_case(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("headline,verdict\n" + "".join(f"text {n},{n % 2}\n" for n in range(20)), encoding="utf-8")
    for named in ({"label_column": ["Verdict"]}, {"text_column": ["Headline"]}):
        assert load_data(DataArguments(dataset=str(path), **named)).label_names == ["0", "1"]


def test_names_that_are_the_same_number(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [(f"text {n}", ["0", "1", "1.0", "01"][n % 4]) for n in range(40)]
    assert load(write(tmp_path / "a.csv", rows)).label_names == ["0", "01", "1", "1.0"]
    assert "These labels have the same value, but count as different: '01', '1', '1.0'" in caplog.text
    with pytest.raises(InputError, match="that --labels does not name: 01, 1.0"):
        load(tmp_path / "a.csv", labels=["neg", "pos"])


def test_names_with_blanks_around_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    load(write(tmp_path / "a.csv", [(f"text {n}", [" neg", " pos"][n % 2]) for n in range(40)]))
    assert "Labels such as ' neg' begin or end with a blank" in caplog.text


def test_lists_of_one_number_may_be_two_things(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [(f"text {n}", [n % 2]) for n in range(40)])
    with pytest.raises(InputError, match=r"lists such as \[0\] and \[1\], which may be label numbers"):
        load(path)


def test_a_number_has_no_labels(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [(f"text {n}", n % 2) for n in range(40)])
    with pytest.raises(InputError, match="Regression has no labels, found --labels a, b"):
        load(path, problem_type="regression", labels=["a", "b"])


def test_half_a_character_is_told_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "label": "x"}\n{"text": "cut \\ud83d", "label": "y"}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"holds half of a character, '\\ud83d', in line 2 of"):
        load(path)


def test_many_numbers_are_no_labels(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [(f"text {n}", f"{n}.5") for n in range(60)])
    with pytest.raises(InputError, match="60 different values in 60 rows.*--problem_type regression"):
        load(path)


@pytest.mark.parametrize(("test_share", "seed"), [(0.2, seed) for seed in range(4)] + [(None, 0), (0.5, 1)])
@pytest.mark.parametrize("rare", [1, 2])
def test_rare_labels_stay_in_train(tmp_path: Path, test_share: float | None, seed: int, rare: int) -> None:
    rows = [(f"text {n}", "ab"[n % 2]) for n in range(100)] + [(f"rare {n}", "rare") for n in range(rare)]
    data = load(write_csv(tmp_path / "a.csv", rows), test_share=test_share, split_seed=seed)
    assert data.label_names.index("rare") in data.splits["train"]["label"][:]
    assert sum(split.num_rows for split in data.splits.values()) == 100 + rare


@pytest.mark.parametrize("labels", [2, 40])
@pytest.mark.parametrize("share", [0.001, 0.01, 0.02, 0.03, 0.07, 0.5, 0.95])
def test_a_share_is_about_what_was_asked_for(tmp_path: Path, share: float, labels: int) -> None:
    rows = [(f"text {n}", f"label {n % labels}") for n in range(4_000)]
    data = load(write_csv(tmp_path / "a.csv", rows), test_share=share)
    fewest = 0.01 if labels == 40 else 0  # no more parts than a label has rows
    assert data.splits["test"].num_rows == pytest.approx(4_000 * max(share, fewest), rel=0.1)


@pytest.mark.parametrize("seed", range(3))
def test_a_rare_label_is_held_out_too(tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    rows = [(f"text {n}", "ok") for n in range(590)] + [(f"rare {n}", "fraud") for n in range(10)]
    data = load(write_csv(tmp_path / "a.csv", rows), test_share=0.2, split_seed=seed)
    counts = {name: one["fraud"] for name, one in data.counts().items()}
    assert min(counts.values()) >= 1 and counts["train"] >= 2 and sum(counts.values()) == 10
    few = [*rows[:100], ("rare", "fraud")]
    assert load(write_csv(tmp_path / "b.csv", few), split_seed=seed).counts()["train"]["fraud"] == 1
    assert "No validation row has the label fraud: it counts as 0 in macro scores." in caplog.text


def test_a_label_named_rows_does_not_replace_their_number(tmp_path: Path) -> None:
    data = load(write_csv(tmp_path / "a.csv", [(f"text {n}", ("rows", "b", "c")[n % 3]) for n in range(90)]))
    assert {name: one["rows"] for name, one in data.counts().items()} == {
        name: rows.num_rows for name, rows in data.splits.items()
    }


def test_a_group_larger_than_the_share_stays_in_train(tmp_path: Path) -> None:
    rows = [(f"text {n}", "ab"[n % 2], f"user {min(n // 5, 40)}") for n in range(600)]
    path = write_csv(tmp_path / "a.csv", rows, ("text", "label", "user"))
    splits = load(path, group_column="user", test_share=0.2).splits
    assert 80 <= splits["test"].num_rows <= 160 and splits["train"].num_rows >= 400


def test_a_rare_group_stays_whole(tmp_path: Path) -> None:
    rows = [(f"text {n}", "ab"[n % 2], f"film {n // 4}") for n in range(200)]
    rows += [(f"rare {n}", "rare", "film r") for n in range(3)]
    path = write_csv(tmp_path / "a.csv", rows, ("text", "label", "film"))
    for seed in range(4):
        train = load(path, group_column="film", test_share=0.2, split_seed=seed).splits["train"]["text"][:]
        assert {"rare 0", "rare 1", "rare 2"} <= set(train)


def test_labels_without_training_rows_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    features = Features({"text": Value("string"), "label": ClassLabel(names=["sad", "glad", "mad"])})
    rows = {"text": [f"a {n}" for n in range(40)], "label": [n % 2 for n in range(40)]}
    Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "a.parquet")
    with caplog.at_level(logging.WARNING):
        load(tmp_path / "a.parquet")
    assert "No training row has the label mad: it cannot be learned." in caplog.text
    caplog.clear()
    vectors = [(f"a {n}", [[1, 0, 0], [0, 1, 0]][n % 2]) for n in range(40)]
    load(write(tmp_path / "b.jsonl", vectors), labels=["x", "y", "z"])
    assert "No training row has the label z" in caplog.text


@pytest.mark.parametrize("missing", [None, "", float("nan")])
def test_a_row_without_a_group_is_a_group_of_its_own(
    tmp_path: Path, missing: Any, caplog: pytest.LogCaptureFixture
) -> None:
    is_number = isinstance(missing, float)
    groups: list[Any] = [float(n // 10) if is_number else f"film {n // 10}" for n in range(100)] + [missing] * 30
    rows = [(f"text {n}", "ab"[n % 2], group) for n, group in enumerate(groups)]
    data = load(write(tmp_path / "a.parquet", rows, ("text", "label", "film")), group_column="film")
    numbers = {name: {int(text.split()[1]) for text in split["text"]} for name, split in data.splits.items()}
    alone = set(range(100, 130))
    assert alone & numbers["train"] and len(numbers["validation"]) < 30
    groups_of = {name: {n // 10 for n in found - alone} for name, found in numbers.items()}
    assert not groups_of["train"] & groups_of["validation"]
    assert "30 rows have no film: each is a group of its own." in caplog.text


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ([[0.9, 0.1], [0.2, 0.8]], "found numbers such as 0.1. Instead of shares or scores, write the labels"),
        ([[], []], "has no label in any row of train"),
    ],
)
def test_lists_that_hold_no_labels(tmp_path: Path, lists: list[list[float]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(write(tmp_path / "a.jsonl", [(f"text {n}", lists[n % 2]) for n in range(40)]))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((True, 1, False), "the same value, but count as different: '1', 'true'"),
        ((0, 1, "NaN"), "NaN counts as a label, but the others are numbers"),
        (("good", "bad", "N/A"), "'N/A' counts as a label. If it marks a missing one, remove these rows"),
        (
            ("1,5", "2,0", "3,5"),
            "Labels such as 1,5 are treated as names; to predict a number, write it as 1.5 and add",
        ),
    ],
)
def test_labels_that_may_be_meant_otherwise(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, values: tuple[Any, ...], told: str
) -> None:
    load(write(tmp_path / "a.jsonl", [(f"text {n}", values[n % 3]) for n in range(60)]))
    assert told in caplog.text


def test_none_may_be_the_name_of_a_label(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    load(write(tmp_path / "a.jsonl", [(f"text {n}", ("against", "favor", "none")[n % 3]) for n in range(60)]))
    assert "counts as a label" not in caplog.text


def test_a_number_with_a_comma_is_shown_with_a_point(tmp_path: Path) -> None:
    for value, told in (("1,5", "found '1,5': write 1.5"), ("1,000", "found '1,000': a number is written with")):
        with pytest.raises(InputError, match=told):
            load(write(tmp_path / "a.csv", [(f"text {n}", value) for n in range(60)]), problem_type="regression")


def test_a_blank_label_is_missing(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="The label in line 4 of .* is missing, 20 of 60 in all: fill them in, or leave"
    ):
        load(write(tmp_path / "a.csv", [(f"text {n}", "ab "[n % 3]) for n in range(60)]))


@pytest.mark.parametrize("column", ["text_column", "label_column"])
def test_a_column_that_is_named_twice(column: str) -> None:
    with pytest.raises(InputError, match=f"--{column} names a column twice, found a, a"):
        DataArguments(dataset="a.csv", **{column: ["a", "a"]})
