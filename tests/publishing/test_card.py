"""The model card says what `run.json` knows, and stays well-formed whatever labels and names hold."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCard

from modeling_lstm import LstmTokenizer
from modeling_lstm.cli import main
from modeling_lstm.hub.card_marks import _stub, is_unchanged, mark_card, read_own_card
from modeling_lstm.hub.downloads import is_hub_id
from modeling_lstm.inference.torch_backend import torch_classifier
from modeling_lstm.models.text_classifier import JOINT
from modeling_lstm.publishing.arguments import CardArguments
from modeling_lstm.publishing.card import make_card
from modeling_lstm.runs.record import read_record
from modeling_lstm.utils.errors import InputError
from modeling_lstm.utils.markdown import code_block, inline_code
from modeling_lstm.vectors import WordVectors
from tests.conftest import TRAIN_FLAGS, tiny_model

HOSTILE = [
    'a: b\n---\nlicense: evil\n---\n# "x" {{ 7 * 7 }} {% raw %}',
    "<script>alert(1)</script> | `code` `` | [link](javascript:alert(1)) ![image](http://x)",
    "*bold* _it_ \\| \u202eback &lt;b&gt; $x$ - yes: !!python/object:os.system",
]


@pytest.fixture(scope="module")
def record(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A run that was evaluated on test."""
    import shutil

    folder = tmp_path_factory.mktemp("card") / "run"
    shutil.copytree(trained, folder)
    assert main(["evaluate", str(folder), "--resamples", "100"]) == 0
    return read_record(folder)


def numbers_in(value: Any) -> set[float]:
    """All numbers of a record, also those in its strings."""
    if isinstance(value, dict):
        return set().union(*(numbers_in(one) for one in (*value.values(), *value.keys())), set())
    if isinstance(value, list | tuple):
        return set().union(*(numbers_in(one) for one in value), set())
    if isinstance(value, str):
        return {float(one) for one in re.findall(r"\d+(?:\.\d+)?", value)}
    return {float(value)} if isinstance(value, int | float) else set()


def test_every_number_is_one_of_the_record(record: dict[str, Any]) -> None:
    card = ModelCard(make_card(record, "me/films", language=["en"], license="mit"))
    known = numbers_in(record)
    derived = {record["seconds"]["total"] / 60, 95.0}  # minutes; the level of the intervals
    derived |= {100 * record["data"]["tokens"]["validation"]["out_of_vocabulary"], 1000 * record["model"]["size_mb"]}
    shown = re.sub(r"<!--.*?-->|(?<=F)1\b", "", card.text)
    found = re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:e-?\d+)?", shown)
    assert len(found) > 60
    for text in found:
        value = float(text.replace(",", ""))
        decimals = len(text.partition(".")[2]) if "e" not in text else 9
        assert any(abs(value - one) <= 0.5001 * 10**-decimals for one in known | derived), text
    metrics = {one.metric_name: one.metric_value for one in card.data.eval_results or []}
    test = record["metrics"]["test"]
    args = {one.metric_name: one.metric_args for one in card.data.eval_results or []}
    assert args["accuracy"]["interval_95"] == record["intervals"]["test"]["accuracy"]
    assert args["macro f1"]["average"] == "macro"
    assert metrics["accuracy"] == test["accuracy"] and metrics["macro f1"] == test["macro_f1"]
    assert {one.dataset_split for one in card.data.eval_results or []} == {"test"}


def test_what_the_card_says(record: dict[str, Any]) -> None:
    answers = [("it was\n```bad```", {"label": "negative", "score": 0.98765432})]
    chosen = CardArguments(language="en", examples="one")  # type: ignore[arg-type]
    assert (chosen.language, chosen.examples) == (["en"], ["one"])
    text = make_card(record, "me/films", language=chosen.language, license="mit", examples=answers)
    data = ModelCard(text).data.to_dict()
    assert data["library_name"] == "transformers" and data["pipeline_tag"] == "text-classification"
    assert data["license"] == "mit" and data["language"] == ["en"]
    assert data["widget"] == [{"text": "it was ```bad```"}]
    assert "datasets" not in data and "base_model" not in data, "a local folder is no dataset of the Hub"
    assert 'classify("it was\\n```bad```")\n# [{"label": "negative", "score": 0.9877}]' in text
    assert 'model="me/films",\n    truncation=True,\n    trust_remote_code=True,\n    revision="COMMIT",\n' in text
    assert record["command"] in text
    confusion = record["confusion"]["test"]
    assert "| `negative` | " + " | ".join(map(str, confusion[0])) + " |" in text
    low, high = record["intervals"]["test"]["accuracy"]
    assert f"| accuracy | {record['metrics']['test']['accuracy']:.4f} ({low:.3f} to {high:.3f}) |" in text


