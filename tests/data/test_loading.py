"""Reading datasets: formats, columns, labels, the validation cut, and one clear sentence for what cannot be used."""

import gzip
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from modeling_lstm.data.arguments import DataArguments
from modeling_lstm.data.loading import load_data
from modeling_lstm.data.tokenization import tokenize
from modeling_lstm.models.tokenization_lstm import LstmTokenizer
from modeling_lstm.utils.errors import InputError
from tests.conftest import opinion_rows, write_csv

ROWS = opinion_rows(60)
NAMES = ["negative", "neutral", "positive"]


def write(path: Path, rows: list[tuple[Any, ...]] = ROWS, columns: tuple[str, ...] = ("text", "label")) -> Path:
    """Write rows in the format of the suffix."""
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        return write_csv(path, rows, columns)
    if path.suffix == ".tsv":
        lines = ["\t".join(map(str, row)) for row in [columns, *rows]]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    else:
        pq.write_table(pa.Table.from_pylist(records), path)
    return path


def load(path: Path, **options: Any) -> Any:
    return load_data(DataArguments(dataset=str(path), **options))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_formats_as_file_and_as_folder(tmp_path: Path, suffix: str) -> None:
    alone = load(write(tmp_path / f"alone{suffix}"))
    assert set(alone.splits) == {"train", "validation"}
    assert alone.splits["train"].num_rows + alone.splits["validation"].num_rows == 60
    for split, number in (("train", 60), ("validation", 9), ("test", 12)):
        write(tmp_path / "folder" / f"{split}{suffix}", opinion_rows(number))
    folder = load(tmp_path / "folder")
    assert {name: rows.num_rows for name, rows in folder.splits.items()} == {"train": 60, "validation": 9, "test": 12}
    assert folder.label_names == alone.label_names == NAMES
    assert folder.splits["test"]["text"][:] == [text for text, _ in opinion_rows(12)]
    assert [NAMES[label] for label in folder.splits["test"]["label"]] == [label for _, label in opinion_rows(12)]


def test_dev_is_validation_and_subsets_have_two_spellings(tmp_path: Path) -> None:
    write(tmp_path / "train.csv")
    write(tmp_path / "dev.csv", opinion_rows(9))
    assert load(tmp_path).splits["validation"].num_rows == 9
    arguments = DataArguments(dataset="cardiffnlp/tweet_eval:sentiment")
    assert (arguments.dataset, arguments.subset) == ("cardiffnlp/tweet_eval", "sentiment")


def test_class_label_names_are_kept(tmp_path: Path) -> None:
    features = Features({"text": Value("string"), "label": ClassLabel(names=["sad", "glad"])})
    DatasetDict({"train": Dataset.from_dict({"text": ["a b"] * 20, "label": [1, 0] * 10}, features=features)})[
        "train"
    ].to_parquet(tmp_path / "train.parquet")
    data = load(tmp_path)
    assert data.label_names == ["sad", "glad"]
    assert set(data.splits["train"]["label"]) == {0, 1}


@pytest.mark.parametrize(
    ("values", "names"),
    [([3, 1, 10], ["1", "3", "10"]), (["b", "a", "c"], ["a", "b", "c"]), ([True, False, True], ["False", "True"])],
)
def test_label_names_from_values(tmp_path: Path, values: list[Any], names: list[str]) -> None:
    rows = [(f"text {n}", values[n % 3]) for n in range(60)]
    data = load(write(tmp_path / "a.parquet", rows))
    assert data.label_names == names
    found = dict(zip(data.splits["train"]["text"], data.splits["train"]["label"], strict=True))
    assert all(names[found[text]] == str(value) for text, value in rows if text in found)


def test_columns_are_found_or_named(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        [(1, "good", "nice", "x"), (2, "bad", "awful", "y")] * 15,
        ("id", "title", "review", "stars"),
    )
    data = load(path)
    assert (data.text_column, data.label_column) == (["review"], ["stars"])
    data = load(path, text_column=["title", "review"], label_column="stars")
    assert set(data.splits["train"]["text"]) == {"good [SEP] nice", "bad [SEP] awful"}


