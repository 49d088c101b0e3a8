"""A student that learns from a teacher: what it is taught, what it must not see, and that nothing is done twice."""

import contextlib
import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file
from transformers import DataCollatorWithPadding, XLNetConfig, XLNetForSequenceClassification

from modeling_lstm import LstmConfig, LstmForCausalLM, LstmTokenizer
from modeling_lstm.cli import main
from modeling_lstm.data.arguments import DataArguments
from modeling_lstm.data.loading import TextData, load_data
from modeling_lstm.distillation.arguments import DistillationArguments
from modeling_lstm.distillation.augmentation import MASK, make_variants
from modeling_lstm.distillation.cache import LogitCache
from modeling_lstm.distillation.dataset import label_dataset
from modeling_lstm.distillation.distillation_trainer import DistillationTrainer
from modeling_lstm.distillation.labeling import Labeler
from modeling_lstm.distillation.loss import divergence
from modeling_lstm.distillation.neighbors import find_neighbors
from modeling_lstm.distillation.student_job import Distillation, DistillationJob
from modeling_lstm.distillation.teacher import Teacher
from modeling_lstm.distillation.transfer import _key, collect_transfer_text
from modeling_lstm.inference.answering import open_predictor
from modeling_lstm.models.text_classifier import MODEL
from modeling_lstm.runs.record import read_record
from modeling_lstm.runs.run_folders import load_run
from modeling_lstm.training.job import TrainingJob
from modeling_lstm.training.trainer_arguments import LstmTrainingArguments
from modeling_lstm.utils.errors import InputError
from tests.conftest import TRAIN_FLAGS, WORDS, opinion_rows, tiny_config, tiny_model, write_csv

STUDENT = [*TRAIN_FLAGS, "--num_train_epochs", "10", "--learning_rate", "0.02", "--embedding_range", "0.5"]


@pytest.fixture(autouse=True)
def _own_logits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modeling_lstm.distillation.teacher.HF_HOME", str(tmp_path / "hf"))


@pytest.fixture
def wrong_labels(data_folder: Path, tmp_path: Path) -> Path:
    """The data, but with training labels that say nothing."""
    folder = Path(shutil.copytree(data_folder, tmp_path / "wrong"))
    rows, chance = opinion_rows(90), random.Random(0)
    labels = [label for _, label in rows]
    chance.shuffle(labels)
    write_csv(folder / "train.csv", [(text, label) for (text, _), label in zip(rows, labels, strict=True)])
    return folder


@pytest.fixture
def unlabeled(tmp_path: Path) -> Path:
    """Text in a file without labels, part of which is in the splits."""
    known = [text for text, _ in opinion_rows(33)]
    new = [f"The film was {word}, number {n}" for n in range(7, 30) for word in ("awful", "okay", "great")]
    texts = [*new, *(text.upper() + " !" for text in known[:5]), *new[:4], "", " "]
    path = tmp_path / "raw" / "tweets.jsonl"
    path.parent.mkdir()
    path.write_text("".join(json.dumps({"tweet": text}) + "\n" for text in texts), encoding="utf-8")
    return path


def task(folder: Path, **changes: Any) -> TextData:
    return load_data(DataArguments(dataset=str(folder), **changes))