def test_settings_are_shown_as_they_were_used(record: dict[str, Any]) -> None:
    record = json.loads(json.dumps(record))
    training = {"learning_rate": 0.002, "per_device_train_batch_size": 64, "num_train_epochs": 5.0, "seed": 42}
    assert training.keys() <= record["training"].keys()
    record["training"] |= training
    text = make_card(record, "me/films")
    assert f"| max length | `{record['data']['max_length']}` |" in text
    for shown in (
        "| learning rate | `0.002` |",
        "| per device train batch size | `64` |",
        "| num train epochs | `5.0` |",
    ):
        assert shown in text
    record["training"]["max_steps"] = 12
    assert "| num train epochs" not in make_card(record, "me/films")


@pytest.mark.parametrize(("size", "shown"), [(0.0124, "12 kB"), (0.1, "0.1 MB"), (51.234, "51.2 MB")])
def test_small_models_are_measured_in_kilobytes(record: dict[str, Any], size: float, shown: str) -> None:
    assert f" parameters, {shown})" in make_card(record | {"model": record["model"] | {"size_mb": size}}, "me/films")


def test_what_is_not_known_stays_absent(trained: Path) -> None:
    record = read_record(trained)
    record["command"] = None
    del record["model"]["size_mb"]
    text = make_card(record, "me/films")
    data = ModelCard(text).data.to_dict()
    assert not {"license", "language", "widget"} & data.keys()
    assert " MB" not in text and "None" not in text and "Confusion" not in text and "interval" not in text
    assert {one.dataset_split for one in ModelCard(text).data.eval_results or []} == {"validation"}


def test_a_train_split_of_its_own_has_a_place_of_its_own(record: dict[str, Any], tmp_path: Path) -> None:
    data = record["data"] | {"dataset": "me/films", "source": "hub", "train_dataset": str(tmp_path / "phrases.csv")}
    card = make_card(record | {"data": data | {"train_source": "local"}}, "me/model")
    assert "The train split comes from `phrases.csv`" in card and str(tmp_path) not in card
    data |= {"dataset": str(tmp_path), "source": "local", "train_dataset": "me/phrases", "train_source": "hub"}
    text = make_card(record | {"data": data}, "me/model")
    assert "`me/phrases`" in text and ModelCard(text).data.datasets == ["me/phrases"]
    tokenizer = record["tokenizer"] | {"tokenizer": str(tmp_path)}
    assert str(tmp_path) not in make_card(record | {"tokenizer": tokenizer}, "me/model")


