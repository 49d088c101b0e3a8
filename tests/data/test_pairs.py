"""Pairs of texts: columns by their names, bad pairs left out and counted, no source on both sides of a cut."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict, Features, Translation, Value

from modeling_lstm import LstmTokenizer
from modeling_lstm.data import sources
from modeling_lstm.data.pair_arguments import PairArguments
from modeling_lstm.data.pairs import load_pairs
from modeling_lstm.data.tokenization import encode_targets
from modeling_lstm.tasks.translation import Translation as TranslationTask
from modeling_lstm.utils.errors import InputError
from tests.conftest import write_csv

PAIRS = [(f"I see {n}", f"Veo {n}") for n in range(40)]
NAMES = {"source_column": "en", "target_column": "es"}


def both(rows: Dataset) -> list[tuple[str, str]]:
    return list(zip(rows["text"][:], rows["target"][:], strict=True))


def written(kind: str, tmp_path: Path, pairs: list[tuple[str, str]]) -> Path:
    """Pairs as a file of a kind: two columns, or one of objects."""
    objects = [{"translation": {"en": source, "es": target}} for source, target in pairs]
    path = tmp_path / f"pairs.{kind.rpartition(' ')[2]}"
    if kind == "csv":
        return write_csv(path, [(n, *pair) for n, pair in enumerate(pairs)], ("id", "EN", "es "))
    if kind == "tsv":
        path.write_text("en\tes\n" + "".join(f"{a}\t{b}\n" for a, b in pairs), encoding="utf-8")
    elif kind == "jsonl":
        path.write_text("".join(json.dumps({"en": a, "es": b}) + "\n" for a, b in pairs), encoding="utf-8")
    elif kind == "objects jsonl":
        path.write_text("".join(json.dumps(one) + "\n" for one in objects), encoding="utf-8")
    elif kind == "parquet":
        Dataset.from_list([{"en": a, "es": b} for a, b in pairs]).to_parquet(path)
    else:
        features = Features({"translation": Translation(["en", "es"])})
        Dataset.from_list(objects, features=features).to_parquet(path)
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "objects jsonl", "parquet", "objects parquet"])
def test_every_format(kind: str, tmp_path: Path) -> None:
    found = load_pairs(PairArguments(dataset=str(written(kind, tmp_path, PAIRS)), **NAMES))
    assert sorted(both(found.splits["train"]) + both(found.splits["validation"])) == sorted(PAIRS)
    assert found.splits["validation"].num_rows == 4 and found.left_out == {"train": {"empty": 0, "same": 0}}
    turned = load_pairs(
        PairArguments(
            dataset=str(tmp_path / f"pairs.{kind.rpartition(' ')[2]}"), source_column="es", target_column="en"
        )
    )
    assert turned.splits["train"]["text"][0].startswith("Veo") and turned.source == "es"


@pytest.mark.parametrize("place", [0, 40])
def test_languages_that_only_some_rows_have(place: int, tmp_path: Path) -> None:
    path = written("objects jsonl", tmp_path, PAIRS)
    lines = path.read_text("utf-8").splitlines()

    def load_with(more: dict[str, str]) -> DatasetDict:
        rows = [*lines[:place], json.dumps({"translation": more}), *lines[place:]]
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
        return load_pairs(PairArguments(dataset=str(path), **NAMES)).splits

    splits = load_with({"en": "Hi", "es": "Hola", "fr": "Salut"})
    assert sorted(both(splits["train"]) + both(splits["validation"])) == sorted([*PAIRS, ("Hi", "Hola")])
    with pytest.raises(InputError, match=f"The text in line {place + 1} of '.*' is missing \\(column 'en'\\)"):
        load_with({"es": "Hola"})


def test_a_data_set_of_the_hub_with_a_translation_column(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": str(n), "translation": {"en": a, "es": b}} for n, (a, b) in enumerate(PAIRS)]
    features = Features({"id": Value("string"), "translation": Translation(["en", "es"])})
    loaded = DatasetDict({name: Dataset.from_list(rows, features=features) for name in ("train", "validation", "test")})
    monkeypatch.setattr(sources, "find_hub_files", lambda *_: None)  # its files are no text
    monkeypatch.setattr(sources, "load_dataset", lambda *_, **__: loaded)
    found = load_pairs(PairArguments(dataset="me/opus:en-es", **NAMES))
    assert both(found.splits["test"]) == PAIRS
    with pytest.raises(InputError, match="has no language de; it has en, es"):
        load_pairs(PairArguments(dataset="me/opus", source_column="en", target_column="de"))


def test_pairs_that_teach_nothing_are_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    odd = [("", "nada"), ("nothing", " "), ("Tom", " Tom "), ("\u3000", "x"), ("y", "\u200b \ufeff")]
    for name in ("train", "validation", "test"):
        write_csv(tmp_path / f"{name}.csv", [*PAIRS, *odd], ("en", "es"))
    found = load_pairs(PairArguments(dataset=str(tmp_path), **NAMES))
    assert found.left_out == {"train": {"empty": 4, "same": 1}, "validation": {"empty": 4}, "test": {"empty": 4}}
    assert both(found.splits["train"]) == PAIRS and both(found.splits["test"]) == [*PAIRS, ("Tom", " Tom ")]
    assert "Left out of train: 4 pairs have an empty side; 1 pairs are the same on both sides." in caplog.text
    only = load_pairs(PairArguments(dataset=str(tmp_path), **NAMES), "test")
    assert list(only.splits) == ["test"] and only.describe()["left_out"] == {"test": {"empty": 4}}


def test_a_test_split_without_translations_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_csv(tmp_path / "train.csv", PAIRS * 9, ("en", "es"))
    for rows, names, message in (
        ([("a dog",)], ("en",), "The test split (test.csv) has no translations (column es): left out."),
        ([("a dog", "")], ("en", "es"), "The test split has no pair with text on both sides: left out."),
    ):
        write_csv(tmp_path / "test.csv", rows, names)
        assert "test" not in load_pairs(PairArguments(dataset=str(tmp_path), **NAMES)).splits
        assert message in caplog.text
        with pytest.raises(InputError):
            load_pairs(PairArguments(dataset=str(tmp_path), **NAMES), "test")


@pytest.mark.parametrize("suffix", ["", ".txt"])
def test_a_file_for_each_language_is_refused_with_a_way_to_join_them(suffix: str, tmp_path: Path) -> None:
    for number, language in enumerate(("en", "es")):
        lines = "".join(f"{pair[number]}\n" for pair in PAIRS)
        (tmp_path / f"train.{language}{suffix}").write_text(lines, encoding="utf-8")
    with pytest.raises(InputError, match="holds a file for each language") as told:
        load_pairs(PairArguments(dataset=str(tmp_path), **NAMES))
    command = str(told.value).rpartition("in that folder: ")[2]
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    joined = load_pairs(PairArguments(dataset=str(tmp_path), **NAMES)).splits
    assert sorted(pair for rows in joined.values() for pair in both(rows)) == sorted(map(tuple, PAIRS))


def test_sources_and_targets_stay_on_one_side_of_a_cut(tmp_path: Path) -> None:
    pairs = [(f"I see {n // 4}", f"Veo {n // 4}" if n % 8 else "Veo") for n in range(120)]
    path = write_csv(
        tmp_path / "pairs.csv", [*pairs, *[(f"You see {n}", f"Ves {n // 3}") for n in range(120)]], ("en", "es")
    )
    found = load_pairs(PairArguments(dataset=str(path), test_share=0.2, **NAMES))
    assert found.describe()["held_out_by"] == "source and target"
    for column in ("text", "target"):
        texts = {name: set(rows[column][:]) for name, rows in found.splits.items()}
        assert not texts["train"] & texts["validation"] and not texts["train"] & texts["test"]
    older = load_pairs(PairArguments(dataset=str(path), test_share=0.2, **NAMES), held_out_by="source").splits
    assert set(older["train"]["target"][:]) & set(older["test"]["target"][:])


def test_targets_that_connect_all_pairs_may_be_on_both_sides(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_csv(tmp_path / "pairs.csv", [(f"I see {n}", f"Veo {n % 2}") for n in range(60)], ("en", "es"))
    arguments = PairArguments(dataset=str(path), **NAMES)
    found = load_pairs(arguments)
    assert found.splits["validation"].num_rows == 6 and found.describe()["held_out_by"] == "source"
    assert "only those with a common source stay in one split" in caplog.text
    again = load_pairs(arguments, "validation", held_out_by="source")
    assert both(again.splits["validation"]) == both(found.splits["validation"])


def test_a_source_stays_on_one_side_of_a_cut(tmp_path: Path) -> None:
    pairs = [(f"I see {n // 4}", f"Veo {n}") for n in range(120)]
    path = write_csv(tmp_path / "pairs.csv", pairs, ("en", "es"))
    arguments = PairArguments(dataset=str(path), test_share=0.2, **NAMES)
    found = load_pairs(arguments).splits
    texts = {name: set(rows["text"][:]) for name, rows in found.items()}
    assert not texts["train"] & texts["validation"] and not texts["train"] & texts["test"]
    assert sum(rows.num_rows for rows in found.values()) == 120 and found["test"].num_rows == 24
    assert both(load_pairs(arguments, "test").splits["test"]) == both(found["test"]), "evaluated on the same"
    assert load_pairs(PairArguments(dataset=str(path), max_train_samples=10, **NAMES)).splits["train"].num_rows == 10
    other = load_pairs(PairArguments(dataset=str(path), **NAMES), "test", is_other=True)
    assert other.splits["test"].num_rows == 120, "of another file all rows"


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        (PAIRS, {}, "--source_column and that of its translations with --target_column: the columns are en, es"),
        (PAIRS, {"source_column": "en"}, "Name the column to translate"),
        (PAIRS, {"source_column": "en", "target_column": "en"}, "are both 'en'"),
        (PAIRS, {"source_column": "en", "target_column": "de"}, "has no column 'de'; its columns are en, es"),
        (PAIRS, NAMES | {"max_length": 1}, "--max_length must be at least 2, found 1"),
        (PAIRS, NAMES | {"max_characters": 5}, "has 7 characters, more than --max_characters 5"),
        (PAIRS[:4], NAMES, "too few to hold some of them out for validation"),
        ([("", "a")] * 20, NAMES, "no pair with text on both sides"),
        ([], NAMES, "no rows"),
    ],
)
def test_what_cannot_be_read_is_told(rows: Any, settings: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "pairs.csv", rows, ("en", "es"))
    with pytest.raises(InputError, match=message):
        load_pairs(PairArguments(dataset=str(path), **settings))


def test_a_missing_text_and_an_object_of_another_form_are_told_by_their_line(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"en": "a", "es": "b"}\n{"en": "a", "es": null}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"The text in line 2 of .* is missing \(column 'es'\)"):
        load_pairs(PairArguments(dataset=str(path), **NAMES))
    path.write_text('{"translation": {"en": "a", "es": "b"}}\n{"translation": "a"}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"must hold objects of en, es, each strings or numbers, found a in line 2"):
        load_pairs(PairArguments(dataset=str(path), **NAMES))


def test_a_translation_column_of_texts_is_a_column_as_any_other(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "pairs.csv", PAIRS, ("en", "translation"))
    found = load_pairs(PairArguments(dataset=str(path), source_column="en", target_column="translation"))
    assert sorted(both(found.splits["train"]) + both(found.splits["validation"])) == sorted(PAIRS)
    with pytest.raises(InputError, match="has no column 'es'; its columns are en, translation"):
        load_pairs(PairArguments(dataset=str(path), **NAMES))
    objects = tmp_path / "pairs.jsonl"
    objects.write_text('{"translation": {"en": "a", "es": "b"}}\n{"translation": null}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"The text in line 2 of .* is missing \(column 'en'\)"):
        load_pairs(PairArguments(dataset=str(objects), **NAMES))


TEXTS = ["¿Dónde está el baño?", 'I don\'t know, "really" -- 3.5 % of it!', "año/mes e-mail: x@y.es", "Él dijo: «sí»."]


@pytest.mark.parametrize("algorithm", ["bpe", "unigram"])
def test_subwords_are_decoded_to_the_text_that_they_come_from(algorithm: Any) -> None:
    tokenizer = LstmTokenizer.train_reversible(TEXTS * 5, vocab_size=150, algorithm=algorithm)
    for text in [*TEXTS, "Dónde  dijo\tel año. ", "e", ""]:
        ids = tokenizer(text)["input_ids"]
        assert ids[-1] == tokenizer.eos_token_id and ids.count(tokenizer.eos_token_id) == 1
        assert tokenizer.decode(ids, skip_special_tokens=True) == " ".join(text.split())
    assert tokenizer.decode(tokenizer("Ñandú")["input_ids"][:-1]).count("[UNK]") >= 1
    assert len(tokenizer(TEXTS[0] * 9, truncation=True, max_length=12)["input_ids"]) == 12
    lower = LstmTokenizer.train_reversible(TEXTS, vocab_size=150, min_frequency=1, lowercase=True)
    assert lower.decode(lower("Él Dijo")["input_ids"], skip_special_tokens=True) == "él dijo"


def test_a_vocabulary_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="vocab_size must be greater than 3"):
        LstmTokenizer.train_reversible(TEXTS, vocab_size=3)
    with pytest.raises(ValueError, match="algorithm must be bpe or unigram"):
        LstmTokenizer.train_reversible(TEXTS, algorithm="word")  # type: ignore[arg-type]


def test_long_training_pairs_are_left_out_and_long_sources_cut(caplog: pytest.LogCaptureFixture) -> None:
    rows = Dataset.from_dict({"text": ["a b", "a b c d", "a", "a b c"], "target": ["a", "b", "a b c d", "a b c"]})
    tokenizer = LstmTokenizer.train_reversible(["a b c d e"], vocab_size=20, min_frequency=1)
    task = TranslationTask("x", "y")
    train, test = (task.encode(rows, name, tokenizer, 4) for name in ("train", "test"))
    assert train.rows["target"][:] == ["a", "a b c"] and train.statistics["left_out"] == 2
    assert "2 training pairs have more than 4 tokens on a side (--max_length): left out." in caplog.text
    assert test.rows["target"][:] == rows["target"][:] and max(map(len, test.rows["input_ids"][:])) == 4
    with pytest.raises(InputError, match="All training pairs have more than 1 tokens: raise --max_length"):
        task.encode(rows, "train", tokenizer, 1)
    tokenizer.target_tokenizer = LstmTokenizer.train_reversible(["d c b a"], vocab_size=20, min_frequency=1)
    other = encode_targets(rows, tokenizer, 9)["labels"][3]
    assert tokenizer.target_tokenizer.decode(other, skip_special_tokens=True) == "a b c"
