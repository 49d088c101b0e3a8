"""Text for a language model: as one row of tokens, from several sources, without what is held out elsewhere."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from modeling_lstm.data.arguments import DataArguments
from modeling_lstm.data.corpus import load_corpus, load_corpus_split
from modeling_lstm.data.corpus_arguments import CorpusArguments
from modeling_lstm.data.loading import load_data
from modeling_lstm.data.overlap import count_known, count_read, fingerprints
from modeling_lstm.data.sources import read_texts
from modeling_lstm.data.token_stream import TokenStream
from modeling_lstm.utils.errors import InputError
from tests.conftest import write_csv

texts_of_tokens = st.lists(st.lists(st.integers(2, 9), max_size=5), min_size=1, max_size=8)


def texts_in(stream: TokenStream) -> list[list[int]]:
    begins = np.concatenate([[0], stream.ends[:-1]])
    return [stream.ids[begin + 1 : end].tolist() for begin, end in zip(begins, stream.ends, strict=True)]


@given(texts_of_tokens, st.integers(0, 99))
def test_a_stream_holds_every_text_between_two_ends(texts: list[list[int]], seed: int) -> None:
    stream = TokenStream.from_rows(Dataset.from_dict({"input_ids": texts}), 1)
    assert stream.ids.dtype == np.int32 and stream.ids[0] == 1 and (stream.ids[stream.ends] == 1).all()
    assert len(stream) == sum(map(len, texts)) + len(texts) and texts_in(stream) == texts
    assert texts_in(stream.reverse()) == [text[::-1] for text in texts[::-1]]
    shuffled = texts_in(stream.shuffle(np.random.default_rng(seed)))
    assert sorted(shuffled) == sorted(texts)


def test_a_stream_of_rows_that_were_chosen() -> None:
    rows = Dataset.from_dict({"input_ids": [[5], [6, 7], [], [8]]}).select([3, 1])
    assert texts_in(TokenStream.from_rows(rows, 1)) == [[8], [6, 7]]


def write_texts(path: Path, *texts: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def write_splits(folder: Path, *names: str) -> None:
    """A dataset whose card names its splits, with ten texts in each."""
    files = [f"  - split: {name}\n    path: {name}.csv\n" for name in names]
    for name in names:
        write_csv(folder / f"{name}.csv", [(f"{name} {n}", "good") for n in range(10)])
    card = "---\nconfigs:\n- config_name: default\n  data_files:\n" + "".join(files) + "---\n"
    (folder / "README.md").write_text(card, encoding="utf-8")


def test_several_sources_and_their_splits(tmp_path: Path) -> None:
    for split, texts in (("train", ("a b", "c")), ("validation", ("d",)), ("test", ("e",))):
        write_csv(tmp_path / "labeled" / f"{split}.csv", [(text, "good") for text in texts])
    more = write_texts(tmp_path / "more.txt", "f", "g")
    found = load_corpus(CorpusArguments(dataset=[str(tmp_path / "labeled"), str(more)]))
    splits = {name: rows["text"][:] for name, rows in found.splits.items()}
    assert splits == {"train": ["a b", "c", "f", "g"], "validation": ["d"], "test": ["e"]}
    held_out = write_texts(tmp_path / "held_out.txt", "h")
    chosen = CorpusArguments(dataset=[str(more)], validation_dataset=str(held_out))
    assert load_corpus(chosen).splits["validation"]["text"][:] == ["h"]
    cut = load_corpus(CorpusArguments(dataset=[str(more)], validation_share=0.5))
    assert sorted(cut.splits["train"]["text"][:] + cut.splits["validation"]["text"][:]) == ["f", "g"]
    book = write_texts(tmp_path / "book.txt", *(f"line {n:03}" for n in range(200)))
    for more_settings in ({}, {"max_train_samples": 60}):
        splits = load_corpus(CorpusArguments(dataset=[str(book)], **more_settings)).splits
        assert all(rows["text"][:] == sorted(rows["text"][:]) for rows in splits.values()), "in the order of the book"
        assert splits["validation"].num_rows == 10 and splits["train"].num_rows == more_settings.get(
            "max_train_samples", 190
        )
    fewer = CorpusArguments(dataset=[str(tmp_path / "labeled"), str(more)], max_train_samples=3)
    assert load_corpus(fewer).splits["train"].num_rows == 3


def test_columns_are_those_of_tables_and_not_of_plain_text(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = write_csv(tmp_path / "table.csv", [("a b", "c d"), ("e", "f")], ("title", "review"))
    more = write_texts(tmp_path / "more.txt", "g", "h")
    chosen = CorpusArguments(dataset=[str(table), str(more)], text_column="review", validation_share=0.25)
    splits = load_corpus(chosen).splits
    assert sorted(splits["train"]["text"][:] + splits["validation"]["text"][:]) == ["c d", "f", "g", "h"]
    assert caplog.text.count("more.txt: each line is a text, so --text_column has no effect.") == 1


def test_a_source_is_named_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    book = write_texts(tmp_path / "book.txt", *map(str, range(20)))
    for again in ("book.txt", "./book.txt", str(book)):
        with pytest.raises(InputError, match="--dataset names 'book.txt' twice"):
            load_corpus(CorpusArguments(dataset=["book.txt", again]))
    write_texts(tmp_path / "books" / "part1.txt", *map(str, range(20)))
    part = str(write_texts(tmp_path / "books" / "part2.txt", *map(str, range(20, 40))))
    with pytest.raises(InputError, match="'books' and '.*part2.txt', which have files in common"):
        load_corpus(CorpusArguments(dataset=["books", part]))
    with pytest.raises(InputError, match="part2.txt' is text to learn from, too"):
        load_corpus(CorpusArguments(dataset=["books"], validation_dataset=part))
    assert load_corpus(CorpusArguments(dataset=["book.txt", part])).splits["train"].num_rows == 38


def test_rows_without_text_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n' * 3 + '{"txt": "b"}\n' * 57, encoding="utf-8")
    assert read_texts(str(path), "train").num_rows == 3
    assert "57 of 60 rows have no text in the column text: left out." in caplog.text


def test_texts_that_are_held_out_elsewhere_are_left_out_and_counted(tmp_path: Path) -> None:
    for split, texts in (("train", ("a  b", "x")), ("test", ("c d", "e"))):
        write_csv(tmp_path / "labeled" / f"{split}.csv", [(text, "good") for text in texts])
    more = write_texts(tmp_path / "more.txt", "c  d", "f", "e", "a b", "c d e", "")
    found = load_corpus(CorpusArguments(dataset=[str(more)], exclude=[str(tmp_path / "labeled")]))
    kept = found.splits["train"]["text"][:] + found.splits["validation"]["text"][:]
    assert sorted(kept) == ["", "a b", "c d e", "f"] and found.excluded == 2
    assert found.describe()["excluded"] == 2
    alone = load_corpus(CorpusArguments(dataset=[str(more)], exclude=[str(write_texts(tmp_path / "one.txt", "f"))]))
    assert alone.excluded == 1, "of a dataset with one split that one"


def test_what_a_training_will_cut_from_the_text_is_left_out_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [(f"text {n}", ("bad", "good")[n % 2], f"film {n // 4}") for n in range(80)]
    one = write_csv(tmp_path / "one.csv", rows, header=("text", "label", "film"))
    two = tmp_path / "two"
    write_csv(two / "train.csv", rows, header=("text", "label", "film"))
    write_csv(
        two / "test.csv", [("text 1", "bad", "film 0"), ("y", "good", "film 99")], header=("text", "label", "film")
    )
    for source, more in ((one, 0), (two, 1)):
        for group in (None, "film"):
            cut = load_data(DataArguments(dataset=str(source), group_column=group)).splits["validation"]["text"][:]
            chosen = CorpusArguments(dataset=[str(source)], exclude=[str(source)], group_column=group)
            found = load_corpus(chosen)
            learned = found.splits["train"]["text"][:] + found.splits["validation"]["text"][:]
            assert len(cut) == 8 and not set(learned) & {*cut, *(["text 1"] if more else [])}
            assert len(learned) == 80 - found.excluded and found.excluded in (8, 8 + more)
    rated = write_csv(
        tmp_path / "rated.csv", [(*row, n % 5) for n, row in enumerate(rows)], ("text", "class", "x", "stars")
    )
    cut = load_data(DataArguments(dataset=str(rated), label_column=["class"])).splits["validation"]["text"][:]
    found = load_corpus(CorpusArguments(dataset=[str(rated)], exclude=[str(rated)], label_column=["class"]))
    assert found.excluded == len(cut) == 8 and not set(cut) & set(found.splits["train"]["text"][:])
    settings: dict[str, dict[str, Any]] = {
        "test_share": {"test_share": 0.2},
        "validation_share": {"validation_share": 0.3},
        "kind": {"problem_type": "regression", "label_column": ["stars"]},
    }
    for chosen_settings in settings.values():
        splits = load_data(DataArguments(dataset=str(rated), **{"label_column": ["class"]} | chosen_settings)).splits
        theirs = {text for name, rows in splits.items() if name != "train" for text in rows["text"]}
        ours = {f"exclude_{name}" if "share" in name else name: value for name, value in chosen_settings.items()}
        found = load_corpus(
            CorpusArguments(dataset=[str(rated)], exclude=[str(rated)], **{"label_column": ["class"]} | ours)
        )
        assert not theirs & {*found.splits["train"]["text"], *found.splits["validation"]["text"]}
        assert found.excluded == len(theirs) >= 8
    dev = tmp_path / "dev"
    write_csv(dev / "train.csv", rows, header=("text", "label", "film"))
    write_csv(dev / "dev.csv", [("x", "good", "film 99")], header=("text", "label", "film"))
    cut = load_data(DataArguments(dataset=str(dev), test_share=0.2)).splits["test"]["text"][:]
    found = load_corpus(CorpusArguments(dataset=[str(dev)], exclude=[str(dev)], exclude_test_share=0.2))
    assert found.excluded == len(cut) == 16 and not set(cut) & set(found.splits["train"]["text"][:])
    write_csv(dev / "test.csv", [(f"other {n}", "", "") for n in range(4)], header=("text", "label", "film"))
    found = load_corpus(CorpusArguments(dataset=[str(dev)], exclude=[str(dev)], exclude_test_share=0.2))
    assert found.excluded == 16 and not set(cut) & set(found.splits["train"]["text"][:]), "its own has no labels"
    held_out = CorpusArguments(dataset=[str(two)], exclude=[str(one)])
    with pytest.raises(InputError, match="--exclude holds out all texts of --dataset: nothing is left"):
        load_corpus(held_out)  # a file that is not learned from is held out whole
    write_texts(tmp_path / "texts" / "train.txt", "a", "b", "c")
    write_texts(tmp_path / "texts" / "test.txt", "b")
    texts = [str(tmp_path / "texts")]
    assert load_corpus(CorpusArguments(dataset=texts, exclude=texts, validation_share=0.5)).excluded == 1
    assert "is left out, since no rows can be held out: Which column holds the label" in caplog.text


def test_a_data_set_to_learn_from_is_never_left_out_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [(f"text {n}", ("bad", "good")[n % 2]) for n in range(40)]
    write_csv(Path("rows.csv"), rows)
    more = str(write_texts(tmp_path / "more.txt", "x", "y"))
    found = load_corpus(CorpusArguments(dataset=["./rows.csv", more], exclude=["rows.csv"]))
    assert found.excluded == 4, "what train holds out of this file"
    write_csv(Path("empty.csv"), [*rows, ("one more", "")])
    with pytest.raises(InputError, match="--exclude 'empty.csv' cannot be split as train would split it: "):
        load_corpus(CorpusArguments(dataset=["empty.csv", more], exclude=["empty.csv"]))
    write_splits(tmp_path / "data", "train", "validation", "unlabeled")
    found = load_corpus(CorpusArguments(dataset=["data"], split="unlabeled", exclude=["data"]))
    assert found.excluded == 0 and found.splits["train"]["text"][:] == [f"unlabeled {n}" for n in range(10)]
    write_texts(tmp_path / "only" / "test.txt", *(f"text {n}" for n in range(10)))
    with pytest.raises(InputError, match="--exclude './only' has no split to leave out: all of it is to be learned"):
        load_corpus(CorpusArguments(dataset=["only"], exclude=["./only"]))


def test_the_train_split_is_what_was_learned(tmp_path: Path) -> None:
    write_splits(tmp_path / "data", "train", "unsupervised")
    chosen = CorpusArguments(dataset=[str(tmp_path / "data")], split="unsupervised", validation_share=0.2)
    learned = load_corpus_split(chosen, "train").splits["train"]["text"][:]
    assert learned == load_corpus(chosen).splits["train"]["text"][:] and len(learned) == 8
    assert all(text.startswith("unsupervised") for text in learned)
    with pytest.raises(InputError, match="The text has no test split: name another with --split train or --split val"):
        load_corpus_split(chosen, "test")


@pytest.mark.parametrize("name", ["dev", "test"])
def test_the_only_split_is_not_learned_and_held_out(name: str, tmp_path: Path) -> None:
    write_texts(tmp_path / "texts" / f"{name}.txt", *(f"text {n}" for n in range(20)))
    source = str(tmp_path / "texts")
    splits = load_corpus(CorpusArguments(dataset=[source], validation_share=0.2)).splits
    assert {split: rows.num_rows for split, rows in splits.items()} == {"train": 16, "validation": 4}
    assert not set(splits["train"]["text"]) & set(splits["validation"]["text"])
    with pytest.raises(InputError, match="--validation_dataset .* is text to learn from, too: leave it out"):
        load_corpus(CorpusArguments(dataset=[source], validation_dataset=source))


def test_fingerprints_are_the_same_everywhere() -> None:
    """They lie beside a model, and are read by another process, on another machine."""

    def rows(*texts: str) -> Dataset:
        return Dataset.from_dict({"text": texts})

    found = fingerprints(rows("the film", "a"), rows("the  film\n"))
    assert found.dtype == np.dtype("<u8") and len(found) == 2 and (np.diff(found.astype(object)) > 0).all()
    assert fingerprints(rows("the film")).tolist() == [1824693338472877044]
    assert count_known(rows("the film", "the", "a "), found) == 2
    assert count_known(rows(), found) == 0 == count_known(rows("a"), fingerprints(rows()))
    pairs = rows("the film [SEP] b", "b [SEP]  [SEP] the film", "b [SEP] c", "b [SEP] ", "a")
    assert (count_known(pairs, found), count_read(pairs, found)) == (1, 3), "a language model reads the texts alone"
    assert count_read(rows(), found) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"validation_share": 1.0}, "--validation_share must be between 0 and 1, found 1.0"),
        ({"exclude_test_share": 1.0}, "--exclude_test_share must be more than 0 and at most 0.95, found 1.0"),
        ({"block_size": 1}, "--block_size must be at least 2, found 1"),
        ({"max_train_samples": 0}, "--max_train_samples must be at least 1, found 0"),
        ({"dataset": []}, "Name the text to learn from"),
        ({"dataset": ["no/such/file.txt"]}, "There is no file or folder 'no/such/file.txt'"),
        ({"split": "more"}, "has no split 'more'"),
    ],
)
def test_what_cannot_be_read_is_told(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    usual = {"dataset": [str(write_texts(tmp_path / "a.txt", "a", "b"))]}
    with pytest.raises(InputError, match=message):
        load_corpus(CorpusArguments(**(usual | changes)))  # type: ignore[arg-type]


def test_one_text_cannot_be_learned_from_and_held_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is only one text: name others"):
        load_corpus(CorpusArguments(dataset=[str(write_texts(tmp_path / "a.txt", "a"))]))