def test_what_comes_from_the_hub_is_linked(record: dict[str, Any]) -> None:
    record = json.loads(json.dumps(record))
    record["data"] |= {"source": "hub", "dataset": "me/films-data", "subset": "big", "revision": "abc"}
    record["embeddings"] = {"source": "transformer:me/encoder", "is_from_hub": is_hub_id("transformer:me/encoder")}
    text = make_card(record, "me/films")
    card = ModelCard(text)
    assert card.data.to_dict()["datasets"] == ["me/films-data"] and card.data.to_dict()["base_model"] == "me/encoder"
    assert card.data.eval_results[0].dataset_config == "big"
    assert "[`me/films-data:big`](https://huggingface.co/datasets/me/films-data) at revision `abc`" in text
    record["embeddings"] = {"source": "me/words:small.zip:small.txt", "is_from_hub": True}
    record["data"] |= {"dataset": "me/films-data:big", "subset": None}  # as a language model records it
    card = ModelCard(make_card(record, "me/films"))
    assert card.data.to_dict()["datasets"] == ["me/films-data"] and card.data.to_dict()["base_model"] == "me/words"
    assert card.data.eval_results[0].dataset_type == "me/films-data"
    assert card.data.eval_results[0].dataset_config == "big"
    assert "[`me/films-data:big`](https://huggingface.co/datasets/me/films-data)" in card.text
    record["model"] |= {"transformer": "me/encoder", "is_from_hub": True}
    assert "| transformer | `me/encoder` |" in make_card(record, "me/films")
    record["model"] |= {"transformer": "/home/me/encoder", "is_from_hub": False}
    assert "| transformer | `encoder` |" in make_card(record, "me/films")
    several = {"dataset": ["/home/me/private.csv", "me/tweets:big"], "source": ["local", "hub"], "revision": None}
    record["data"] |= several
    card = ModelCard(make_card(record, "me/films"))
    assert card.data.to_dict()["datasets"] == ["me/tweets"] and "/home" not in str(card)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("single_label_classification", "one of the labels `negative`, `neutral`, `positive`."),
        (
            "multi_label_classification",
            "each of the labels `negative`, `neutral`, `positive` whose score is above 0.5.",
        ),
        ("regression", "a number, the `score` of its answer."),
    ],
)
@pytest.mark.parametrize("text", ["a film", "a film [SEP] it is good"])
def test_the_code_of_a_card_gives_the_answer_that_it_shows(
    record: dict[str, Any], kind: str, says: str, text: str, tmp_path: Path
) -> None:
    record = json.loads(json.dumps(record))
    labels = ["number"] if kind == "regression" else record["task"]["label_names"]
    record["task"] |= {"problem_type": kind, "label_names": labels}
    del record["confusion"]
    if JOINT in text:
        record["data"] |= {"text_column": ["premise", "claim"], "separator": JOINT}
        says = f"reads the texts `premise`, `claim` together and gives them {says}"
        with pytest.raises(InputError, match=r"premise, claim together; 'a film' lacks one: put \[SEP\] "):
            make_card(record, "me/films", examples=[("a film", {})])
        assert 'classify({"text": "A text.", "text_pair": "Another text."}' in make_card(record, "me/films")
    tokenizer = LstmTokenizer.from_words(["a", "film", "it", "is", "good"], separator=True)
    names = dict(enumerate(labels))
    task = {"problem_type": kind, "num_labels": len(labels), "id2label": names}
    model = tiny_model(vocab_size=len(tokenizer), initializer_range=1.0, **task)
    for part in (model, tokenizer):
        part.save_pretrained(tmp_path / "run")
    answer = torch_classifier(model, tokenizer)(text)[0]
    card = make_card(record, str(tmp_path / "run"), examples=[(text, answer)])
    assert says in card
    code = re.search(r"```python\n(.*?)\n```", card, re.DOTALL)
    assert code
    *lines, call, shown = code[1].splitlines()
    known: dict[str, Any] = {}
    exec("\n".join(lines), known)
    found = eval(call, known)
    for one in found if isinstance(found, list) else [found]:
        one["score"] = round(one["score"], 4)
    assert shown == f"# {json.dumps(found)}" and "score" in shown


def test_the_card_of_a_bag_of_words(data_folder: Path, tmp_path: Path) -> None:
    flags = ["--model_type", "bag-of-words", "--dataset", str(data_folder), "--output_dir", str(tmp_path / "run")]
    assert main(["train", *flags, *TRAIN_FLAGS]) == 0
    assert main(["card", str(tmp_path / "run"), "me/films", "--examples", "the film was great"]) == 0
    text = (tmp_path / "run" / "README.md").read_text(encoding="utf-8")
    assert (
        "A bag-of-words network (8 dimensions per word, hidden size 8; " in text
        and " kB) that gives a text one" in text
    )
    assert 'classify("the film was great")\n# [{"label": "' in text
    card = ["card", str(tmp_path / "run"), "me/films"]
    assert main([*card, "--license", "mit", "--language", "en"]) == 0 and main(card) == 0
    data = ModelCard.load(tmp_path / "run" / "README.md").data
    assert data.license == "mit" and data.language == ["en"] and data.to_dict()["widget"]  # what it said before stays
    assert main(["card", str(tmp_path / "run"), "no/such/id"]) == 2


