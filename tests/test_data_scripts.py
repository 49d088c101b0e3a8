"""The scripts that make datasets, on miniature releases; with the real data at hand, on the real thing."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from datasets import ClassLabel, DatasetDict, load_dataset
from huggingface_hub import DatasetCard

from data_scripts import imdb, order_matters, penn_treebank, sst, tweet_eval, wikitext2
from data_scripts.parquet import check_counts, counts, release_folder, write_data_set
from data_scripts.text_lines import check_words
from modeling_lstm.data.arguments import DataArguments
from modeling_lstm.data.loading import load_data
from modeling_lstm.utils.errors import InputError

ROOT = Path(__file__).parent.parent
TREE = "(3 (2 It) (4 (4 (2 's) (4 great)) (2 -LRB-)))"


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    folder = tmp_path / "trees"
    folder.mkdir()
    (folder / "train.txt").write_text(
        f"{TREE}\n(1 (2 Not) (1 (1 a\\/b) (2 It)))\n(2 (2 So) (2 -RRB-))\n", encoding="utf-8"
    )
    (folder / "dev.txt").write_text("(0 (1 Bad) (2 .))\n", encoding="utf-8")
    (folder / "test.txt").write_text("(2 (2 Well) (2 .))\n(4 (4 Good) (2 .))\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def orders() -> dict[str, DatasetDict]:
    """The built-in dataset as its script makes it."""
    return order_matters.build()


def test_phrases_of_a_tree() -> None:
    assert list(sst.phrases(TREE)) == [
        ("It", 2, False),
        ("'s", 2, False),
        ("great", 4, False),
        ("'s great", 4, False),
        ("(", 2, False),
        ("'s great (", 4, False),
        ("It 's great (", 3, True),
    ]
    for broken in ("(3 (2 It)", "(2 (1 a) b))", "hello", "(2 a) (2 b)"):
        with pytest.raises(InputError, match="not a complete tree"):
            list(sst.phrases(broken))


def test_sst_configurations(trees: Path) -> None:
    built = sst.build(str(trees))
    assert set(built) == set(sst.EXPECTED)
    assert built["sentences-5"]["train"]["text"][:] == ["It 's great (", "Not a/b It", "So )"]
    assert built["sentences-3"]["train"]["label"][:] == [2, 0, 1]
    assert built["sentences-2"]["train"]["label"][:] == [1, 0]
    assert built["sentences-2"]["test"]["text"][:] == ["Good ."]
    phrases = built["phrases-2"]["train"]
    found = {(row["text"], row["label"], row["is_sentence"]) for row in phrases}
    assert found == {
        ("It 's great (", 1, True), ("'s great (", 1, False), ("'s great", 1, False), ("great", 1, False),
        ("Not a/b It", 0, True), ("a/b It", 0, False), ("a/b", 0, False),
    }  # fmt: skip
    assert built["phrases-5"]["train"]["text"][:].count("It") == 1
    assert built["phrases-2"]["validation"]["text"][:] == ["Bad ."]


def test_a_written_data_set_loads_by_configuration_and_trains(trees: Path, tmp_path: Path) -> None:
    built = sst.build(str(trees))
    write_data_set(tmp_path / "sst", built, sst.DESCRIPTION)
    for name, splits in built.items():
        loaded = load_dataset(str(tmp_path / "sst"), name)
        for split, rows in splits.items():
            assert loaded[split].to_dict() == rows.to_dict()
            assert loaded[split].features["label"] == rows.features["label"]
    streamed = list(load_dataset(str(tmp_path / "sst"), "phrases-3", split="train", streaming=True))
    assert [row["text"] for row in streamed] == built["phrases-3"]["train"]["text"][:]
    data = load_data(DataArguments(dataset=f"{tmp_path / 'sst'}:phrases-3"))
    with pytest.raises(InputError, match="has the subsets sentences-2, .*: name one as"):
        load_data(DataArguments(dataset=str(tmp_path / "sst")))
    assert data.label_names == ["negative", "neutral", "positive"]
    card = DatasetCard.load(tmp_path / "sst" / "README.md")
    assert [one["config_name"] for one in card.data.configs] == list(built)
    assert "Socher et al. (2013)" in card.text


def test_wrong_counts_are_refused(trees: Path) -> None:
    with pytest.raises(InputError, match="sentences-2/train has 2 rows, expected 6,920"):
        check_counts(counts(sst.build(str(trees))), sst.EXPECTED)
    for found, expected, told in (
        ({"a": {"train": 1}}, {"a": {"train": 1, "test": 2}}, "a/test has 0 rows, expected 2"),
        ({"a": {"train": 1}}, {"a": {"train": 1}, "b": {"test": 2}}, "b/test has 0 rows, expected 2"),
        ({"a": {"train": 1, "dev": 3}}, {"a": {"train": 1}}, "a/dev has 3 rows, expected 0"),
    ):
        with pytest.raises(InputError, match=told):
            check_counts(found, expected)


def test_a_card_that_a_person_wrote_stays(trees: Path, tmp_path: Path) -> None:
    built, folder = {"sentences-2": sst.build(str(trees))["sentences-2"]}, tmp_path / "out"
    for _ in range(2):  # its own card is replaced
        write_data_set(folder, built, sst.DESCRIPTION)
    card = folder / "README.md"
    card.write_text(card.read_text(encoding="utf-8").replace("# ", "# My "), encoding="utf-8")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="README.md' was written by a person: name another folder"):
        write_data_set(folder, built, sst.DESCRIPTION)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_tweet_eval_from_text_files(tmp_path: Path) -> None:
    folder = tmp_path / "stance" / "climate"
    folder.mkdir(parents=True)
    (folder / "mapping.txt").write_text("0\tnone\n1\tagainst\n2\tfavor\n", encoding="utf-8")
    for stem, lines in (("train", ["a \u2028 b\rb ", "c"]), ("val", ["d", ""]), ("test", ["e", "f"])):
        (folder / f"{stem}_text.txt").write_bytes(("\n".join(lines) + "\n").encode())
        (folder / f"{stem}_labels.txt").write_text("2\n0\n", encoding="utf-8")
    built = tweet_eval.build(str(tmp_path), ["stance_climate"])["stance_climate"]
    assert built["train"].to_dict() == {"text": ["a \u2028 b\rb", "c"], "label": [2, 0]}
    assert built["validation"]["text"][:] == ["d", ""]
    assert built["test"].features["label"].names == ["none", "against", "favor"]
    (folder / "test_labels.txt").write_text("2\n", encoding="utf-8")
    with pytest.raises(InputError, match="has 2 lines but 1 labels"):
        tweet_eval.build(str(tmp_path), ["stance_climate"])
    with pytest.raises(InputError, match="There is no file"):
        tweet_eval.build(str(tmp_path), ["irony"])


def test_imdb_from_its_folder(tmp_path: Path) -> None:
    for split, parts in (("train", ("neg", "pos", "unsup")), ("test", ("neg", "pos"))):
        for part in parts:
            folder = tmp_path / "aclImdb" / split / part
            folder.mkdir(parents=True)
            rating = {"neg": 2, "pos": 9, "unsup": 0}[part]
            for number in (0, 1, 10):
                (folder / f"{number}_{rating}.txt").write_bytes(f"{part}\r{number}<br />é".encode())
            urls = "\n".join(f"http://www.imdb.com/title/tt{n:07d}/usercomments" for n in range(11))
            (tmp_path / "aclImdb" / split / f"urls_{part}.txt").write_text(urls, encoding="utf-8")
    built = imdb.build(str(tmp_path))
    train = built["default"]["train"]
    assert train["text"][:] == [f"{part}\r{n}<br />é" for part in ("neg", "pos") for n in (0, 1, 10)]
    assert train["label"][:] == [0, 0, 0, 1, 1, 1] and train["rating"][:] == [2, 2, 2, 9, 9, 9]
    assert train["movie"][2] == "tt0000010"
    assert set(built["unlabeled"]["train"]["label"]) == {-1}
    assert isinstance(train.features["label"], ClassLabel)


def test_an_archive_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "release.zip"
    for content in ("first", "second"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.txt", content)
        assert (release_folder(str(path), "") / "a.txt").read_text(encoding="utf-8") == content


@pytest.mark.parametrize("script", [penn_treebank, wikitext2])
def test_texts_for_language_models(script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "release" / "data"
    folder.mkdir(parents=True)
    for name, lines in zip(script.FILES.values(), ((" the \u2028 cat ", "", " = a = "), ("the",), ("a",)), strict=True):
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    with pytest.raises(InputError, match="train has 8 words, not"):
        script.build(str(tmp_path / "release"))
    monkeypatch.setattr(script, "WORDS", {"train": 8, "validation": 2, "test": 2})
    with pytest.raises(InputError, match="5 different words, not"):
        script.build(str(tmp_path / "release"))
    monkeypatch.setattr(script, "VOCABULARY", 5)
    built = script.build(str(tmp_path / "release"))
    assert built["default"]["train"]["text"][:] == ["the \u2028 cat", "", "= a ="]
    write_data_set(tmp_path / "out", built, script.DESCRIPTION)
    assert DatasetCard.load(tmp_path / "out" / "README.md").data.task_categories == ["text-generation"]
    (folder / script.FILES["test"]).unlink()
    with pytest.raises(InputError, match=f"There is no {script.FILES['test']}"):
        script.build(str(tmp_path / "release"))


def test_order_matters_from_the_command_line(orders: dict[str, DatasetDict], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "data_scripts.order_matters", "--output_dir", str(tmp_path / "out")]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert "train 16,800, validation 1,500, test 1,800" in found.stdout
    loaded = load_dataset(str(tmp_path / "out"))
    assert loaded["test"]["text"][:] == orders["default"]["test"]["text"][:]


def test_a_bad_source_is_one_sentence(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "data_scripts.sst",
        "--output_dir",
        str(tmp_path / "out"),
        "--source",
        str(tmp_path),
    ]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 2 and "has no train.txt" in found.stderr and "Traceback" not in found.stderr
    assert not (tmp_path / "out").exists()


def test_expected_counts_are_those_of_the_real_data(real_data: Path) -> None:
    """The published splits, as other people's copies hold them."""
    import pyarrow.parquet as pq

    def rows(folder: str, split: str) -> int:
        return pq.read_metadata(real_data / folder / f"{split}.parquet").num_rows

    for task, splits in tweet_eval.EXPECTED.items():
        assert {split: rows(f"tweeteval_{task}", split) for split in splits} == splits
    assert {split: rows("sst2", split) for split in sst.EXPECTED["sentences-2"]} == sst.EXPECTED["sentences-2"]
    assert rows("sst2_phrases", "train") == sst.EXPECTED["phrases-2"]["train"]
    assert rows("sst5_phrases", "train") == sst.EXPECTED["phrases-5"]["train"]
    assert {split: rows("imdb", split) for split in ("train", "test")} == imdb.EXPECTED["default"]
    for script, folder in ((penn_treebank, "ptb"), (wikitext2, "wikitext2")):
        assert {split: rows(folder, split) for split in script.FILES} == script.EXPECTED["default"]
        splits = load_dataset(str(real_data / folder))
        check_words(splits, script.WORDS, script.VOCABULARY)
    assert rows("imdb_unsupervised", "train") == imdb.EXPECTED["unlabeled"]["train"]


def test_cards_are_valid_json_when_read_back(orders: dict[str, DatasetDict], tmp_path: Path) -> None:
    write_data_set(tmp_path, orders, order_matters.DESCRIPTION)
    metadata = DatasetCard.load(tmp_path / "README.md").data.to_dict()
    assert json.loads(json.dumps(metadata))["license"] == "apache-2.0"


def test_recipes_name_data_sets_that_the_scripts_write() -> None:
    written = {"imdb": imdb, "sst": sst, "penn-treebank": penn_treebank, "wikitext-2": wikitext2}
    named = set()
    for recipe in (ROOT / "recipes").glob("*.yaml"):
        settings = yaml.safe_load(recipe.read_text(encoding="utf-8"))
        for value in (settings.get(name, []) for name in ("dataset", "unlabeled", "exclude")):
            named |= {one for one in ([value] if isinstance(value, str) else value) if one.startswith("data/")}
    assert "data/imdb:unlabeled" in named
    for one in named:
        folder, _, configuration = one.removeprefix("data/").partition(":")
        known = written[folder].EXPECTED
        assert configuration in known or (not configuration and len(known) == 1), one