def test_the_student_learns_what_the_teacher_knows(
    trained: Path, wrong_labels: Path, unlabeled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "student"
    flags = ["--teacher", str(trained), "--dataset", str(wrong_labels), "--unlabeled", str(unlabeled)]
    assert main(["distill", *flags, "--output_dir", str(folder), *STUDENT]) == 0
    assert "student minus teacher" in capsys.readouterr().out
    assert main(["evaluate", str(folder), "--resamples", "100"]) == 0
    assert "student minus teacher" in capsys.readouterr().out
    record = read_record(folder)
    assert record["metrics"]["test"]["accuracy"] > 0.9  # by its own labels it could not
    found = record["distillation"]
    assert found["teachers"][0]["name"] == str(trained) and found["settings"]["unlabeled"] == [str(unlabeled)]
    teacher = read_record(trained)
    for split in ("validation", "test"):
        gap = found["gap"][split]
        student = record["metrics"][split]["accuracy"]
        assert gap["metric"] == "accuracy" and gap["student"] == pytest.approx(student)
        assert gap["difference"] == pytest.approx(gap["student"] - gap["teacher"])
        assert gap["interval"][0] <= gap["difference"] <= gap["interval"][1]
    assert found["gap"]["validation"]["teacher"] == pytest.approx(teacher["metrics"]["validation"]["accuracy"])
    assert main(["card", str(folder), "me/student"]) == 0
    card = (folder / "README.md").read_text("utf-8")
    assert (
        f"`{trained.name}`" in card
        and "on 69 unlabeled texts from" in card
        and str(trained) not in card.split("## Training\n")[0]
    )


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_the_workers_of_a_cluster_label_as_one_process_does(
    trained: Path, wrong_labels: Path, unlabeled: Path, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"dataset": str(wrong_labels), "teacher": str(trained), "augmentations": 0}
    settings |= {"unlabeled": [str(unlabeled)], "max_steps": 1, "use_cpu": True, "disable_tqdm": True}
    known = []
    for name, more in (("local", {}), ("ray", {"engine": "ray", "workers": 1})):
        cache = tmp_path / name
        where = {"output_dir": str(tmp_path / f"run-{name}"), "logits_cache": str(cache)}
        job = DistillationJob(**settings, **where, **more)
        record = job.run()
        (path,) = cache.glob("*.sqlite")
        with contextlib.closing(sqlite3.connect(path)) as connection:
            known.append(dict(connection.execute("SELECT text, logits FROM logits")))
        assert record["distillation"]["teachers"][0]["texts_labeled"] == (len(known[0]) if name == "local" else 0)
    assert known[0].keys() == known[1].keys() and len(known[0]) > 50
    for text, logits in known[0].items():
        np.testing.assert_allclose(np.frombuffer(logits, "f4"), np.frombuffer(known[1][text], "f4"), atol=1e-6)


def test_students_with_other_seeds_learn_from_the_same_labels(trained: Path, data_folder: Path, tmp_path: Path) -> None:
    """A teacher takes longer than a student, so three seeds do not cost three times its labels."""
    settings: dict[str, Any] = {"dataset": str(data_folder), "teacher": str(trained), "augmentations": 2}
    found = []
    for number, more in enumerate(({"seed": 0}, {"seed": 1}, {"seed": 1, "split_seed": 7})):
        where = {"output_dir": str(tmp_path / f"run-{number}"), "logits_cache": str(tmp_path / "logits")}
        steps = DistillationJob(**settings, **where, **more).runner()
        assert isinstance(steps, Distillation)
        steps.prepare()
        found.append((steps.dataset.rows["text"][:], steps.dataset.report["teachers"][0]["texts_labeled"]))
    assert found[0][0] == found[1][0] != found[2][0]
    assert found[0][1] > 0 == found[1][1] < found[2][1]


def test_a_student_has_defaults_of_its_own() -> None:
    given = {"dataset": "order-matters", "output_dir": "student"}
    plain = TrainingJob(**given)
    model, training = plain.model, plain.training
    student = DistillationJob(**given, teacher="x", classifier_dropout=0.3)
    students, how = student.model, student.training
    assert (students.word_dropout, students.embedding_dropout, students.classifier_dropout) == (0.0, 0.05, 0.3)
    assert (model.word_dropout, model.embedding_dropout, model.classifier_dropout) == (0.1, 0.3, 0.4)
    assert how.average_epochs == 0.5 and training.average_epochs == 0.0
    how = DistillationJob(**given, teacher="x", transformer="y").training
    assert how.average_epochs == 0.0 and how.learning_rate == 5e-5


def test_the_gap_is_left_out_where_the_teacher_is_gone(trained: Path, data_folder: Path, tmp_path: Path) -> None:
    teacher = Path(shutil.copytree(trained, tmp_path / "teacher"))
    folder = tmp_path / "student"
    flags = ["--teacher", str(teacher), "--dataset", str(data_folder), "--output_dir", str(folder), *TRAIN_FLAGS]
    assert main(["distill", *flags, "--augmentations", "0"]) == 0
    shutil.rmtree(teacher)
    assert main(["evaluate", str(folder), "--resamples", "100"]) == 0
    assert list(read_record(folder)["distillation"]["gap"]) == ["validation"]


def test_what_is_in_another_split_is_dropped_and_counted(data_folder: Path, unlabeled: Path) -> None:
    data = task(data_folder)
    arguments = DistillationArguments(teacher="x", unlabeled=[str(unlabeled)])
    rows, natural, counts = collect_transfer_text(data, arguments, seed=0)
    said = set(rows["text"][:])
    assert len(said) == rows.num_rows == natural == counts["kept"] == 69
    # of the five that are written otherwise, all are in validation; four came twice, two say nothing
    assert counts == {"unlabeled": 80, "duplicates": 6, "validation": 5, "test": 0, "train": 0, "kept": 69}
    assert not any(text.startswith("THE") for text in said)
    fewer = DistillationArguments(teacher="x", unlabeled=[str(unlabeled)], transfer_rows=10)
    drawn = [collect_transfer_text(data, fewer, seed=seed)[0]["text"][:] for seed in (0, 0, 1)]
    assert len(drawn[0]) == 10 and set(drawn[0]) < said and drawn[0] == drawn[1] != drawn[2]


def test_sentences_of_other_splits(data_folder: Path, tmp_path: Path) -> None:
    data = task(data_folder)
    known = data.splits["test"]["text"][0]
    rows = [("A long one. The last.",), (f"Nothing new. {known}!",), (f"{known} Really? Yes.",), (known.upper(),)]
    test = Dataset.from_dict({"text": ["A long one. The last.", known]})
    data.splits["test"] = test
    path = write_csv(tmp_path / "reviews.csv", rows, ("review",))
    arguments = DistillationArguments(teacher="x", unlabeled=[str(path)], sentences=True)
    found, _, counts = collect_transfer_text(data, arguments, seed=0)
    assert (
        found["text"][:] == ["Nothing new.", f"{known} Really?", "Yes."] and counts["test"] + counts["validation"] == 3
    )


def test_what_says_the_same() -> None:
    same = [("The film 's `` great '' , no ?", 'the film\'s "GREAT", no!'), ("cafe\u0301", "Café"), ("ﬁlm", "film")]
    assert all(_key(one) == _key(other) for one, other in same)
    different = [("so sad :(", "so sad :)"), ("great day 😡", "great day 😍"), ("C++", "C"), ("-5", "5"), ("की", "का")]
    assert all(_key(one) != _key(other) for one, other in [*different, ("ไม่ดี", "ไมดี"), ("!!!", "???")])


def test_sources_of_several_kinds(data_folder: Path, unlabeled: Path, tmp_path: Path) -> None:
    table = write_csv(tmp_path / "two.csv", [("a title", "a body"), ("another", "")], ("title", "tweet"))
    folder = tmp_path / "own"
    write_csv(folder / "train.csv", opinion_rows(3))
    arguments = DistillationArguments(teacher="x", unlabeled=[str(unlabeled), str(table)], augmentations=2)
    arguments.unlabeled_column = ["tweet"]
    rows, natural, counts = collect_transfer_text(task(data_folder), arguments, seed=0)
    assert natural == 70 and "a body" in rows["text"][:natural] and counts["augmented"] > 90
    arguments = DistillationArguments(teacher="x", unlabeled=[str(table)], unlabeled_column=["title", "tweet"])
    assert collect_transfer_text(task(data_folder), arguments, seed=0)[0]["text"][:] == [
        "a title [SEP] a body",
        "another [SEP] ",
    ]


def test_variants_of_texts_without_labels(data_folder: Path, tmp_path: Path) -> None:
    data = task(data_folder)
    data.splits["validation"] = Dataset.from_dict({"text": ["a unicorn is in validation"], "label": [0]})
    path = write_csv(tmp_path / "more.csv", [("a zebra is new here",), ("A unicorn is in validation!",)], ("review",))
    arguments = DistillationArguments(teacher="x", unlabeled=[str(path)], augmentations=5)
    rows, natural, counts = collect_transfer_text(data, arguments, seed=0)
    texts = rows["text"][:]
    assert texts[:natural] == ["a zebra is new here"] and counts["validation"] == 1
    assert len([text for text in texts[natural:] if "zebra" in text]) >= 2 and MASK in "".join(texts)
    assert not any("unicorn" in text for text in texts)
    fewer = DistillationArguments(teacher="x", unlabeled=[str(path)], augmentations=5, transfer_rows=20)
    drawn, natural, _ = collect_transfer_text(data, fewer, seed=0)
    assert natural == 1 and drawn["text"][0] == texts[0] and len(drawn) == 20 and set(drawn["text"]) < set(texts)


def test_sentences(data_folder: Path, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "reviews.csv", [("Mr. Smith was good.<br /><br />I liked it! Did you?",)], ("review",))
    arguments = DistillationArguments(teacher="x", unlabeled=[str(path)], sentences=True)
    rows, _, counts = collect_transfer_text(task(data_folder), arguments, seed=0)
    assert rows["text"][:] == ["Mr. Smith was good.", "I liked it!", "Did you?"] and counts["unlabeled"] == 3


def test_variants() -> None:
    rng = np.random.default_rng(0)
    text = "the film was not as good as they say"
    found = make_variants(text, 200, rng)
    assert len(set(found)) == len(found) and text not in found
    words = [variant.split() for variant in found]
    masked = np.mean([one == MASK for variant in words for one in variant])
    assert 0.05 < masked < 0.3
    for variant in words:  # each is a piece of the text, but for masked words
        places = [
            all(mine in (theirs, MASK) for mine, theirs in zip(variant, text.split()[at:], strict=False))
            for at in range(10 - len(variant))
        ]
        assert any(places) and (len(variant) <= 5 or len(variant) == 9)
    assert make_variants(text, 20, np.random.default_rng(1)) == make_variants(text, 20, np.random.default_rng(1))
    assert make_variants("", 5, rng) == []
    pairs = make_variants("a film [SEP] it is good", 300, rng)
    assert all(f" {variant} ".count(" [SEP] ") == 1 for variant in pairs) and len(pairs) > 20
    assert all(set(variant.split(" [SEP] ")[1].split()) <= {"it", "is", "good", MASK} for variant in pairs)
    for sides in (["a film", ""], ["", "a film"], ["", "", "a film"], ["a film", "", "yes"]):
        pairs = [variant.split(" [SEP] ") for variant in make_variants(" [SEP] ".join(sides), 50, rng)]
        assert pairs and all([bool(one) for one in pair] == [bool(side) for side in sides] for pair in pairs)
    assert make_variants(" [SEP] ", 5, rng) == []


def test_words_are_replaced_by_their_neighbors() -> None:
    neighbors = {"film": ["movie", "picture"], "good": ["fine"], "SEP": ["wrong"]}
    text = 'a "film" [SEP] Good, but film-like'
    found = make_variants(text, 300, np.random.default_rng(0), neighbors, replaced=0.5)
    words = {word for variant in found for word in variant.split()}
    assert words == {*text.split(), MASK, '"movie"', '"picture"', "fine,"}
    share = np.mean([word in ('"movie"', '"picture"') for one in found for word in one.split()[1:2] if len(one) > 20])
    assert 0.2 < share < 0.7
    same = np.random.default_rng(1)
    assert make_variants(text, 20, same, neighbors, 0.0) == make_variants(text, 20, np.random.default_rng(1))


def test_neighbors() -> None:
    groups = {kind: [f"{kind}{letter}" for letter in "abcdefghijkl"] for kind in ("good", "bad", "Town")}
    words = [*(word for group in groups.values() for word in group), "##s", "7", "x"]
    vectors = np.random.default_rng(0).normal(size=(len(words), 8)) * 0.01
    for number, group in enumerate(groups.values()):
        vectors[[words.index(word) for word in group], number] += 1
    found = find_neighbors(words, vectors, [["Gooda, (baddest) 7 x", "Townb!"], ["bada"]])
    assert set(found) == {"gooda", "Townb", "bada"}
    for word, near in found.items():
        assert len(near) == 10 and word not in near and {one[:3] for one in near} == {word[:3]}
    assert find_neighbors(words[:10], vectors[:10], [["gooda"]]) == {} == find_neighbors(words, vectors, [["7"]])


@pytest.mark.numeric
def test_variants_with_the_words_of_the_teacher(trained: Path, data_folder: Path) -> None:
    data = task(data_folder)
    known = {word for text in data.splits["train"]["text"] for word in text.split()}
    texts = {
        share: label_dataset(data, DistillationArguments(teacher=str(trained), replaced_words=share), seed=0).rows[
            "text"
        ]
        for share in (0.0, 0.3)
    }
    assert {word for text in texts[0.0] for word in text.split()} - known == {MASK}
    assert len(set(texts[0.3])) > len(set(texts[0.0])) and set(texts[0.3]) - set(texts[0.0])


@pytest.mark.numeric
def test_masked_words_are_written_as_each_tokenizer_does(trained: Path, data_folder: Path) -> None:
    data = task(data_folder)
    lesson = label_dataset(data, DistillationArguments(teacher=str(trained)), seed=0)
    assert lesson.natural == 90 and lesson.report["transfer"]["augmented"] > 300
    assert any(MASK in text for text in lesson.rows["text"]) and not any(MASK in one for one in lesson.texts()["text"])
    _, tokenizer = load_run(str(trained))
    texts = lesson.for_student(tokenizer)["text"][:]
    number = next(n for n, text in enumerate(lesson.rows["text"]) if MASK in text)
    assert texts[number] == lesson.rows["text"][number].replace(MASK, tokenizer.unk_token)
    expected = open_predictor(str(trained)).scores([texts[number]])[0]
    logits = torch.tensor(lesson.rows["teacher_logits"][number])
    assert logits.softmax(-1).numpy() == pytest.approx(expected, abs=2e-2)  # bf16
    assert lesson.rows["label"][90] == -100 and lesson.rows["label"][0] != -100


def test_killed_while_labeling(
    trained: Path, data_folder: Path, unlabeled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No text is labeled twice, and the student is the one that it would have been."""
    monkeypatch.setattr("modeling_lstm.distillation.dataset.CHUNK", 16)
    compute, asked = Labeler.__call__, []

    def dies(self: Labeler, texts: list[str]) -> np.ndarray:
        if len(asked) >= 40:
            raise KeyboardInterrupt
        asked.extend(texts)
        return compute(self, texts)

    flags = ["--teacher", str(trained), "--dataset", str(data_folder), "--unlabeled", str(unlabeled), *TRAIN_FLAGS]
    cache = ["--logits_cache", str(tmp_path / "logits")]
    monkeypatch.setattr(Labeler, "__call__", dies)
    assert main(["distill", *flags, *cache, "--output_dir", str(tmp_path / "a")]) == 130
    before = list(asked)
    assert len(before) >= 40

    def counted(self: Labeler, texts: list[str]) -> np.ndarray:
        asked.extend(texts)
        return compute(self, texts)

    monkeypatch.setattr(Labeler, "__call__", counted)
    assert main(["distill", *flags, *cache, "--output_dir", str(tmp_path / "a")]) == 0
    assert len(asked) == len(set(asked))  # each text once, in both runs together
    expected = {text for split in ("train", "validation") for text in task(data_folder).splits[split]["text"]}
    assert len(asked) == len(expected) + 69
    known = len(asked)
    assert main(["distill", *flags, "--output_dir", str(tmp_path / "b")]) == 0  # with a cache of its own
    assert len(asked) == 2 * known
    one, other = (load_run(str(tmp_path / name))[0].state_dict() for name in "ab")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_killed_while_training(trained: Path, data_folder: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    flags = ["--teacher", str(trained), "--dataset", str(data_folder), *TRAIN_FLAGS, "--save_total_limit", "9"]
    flags += ["--augmentations", "2", "--num_train_epochs", "2", "--label_weight", "0.5", "--divergence_weight", "0.5"]
    assert main(["distill", *flags, "--output_dir", str(tmp_path / "whole")]) == 0
    half = tmp_path / "half"
    first = min((tmp_path / "whole").glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    shutil.copytree(first, half / first.name)
    resumed = [*flags, "--output_dir", str(half), "--resume_from_checkpoint", "last"]
    for name, value in (("label_weight", "0.7"), ("temperature", "3.0"), ("teacher_max_length", "100")):
        assert f"trained with another --{name}" in fails("distill", *resumed, f"--{name}", value)
    assert main(["distill", *resumed]) == 0
    one, other = (load_run(str(tmp_path / name))[0].state_dict() for name in ("whole", "half"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert read_record(half)["distillation"]["teachers"][0]["texts_labeled"] == 0


@pytest.mark.numeric
def test_teachers_with_labels_in_another_order(trained: Path, data_folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(trained, tmp_path / "other"))
    config = json.loads((other / "config.json").read_text("utf-8"))
    names = [config["id2label"][str(number)].title() for number in range(3)]
    turned = [names[2], names[0], names[1]]
    config["id2label"] = dict(enumerate(turned))
    config["label2id"] = {name: number for number, name in enumerate(turned)}
    (other / "config.json").write_text(json.dumps(config), encoding="utf-8")
    data = task(data_folder)
    first, second, both = (
        np.array(label_dataset(data, DistillationArguments(teacher=name), 0).rows["teacher_logits"][:90])
        for name in (str(trained), str(other), f"{trained}, {other}")
    )
    # the same weights: what is the first's logit of "neutral" is the second's of "negative"
    assert second == pytest.approx(first[:, [1, 2, 0]], abs=1e-6)
    assert both == pytest.approx((first + second) / 2, abs=1e-6)
    assert first.sum(axis=1) == pytest.approx(0, abs=1e-5)


@pytest.mark.numeric
@pytest.mark.parametrize("kind", ["multi_label_classification", "regression"])
def test_other_tasks(kind: str, tmp_path: Path, fails: Callable[..., str]) -> None:
    rows = []
    for text, label in opinion_rows(120):
        value: Any = [label, "film"] if kind.startswith("multi") else len(label) / 4
        rows.append({"text": text, "labels": value})
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    flags = ["--dataset", str(path), *STUDENT]
    flags += ["--problem_type", kind] if kind == "regression" else []
    teacher, student = tmp_path / "teacher", tmp_path / "student"
    assert main(["train", *flags, "--output_dir", str(teacher)]) == 0
    flags += ["--teacher", str(teacher), "--label_weight", "0.1", "--augmentations", "3", "--output_dir", str(student)]
    of_probabilities = ["--divergence_weight", "1"]
    if kind == "regression":
        assert "leave out --divergence_weight" in fails("distill", *flags, *of_probabilities)
        of_probabilities = []
    assert main(["distill", *flags, *of_probabilities]) == 0
    gap = read_record(student)["distillation"]["gap"]["validation"]
    is_good = gap["student"] < 0.05 if kind == "regression" else gap["student"] > 0.7
    assert is_good and abs(gap["difference"]) < 0.2 and gap["interval"][0] <= gap["interval"][1]


def test_a_student_chosen_by_its_loss(trained: Path, data_folder: Path, tmp_path: Path) -> None:
    flags = ["--teacher", str(trained), "--dataset", str(data_folder), *TRAIN_FLAGS, "--augmentations", "0"]
    flags += ["--metric_for_best_model", "loss", "--output_dir", str(tmp_path / "a")]
    assert main(["distill", *flags]) == 0
    assert read_record(tmp_path / "a")["distillation"]["gap"]["validation"]["metric"] == "log_loss"


def test_a_teacher_that_may_know_what_is_held_out_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = str(write_csv(tmp_path / "a.csv", opinion_rows(90)))
    assert main(["train", "--dataset", data, *TRAIN_FLAGS, "--output_dir", str(tmp_path / "teacher")]) == 0
    flags = ["--teacher", str(tmp_path / "teacher"), "--dataset", data, *TRAIN_FLAGS, "--augmentations", "0"]
    for name, more, told in (
        ("same", [], ""),
        ("order", ["--labels", "positive", "neutral", "negative"], ""),
        ("cut", ["--test_share", "0.2"], "may have learned from those of validation, test"),
    ):
        caplog.clear()
        assert main(["distill", *flags, *more, "--output_dir", str(tmp_path / name)]) == 0
        assert (told in caplog.text) if told else ("may have learned" not in caplog.text)


def test_unlabeled_texts_are_pairs_where_the_task_has_pairs(tmp_path: Path) -> None:
    rows = [(f"title {n}", f"body {n}", ["bad", "good"][n % 2]) for n in range(40)]
    source = write_csv(tmp_path / "a.csv", rows, ("title", "body", "label"))
    data = load_data(DataArguments(dataset=str(source), text_column=["title", "body"]))
    more = str(write_csv(tmp_path / "more.csv", [("one", "two"), ("three", "four")], ("title", "body")))
    both = DistillationArguments(teacher="x", unlabeled=[more], unlabeled_column=["title", "body"])
    assert collect_transfer_text(data, both, 0)[0]["text"][:] == ["one [SEP] two", "three [SEP] four"]
    with pytest.raises(InputError, match="title, body together; 'two' of '.*more.csv' is alone: name as many columns"):
        alone = DistillationArguments(teacher="x", unlabeled=[more], unlabeled_column=["body"])
        collect_transfer_text(data, alone, 0)
    with pytest.raises(InputError, match=r"--sentences cannot be used with several text columns \(title, body"):
        collect_transfer_text(data, replace(both, sentences=True), 0)


@pytest.mark.parametrize("setting", [{"sentences": True}, {"unlabeled_column": ["text"]}])
def test_settings_of_unlabeled_text_need_it(setting: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="is for unlabeled text: name it with --unlabeled, or leave --"):
        DistillationArguments(teacher="x", **setting)


@pytest.mark.parametrize(
    ("settings", "needed"),
    [
        ({"language": "de"}, "--sentences"),
        ({"temperature": 4.0}, "--divergence_weight"),
        ({"replaced_words": 0.0, "augmentations": 0}, "--augmentations"),
        ({"replaced_words": 0.1, "unlabeled": ["more.txt"]}, "--augmentations"),
    ],
)
def test_settings_without_effect_are_refused(settings: dict[str, Any], needed: str) -> None:
    name = next(iter(settings))
    with pytest.raises(InputError, match=f"--{name} has no effect without {needed}: add that, or leave --{name} out"):
        DistillationArguments(teacher="x", **settings)


def test_the_precision_of_known_answers_is_kept(
    trained: Path, data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = DistillationArguments(teacher=str(trained), logits_cache=str(tmp_path), teacher_bf16=True)
    first = Teacher(str(trained), task(data_folder), arguments)
    assert first.cache.path.exists() and "-bf16-" in first.cache.path.name
    monkeypatch.setattr("modeling_lstm.distillation.teacher.gains_by_bf16", lambda *_, **__: False)
    arguments.teacher_bf16 = None
    assert Teacher(str(trained), task(data_folder), arguments).cache.path == first.cache.path


def test_a_run_in_another_precision_does_not_change_the_usual_one(
    trained: Path, data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modeling_lstm.distillation.teacher.gains_by_bf16", lambda *_, **__: False)
    names = [
        Teacher(
            str(trained),
            task(data_folder),
            DistillationArguments(str(trained), logits_cache=str(tmp_path), teacher_bf16=is_bf16),
        ).cache.path.name
        for is_bf16 in (None, True, None)
    ]
    assert "-fp32-" in names[0] and "-bf16-" in names[1] and names[2] == names[0]


@pytest.mark.numeric
def test_a_teacher_of_numbers_keeps_their_digits(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(text, str(2000 + n % 5)) for n, (text, _) in enumerate(opinion_rows(60))]
    path = write_csv(tmp_path / "rows.csv", rows)
    flags = ["--dataset", str(path), "--problem_type", "regression", "--use_cpu", "true", "--num_train_epochs", "1"]
    assert main(["train", *flags, "--transformer", str(encoder), "--output_dir", str(tmp_path / "teacher")]) == 0
    monkeypatch.setattr("modeling_lstm.distillation.teacher.gains_by_bf16", lambda *_, **__: True)
    numbers = load_data(DataArguments(dataset=str(path), problem_type="regression"))
    teacher = str(tmp_path / "teacher")
    arguments = DistillationArguments(teacher, logits_cache=str(tmp_path / "logits"), teacher_bf16=True)
    texts = [text for text, _ in rows[:20]]
    known = Teacher(teacher, numbers, arguments)
    known.label([texts], len(texts))
    expected = open_predictor(teacher).raw_scores(texts)
    np.testing.assert_allclose(known.read_logits(texts), expected, atol=1e-3)


def test_a_teacher_that_changed(trained: Path, data_folder: Path, tmp_path: Path) -> None:
    teacher = Path(shutil.copytree(trained, tmp_path / "teacher"))
    flags = ["--teacher", str(teacher), "--dataset", str(data_folder), *TRAIN_FLAGS, "--augmentations", "0"]
    assert main(["distill", *flags, "--output_dir", str(tmp_path / "a")]) == 0
    weights = load_file(teacher / "model.safetensors")
    save_file({name: one + 1e-3 for name, one in weights.items()}, teacher / "model.safetensors", {"format": "pt"})
    assert main(["evaluate", str(tmp_path / "a"), "--resamples", "100"]) == 0
    assert list(read_record(tmp_path / "a")["distillation"]["gap"]) == ["validation"]
    assert main(["distill", *flags, "--output_dir", str(tmp_path / "b")]) == 0
    assert read_record(tmp_path / "b")["distillation"]["teachers"][0]["texts_labeled"] > 30  # nothing of the old one


def test_teachers_that_cannot_teach(
    encoder: Path, data_folder: Path, trained: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    flags = ["--dataset", str(data_folder), "--output_dir", str(tmp_path / "run"), *TRAIN_FLAGS, "--teacher"]
    told = fails("distill", *flags, str(encoder))  # no classifier was ever trained
    assert (
        "is not a teacher: its weights lack classifier.bias, classifier.weight" in told
        and "train --transformer" in told
    )
    words = LstmTokenizer.train(["the film was good"], min_frequency=1)
    LstmForCausalLM(LstmConfig(vocab_size=len(words), embedding_size=4, hidden_size=4)).save_pretrained(tmp_path / "lm")
    words.save_pretrained(tmp_path / "lm")
    told = fails("distill", *flags, str(tmp_path / "lm"))
    assert "is not a teacher: its weights lack" in told and "train --pretrained" in told
    exported = shutil.copytree(trained, tmp_path / "exported", ignore=shutil.ignore_patterns("*.safetensors"))
    (exported / MODEL).touch()
    told = fails("distill", *flags, str(exported))
    assert "is an exported model, which cannot teach: name the run that it was made from." in told
    _, tokenizer = load_run(str(trained))
    sizes = {"d_model": 8, "n_layer": 1, "n_head": 2, "d_inner": 8, "vocab_size": len(tokenizer), "num_labels": 3}
    names = {"id2label": dict(enumerate(WORDS)), "label2id": {name: n for n, name in enumerate(WORDS)}}
    torch.manual_seed(0)
    right = XLNetForSequenceClassification(XLNetConfig(**sizes, **names, initializer_range=0.5))
    right.save_pretrained(tmp_path / "right")  # its answer is what it thinks at the last place, padding or not
    tokenizer.save_pretrained(tmp_path / "right")
    assert "it reads the padding" in fails("distill", *flags, str(tmp_path / "right"))
    told = fails("distill", *flags, str(trained), "--teacher_labels", "a", "b", "c")
    assert "must name the labels of" in told and "negative, neutral, positive" in told
    assert "set --label_weight too" in fails("distill", *flags, str(trained), "--class_weights", "balanced")


def test_other_names_for_the_labels(trained: Path, data_folder: Path, tmp_path: Path) -> None:
    short = {"negative": "-", "neutral": "0", "positive": "+"}
    path = write_csv(tmp_path / "rows.csv", [(text, short[label]) for text, label in opinion_rows(90)])
    data = task(path)
    assert data.label_names == ["+", "-", "0"]
    arguments = DistillationArguments(teacher=str(trained), teacher_labels=["positive", "negative", "neutral"])
    rows = label_dataset(data, arguments, 0).rows.select(range(data.splits["train"].num_rows))
    assert (np.argmax(rows["teacher_logits"][:], axis=1) == np.array(rows["label"][:])).all()
    named = Path(shutil.copytree(trained, tmp_path / "named"))
    config = json.loads((named / "config.json").read_text("utf-8"))
    names = {number: short[name] for number, name in config["id2label"].items()}
    config |= {"id2label": names, "label2id": {name: int(number) for number, name in names.items()}}
    (named / "config.json").write_text(json.dumps(config), encoding="utf-8")
    both = DistillationArguments(teacher=f"{trained},{named}", teacher_labels=arguments.teacher_labels)
    mean = label_dataset(task(path), both, 0).rows.select(range(rows.num_rows))  # the second one needs no other names
    np.testing.assert_allclose(mean["teacher_logits"][:], rows["teacher_logits"][:], atol=1e-5)
    arguments.teacher_labels = ["negative", "positive", "neutral"]  # a mistake, or the correction of one
    others = label_dataset(task(path), arguments, 0).rows.select(range(rows.num_rows))
    assert np.array_equal(np.array(others["teacher_logits"][:])[:, [1, 0, 2]], rows["teacher_logits"][:])


@pytest.mark.numeric
def test_the_loss_is_what_the_settings_say(tokenizer: LstmTokenizer, tmp_path: Path) -> None:
    model = tiny_model(vocab_size=len(tokenizer), problem_type="single_label_classification")
    texts = ["the film was great", "the film was bad number 3"]
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    teacher = torch.tensor([[1.0, -2.0, 1.0], [0.0, 3.0, -3.0]])
    inputs = {**batch, "labels": torch.tensor([2, -100]), "teacher_logits": teacher}

    plain = {"eval_strategy": "no", "save_strategy": "no", "load_best_model_at_end": False, "report_to": "none"}
    args = LstmTrainingArguments(output_dir=str(tmp_path), use_cpu=True, **plain)  # type: ignore[arg-type]

    def loss(**settings: float) -> float:
        chosen = DistillationArguments(teacher="x", **settings)  # type: ignore[arg-type]
        trainer = DistillationTrainer(model=model, args=args, processing_class=tokenizer, distillation=chosen)
        return trainer.compute_loss(model, dict(inputs)).item()

    with torch.no_grad():
        logits = model(**batch).logits
    squares = float(((logits - teacher) ** 2).mean())
    entropy = -float(logits[0].log_softmax(-1)[2]) / 2  # one row of two has a label
    p, q = (teacher / 3).softmax(-1), (logits / 3).softmax(-1)
    kl = 9 * float((p * (p / q).log()).sum(-1).mean())
    assert loss(logit_weight=1) == pytest.approx(squares, rel=1e-5)
    assert loss(logit_weight=0, divergence_weight=1, temperature=3) == pytest.approx(kl, rel=1e-4)
    mixed = loss(logit_weight=0.5, divergence_weight=2, temperature=3, label_weight=0.1)
    assert mixed == pytest.approx(0.5 * squares + 2 * kl + 0.1 * entropy, rel=1e-4)
    two = [torch.stack([torch.zeros(6), one.flatten()], dim=-1) for one in (logits, teacher)]
    each = [divergence("single_label_classification", *(one[None, n] for one in two), 3.0) for n in range(6)]
    found = divergence("multi_label_classification", logits, teacher, 3.0)
    assert float(found) == pytest.approx(float(torch.stack(each).mean()), rel=1e-4)


@pytest.mark.numeric
@pytest.mark.parametrize("model", ["lstm", "transformer"])
def test_both_losses_of_numbers_have_one_unit(model: str, encoder: Path, tmp_path: Path) -> None:
    """Where the teacher is right, its logits and the labels are the same lesson."""
    data = write_csv(tmp_path / "rows.csv", [(text, str(50 * (n % 5))) for n, (text, _) in enumerate(opinion_rows(60))])
    settings: dict[str, Any] = {"transformer": encoder} if model == "transformer" else {"hidden_size": 8}
    shared: dict[str, Any] = {"dataset": data, "problem_type": "regression", "use_cpu": True, "overwrite": True}
    TrainingJob(**shared, output_dir=tmp_path / "teacher", hidden_size=8, max_steps=1).run()
    losses = []
    for weights in ({}, {"label_weight": 1.0}):
        settings |= {"teacher": str(tmp_path / "teacher"), "output_dir": tmp_path / "student"} | weights
        trainer = DistillationJob(**shared, **settings).runner().trainer()
        batch = {"input_ids": torch.arange(1, 7)[None], "labels": torch.tensor([70.0])}
        batch["teacher_logits"] = batch["labels"][None]
        losses.append(float(trainer.batch_loss(trainer.model.eval(), batch)[0].detach()))
    assert losses[1] == pytest.approx(2 * losses[0], rel=1e-5) and 0 < losses[0] < 10


def test_the_trainer_takes_any_rows_with_logits(tokenizer: LstmTokenizer, tmp_path: Path) -> None:
    texts = [text for text, _ in opinion_rows(60)]
    wanted = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
    numbers = [n % 3 for n in range(60)]
    rows = {
        "input_ids": tokenizer(texts)["input_ids"],
        "label": [-100] * 60,
        "teacher_logits": wanted[numbers].tolist(),
    }
    torch.manual_seed(0)
    dropouts = dict.fromkeys(("word_dropout", "embedding_dropout", "classifier_dropout"), 0.0)
    config = tiny_config(vocab_size=len(tokenizer), problem_type="single_label_classification", **dropouts)
    model = type(tiny_model())(config)
    args = LstmTrainingArguments(
        output_dir=str(tmp_path), num_train_epochs=60, learning_rate=0.02, per_device_train_batch_size=20
    )
    args.eval_strategy, args.save_strategy, args.load_best_model_at_end, args.report_to = "no", "no", False, []
    args.train_sampling_strategy = "random"
    trainer = DistillationTrainer(
        model=model,
        args=args,
        train_dataset=Dataset.from_dict(rows),
        processing_class=tokenizer,
        data_collator=DataCollatorWithPadding(tokenizer),
        distillation=DistillationArguments(teacher="nobody"),
    )
    trainer.train()
    with torch.no_grad():
        found = model.eval()(**tokenizer(texts, padding=True, return_tensors="pt")).logits.numpy()
    assert abs(found - wanted[numbers]).mean() < 0.2


def test_the_student_begins_with_the_words_of_its_teacher(encoder: Path, data_folder: Path, tmp_path: Path) -> None:
    teacher, student = tmp_path / "teacher", tmp_path / "student"
    flags = ["--dataset", str(data_folder), "--use_cpu", "true", "--disable_tqdm", "true", "--num_train_epochs", "1"]
    assert main(["train", *flags, "--transformer", str(encoder), "--output_dir", str(teacher)]) == 0
    flags += ["--teacher", str(teacher), "--embeddings", f"transformer:{teacher}", "--hidden_size", "8"]
    assert main(["distill", *flags, "--output_dir", str(student)]) == 0
    record = read_record(student)
    assert record["embeddings"]["source"] == f"transformer:{teacher}" and record["model"]["embedding_size"] == 16


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ([], "Name the teacher with --teacher"),
        (["--teacher", "./nowhere"], "There is no teacher './nowhere'"),
        (["--teacher", "me/nobody"], "There is no teacher 'me/nobody'"),
        (["--teacher", "RUN", "--unlabeled", "nowhere.csv"], "There is no file or folder 'nowhere.csv'"),
        (["--teacher", "RUN", "--unlabeled", "DATA", "--unlabeled_split", "raw"], "no split 'raw'; it has"),
        (["--teacher", "RUN", "--unlabeled", "DATA", "--unlabeled_column", "x"], "no column x with texts"),
        (["--teacher", "RUN", "--temperature", "0"], "--temperature must be greater than 0"),
        (["--teacher", "RUN", "--logit_weight", "0"], "both 0"),
        (["--teacher", "RUN", "--transfer_rows", "0"], "--transfer_rows must be at least 1"),
    ],
)
def test_bad_input(
    flags: list[str], told: str, trained: Path, data_folder: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    named = [{"RUN": str(trained), "DATA": str(data_folder)}.get(flag, flag) for flag in flags]
    output = tmp_path / "run"
    assert told in fails("distill", *named, "--dataset", str(data_folder), "--output_dir", output, *TRAIN_FLAGS)
    assert not output.exists()


def test_a_teacher_of_another_task(trained: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    path = write_csv(tmp_path / "rows.csv", [(text, label[:2]) for text, label in opinion_rows(60)])
    flags = ["--teacher", str(trained), "--dataset", str(path), "--output_dir", str(tmp_path / "run")]
    assert "knows the labels negative, neutral, positive, this task has ne, po" in fails("distill", *flags)


def test_a_damaged_cache(trained: Path, data_folder: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    flags = ["--teacher", str(trained), "--dataset", str(data_folder), "--logits_cache", str(tmp_path / "logits")]
    assert main(["distill", *flags, "--output_dir", str(tmp_path / "a"), *TRAIN_FLAGS]) == 0
    (path,) = (tmp_path / "logits").glob("*.sqlite")
    path.write_bytes(b"no database at all, but long enough to look like one" * 100)
    assert "Remove the file if it is damaged" in fails("distill", *flags, "--output_dir", str(tmp_path / "b"))
    (tmp_path / "logits").joinpath("x").write_text("")
    flags[-1] = str(tmp_path / "logits" / "x")  # a file where the folder is to be
    assert "cannot be used" in fails("distill", *flags, "--output_dir", str(tmp_path / "c"))


def test_the_cache(tmp_path: Path) -> None:
    cache = LogitCache(tmp_path / "deep" / "one.sqlite")
    texts = [f"text {n}" for n in range(1200)]
    cache.add(texts, np.arange(2400, dtype=np.float64).reshape(1200, 2))
    cache.close()
    cache = LogitCache(tmp_path / "deep" / "one.sqlite")
    found = cache.find([*texts, "another", "Text 1"])
    assert found.keys() == set(texts) and found["text 7"].tolist() == [14.0, 15.0]
    assert found["text 7"].dtype == np.float32


def opinions(path: Path, labels: tuple[str, ...], number: int = 60) -> Path:
    return write_csv(path, [row for row in opinion_rows(number) if row[1] in labels])


def test_a_teacher_with_a_label_more_than_the_task(trained: Path, tmp_path: Path) -> None:
    """What is left of its probabilities are those given that the label that is left out is wrong."""
    data = load_data(DataArguments(str(opinions(tmp_path / "a.csv", ("negative", "positive")))))
    assert data.label_names == ["negative", "positive"]
    whole = load_data(DataArguments(str(opinions(tmp_path / "b.csv", ("negative", "neutral", "positive")))))
    texts = ["the film was great", "the film was awful", "the film was okay"]
    found = {}
    for name, task, labels in (("all", whole, None), ("some", data, ["negative", "positive"])):
        arguments = DistillationArguments(str(trained), teacher_labels=labels, logits_cache=str(tmp_path))
        teacher = Teacher(str(trained), task, arguments)
        teacher.label([texts], 3)
        found[name] = torch.from_numpy(teacher.read_logits(texts)).softmax(dim=-1)
    expected = found["all"][:, [0, 2]]
    torch.testing.assert_close(found["some"], expected / expected.sum(dim=-1, keepdim=True), atol=1e-6, rtol=1e-5)


def test_a_student_of_a_teacher_with_a_label_more(trained: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    path = opinions(tmp_path / "a.csv", ("negative", "positive"), 90)
    flags = ["--teacher", str(trained), "--dataset", str(path), "--output_dir", str(tmp_path / "run"), *TRAIN_FLAGS]
    flags += ["--augmentations", "1", "--logits_cache", str(tmp_path / "logits")]
    assert "--teacher_labels" in fails("distill", *flags)
    for wrong in (["negative"], ["negative", "negative"], ["negative", "angry"], ["negative", "neutral", "positive"]):
        assert "--teacher_labels must name the labels" in fails("distill", *flags, "--teacher_labels", *wrong)
    assert main(["distill", *flags, "--teacher_labels", "negative", "positive"]) == 0
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert record["distillation"]["gap"]["validation"]["teacher"] == 1.0


def test_a_multi_label_teacher_that_does_not_say_so(
    trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    teacher = Path(shutil.copytree(trained, tmp_path / "teacher"))
    config = json.loads((teacher / "config.json").read_text(encoding="utf-8"))
    config["problem_type"] = None
    (teacher / "config.json").write_text(json.dumps(config), encoding="utf-8")
    rows = [json.dumps({"text": text, "label": [label]}) for text, label in opinion_rows(60)]
    (tmp_path / "many.jsonl").write_text("\n".join(rows), encoding="utf-8")
    many = load_data(DataArguments(str(tmp_path / "many.jsonl")))
    arguments = DistillationArguments(str(teacher), logits_cache=str(tmp_path))
    assert not Teacher(str(teacher), many, arguments).is_single
    assert "does not say whether its labels exclude each other" in caplog.text
    single = load_data(DataArguments(str(write_csv(tmp_path / "one.csv", opinion_rows(60)))))
    assert Teacher(str(teacher), single, arguments).is_single
    with pytest.raises(InputError, match="trained for single_label_classification"):
        Teacher(str(trained), many, arguments)


def test_a_teacher_whose_weights_are_not_finite(trained: Path, data_folder: Path, tmp_path: Path) -> None:
    teacher = Path(shutil.copytree(trained, tmp_path / "teacher"))
    weights = load_file(teacher / "model.safetensors")
    weights["classifier.bias"][0] = float("nan")
    save_file(weights, teacher / "model.safetensors", metadata={"format": "pt"})
    arguments = DistillationArguments(str(teacher), logits_cache=str(tmp_path / "logits"))
    with pytest.raises(InputError, match="returns logits that are not finite: choose another"):
        Teacher(str(teacher), task(data_folder), arguments)


@pytest.mark.parametrize(("limit", "cut"), [(6, 0), (5, 3), (4, 4)])
def test_texts_that_a_teacher_cuts_are_counted(
    limit: int, cut: int, trained: Path, data_folder: Path, tmp_path: Path
) -> None:
    arguments = DistillationArguments(str(trained), teacher_max_length=limit, logits_cache=str(tmp_path))
    teacher = Teacher(str(trained), load_data(DataArguments(str(data_folder))), arguments)
    texts = ["the film was great number 3"] * 3 + ["the film was great great", "", "great"]
    for _ in range(2):  # those that are known are cut all the same
        teacher.truncated = 0
        teacher.label([texts[:2], texts[2:]], 6)
        assert teacher.truncated == cut


def test_cut_texts_are_told_of(
    trained: Path, data_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flags = [
        "--teacher",
        str(trained),
        "--dataset",
        str(data_folder),
        "--output_dir",
        str(tmp_path / "run"),
        *TRAIN_FLAGS,
    ]
    flags += ["--augmentations", "0", "--teacher_max_length", "3"]
    assert main(["distill", *flags]) == 0
    assert "reads 3 tokens of a text; 120 of 120 texts are longer" in caplog.text
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert record["distillation"]["teachers"][0]["texts_cut"] == 120


@pytest.mark.parametrize("kind", ["equal", "relative", "link", "inside", "around"])
def test_a_run_folder_that_is_read_from(
    kind: str,
    run_copy: Path,
    data_folder: Path,
    tmp_path: Path,
    fails: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = {path: path.read_bytes() for path in run_copy.rglob("*") if path.is_file()}
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(run_copy)
    output = {"equal": run_copy, "relative": "copy/../copy", "link": "link", "inside": run_copy / "new", "around": "."}[
        kind
    ]
    flags = ["--dataset", data_folder, "--output_dir", output, "--overwrite", *TRAIN_FLAGS]
    assert "contains, or lies in, what --teacher" in fails("distill", "--teacher", f"{run_copy}", *flags)
    assert "contains, or lies in, what --tokenizer" in fails("train", "--tokenizer", "copy", *flags)
    assert "contains, or lies in, what --transformer" in fails("train", "--transformer", "link", *flags)
    assert "contains, or lies in, what --embeddings" in fails("train", "--embeddings", "transformer:copy", *flags)
    data = shutil.copytree(data_folder, run_copy / "data") if kind == "around" else run_copy
    flags = ["--output_dir", output, "--overwrite", *TRAIN_FLAGS]
    assert "contains, or lies in, what --dataset" in fails("train", "--dataset", data, *flags)
    assert "contains, or lies in, what --train_dataset" in fails(
        "train", "--dataset", data_folder, "--train_dataset", data, *flags
    )
    assert "contains, or lies in, what --train_dataset" in fails(
        "train", "--dataset", data_folder, "--train_dataset", f"{data}:all", *flags
    )
    recipe = run_copy / "new" / "recipe.yaml" if kind == "inside" else run_copy / "recipe.yaml"
    recipe.parent.mkdir(exist_ok=True)
    recipe.write_text(f"dataset: {data_folder}\n", encoding="utf-8")
    assert "--overwrite would delete the recipe" in fails("train", recipe, *flags)
    assert all(path.read_bytes() == content for path, content in before.items())


def test_labels_without_names_are_not_guessed(trained: Path, data_folder: Path, tmp_path: Path) -> None:
    teacher = Path(shutil.copytree(trained, tmp_path / "teacher"))
    config = json.loads((teacher / "config.json").read_text(encoding="utf-8"))
    numbers = {str(number): f"LABEL_{number}" for number in range(3)}
    config |= {"id2label": numbers, "label2id": {label: int(number) for number, label in numbers.items()}}
    (teacher / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(InputError, match="knows the labels LABEL_0, LABEL_1, LABEL_2.*which with --teacher_labels"):
        Teacher(str(teacher), task(data_folder), DistillationArguments(teacher=str(teacher)))
    named = DistillationArguments(teacher=str(teacher), teacher_labels=["LABEL_0", "LABEL_1", "LABEL_2"])
    assert Teacher(str(teacher), task(data_folder), named).columns == [0, 1, 2]


def test_of_two_precisions_one_is_always_chosen(
    trained: Path, data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [
        Teacher(str(trained), task(data_folder), DistillationArguments(str(trained), **settings)).cache.path
        for settings in ({"logits_cache": str(tmp_path), "teacher_bf16": is_bf16} for is_bf16 in (False, True))
    ]
    assert both[0] != both[1] and all(path.exists() for path in both)
    monkeypatch.setattr("modeling_lstm.distillation.teacher.gains_by_bf16", None)  # nothing is tried
    known = DistillationArguments(teacher=str(trained), logits_cache=str(tmp_path))
    assert Teacher(str(trained), task(data_folder), known).cache.path == both[1]