def test_hostile_names_change_nothing_but_themselves(record: dict[str, Any]) -> None:
    record = json.loads(json.dumps(record))
    names = record["task"]["label_names"]
    plain = make_card(record, "me/films", examples=[("x", {"label": "y", "score": 0.5})])
    for old, new in zip(names, HOSTILE, strict=True):
        record["metrics"] = json.loads(
            json.dumps(record["metrics"]).replace(f"f1_{old}", f"f1_{json.dumps(new)[1:-1]}")
        )
    record["task"]["label_names"] = HOSTILE
    record["data"]["dataset"] = HOSTILE[0]
    record["command"] = "modeling-lstm train --dataset '\n```\n# Free money\n'"
    counts = record["data"]["counts"]
    record["data"]["counts"] = {
        split: dict(zip(["rows", *HOSTILE], numbers.values(), strict=True)) for split, numbers in counts.items()
    }
    text = make_card(record, "me/films", examples=[(HOSTILE[0], {"label": HOSTILE[1], "score": 0.5})])
    card, simple = ModelCard(text), ModelCard(plain)
    assert card.data.to_dict().keys() == simple.data.to_dict().keys()
    assert card.data.license is None and card.data.eval_results[0].dataset_name in " ".join(HOSTILE[0].split())
    block = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    assert block and yaml.safe_load(block[1])["model-index"], "the first rule ends the metadata"
    assert headings(card.text) == headings(simple.text)
    outside = without_code(card.text)
    assert "<script>" not in outside and "javascript:" not in outside and "http://x" not in outside
    assert "{{ 7 * 7 }}" in text and "!!python" not in outside
    rows = [line for line in card.text.splitlines() if line.startswith("| ")]
    widths = [line.count("|") for line in simple.text.splitlines() if line.startswith("| ")]
    assert [line.count("|") for line in rows] == widths, "no label ends a cell"


def test_the_tokenizer_of_word_vectors_reveals_no_path(record: dict[str, Any]) -> None:
    record = json.loads(json.dumps(record))
    record["tokenizer"]["tokenizer"] = "transformer:/home/jane/secret/encoder"
    text = make_card(record, "me/films")
    assert "| tokenizer | `encoder` |" in text and "jane" not in text
    record["tokenizer"]["tokenizer"] = "transformer:me/encoder"
    assert "| tokenizer | `me/encoder` |" in make_card(record, "me/films")


def test_what_is_an_id_of_the_hub(tmp_path: Path) -> None:
    assert is_hub_id("me/vectors") and is_hub_id("transformer:me/encoder") and is_hub_id("gpt2")
    for name in (
        str(tmp_path),
        "glove.zip:a.txt",
        "/data/glove.zip:a.txt",
        "me/vectors:a.txt",
        f"transformer:{tmp_path}",
    ):
        assert not is_hub_id(name)
    assert not is_hub_id(WordVectors(["a"], np.ones((1, 2), np.float32)))


def headings(text: str) -> list[str]:
    return re.findall(r"^#.*$", without_code(text), re.MULTILINE)


def without_code(text: str) -> str:
    """What is left of Markdown without its code, as CommonMark delimits it."""
    text = re.sub(r"^(`{3,}).*?^\1`*$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)


def test_code_and_fences_hold_anything() -> None:
    assert inline_code("a") == "`a`" and inline_code("`") == "`` ` ``" and inline_code("a``b") == "```a``b```"
    assert inline_code("x\\|*y*\nz") == "<code>x&#92;&#124;&#42;y&#42;&#32;z</code>" and inline_code("") == "`  `"
    assert code_block("a\n```\nb") == "````\na\n```\nb\n````"


def test_a_card_in_another_encoding_is_not_damaged(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_bytes("# Critiques de caf\u00e9".encode("cp1252"))
    with pytest.raises(InputError, match="README.md' is not UTF-8: byte 19 is 0xe9. Save it as UTF-8"):
        read_own_card(path)


def test_a_changed_card_is_known() -> None:
    card = mark_card("---\ntags:\n- b\nlicense: mit\n---\n\n# Title\n\nWords.\n")
    assert is_unchanged(card)
    assert is_unchanged(card.replace("tags:\n- b\nlicense: mit", "license: mit\ntags: [b]")), "the same metadata"
    assert not is_unchanged(card.replace("Words", "Other words"))
    assert not is_unchanged(card.replace("license: mit", "license: apache-2.0"))
    assert not is_unchanged(card.replace("license: mit", "license: [")), "YAML that a person broke"
    assert not is_unchanged(card + "More.\n") and not is_unchanged("# Mine\n")
    library = "---\nlibrary_name: transformers\ntags: []\n---\n\n" + _stub()
    assert is_unchanged(library) and not is_unchanged(library.replace("tags: []", "license: mit"))