def test_train_rows_from_another_data_set(tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        write(tmp_path / "sentences" / f"{split}.csv", opinion_rows(30))
    write(tmp_path / "phrases.csv", opinion_rows(90))
    data = load(tmp_path / "sentences", train_dataset=str(tmp_path / "phrases.csv"))
    assert {name: rows.num_rows for name, rows in data.splits.items()} == {"train": 90, "validation": 30, "test": 30}


def test_the_validation_cut_is_stratified_and_the_same_each_time(tmp_path: Path) -> None:
    rows = [(f"text {n}", "rare" if n % 10 == 0 else "common") for n in range(300)]
    path = write(tmp_path / "a.csv", rows)
    first, second = load(path), load(path)
    assert Counter(first.splits["validation"]["label"]) == {0: 27, 1: 3}
    assert first.splits["validation"]["text"][:] == second.splits["validation"]["text"][:]
    assert first.splits["validation"]["text"][:] != load(path, split_seed=1).splits["validation"]["text"][:]
    assert not set(first.splits["validation"]["text"]) & set(first.splits["train"]["text"])
    again = load_data(DataArguments(dataset=str(path)), only="validation", label_names=first.label_names)
    assert again.splits["validation"]["text"][:] == first.splits["validation"]["text"][:]


def test_groups_stay_together(tmp_path: Path) -> None:
    rows = [(f"{n % 40} text {n}", "ab"[n % 2], f"film {n % 40}") for n in range(400)]
    data = load(write(tmp_path / "a.csv", rows, ("text", "label", "film")), group_column="film")
    films = [{text.split()[0] for text in data.splits[name]["text"]} for name in ("train", "validation")]
    assert films[1] and not films[0] & films[1]


def test_validation_is_never_cut_from_test(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", opinion_rows(60))
    write(tmp_path / "test.csv", opinion_rows(30))
    data = load(tmp_path)
    assert data.splits["test"].num_rows == 30
    assert data.splits["train"].num_rows + data.splits["validation"].num_rows == 60


def test_each_split_is_decoded_by_its_own_class_label(tmp_path: Path) -> None:
    """Two files that number the same names in another order mean the same names."""
    for name, names in (("phrases", ["pos", "neg"]), ("sentences", ["neg", "pos"])):
        features = Features({"text": Value("string"), "label": ClassLabel(names=names)})
        rows = Dataset.from_dict(
            {"text": ["good", "bad"] * 20, "label": [names.index("pos"), names.index("neg")] * 20}, features=features
        )
        (tmp_path / name).mkdir()
        for split in ("train", "test"):
            rows.to_parquet(tmp_path / name / f"{split}.parquet")
    data = load(tmp_path / "sentences", train_dataset=str(tmp_path / "phrases"))
    for rows in data.splits.values():
        assert {(text, data.label_names[label]) for text, label in zip(rows["text"], rows["label"], strict=True)} == {
            ("good", "pos"),
            ("bad", "neg"),
        }


@pytest.mark.parametrize(("share", "rows"), [(0.05, 10), (0.1, 20), (0.3, 60), (0.5, 100), (0.75, 150)])
def test_the_validation_share_is_honored(tmp_path: Path, share: float, rows: int) -> None:
    path = write(tmp_path / "a.csv", [(f"text {n}", "ab"[n % 2]) for n in range(200)])
    assert load(path, validation_share=share).splits["validation"].num_rows == rows


def test_a_rare_label_does_not_end_stratification(tmp_path: Path) -> None:
    rows = [(f"text {n}", "rare" if n % 20 == 0 else "common") for n in range(400)] + [("alone", "single")]
    data = load(write(tmp_path / "a.csv", rows))
    counts = Counter(data.label_names[label] for label in data.splits["validation"]["label"])
    assert counts["rare"] == 2 and counts["common"] in (38, 39)


def test_the_train_split_of_an_evaluation_is_what_was_trained_on(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv")
    trained_on = load(path).splits["train"]["text"][:]
    again = load_data(DataArguments(dataset=str(path)), only="train", label_names=NAMES)
    assert again.splits["train"]["text"][:] == trained_on


def test_few_groups(tmp_path: Path) -> None:
    rows = [(f"text {n}", "ab"[n % 2], n % 3) for n in range(60)]
    path = write(tmp_path / "a.parquet", rows, ("text", "label", "film"))
    assert load(path, group_column="film").splits["validation"].num_rows == 20
    path = write(tmp_path / "b.parquet", [(*row[:2], 0) for row in rows], ("text", "label", "film"))
    with pytest.raises(InputError, match="with 1 different values of film, too few"):
        load(path, group_column="film")


def test_splits_by_file_name_and_odd_names(tmp_path: Path) -> None:
    folder = tmp_path / "odd [1]"
    for name, number in (("my_train-part1", 30), ("my_train-part2", 30), ("dev", 9), ("x/test", 12)):
        write(folder / f"{name}.csv", opinion_rows(number))
    (folder / "notes.txt").write_text("nothing", encoding="utf-8")
    found = load(folder).splits
    assert {name: rows.num_rows for name, rows in found.items()} == {"train": 60, "validation": 9, "test": 12}
    (folder / "dev.csv").rename(folder / "dev::1.csv")
    with pytest.raises(InputError, match=r"odd \[1\]/dev::1.csv' cannot be read: rename it so that it has no '::'"):
        load(folder)


def test_multi_label_and_regression(tmp_path: Path) -> None:
    rows = [("a b", ["x", "y"]), ("c", []), ("d", ["y"])] * 10
    data = load(write(tmp_path / "many.jsonl", rows))
    assert data.problem_type == "multi_label_classification" and data.label_names == ["x", "y"]
    assert {tuple(label) for label in data.splits["train"]["label"]} == {(1.0, 1.0), (0.0, 0.0), (0.0, 1.0)}
    numbers = load(write(tmp_path / "numbers.jsonl", [("a", 0.5), ("b", 2.25)] * 10), problem_type="regression")
    assert numbers.problem_type == "regression" and set(numbers.splits["train"]["label"]) == {0.5, 2.25}


def test_labels_of_few_rows_do_not_make_the_cuts_larger(tmp_path: Path) -> None:
    path = write(tmp_path / "few.csv", [(f"text {n}", f"label {n % 12}") for n in range(24)])
    found = load(path, validation_share=0.1, test_share=0.2).splits
    assert found["train"].num_rows >= 16 and len(set(found["train"]["label"])) == 12


def test_a_test_split_without_labels_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", [("a", 0), ("b", 1)] * 20)
    write(tmp_path / "test.jsonl", [("a", -1), ("b", -1)] * 20)
    assert set(load(tmp_path).splits) == {"train", "validation"}


BAD: list[tuple[str, list[tuple[Any, ...]], dict[str, Any], str]] = [
    ("csv", [], {}, "no rows"),
    ("csv", [("a", "x"), ("b", "x")] * 20, {}, "only one label, 'x'"),
    ("parquet", [("a", 0.5), ("b", 1.0)], {}, "holds floating-point numbers, for example .*--problem_type regression"),
    ("parquet", [("a", 1.0), ("b", math.nan)], {}, r"1 of them missing \(NaN\)"),
    (
        "parquet",
        [("a", "x"), (None, "y")] * 20,
        {},
        "row 2 of '.*a.parquet' is missing .column 'text'., 20 of 40 in all",
    ),
    ("parquet", [(1, "x"), (2, "y")] * 20, {"text_column": ["text"]}, "must hold text, found int64"),
    (
        "jsonl",
        [("a", "x"), ({"b": 1}, "y")] * 20,
        {},
        "column 'text' must hold strings or numbers, found .* in line 2 of '.*a.jsonl'",
    ),
    ("csv", [("a", "x"), ("b", "")] * 20, {}, "label in line 3 of '.*a.csv' is missing"),
    ("parquet", [("a", "x"), ("b", None)] * 20, {}, "label in row 2 of '.*a.parquet' is missing"),
    (
        "csv",
        [("a", "x"), ("b", "y")],
        {},
        "has 2 rows, too few to hold some of them out for validation: 10 rows are needed",
    ),
    ("csv", ROWS, {"text_column": ["review"]}, "no column 'review'; its columns are text, label"),
    ("csv", ROWS, {"text_column": ["text.body"]}, "no column 'text.body'; .* Fields inside a column cannot be named"),
    ("csv", ROWS, {"label_column": "stars"}, "no column 'stars'; its columns are text, label"),
    ("csv", ROWS, {"group_column": "film"}, "no column 'film'"),
    ("csv", ROWS, {"subset": "s"}, "local file or folder and has no subset"),
    ("csv", ROWS, {"validation_share": 1.5}, "more than 0 and at most 0.95, found 1.5"),
    ("csv", ROWS, {"max_length": 0}, "--max_length must be at least 1"),
    ("csv", ROWS, {"max_length": 5, "train_max_length": 6}, "--train_max_length must be from 1 to --max_length 5"),
    ("csv", [("a " * 500_000, "x"), ("b", "y")] * 10, {}, "line 2 of '.*a.csv' has 1,000,000 characters"),
    (
        "csv",
        [(str(n), f"text {n}") for n in range(60)],
        {"text_column": ["label"]},
        "has 60 different values in 60 rows",
    ),
    ("csv", ROWS, {"text_column": ["text"], "label_column": "text"}, "cannot be both text and label"),
    ("csv", ROWS, {"problem_type": "multi_label_classification"}, "must hold lists of labels, found string"),
    ("csv", ROWS, {"problem_type": "regression"}, "line 2 of '.*a.csv' must be a number, found 'neg"),
    ("parquet", [("a", math.inf), ("b", 1.0)] * 9, {"problem_type": "regression"}, "missing or infinite"),
    ("jsonl", [("a", ["x", None]), ("b", ["y"])] * 20, {}, "lists with a missing label"),
    ("jsonl", [("a", ["x"]), ("b", ["y"])] * 20, {"problem_type": "single_label_classification"}, "must hold strings"),
    (
        "jsonl",
        [("a", {"x": 1}), ("b", {"x": 2})] * 20,
        {"label_column": "label"},
        "must hold strings or numbers, found {'x'",
    ),
]


@pytest.mark.parametrize(("kind", "rows", "options", "message"), BAD)
def test_bad_data(
    tmp_path: Path, kind: str, rows: list[tuple[Any, ...]], options: dict[str, Any], message: str
) -> None:
    path = tmp_path / f"a.{kind}"
    if rows:
        write(path, rows)
    else:
        path.write_text("text,label\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load(path, **options)


def test_columns_that_cannot_be_guessed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [("u", "v", "w", "z")] * 20, ("one", "two", "three", "four"))
    with pytest.raises(InputError, match="with --text_column and --label_column: the columns are one, two, three, f"):
        load(path)
    with pytest.raises(InputError, match="holds the label. Name it with --label_column: the columns are one, two, th"):
        load(path, text_column=["one"])
    with pytest.raises(InputError, match="holds the text. Name it with --text_column: the columns are one, two, three"):
        load(path, label_column=["four"])
    told = write(tmp_path / "b.csv", [("u", "v", "w", "z")] * 20, ("one", "two", "three", "label"))
    two = write(tmp_path / "c.csv", [("u", "v")] * 20, ("one", "two"))
    for path in (told, two):  # the label is told, or will be when the text is
        with pytest.raises(InputError, match="Which column holds the text. Name it with --text_column: the columns"):
            load(path)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("text", "category", "rating"), "The label may be in any of the columns category, rating: name it with"),
        (("sentence", "question", "label"), "The text may be in any of the columns sentence, question: name it with"),
        (("Review", "comment", "class"), "The text may be in any of the columns Review, comment"),
        (("text", "stars", "label"), (["text"], ["label"])),
        (("message", "Text", "class"), (["Text"], ["class"])),
        (("Text", "text", "label"), "The text may be in any of the columns Text, text: name it with"),
        (("text", "Label", "LABEL"), "The label may be in any of the columns Label, LABEL: name it with"),
        (("content", "title", "Sentiment"), (["content"], ["Sentiment"])),
    ],
)
def test_of_several_usual_columns_one_must_be_named(tmp_path: Path, names: Any, expected: Any) -> None:
    path = write(tmp_path / "a.csv", [(f"u {n}", f"v {n}", "ab"[n % 2]) for n in range(20)], names)
    if isinstance(expected, str):
        with pytest.raises(InputError, match=expected):
            load(path)
    else:
        data = load(path)
        assert (data.text_column, data.label_column) == expected


