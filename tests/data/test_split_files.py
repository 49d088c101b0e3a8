"""Which files are which split, and what the card of a folder says of them."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from modeling_lstm.data.arguments import DataArguments, FileArguments
from modeling_lstm.data.loading import load_data
from modeling_lstm.data.sources import open_dataset
from modeling_lstm.utils.errors import InputError
from tests.conftest import opinion_rows, write_csv


def write_card(folder: Path, configuration: str = "", more: str = "") -> Path:
    """A folder with `rows.csv` and a card that has one configuration."""
    write_csv(folder / "rows.csv", [(f"text {n}", ["01", "02"][n % 2]) for n in range(20)])
    card = f"---\n{more}configs:\n- config_name: all\n  data_files: rows.csv\n{configuration}---\n# Rows\n"
    (folder / "README.md").write_text(card, encoding="utf-8")
    return folder


def load(folder: Path | str) -> list[str]:
    return load_data(DataArguments(dataset=str(folder))).label_names


@pytest.mark.parametrize(
    ("configuration", "more"),
    [
        ("  description: mine\n", ""),
        ("  sep: ','\n", ""),
        ("  encoding: utf-8\n  made_by: me\n", ""),
        ("", "dataset_info:\n  features:\n  - {name: text, dtype: string}\n  - {name: label, dtype: string}\n"),
    ],
)
def test_no_card_makes_the_types_guessed(configuration: str, more: str, tmp_path: Path) -> None:
    assert load(write_card(tmp_path, configuration, more)) == ["01", "02"]
    write_csv(tmp_path / "rows.csv", [("NA", "TRUE"), ("null", "FALSE")] * 9)
    data = load_data(DataArguments(dataset=str(tmp_path)))
    assert data.label_names == ["FALSE", "TRUE"] and set(data.splits["train"]["text"]) == {"NA", "null"}


def test_a_card_names_the_labels_of_numbers(tmp_path: Path) -> None:
    names = "\n        ".join(["names:", "  '0': neg", "  '1': pos"])
    features = f"  - name: text\n    dtype: string\n  - name: label\n    dtype:\n      class_label:\n        {names}\n"
    write_card(tmp_path, more=f"dataset_info:\n  config_name: all\n  features:\n{features}")
    write_csv(tmp_path / "rows.csv", [("bad", 0), ("good", "pos"), ("good", 1)] * 9)
    data = load_data(DataArguments(dataset=str(tmp_path)))
    rows = data.splits["train"]
    assert data.label_names == ["neg", "pos"]
    assert {(text, data.label_names[label]) for text, label in zip(rows["text"], rows["label"], strict=True)} == {
        ("bad", "neg"),
        ("good", "pos"),
    }
    write_csv(tmp_path / "rows.csv", [("bad", 0), ("good", 2)] * 9)
    with pytest.raises(InputError, match="The card names the labels neg, pos, found '2'"):
        load(tmp_path)


def test_names_in_a_card_that_are_no_texts(tmp_path: Path) -> None:
    names = "\n        ".join(["names:", "  '0': no", "  '1': yes"])
    features = f"  - name: text\n    dtype: string\n  - name: label\n    dtype:\n      class_label:\n        {names}\n"
    write_card(tmp_path, more=f"dataset_info:\n  config_name: all\n  features:\n{features}")
    with pytest.raises(InputError, match="names the label False of 'label', which YAML does not read as text: write"):
        load(tmp_path)


def test_what_a_card_says_of_reading_is_followed_or_refused(tmp_path: Path) -> None:
    write_card(tmp_path, "  sep: '^'\n  encoding: cp1252\n")
    (tmp_path / "rows.csv").write_text("text^label\n" + "caf\xe9^a\ncaf\xe9^b\n" * 9, encoding="cp1252")
    assert load(tmp_path) == ["a", "b"]
    with pytest.raises(InputError, match="sets names, skiprows, which is not supported"):
        load(write_card(tmp_path, "  names: [a, b]\n  skiprows: 1\n"))
    for setting, found in (("sep: '::'", "sep '::'"), ("delimiter: 5", "delimiter 5"), ("encoding: x", "encoding 'x'")):
        with pytest.raises(InputError, match=f"The card of these files sets {found}, which is not supported"):
            load(write_card(tmp_path, f"  {setting}\n"))


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (b"---\ntitle: foo: bar\n---\n", "README.md' could not be read: mapping values are not allowed"),
        (b"---\nconfigs:\n  config_name: a\n---\n", "README.md' must have a list of configurations under configs"),
        (b"---\nconfigs:\n- data_files: rows.csv\n---\n", "README.md' has no config_name: {'data_files'"),
        (b"---\nconfigs:\n- {config_name: 2023, data_files: rows.csv}\n---\n", "config_name 2023 .* must be text"),
        (b"---\ndataset_info: [a]\n---\n", "could not be read: AttributeError"),
        (b"---\ntitle: caf\xe9\n---\n", "README.md' could not be read: 'utf-8' codec"),
    ],
)
def test_cards_that_are_not_right(card: bytes, message: str, tmp_path: Path) -> None:
    write_card(tmp_path)
    (tmp_path / "README.md").write_bytes(card)
    with pytest.raises(InputError, match=message):
        load(tmp_path)


def test_a_folder_whose_name_is_a_pattern_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"rows \[2\]' cannot be read, since datasets takes its name for a pattern"):
        load(write_card(tmp_path / "rows [2]"))


def test_a_card_without_metadata_is_a_text(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_card(tmp_path)
    (tmp_path / "README.md").write_text("# Rows\n\n---\n\nSome rows.\n", encoding="utf-8")
    assert load(tmp_path) == ["01", "02"] and not caplog.records


def test_parts_have_the_words_of_their_split(tmp_path: Path) -> None:
    for name in ("train-00000-of-00001", "training-00000-of-00001", "eval-00000-of-00001", "more-00000-of-00001"):
        write_csv(tmp_path / f"{name}.csv", opinion_rows(30))
    found = open_dataset(str(tmp_path))
    assert set(found) == {"train", "test", "more"}
    assert found["train"].read(["text"]).num_rows == 60 and found["test"].read(["text"]).num_rows == 30


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("train-00000-of-00003", "train-00002-of-00003"), "lacks the files train-00001-of-00003 of its train split"),
        (("train-00000-of-00002", "train-00001-of-00002", "train-00000-of-00001"), "two sets of files of its train"),
        (("train-00001-of-00002", "train-00002-of-00002"), None),
        (("train-00000-of-00001", "test-00000-of-00002"), "lacks the files test-00001-of-00002 of its test split"),
    ],
)
def test_numbered_files_are_all_there(names: tuple[str, ...], message: str | None, tmp_path: Path) -> None:
    for name in names:
        write_csv(tmp_path / f"{name}.csv", opinion_rows(30))
    if message is None:
        assert open_dataset(str(tmp_path))["train"].read(["text"]).num_rows == 30 * len(names)
    else:
        with pytest.raises(InputError, match=message):
            open_dataset(str(tmp_path))


def test_a_folder_that_cannot_be_listed_is_not_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_csv(tmp_path / "rows" / "train.csv", opinion_rows(30))
    locked = tmp_path / "rows" / "locked"
    locked.mkdir()
    scan = os.scandir

    def scandir(path: Any) -> Any:  # as root, a test can list any folder
        if Path(path) == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(InputError, match="locked' cannot be listed: Permission denied"):
        open_dataset(str(tmp_path / "rows"))


NAMED = """---
dataset_info:
  features:
  - {name: text, dtype: string}
  - name: label
    KIND
      class_label: {names: {'0': joy, '1': sad, '2': fear}}
