"""The systems of `compare` that are no networks: TF-IDF and fastText."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from modeling_lstm.comparison.arguments import CompareArguments
from modeling_lstm.comparison.comparing import open_systems
from modeling_lstm.comparison.experiment import Experiment, Run
from modeling_lstm.comparison.known_systems import open_system
from modeling_lstm.comparison.neural import RunFolders
from modeling_lstm.comparison.systems import ComparisonTask
from modeling_lstm.comparison.tfidf import TOLERANCE, Tfidf
from modeling_lstm.data.arguments import DataArguments
from modeling_lstm.utils.errors import InputError
from modeling_lstm.utils.files import write_json
from tests.conftest import opinion_rows, write_csv

ARGUMENTS = CompareArguments(output_dir="out")


@pytest.mark.parametrize("system", ["tfidf", "fasttext"])
def test_rare_labels_count_more_where_asked(system: str, tmp_path: Path) -> None:
    rows = [(f"one two {n % 3}", "common" if n % 8 else "rare") for n in range(160)]
    path = write_csv(tmp_path / "mine.csv", rows)
    sure = []
    for weights in (None, "balanced"):
        study = Experiment(tmp_path / str(weights), DataArguments(dataset=str(path)), class_weights=weights)
        outcome = study.run(Run(open_system(system, ARGUMENTS), 0, study.rows, 0))
        sure.append(outcome.probabilities["test"][:, 1].mean())
        assert outcome.probabilities["test"].sum(axis=1) == pytest.approx(1.0, abs=1e-4)
    assert sure[0] < 0.3 < sure[1]


def test_tfidf_keeps_what_it_learned_and_no_more(data_folder: Path, tmp_path: Path) -> None:
    """Its files give the pipeline's probabilities back, and take some bytes for each term."""
    study = Experiment(tmp_path / "out", DataArguments(dataset=str(data_folder)))
    train, test = study.task.texts("train"), [*study.texts["test"], "words that nobody knows", ""]
    for number, settings in enumerate(open_system("tfidf", ARGUMENTS).settings()):
        folder = study.run(Run(open_system("tfidf", ARGUMENTS), number, study.rows, 0), ["test"]).folder
        again = open_system("tfidf", ARGUMENTS).load(folder, 3)(test)
        words = r"(?u)\w+(?:['’]\w+)*|[^\w\s]" if settings["analyzer"] == "word" else None
        ngrams = settings["ngram_range"]
        vectorizer = TfidfVectorizer(
            analyzer=settings["analyzer"], ngram_range=tuple(ngrams), token_pattern=words, sublinear_tf=True
        )
        for tolerance, error in ((TOLERANCE, 1e-6), (1e-9, 1e-4)):  # as it was fitted, and its optimum
            whole = make_pipeline(vectorizer, LogisticRegression(C=settings["C"], max_iter=10_000, tol=tolerance))
            whole.fit(train, study.task.labels("train"))
            assert again == pytest.approx(whole.predict_proba(test), abs=error)
        held = sum(path.stat().st_size for path in folder.iterdir() if path.name not in ("run.json", "predictions.npz"))
        assert held < 3_000 + 70 * len(vectorizer.vocabulary_)  # five numbers of eight bytes, and the term


def test_rows_of_a_learning_curve_are_those_whose_labels_were_checked(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "mine.csv", [(f"{text} {n}", label) for n, (text, label) in enumerate(opinion_rows(600))]
    )
    study = Experiment(tmp_path / "out", DataArguments(dataset=str(path), max_train_samples=200))
    assert study.shares([0.1, 1.0]) == [20]
    learned: list[list[str]] = []

    class Listener(Tfidf):
        def fit(self, task: ComparisonTask, *args: Any, **kwargs: Any) -> dict[str, Any]:
            learned.append(task.texts("train"))
            return super().fit(task, *args, **kwargs)

    study.run(Run(Listener(), 0, 20, 0), ["test"])
    assert learned == [study._task_with(20).texts("train")] and len(learned[0]) == 20


def test_few_rows_may_lack_a_label(tmp_path: Path) -> None:
    rows = opinion_rows(90) + [("a text of its own", "rare")] * 4
    study = Experiment(tmp_path / "out", DataArguments(dataset=str(write_csv(tmp_path / "mine.csv", rows))))
    for system in ("tfidf", "fasttext"):
        study.texts["shuffled"] = ["__label__9 __label__x film"] * len(study.texts["shuffled"])
        outcome = study.run(Run(open_system(system, ARGUMENTS), 0, 6, 0))
        assert outcome.probabilities["test"].shape[1] == 4