def test_files_without_labels_or_names_of_columns(tmp_path: Path) -> None:
    for label in ("good", "bad"):
        path = tmp_path / "folders" / label / "1.txt"
        path.parent.mkdir(parents=True)
        path.write_text("a film", encoding="utf-8")
    with pytest.raises(InputError, match="none besides 'text'. If the labels are names of files or folders, write"):
        load(tmp_path / "folders")
    path = write(tmp_path / "a.csv", ROWS, ("a fine film", "positive"))
    with pytest.raises(InputError, match="If this is a row of data, add a line with column names above it, such as: t"):
        load(path)


def test_a_bad_row_is_told_by_its_line_in_its_own_file(tmp_path: Path) -> None:
    """Of rows with line breaks in quotes the line where they begin; of formats without lines the row of the file."""
    for kind, place in (("csv", "line 4"), ("jsonl", "line 2"), ("parquet", "row 2")):
        write(tmp_path / kind / f"train-1.{kind}")
        write(tmp_path / kind / f"train-2.{kind}", [("two\nlines", "positive"), ("none", ""), *ROWS])
        with pytest.raises(InputError, match=f"The label in {place} of '.*train-2.{kind}' is missing"):
            load(tmp_path / kind)
    card = "configs:\n- config_name: all\n  sep: ','\n  data_files: train-2.csv\n"
    (tmp_path / "csv" / "README.md").write_text(f"---\n{card}---\n", encoding="utf-8")
    with pytest.raises(InputError, match="The label in line 4 of '.*train-2.csv' is missing"):
        load(tmp_path / "csv")