---
"""


@pytest.mark.parametrize("configurations", ["", "configs:\n- {config_name: default, data_files: rows.jsonl}\n"])
def test_a_card_names_the_labels_of_lists(configurations: str, tmp_path: Path) -> None:
    card = NAMED.replace("KIND", "list:").replace("dataset_info", f"{configurations}dataset_info")
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    values: list[list[int | str]] = [[0, 2], ["sad"], [0, 1]]
    lines = [json.dumps({"text": f"text {n}", "label": values[n % 3]}) for n in range(30)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    data = load_data(DataArguments(dataset=str(tmp_path)))
    assert data.label_names == ["joy", "sad", "fear"] and data.problem_type == "multi_label_classification"
    found = {tuple(row) for row in data.splits["train"]["label"]}
    assert found == {(1.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 1.0, 0.0)}


def test_a_card_without_configurations_names_the_labels(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(NAMED.replace("KIND", "dtype:"), encoding="utf-8")
    for column in ("label", "Label "):
        write_csv(tmp_path / "rows.csv", [(f"text {n}", n % 3) for n in range(30)], ("text", column))
        assert load(tmp_path) == ["joy", "sad", "fear"]


def test_a_card_without_configurations_names_the_labels_of_parquet(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(NAMED.replace("KIND", "dtype:"), encoding="utf-8")
    pq.write_table(
        pa.table({"text": [f"text {n}" for n in range(30)], "label": [n % 3 for n in range(30)]}),
        tmp_path / "train.parquet",
    )
    assert load(tmp_path) == ["joy", "sad", "fear"]


@pytest.mark.parametrize("configurations", ["", "configs:\n- {config_name: default, data_files: train.parquet}\n"])
def test_the_labels_of_parquet_and_of_a_card_are_matched_by_name(configurations: str, tmp_path: Path) -> None:
    card = NAMED.replace("KIND", "dtype:").replace("dataset_info", f"{configurations}dataset_info")
    (tmp_path / "README.md").write_text(card, encoding="utf-8")

    def write(names: list[str], stored: ClassLabel | Value, labels: list[Any]) -> None:
        features = Features({"text": Value("string"), "label": stored})
        rows = {"text": [f"text {n}" for n in range(30)], "label": [labels[n % 3] for n in range(30)]}
        Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "train.parquet")
        os.utime(tmp_path / "train.parquet", (1e9, 1e9))  # as `cp -p` leaves it
        data = load_data(DataArguments(dataset=str(tmp_path)))
        assert data.label_names == ["joy", "sad", "fear"]
        for text, label in zip(data.splits["train"]["text"], data.splits["train"]["label"], strict=True):
            assert data.label_names[label] == names[int(text.split()[1]) % 3]

    write(["joy", "sad", "fear"], Value("int64"), [0, 1, 2])
    write(["sad", "fear", "joy"], ClassLabel(names=["sad", "fear", "joy"]), [0, 1, 2])
    write(["fear", "joy", "sad"], Value("string"), ["fear", "joy", "sad"])
    write(["joy", "sad", "fear"], Value("float64"), [0.0, 1.0, 2.0])  # as pandas writes them beside a missing one
    write(["joy", "sad", "joy"], Value("bool"), [False, True, False])
    with pytest.raises(InputError, match="card names the labels joy, sad, fear, the train split .* joy, sad, mad"):
        write([], ClassLabel(names=["joy", "sad", "mad"]), [0, 1, 2])


def test_names_in_a_card_that_are_numbers_are_names(tmp_path: Path) -> None:
    card = NAMED.replace("KIND", "dtype:").replace("joy", "'5'").replace("sad", "'4'").replace("fear", "'3'")
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    write_csv(tmp_path / "rows.csv", [(f"text {n}", 5 - n % 3) for n in range(30)])
    data = load_data(DataArguments(dataset=str(tmp_path)))
    found = zip(data.splits["train"]["text"], data.splits["train"]["label"], strict=True)
    assert all(data.label_names[label] == str(5 - int(text.split()[1]) % 3) for text, label in found)
    write_csv(tmp_path / "rows.csv", [(f"text {n}", 3 - n % 3) for n in range(30)])
    with pytest.raises(InputError, match="The card names the labels 5, 4, 3, found '2'"):
        load(tmp_path)


def test_the_files_of_a_split_have_one_format(tmp_path: Path) -> None:
    rows = Dataset.from_dict({"text": ["a", "b"], "label": ["x", "y"]})
    rows.to_parquet(tmp_path / "a.parquet")
    rows.to_csv(tmp_path / "b.csv")
    for files in ("[a.parquet, b.csv]", "[b.csv, a.parquet]"):
        card = f"---\nconfigs:\n- config_name: all\n  data_files:\n  - {{split: train, path: {files}}}\n---\n"
        (tmp_path / "README.md").write_text(card, encoding="utf-8")
        with pytest.raises(InputError, match="has Parquet and other files, .*: write all in one format"):
            open_dataset(str(tmp_path))


def test_a_file_of_another_program_does_not_make_a_folder_a_saved_data_set(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", opinion_rows(30))
    (tmp_path / "state.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=r"holds files of several formats \(state.json, train.csv\): name one file"):
        load(tmp_path)


def test_splits_of_a_card_have_standard_names(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a", "b", "c", "d"):
        write_csv(tmp_path / f"{name}.csv", opinion_rows(30))
    splits = {"training": "a", "dev": "b", "eval": "c", "test": "d"}
    files = "".join(f"  - {{split: {split}, path: {name}.csv}}\n" for split, name in splits.items())
    card = f"---\nconfigs:\n- config_name: all\n  data_files:\n{files}---\n"
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    assert set(open_dataset(str(tmp_path))) == {"train", "validation", "test", "eval"}
    caplog.set_level("INFO")
    load(tmp_path)
    assert "Not used: the splits eval of" in caplog.text


def test_what_datasets_saved_is_read(tmp_path: Path) -> None:
    rows = Dataset.from_dict({"text": [f"text {n}" for n in range(20)], "label": ["01", "1"] * 10})
    rows.save_to_disk(tmp_path / "rows")
    assert load(tmp_path / "rows") == ["01", "1"]
    DatasetDict(train=rows, dev=rows).save_to_disk(tmp_path / "splits")
    data = load_data(DataArguments(dataset=str(tmp_path / "splits")))
    assert {name: one.num_rows for name, one in data.splits.items()} == {"train": 20, "validation": 20}


@pytest.mark.parametrize("kind", ["numpy", "arrow", "torch", "pandas"])
def test_a_saved_format_has_no_effect(kind: str, tmp_path: Path) -> None:
    names = ClassLabel(names=["bad", "good"])
    features = Features({"text": Value("string"), "label": names, "more": Value("int64")})
    values = {"text": [f"text {n}" for n in range(20)], "label": [0, 1] * 10, "more": [0] * 20}
    rows = Dataset.from_dict(values, features=features)
    rows.with_format(kind, columns=["text"]).save_to_disk(tmp_path / "rows")
    assert load(tmp_path / "rows") == ["bad", "good"]
    coded = DataArguments(dataset=str(tmp_path / "rows"), problem_type="single_label_classification")
    assert set(load_data(coded).splits["train"]["label"]) == {0, 1}


def test_sources_that_say_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(write_card(tmp_path))
    with pytest.raises(InputError, match="The name of the dataset is empty"):
        load("")
    load_data(DataArguments(dataset="rows.csv", revision="v1"))
    assert "rows.csv is not on the Hub: --revision v1 has no effect." in caplog.text


def test_settings_of_cutting_that_have_no_effect_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("train", "validation", "test"):
        write_csv(tmp_path / f"{name}.csv", opinion_rows(30))
    load_data(DataArguments(dataset=str(tmp_path), test_share=0.5, group_column="nobody"))
    assert "--test_share has no effect" in caplog.text and "--group_column has no effect" in caplog.text


def test_a_missing_value_of_pandas_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    for name in ("text", "label"):
        rows = [{"text": f"text {n}", "label": "ab"[n % 2]} for n in range(9)]
        rows[4] |= {name: float("nan")}
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        with pytest.raises(InputError, match=f"The {name} in line 5 of .* is missing"):
            load(path)


@pytest.mark.parametrize("name", ["a.xlsx", "a.zip", "a.csv.zip", "a.csv.zst", "a.tar.gz", "a.parq", "a.data"])
def test_a_file_of_another_format(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04\x14\0")
    with pytest.raises(InputError, match="must be a file of one of the formats .csv, .*zip, which Excel also uses"):
        load(tmp_path / name)


def test_links_in_a_folder_are_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    write_csv(elsewhere / "train" / "a.csv", opinion_rows(30))
    write_csv(tmp_path / "data" / "test" / "b.csv", opinion_rows(12))
    (tmp_path / "data" / "train").symlink_to(elsewhere / "train")
    data = load_data(DataArguments(dataset=str(tmp_path / "data")))
    assert (
        data.splits["test"].num_rows == 12 and data.splits["train"].num_rows + data.splits["validation"].num_rows == 30
    )
    (elsewhere / "train" / "back").symlink_to(elsewhere)
    (elsewhere / "again").symlink_to(elsewhere)
    with pytest.raises(InputError, match="The link '.*again' leads back to a folder that it is in: remove it"):
        load(elsewhere)
    (elsewhere / "again").unlink()
    (elsewhere / "train" / "back").unlink()
    (elsewhere / "test.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(InputError, match="'.*test.csv' is a link to '.*gone.csv', where there is no file"):
        load(elsewhere)


def test_what_a_data_set_of_the_hub_brings_besides_its_rows(tmp_path: Path) -> None:
    write_csv(tmp_path / "data" / "train.csv", opinion_rows(30))
    for name in ("dataset_infos.json", "dataset_info.json"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    data = load_data(DataArguments(dataset=str(tmp_path)))
    assert sum(rows.num_rows for rows in data.splits.values()) == 30


def test_formats_and_addresses_are_no_data_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "notes" / "mine.csv", opinion_rows(30))
    for name in ("csv", "json", "text", "parquet"):
        with pytest.raises(InputError, match=f"'{name}' is a format, not a dataset: name a file"):
            load_data(DataArguments(dataset=name))
    for address in ("https://example.com/a.csv", "hf://datasets/me/a", "s3://b/a.csv", "file:///a.csv"):
        with pytest.raises(InputError, match=f"'{address}' is a URL, and URLs are not read: download"):
            load_data(DataArguments(dataset=address))
    write_csv(tmp_path / "csv" / "train.csv", opinion_rows(30))
    assert sum(rows.num_rows for rows in load_data(DataArguments(dataset="csv")).splits.values()) == 30


def test_no_row_of_a_folder_counts_twice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_csv(tmp_path / "train.csv", opinion_rows(30))
    (tmp_path / "~$train.csv").write_bytes(path.read_bytes())  # that of a spreadsheet while the file is open
    data = load_data(DataArguments(dataset=str(tmp_path)))
    assert sum(rows.num_rows for rows in data.splits.values()) == 30
    copy = tmp_path / "train-copy.csv"
    copy.symlink_to(path)
    data = load_data(DataArguments(dataset=str(tmp_path)))
    assert sum(rows.num_rows for rows in data.splits.values()) == 30
    assert "is the same file as" in caplog.text
    copy.unlink()
    (tmp_path / "test.csv").symlink_to(path)  # another split may be the same file
    assert load_data(DataArguments(dataset=str(tmp_path))).splits["test"].num_rows == 30
    (tmp_path / "test.csv").unlink()
    (tmp_path / "train.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(InputError, match="'.*train.csv.*' and 'train.csv.*' seem to hold the same rows"):
        load(tmp_path)


@pytest.mark.parametrize(
    "content", ['{"text": {"0": "a"}, "label": {"0": "b"}}', '{"text": ["a", "b"], "label": "c"}\n' * 2]
)
def test_texts_that_are_no_strings(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    with pytest.raises(
        InputError, match="The column 'text' holds no strings.*A JSON file holds an object in each line"
    ):
        load(tmp_path / "a.json")


def test_a_full_cache_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.builder.has_sufficient_disk_space", lambda *_, **__: False)
    with pytest.raises(InputError, match="the cache of datasets, '.*', cannot be written .*HF_DATASETS_CACHE"):
        load(write_csv(tmp_path / "a.csv", opinion_rows(30)))


def test_the_built_in_data_set_has_one_form(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(InputError, match="'order-matters' has no subset 'small': leave it out"):
        open_dataset("order-matters", "small")
    open_dataset("order-matters", revision="v1")
    assert "order-matters is built in: --revision v1 has no effect" in caplog.text


def test_settings_of_other_formats_have_no_effect_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.txt").write_text("one\ttwo\n", encoding="utf-8")
    (tmp_path / "b.jsonl").write_text('{"text": "a", "label": "b"}\n', encoding="utf-8")
    pq.write_table(pa.table({"text": ["a"], "label": ["b"]}), tmp_path / "c.parquet")
    chosen = FileArguments(delimiter="tab", encoding="utf-8")
    for name, flags in (("a.txt", "delimiter"), ("b.jsonl", "delimiter"), ("c.parquet", "delimiter, --encoding")):
        for _ in range(2):
            open_dataset(str(tmp_path / name), arguments=chosen)
        assert caplog.text.count(f"{name}: --{flags} has no effect on this format.") == 1
    caplog.clear()
    open_dataset(str(write_csv(tmp_path / "d.tsv", [("a", "b")])), arguments=FileArguments(delimiter=","))
    assert not caplog.records