def test_fasttext_learns_the_same_whatever_memory_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = DataArguments(dataset=str(write_csv(tmp_path / "mine.csv", opinion_rows(90))))
    found = []
    monkeypatch.chdir(tmp_path)
    Path("fasttext.py").write_text("raise ImportError", encoding="utf-8")
    for filling in ("0", "1"):  # glibc fills memory with bytes that make numbers near the largest; else they are zeros
        monkeypatch.setenv("MALLOC_PERTURB_", filling)
        study = Experiment(tmp_path / filling, data)
        found.append(study.run(Run(open_system("fasttext", ARGUMENTS), 0, study.rows, 0)).probabilities["test"])
    assert np.array_equal(*found) and not list(tmp_path.rglob("train.txt"))
    system = open_system("fasttext", ARGUMENTS)
    monkeypatch.setattr(system, "settings", lambda: [{"lr": 1e9}])
    with pytest.raises(InputError, match="fastText cannot learn from these texts: .*NaN"):
        study.run(Run(system, 0, study.rows, 1))


def test_more_settings_than_three_are_drawn_from_the_space_of_a_search() -> None:
    """The same ones each time, so that a comparison goes on; a recipe has none but its own."""
    few, more = (open_systems(["gru", "tfidf"], CompareArguments(output_dir="out", trials=n)) for n in (5, 8))
    assert [len(one.settings()) for one in few] == [5, 3] and more[0].settings()[:5] == few[0].settings()
    assert more[0].settings()[:3] == open_systems(["gru"], ARGUMENTS)[0].settings()
    assert all(one["cell_type"] == "gru" and one["hidden_size"] for one in more[0].settings()[3:])
    (words,) = open_systems(["lstm"], CompareArguments(output_dir="out", trials=4, embeddings="glove.txt"))
    assert words.settings()[3]["embeddings"] == "glove.txt"
    (large,) = open_systems(["transformer:me/bert"], CompareArguments(output_dir="out", trials=4))
    assert large.settings()[3]["transformer"] == "me/bert"


def test_a_folder_of_runs_holds_seeds_of_one_system(tmp_path: Path) -> None:
    models = {"seed-0": "lstm", "seed-1": "lstm", "seed-0-teacher": "bert", "seed-1-teacher-2": "bert"}
    for name, model in models.items():
        (tmp_path / name).mkdir()
        record = {"model": {"model_type": model}, "task": {}, "data": {}, "metrics": {}}
        write_json(tmp_path / name / "run.json", record)
    assert RunFolders.open(str(tmp_path)).finished == (tmp_path / "seed-0", tmp_path / "seed-1")
    assert RunFolders.open(str(tmp_path / "seed-0-teacher")).finished == (tmp_path / "seed-0-teacher",)
    (tmp_path / "seed-1").rename(tmp_path / "seed-3")
    with pytest.raises(InputError, match=r"different models \(seed-0: lstm, seed-1-teacher-2: bert, seed-3: lstm\)"):
        RunFolders.open(str(tmp_path))
    record = {"model": {"model_type": "lstm", "cell_type": "gru"}, "task": {}, "data": {}, "metrics": {}}
    write_json(tmp_path / "seed-1-teacher-2" / "run.json", record)
    with pytest.raises(InputError, match="seed-1-teacher-2: gru, seed-3: lstm"):
        RunFolders.open(str(tmp_path))
    for number, parameters in enumerate((100, 101)):  # of vocabularies that differ by chance
        model = {"model_type": "lstm", "hidden_size": 8, "pooling": "max", "parameters": parameters}
        record = {"model": model, "task": {}, "data": {}, "metrics": {}}
        (tmp_path / "runs" / str(number)).mkdir(parents=True)
        write_json(tmp_path / "runs" / str(number) / "run.json", record)
    assert len(RunFolders.open(str(tmp_path / "runs")).finished) == 2
    write_json(tmp_path / "runs" / "1" / "run.json", record | {"model": model | {"hidden_size": 9, "pooling": "last"}})
    with pytest.raises(InputError, match="differ in hidden_size, pooling, so they are not seeds of one system"):
        RunFolders.open(str(tmp_path / "runs"))