def test_one_column_under_two_names(tmp_path: Path) -> None:
    for kind in ("csv", "parquet"):
        path = write(tmp_path / f"a.{kind}")
        with pytest.raises(InputError, match="has one column for 'LABEL' and 'label': name another"):
            load(path, label_column=["LABEL"], group_column="label")
    assert load(path, text_column="TEXT", label_column="LABEL").text_column == ["TEXT"]


@pytest.mark.parametrize("name", ["missing.csv", "./missing", "/nowhere/at/all"])
def test_a_missing_file(name: str) -> None:
    with pytest.raises(InputError, match="There is no file or folder"):
        load_data(DataArguments(dataset=name))


def test_files_of_no_known_format(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"x")
    with pytest.raises(InputError, match="formats .csv, .tsv, .json, .jsonl, .ndjson, .parquet"):
        load(tmp_path)
    (tmp_path / "b.csv").touch()
    with pytest.raises(InputError, match="is empty"):
        load(tmp_path / "b.csv")
    (tmp_path / "c.jsonl").write_text('{"text": "a", "label"', encoding="utf-8")
    with pytest.raises(InputError, match="could not be read"):
        load(tmp_path / "c.jsonl")


def test_labels_in_test_that_train_lacks(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", [("a", "x"), ("b", "y")] * 20)
    write(tmp_path / "test.csv", [("a", "x"), ("b", "z")] * 20)
    with pytest.raises(InputError, match="test split has labels that the train split lacks: z; known are x, y"):
        load(tmp_path)


def test_a_hub_id_without_network_is_one_sentence() -> None:
    with pytest.raises(InputError, match="nobody/nothing"):
        load_data(DataArguments(dataset="nobody/nothing"))


def test_tokenization_counts_and_truncates(tmp_path: Path) -> None:
    rows = Dataset.from_dict({"text": ["a a a a a a", "", "a zzz", "   "], "label": [0, 1, 0, 1]})
    tokenizer = LstmTokenizer.train(["a a"], min_frequency=1)
    split = tokenize(rows, "train", tokenizer, 4)
    assert split.rows["input_ids"][:] == [[2, 2, 2, 2], [], [2, 1], []]
    assert split.rows["length"][:] == [4, 0, 2, 0]
    assert set(split.rows.column_names) == {"input_ids", "label", "length"}
    assert split.statistics == {
        "rows": 4, "truncated": 1, "empty": 2, "tokens_per_row": 2.0, "tokens_at_90_percent": 6,
        "rows_out_of_vocabulary": 1, "out_of_vocabulary": round(1 / 6, 5),
    }  # fmt: skip


def test_tokenization_is_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.csv")
    tokenizer = LstmTokenizer.train([text for text, _ in ROWS], min_frequency=1)
    first = tokenize(load(path).splits["train"], "train", tokenizer, 16)
    calls: list[Any] = []
    original: Callable[..., Any] = type(tokenizer)._encode_plus
    monkeypatch.setattr(type(tokenizer), "_encode_plus", lambda *a, **k: calls.append(a) or original(*a, **k))
    second = tokenize(load(path).splits["train"], "train", tokenizer, 16)
    assert not calls
    assert second.rows["input_ids"][:] == first.rows["input_ids"][:]
    tokenize(load(path).splits["train"], "train", tokenizer, 8)
    assert calls


def test_fewer_training_rows_keep_the_shares_of_the_labels(tmp_path: Path) -> None:
    rows = [(f"text {n}", "rare" if n % 5 == 0 else "common") for n in range(500)]
    path = write(tmp_path / "rows.csv", rows)
    whole = load(path)
    some = load(path, max_train_samples=50)
    assert some.splits["train"].num_rows == 50
    assert Counter(some.splits["train"]["label"][:]) == {0: 40, 1: 10}
    assert set(some.splits["train"]["text"][:]) <= set(whole.splits["train"]["text"][:])
    assert some.splits["validation"]["text"][:] == whole.splits["validation"]["text"][:]
    again, other = load(path, max_train_samples=50), load(path, max_train_samples=50, split_seed=1)
    assert again.splits["train"]["text"][:] == some.splits["train"]["text"][:] != other.splits["train"]["text"][:]
    rare = write(tmp_path / "rare.csv", [(f"text {n}", "a" if n > 40 else "b" if n else "c") for n in range(1000)])
    for seed in range(3):
        drawn = load(rare, max_train_samples=40, split_seed=seed)
        counts = Counter(drawn.splits["train"]["label"][:])
        assert counts[0] == 37 and 1 <= counts[1] <= 2 and sum(counts.values()) == 40
    assert load(path, max_train_samples=1000).splits["train"].num_rows == 450
    assert load(path, max_train_samples=3).splits["train"].num_rows == 3
    with pytest.raises(InputError, match="--max_train_samples must be at least 2, found 1"):
        load(path, max_train_samples=1)


def test_a_test_split_cut_from_train(tmp_path: Path) -> None:
    rows = [(f"text {n}", "rare" if n % 5 == 0 else "common", f"group {n // 2}") for n in range(500)]
    path = write(tmp_path / "rows.csv", rows, ("text", "label", "group"))
    found = load(path, test_share=0.2)
    assert {name: split.num_rows for name, split in found.splits.items()} == {
        "train": 360,
        "validation": 40,
        "test": 100,
    }
    assert Counter(found.splits["test"]["label"][:]) == {0: 80, 1: 20}
    texts = [text for split in found.splits.values() for text in split["text"]]
    assert sorted(texts) == sorted(text for text, _, _ in rows)
    options: dict[str, Any] = {"only": "test", "label_names": found.label_names}
    alone = load_data(DataArguments(dataset=str(path), test_share=0.2), **options)
    assert alone.splits["test"]["text"][:] == found.splits["test"]["text"][:]
    apart = load(path, test_share=0.2, group_column="group").splits
    groups = {name: {int(text.split()[1]) // 2 for text in split["text"]} for name, split in apart.items()}
    assert not (groups["train"] & groups["test"] or groups["validation"] & groups["test"])
    for name, number in (("train", 60), ("test", 12)):
        write(tmp_path / "folder" / f"{name}.csv", opinion_rows(number))
    assert load(tmp_path / "folder", test_share=0.5).splits["test"].num_rows == 12
    with pytest.raises(InputError, match="--test_share must be more than 0 and at most 0.95, found 1.5"):
        load(path, test_share=1.5)
    with pytest.raises(InputError, match="has no test split"):
        load_data(DataArguments(dataset=str(path)), only="test")


@pytest.mark.parametrize(
    ("files", "splits"),
    [
        ({"train.csv": 30, "eval.csv": 6}, {"train": 30, "test": 6}),
        ({"training.csv": 30, "testing.csv": 6}, {"train": 30, "test": 6}),
        ({"train.csv": 30, "evaluation.csv": 6}, {"train": 30, "test": 6}),
        ({"train.csv": 30, "testing/b.csv": 6}, {"train": 30, "test": 6}),
        ({"Training/x.csv": 30, "VALID/x.csv": 6, "eval-2/x.csv": 9}, {"train": 30, "validation": 6, "test": 9}),
        ({"data/train-00000-of-00002.csv": 30, "data/train-00001-of-00002.csv": 30}, {"train": 60}),
        (
            {"snli_1.0_train.csv": 30, "snli_1.0_dev.csv": 9, "snli_1.0_test.csv": 6},
            {"train": 30, "validation": 9, "test": 6},
        ),
        ({"imdb.train.csv": 30, "imdb.test.csv": 6}, {"train": 30, "test": 6}),
        ({"train-00000-of-00001.csv": 30, "dev-00000-of-00001.csv": 9}, {"train": 30, "validation": 9}),
        ({"tweets_2019.csv": 30, "tweets_2020.csv": 30}, {"train": 60}),
        ({"train.csv": 30, ".ipynb_checkpoints/train-checkpoint.csv": 30}, {"train": 30}),
        ({"train.csv": 30, ".hidden.csv": 30, "__pycache__/test.csv": 30}, {"train": 30}),
        ({"train.csv.gz": 30, "test.csv.gz": 6}, {"train": 30, "test": 6}),
    ],
)
def test_splits_by_the_words_of_datasets(
    tmp_path: Path, files: dict[str, int], splits: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for name, number in files.items():
        path = write_csv(tmp_path / name, opinion_rows(number))
        if path.suffix == ".gz":
            path.write_bytes(gzip.compress(path.read_bytes()))
    found = load(tmp_path).splits
    cut = 0 if "validation" in splits else found["validation"].num_rows
    assert found["train"].num_rows + cut == splits["train"]
    assert {name: rows.num_rows for name, rows in found.items() if name not in ("train", "validation")} == {
        name: number for name, number in splits.items() if name not in ("train", "validation")
    }
    assert re.search(rf"Read .*the train split \(.*\): {splits['train']} rows", caplog.text)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["train.csv", "reviews.csv"],
            "Which split is reviews.csv.*are train: train.csv.*train, validation or test",
        ),
        (["train.csv", "test.csv", "more/2020.csv"], "Which split is 2020.csv.*test: test.csv; train: train.csv"),
        (["TrainData.csv", "TestData.csv"], "Which splits are TestData.csv, TrainData.csv. Rename them to train.csv"),
        (["trainset/a.csv", "testset/b.csv"], "Which splits are testset/b.csv, trainset/a.csv"),
        (["my-rest.csv", "my-heldout.csv"], "Which splits are my-heldout.csv"),
        (["DevData/a.csv", "b.csv"], "Which splits are DevData/a.csv"),
        (["trn.csv", "tst.csv"], "Which splits are trn.csv, tst.csv"),
        (["training/eval.csv", "training/a.csv"], "Which split is 'training/eval.csv'. Its name contains test, train"),
    ],
)
def test_files_that_tell_no_split_or_two(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        write(tmp_path / name)
    with pytest.raises(InputError, match=message):
        load(tmp_path)


def test_files_of_other_formats_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "train.csv")
    for name in ("test.xlsx", "validation.txt", "developers.md", "notes.txt"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    assert set(load(tmp_path).splits) == {"train", "validation"}
    assert "not reading test.xlsx, validation.txt, which have another format" in caplog.text


def test_only_text_and_label_columns_matter(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "a" / "train.csv", [(n, *row) for n, row in enumerate(ROWS)], ("id", "text", "label"))
    write(tmp_path / "a" / "test.csv", [(*row, "x") for row in ROWS[:9]], ("Text", " LABEL ", "id"))
    assert load(tmp_path / "a").splits["test"]["text"][:] == [text for text, _ in ROWS[:9]]
    for kind in ("parquet", "jsonl"):
        write(tmp_path / kind / f"train.{kind}", [(*row, 1) for row in ROWS], ("text", "label", "id"))
        write(tmp_path / kind / f"test.{kind}", [(*row, ["x"]) for row in ROWS[:9]], ("text", "label", "id"))
        assert load(tmp_path / kind).splits["test"].num_rows == 9
    write(tmp_path / "b" / "train.csv")
    write(tmp_path / "b" / "test.csv", [(n, text) for n, (text, _) in enumerate(ROWS)], ("id", "text"))
    assert set(load(tmp_path / "b").splits) == {"train", "validation"}
    assert "The test split (test.csv) has no labels (column label): left out." in caplog.text
    for held_back in (None, "-1"):  # without a column of labels, or with what stands for none
        if held_back is not None:
            withheld = [(text, held_back) for text, _ in ROWS]
            write(tmp_path / "b" / "test.csv", withheld)
        whole = load(tmp_path / "b", test_share=0.2).splits
        assert set(whole) == {"train", "validation", "test"} and whole["test"].num_rows == round(0.2 * len(ROWS))
        for name, rows in whole.items():
            found = load_data(DataArguments(dataset=str(tmp_path / "b"), test_share=0.2), only=name).splits
            assert list(found) == [name] and found[name]["text"][:] == rows["text"][:]
    write(tmp_path / "b" / "dev.csv", [(text,) for text, _ in ROWS], ("text",))
    with pytest.raises(InputError, match=r"validation split \(dev.csv\) has no column 'label'; its columns are text"):
        load(tmp_path / "b")


def test_newer_types_of_parquet(tmp_path: Path) -> None:
    texts, labels = ([row[place] for row in ROWS] for place in (0, 1))
    for name, kind in (("view", pa.string_view()), ("large", pa.large_string())):
        table = pa.table({"text": pa.array(texts, kind), "label": pa.array(labels, kind)})
        pq.write_table(table, tmp_path / f"{name}.parquet")
        assert load(tmp_path / f"{name}.parquet").label_names == NAMES
    coded = pa.table({"text": pa.array(texts).dictionary_encode(), "label": pa.array(labels).dictionary_encode()})
    pq.write_table(coded, tmp_path / "coded.parquet")
    assert load(tmp_path / "coded.parquet").label_names == NAMES


def test_files_of_a_folder_with_a_card_are_read_as_strings(tmp_path: Path) -> None:
    write(tmp_path / "reviews.csv", [(f"text {n}", f"0{n % 2}") for n in range(60)])
    write(tmp_path / "held_out.csv", [(f"text {n}", f"0{n % 2}") for n in range(9)])
    files = "  data_files:\n  - {split: train, path: reviews.csv}\n  - {split: test, path: held_out.csv}\n"
    (tmp_path / "README.md").write_text(f"---\nconfigs:\n- config_name: all\n{files}---\n", encoding="utf-8")
    data = load(tmp_path)
    assert data.label_names == ["00", "01"] and data.splits["test"].num_rows == 9


def test_what_a_card_says_of_its_files_holds(tmp_path: Path) -> None:
    write(tmp_path / "reviews.csv", [(f"text {n}", n % 2) for n in range(60)])
    (tmp_path / "reviews.csv").write_text((tmp_path / "reviews.csv").read_text().replace(",", "^"), encoding="utf-8")
    card = "configs:\n- config_name: all\n  sep: '^'\n  data_files: reviews.csv\n"
    (tmp_path / "README.md").write_text(f"---\n{card}---\n", encoding="utf-8")
    assert load(tmp_path).label_names == ["0", "1"]


def test_other_data_are_read_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "other.csv", opinion_rows(100))
    arguments = DataArguments(dataset=str(path), test_share=0.2)
    whole = load_data(arguments, only="test", label_names=NAMES, is_other=True)
    assert whole.splits["test"].num_rows == 100
    write(tmp_path / "folder" / "train.csv")
    write(tmp_path / "folder" / "dev.csv")
    with pytest.raises(InputError, match="has no test split; it has validation, train. Name another with --split"):
        load_data(DataArguments(dataset=str(tmp_path / "folder")), only="test", label_names=NAMES, is_other=True)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["test.csv"], r"it has the test split \(test.csv\): rename .* train.csv, or train .* with {}/test.csv"),
        (["dev.csv", "test.csv"], r"\(dev.csv\), the test split \(test.csv\): rename .* train.csv.$"),
        ([], "it has test: name one that has, with --train_dataset.$"),
    ],
)
def test_a_data_set_without_train(tmp_path: Path, files: list[str], message: str) -> None:
    path = tmp_path / "data"
    for name in files:
        write(path / name)
    if not files:
        texts, labels = zip(*ROWS, strict=True)
        DatasetDict(test=Dataset.from_dict({"text": texts, "label": labels})).save_to_disk(path)
    whole = write(tmp_path / "other" / "train.csv").parent
    for flag, options in (("dataset", {"path": path}), ("train_dataset", {"path": whole, "train_dataset": str(path)})):
        told = message.format(f"--{flag} {path}")
        with pytest.raises(InputError, match=f"'{path}' has no train split; .*{told}"):
            load(**options)
    if len(files) == 1:
        assert load(path, train_dataset=str(path / "test.csv")).splits["train"].num_rows == 54


def test_a_file_beside_the_training_rows_must_be_used(tmp_path: Path) -> None:
    held_out, train = write(tmp_path / "held_out.csv"), write(tmp_path / "rows.csv")
    with pytest.raises(InputError, match="so none of its rows would be used. .* put both files into a folder"):
        load(held_out, train_dataset=str(train))


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", opinion_rows(60))
    assert sum(rows.num_rows for rows in load(path).splits.values()) == 60
    write(path, opinion_rows(90))
    assert sum(rows.num_rows for rows in load(path).splits.values()) == 90


def test_a_path_of_windows_is_named_whole() -> None:
    with pytest.raises(InputError, match=r"There is no file or folder 'C:\\\\data\\\\reviews.csv'"):
        load_data(DataArguments(dataset="C:\\data\\reviews.csv"))


def test_texts_of_unknown_words_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tokenizer = LstmTokenizer.train(["a known word"], min_frequency=1)
    for text, is_told in (("a known word", False), ("others that are not", True)):
        caplog.clear()
        tokenize(Dataset.from_dict({"text": [text] * 3, "label": [0] * 3}), "train", tokenizer, 9)
        assert ("train: most words are not in the vocabulary" in caplog.text) == is_told
