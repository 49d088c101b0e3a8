"""Parquet files of one split: what they must agree on, and what is brought together."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from modeling_lstm.data.arguments import DataArguments
from modeling_lstm.data.loading import load_data
from modeling_lstm.utils.errors import InputError


def write_parts(folder: Path, *columns: Any, name: str = "label") -> Path:
    """Files of the train split, of which each holds one array of labels, and a text for each."""
    folder.mkdir(exist_ok=True)
    for number, labels in enumerate(columns, start=1):
        texts = pa.array([f"text {number} {row}" for row in range(len(labels))], pa.string())
        table = pa.table({"text": texts, name: labels})
        pq.write_table(table, folder / f"train-{number}.parquet")
    return folder


def labels_by_text(folder: Path, **options: Any) -> dict[str, Any]:
    data = load_data(DataArguments(dataset=str(folder), **options))
    found = {}
    for rows in data.splits.values():
        for text, label in zip(rows["text"], rows["label"], strict=True):
            found[text] = data.label_names[label] if isinstance(label, int) else label
    return found


def test_labels_that_files_number_differently_are_known_by_their_names(tmp_path: Path) -> None:
    for number, names in enumerate((["neg", "pos"], ["pos", "neg"], ["new", "pos"]), start=1):
        rows = {"text": [f"{names[row % 2]} {number} {row}" for row in range(10)], "label": [0, 1] * 5}
        features = Features({"text": Value("string"), "label": ClassLabel(names=names)})
        Dataset.from_dict(rows, features=features).to_parquet(tmp_path / f"train-{number}.parquet")
    found = labels_by_text(tmp_path)
    assert len(found) == 30 and all(text.startswith(label) for text, label in found.items())


def test_lists_of_labels_are_known_by_their_names(tmp_path: Path) -> None:
    for number, names in enumerate((["a", "b"], ["b", "a"]), start=1):
        rows = {"text": [f"{number} {row}" for row in range(10)], "label": [[0], [1], [0, 1], [], [1]] * 2}
        features = Features({"text": Value("string"), "label": List(ClassLabel(names=names))})
        Dataset.from_dict(rows, features=features).to_parquet(tmp_path / f"train-{number}.parquet")
    data = load_data(DataArguments(dataset=str(tmp_path)))
    found = {text: row for rows in data.splits.values() for text, row in zip(rows["text"], rows["label"], strict=True)}
    assert data.label_names == ["a", "b"] and found["1 0"] == [1, 0] and found["2 0"] == [0, 1]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([True, False] * 5, [0, 1, 2, 3], "holds truth values in '.*train-1.parquet' and integers in '.*train-2"),
        ([0, 1] * 5, ["01", "1"], "holds integers in .* and strings in"),
        (["a", "b"] * 5, [0.5, 1.5], "holds strings in .* and numbers in"),
        ([["a"], ["b"]] * 5, ["a", "b"], "holds lists of strings in .* and strings in"),
        ([1, 2] * 5, [1.0, 2.0], "holds integers in .* and numbers in"),
    ],
)
def test_files_of_different_types_are_told(first: Any, second: Any, message: str, tmp_path: Path) -> None:
    folder = write_parts(tmp_path / "rows", pa.array(first), pa.array(second))
    with pytest.raises(InputError, match=f"The column 'label' {message}"):
        load_data(DataArguments(dataset=str(folder)))


def test_types_of_other_widths_are_one(tmp_path: Path) -> None:
    kinds = [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()]
    arrays = [pa.array(["a", "b"] * 5, pa.string()).cast(kind) for kind in kinds]
    found = labels_by_text(write_parts(tmp_path / "strings", *arrays))
    assert len(found) == 40 and set(found.values()) == {"a", "b"}
    numbers = [pa.array([0, 1] * 5, kind) for kind in (pa.int8(), pa.int64())]
    assert set(labels_by_text(write_parts(tmp_path / "integers", *numbers)).values()) == {"0", "1"}


def test_an_empty_file_is_left_out(tmp_path: Path) -> None:
    folder = write_parts(tmp_path / "rows", pa.array([], pa.null()), pa.array(["a", "b"] * 5), pa.array([], pa.int8()))
    assert len(labels_by_text(folder)) == 10
    empty = write_parts(tmp_path / "empty", pa.array([], pa.string()))
    with pytest.raises(InputError, match="has no rows"):
        load_data(DataArguments(dataset=str(empty)))


def test_labels_that_one_file_lacks(tmp_path: Path) -> None:
    """A file whose labels are all missing has no type; and one may lack the column."""
    folder = write_parts(tmp_path / "rows", pa.nulls(2), pa.array(["a", "b"] * 5))
    with pytest.raises(InputError, match=r"The label in row 1 of '.*train-1.parquet' is missing"):
        load_data(DataArguments(dataset=str(folder)))
    write_parts(tmp_path / "rows", pa.array(["a", "b"] * 5), name="Label")
    assert len(labels_by_text(tmp_path / "rows")) == 20  # by the name of each file
    other = write_parts(tmp_path / "other", pa.array(["a", "b"] * 5), name="stars") / "train-1.parquet"
    other.replace(tmp_path / "rows" / "train-3.parquet")
    with pytest.raises(InputError, match="'.*train-3.parquet' has no column Label; its columns are text, stars"):
        load_data(DataArguments(dataset=str(tmp_path / "rows")))


def test_a_file_with_the_same_time_and_size_is_read_anew(tmp_path: Path) -> None:
    folder = write_parts(tmp_path / "rows", pa.array(["a", "b"] * 5))
    path = folder / "train-1.parquet"
    before = path.stat()
    assert labels_by_text(folder)["text 1 0"] == "a"
    write_parts(folder, pa.array(["b", "a"] * 5))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size and labels_by_text(folder)["text 1 0"] == "b"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (pa.array([[["a"]], [["b"]]] * 5), "must hold lists of strings or integers, found lists of"),
        (pa.array([[{"a": 1}]] * 10), "must hold lists of strings or integers, found lists of"),
        (pa.array([[0.3, 0.7], [0.8, 0.2]] * 5), "found lists of (double|float64). Instead of shares or scores"),
    ],
)
def test_lists_that_hold_no_labels(labels: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        load_data(DataArguments(dataset=str(write_parts(tmp_path / "rows", labels))))


def test_a_number_that_is_none_of_the_labels(tmp_path: Path) -> None:
    features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    rows = Dataset.from_dict({"text": list("abcd"), "label": [0, 1, 0, 1]}, features=features).data.table
    label = pa.array([0, 1, 5, 1])
    pq.write_table(rows.set_column(1, rows.schema.field(1), label), tmp_path / "train.parquet")
    with pytest.raises(InputError, match="in row 3 of .* is the number 5, but the data name 2 labels"):
        load_data(DataArguments(dataset=str(tmp_path)))


def test_names_that_look_like_patterns(tmp_path: Path) -> None:
    folder = write_parts(tmp_path / "[rows]", pa.array(["a", "b"] * 5), pa.array(["a", "b"] * 5, pa.large_string()))
    assert len(labels_by_text(folder)) == 20
    (folder / "train-1.parquet").rename(tmp_path / "a [1]*.parquet")
    assert len(labels_by_text(tmp_path / "a [1]*.parquet")) == 10


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    columns = [pa.array([f"text {n}" for n in range(10)]), *(pa.array(["a", "b"] * 5) for _ in range(3))]
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_arrays(columns, names=["text", "label", "more", "more"]), path)
    assert len(labels_by_text(path)) == 10
    pq.write_table(pa.Table.from_arrays(columns[:3], names=["text", "label", "label"]), path)
    with pytest.raises(InputError, match="2 columns 'label': rename all but one"):
        load_data(DataArguments(dataset=str(path)))


def test_groups_must_be_plain_values(tmp_path: Path) -> None:
    rows = {"text": [f"{row}" for row in range(10)], "label": ["a", "b"] * 5, "who": [["x"]] * 10}
    pq.write_table(pa.table(rows), tmp_path / "train.parquet")
    with pytest.raises(InputError, match="--group_column who must hold plain values, found"):
        load_data(DataArguments(dataset=str(tmp_path), group_column="who"))
