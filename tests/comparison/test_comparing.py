"""`compare`: the same rows for all, settings chosen on validation, nothing repeated, and a report of it."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from modeling_lstm.cli import main
from modeling_lstm.comparison import (
    CompareArguments,
    ComparisonTask,
    Predict,
    System,
    compare,
    costs,
    experiment,
    neural,
)
from modeling_lstm.comparison.costs import measure
from modeling_lstm.comparison.experiment import Experiment, Run
from modeling_lstm.comparison.neural import NeuralSystem, RunFolders
from modeling_lstm.comparison.report import write_report
from modeling_lstm.data.arguments import DataArguments
from modeling_lstm.runs.record import read_record
from modeling_lstm.search.searching import search_settings
from modeling_lstm.training.job import TrainingJob
from modeling_lstm.utils.errors import InputError, UnavailableError
from modeling_lstm.utils.files import claim_folder
from tests.conftest import TRAIN_FLAGS, WORDS, opinion_rows, write_csv

TINY = """
embedding_size: 8
hidden_size: 8
min_frequency: 1
word_dropout: 0
embedding_dropout: 0
classifier_dropout: 0
embedding_range: 0.5
learning_rate: 0.02
num_train_epochs: 8
per_device_train_batch_size: 16
dataset: not/read
"""


class WordList(System):
    """Knows some of the words that decide; a seed makes it forget one label of a text in so many."""

    name = "word-list"
    fitted: list[tuple[int, int]] = []

    def __init__(self, forgets: int = 5, stop_at: int | None = None):
        self.forgets, self.stop_at = forgets, stop_at

    def settings(self) -> list[dict[str, Any]]:
        return [{"words": 1}, {"words": 3}]

    def fit(self, task: ComparisonTask, settings: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
        if len(self.fitted) == self.stop_at:
            raise KeyboardInterrupt
        self.fitted.append((settings["words"], seed))
        words = {word: n for n, label in enumerate(task.label_names) for word in WORDS[label][: settings["words"]]}
        content = {"words": words, "forgets": self.forgets + seed, "rows": len(task.texts("train"))}
        (folder / "words.json").write_text(json.dumps(content), encoding="utf-8")
        return {"parameters": len(words)}

    def load(self, folder: Path, labels: int) -> Predict:
        found = json.loads((folder / "words.json").read_text(encoding="utf-8"))

        def predict(texts: list[str]) -> np.ndarray:
            scores = np.full((len(texts), labels), 0.1, dtype=np.float32)
            for row, text in enumerate(texts):
                for word in text.split():
                    if word in found["words"] and len(text) % found["forgets"]:
                        scores[row, found["words"][word]] = 0.9
            return scores / scores.sum(axis=1, keepdims=True)

        return predict


class Constant(WordList):
    name = "constant"

    def load(self, folder: Path, labels: int) -> Predict:
        return lambda texts: np.full((len(texts), labels), 1 / labels, dtype=np.float32)


class Timed(WordList):
    """Takes so many seconds for any call, half a second to load: by a clock of its own, so exactly."""

    def __init__(self, name: str, seconds: float):
        super().__init__()
        self.name, self.seconds, self.now = name, seconds, 0.0

    def prepare(self) -> None:
        costs.time = SimpleNamespace(perf_counter=lambda: self.now)  # type: ignore[assignment]  # in its process

    def load(self, folder: Path, labels: int) -> Predict:
        answer = super().load(folder, labels)
        self.now += 0.5

        def predict(texts: list[str]) -> np.ndarray:
            self.now += self.seconds
            return answer(texts)

        return predict


@pytest.fixture
def data(data_folder: Path) -> DataArguments:
    return DataArguments(dataset=str(data_folder))


@pytest.fixture(autouse=True)
def _nothing_fitted_yet() -> None:
    WordList.fitted = []


@pytest.fixture(autouse=True)
def _costs_at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs made up, but where a test is about costs: measuring them starts a process for each system."""
    made_up = {"p50_ms": 1.0, "p95_ms": 2.0, "texts_per_second": 100.0, "load_seconds": 0.1, "memory_mb": 10}

    def measure_nothing(systems: dict[str, Any], *_: Any) -> dict[str, Any]:
        return {name: dict(made_up) for name in systems}

    if "real_costs" not in request.fixturenames:
        module = sys.modules["modeling_lstm.comparison.comparing"]
        monkeypatch.setattr(module, "measure", measure_nothing)
        monkeypatch.setattr(module, "check_processes", lambda: None)


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NeuralSystem, "min_steps", 0)


GUARDED = """
from pathlib import Path
from modeling_lstm.comparison.costs import measure
class Constant:
    def prepare(self):
        pass
    def load(self, folder, labels):
        assert folder.is_dir()
        return lambda texts: [[1 / labels] * labels for _ in texts]
if __name__ == "__main__":
    texts = [f"a long text {n} " * 30 for n in range(1_024)]
    systems = {"constant": (Constant(), Path("."))}
    print(measure(systems, texts, 3, threads=1))
"""
UNGUARDED = GUARDED.replace('__name__ == "__main__"', "True")
EARLY = """
from modeling_lstm.comparison.costs import check_processes
if {guard}:
    check_processes()
    print("begun")
"""
ONE_DIES = GUARDED.replace("systems = {", 'systems = {"lost": (Constant(), Path("nowhere")), ')


@pytest.fixture
def real_costs(forked_costs: None) -> None:
    """Let a comparison measure costs."""


def arguments(folder: Path, **changes: Any) -> CompareArguments:
    return CompareArguments(**{"output_dir": str(folder), "seeds": 2, "resamples": 200, "threads": 1} | changes)


def test_every_kind_of_system_side_by_side(
    data_folder: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], real_costs: None
) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(TINY, encoding="utf-8")
    systems = ["tfidf", "fasttext", str(recipe), f"before={trained}", "tests.comparison.test_comparing:WordList"]
    output = tmp_path / "out"
    flags = ["--dataset", str(data_folder), "--seeds", "2", "--trials", "2", "--shares", "0.3", "--threads", "1"]
    assert main(["compare", *flags, "--systems", *systems, "--output_dir", str(output), "--metric", "macro_f1"]) == 0
    table = capsys.readouterr().out
    found = json.loads((output / "comparison.json").read_text(encoding="utf-8"))
    assert list(found["systems"]) == ["tfidf", "fasttext", "tiny", "before", "word-list"]
    for name, system in found["systems"].items():
        seeds = 1 if name in ("before", "tfidf") else 2
        assert len(system["scores"]["macro_f1"]["values"]) == seeds and name in table
        assert system["scores"]["macro_f1"]["mean"] > 0.85, (name, system["scores"])
        assert system["model"]["parameters"] > 0 and system["model"]["size_mb"] >= 0
        assert system["costs"]["p50_ms"] > 0 and system["costs"]["texts_per_second"] > 0
        assert [point["rows"] for point in system["curve"]] == ([] if name == "before" else [27])
        low, high = system["scores"]["macro_f1"]["interval"]
        assert low <= system["scores"]["macro_f1"]["mean"] <= high
    assert (
        found["systems"]["word-list"]["settings"] == {"words": 3} and len(found["systems"]["word-list"]["tried"]) == 2
    )
    assert found["systems"]["before"]["minutes"] is not None
    assert len(found["pairs"]) == 10
    command = json.loads((output / "runs/tiny/setting-0/rows-90/seed-1/run.json").read_text("utf-8"))["command"]
    assert re.match(rf"modeling-lstm train --dataset {re.escape(str(data_folder))} .*--seed 1 ", command)
    assert not list(output.glob("runs/**/checkpoint-*")) and not list(output.glob("runs/*/*/rows-27/**/*.safetensors"))
    for name in ("comparison.md", "report.html", "milliseconds.svg", "megabytes.svg", "learning_curves.svg"):
        assert (output / name).stat().st_size > 500


def test_a_killed_comparison_goes_on_where_it_was(data: DataArguments, tmp_path: Path) -> None:
    whole = compare([WordList()], data, arguments(tmp_path / "whole"))
    expected = list(WordList.fitted)
    assert (
        len(expected) == 2 + 2 - 1 + 2
    )  # two trials, two seeds of which one is a trial, a share (the other lacks labels)
    WordList.fitted = []
    with pytest.raises(KeyboardInterrupt):
        compare([WordList(stop_at=3)], data, arguments(tmp_path / "cut"))
    assert not (tmp_path / "cut" / "comparison.json").exists()
    again = compare([WordList()], data, arguments(tmp_path / "cut"))
    assert WordList.fitted == expected  # those before the kill, then those after it
    tables = (tmp_path / "cut" / "comparison.md").read_text("utf-8")
    compare([WordList()], data, arguments(tmp_path / "cut"))
    assert WordList.fitted == expected and (tmp_path / "cut" / "comparison.md").read_text("utf-8") == tables
    assert again["systems"]["word-list"]["scores"] == whole["systems"]["word-list"]["scores"]
    compare([WordList(), Constant()], data, arguments(tmp_path / "cut", seeds=3))
    assert len(WordList.fitted) == len(expected) + (1 + 1) + (1 + 3 + 3)  # only what is new


def test_what_cannot_be_compared_is_told_before_anything_is_trained(
    data: DataArguments, trained: Path, tmp_path: Path
) -> None:
    WordList.fitted = []
    lost = NeuralSystem("lost", {"transformer": str(tmp_path / "nowhere")}, [{}])
    other = write_csv(tmp_path / "other.csv", opinion_rows(60))
    for system, source in ((lost, data), (RunFolders.open(str(trained)), replace(data, dataset=str(other)))):
        with pytest.raises(InputError, match="nowhere|was trained on other rows"):
            compare([WordList(), system], source, arguments(tmp_path / system.slug))
    assert not WordList.fitted


def test_a_mistake_that_is_corrected_leaves_the_folder_usable(data: DataArguments, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    for wrong in (NeuralSystem("lstm", {"embeddings": "./absent.txt"}, [{}]), NeuralSystem("lstm", {}, [{"lr": 1}])):
        with pytest.raises(InputError, match="no file or folder './absent.txt'|Unknown setting 'lr'"):
            compare([WordList(), wrong], data, arguments(folder))
    found = compare([WordList()], data, arguments(folder))
    assert found["task"]["metric"] == "accuracy"
    with pytest.raises(InputError, match="by another metric"):
        compare([WordList()], data, arguments(folder, metric="macro_f1"))
    Experiment(tmp_path / "new", data)
    Experiment(tmp_path / "new", data, "macro_f1")  # nothing had been trained for the other metric


def test_a_file_of_the_file_manager_is_nothing_else(data: DataArguments, tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    assert compare([WordList()], data, arguments(tmp_path, shares=[1.0], trials=1))["systems"]


def test_a_gpu_is_named_beside_the_processor(
    data: DataArguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modeling_lstm.runs.environment import describe_environment

    found = describe_environment()
    found["hardware"]["gpu"] = "NVIDIA H200"
    monkeypatch.setattr(sys.modules["modeling_lstm.comparison.comparing"], "describe_environment", lambda: found)
    compare([WordList()], data, arguments(tmp_path, shares=[1.0], trials=1))
    named = f"{found['hardware']['processor']} with NVIDIA H200"
    assert named in (tmp_path / "comparison.md").read_text("utf-8")
    assert json.loads((tmp_path / "costs.json").read_text("utf-8"))["processor"] == named


def test_a_folder_of_something_else_is_left_alone(data: DataArguments, tmp_path: Path) -> None:
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "report.html").write_text("of a search")
    with pytest.raises(InputError, match="search' is not empty and holds no comparison: choose another"):
        compare([WordList()], data, arguments(tmp_path / "search"))
    assert [one.name for one in (tmp_path / "search").iterdir()] == ["report.html"]


def test_settings_are_objects_or_keywords(data: DataArguments, tmp_path: Path) -> None:
    message = r"Give all settings as objects \(DataArguments, \w+\) or all as keywords, not both"
    for given in ((data, arguments(tmp_path)), (data, None)):
        with pytest.raises(InputError, match=message):
            compare([WordList()], *given, output_dir=str(tmp_path))
    with pytest.raises(InputError, match=message):
        search_settings(data, trials=3)


def test_a_killed_training_goes_on_where_it_was(
    data: DataArguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network is trained on from its last checkpoint, and its minutes are not shown: they are not all of them."""

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    system = NeuralSystem.from_recipe(tmp_path / "tiny.yaml")
    whole = compare([system], data, arguments(tmp_path / "whole", seeds=1, shares=[1.0]))["systems"]["tiny"]
    with monkeypatch.context() as context:
        context.setattr("modeling_lstm.training.steps.save_run", stop)
        with pytest.raises(KeyboardInterrupt):
            compare([system], data, arguments(tmp_path / "cut", seeds=1, shares=[1.0]))
    folder = tmp_path / "cut" / "runs/tiny/setting-0/rows-90/seed-0"
    assert list(folder.glob("checkpoint-*"))
    again = compare([system], data, arguments(tmp_path / "cut", seeds=1, shares=[1.0]))["systems"]["tiny"]
    assert json.loads((folder / "run.json").read_text("utf-8"))["training"]["resumed"]
    assert not list(folder.glob("checkpoint-*"))
    assert again["scores"] == whole["scores"] and again["minutes"] is None and whole["minutes"] is not None


class Other(WordList):
    def identity(self) -> dict[str, Any]:
        return super().identity() | {"forgets": self.forgets}


def test_runs_of_another_system_are_not_taken_for_its_own(
    data: DataArguments, data_folder: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    compare([Other(5)], data, arguments(tmp_path / "a", shares=[1.0]))
    with pytest.raises(InputError, match="holds runs of another system, or with other settings"):
        compare([Other(6)], data, arguments(tmp_path / "a", shares=[1.0]))
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    flags = ["compare", "--dataset", str(data_folder), "--systems", str(tmp_path / "tiny.yaml"), "--seeds", "1"]
    flags += ["--shares", "1", "--output_dir", str(tmp_path / "b")]
    assert main(flags) == 0
    assert "holds runs of another system, or with other settings" in fails(*flags, "--max_length", "9")
    (tmp_path / "tiny.yaml").write_text(TINY.replace("0.02", "0.03"), encoding="utf-8")
    assert "under the name 'tiny'" in fails(*flags)


def test_other_files_of_the_same_name_are_another_system(
    data_folder: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    """A recipe starts from a language model's folder, or from a file of vectors: what lies there may change."""
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("good 0.5 1 0 0\nbad -0.5 1 0 0\n", encoding="utf-8")
    recipe = TINY.replace("embedding_size: 8", f"embeddings: {vectors}")
    (tmp_path / "tiny.yaml").write_text(recipe, encoding="utf-8")
    flags = ["compare", "--dataset", str(data_folder), "--systems", str(tmp_path / "tiny.yaml"), "--seeds", "1"]
    flags += ["--shares", "1", "--output_dir", str(tmp_path / "out")]
    assert main(flags) == 0 and main(flags) == 0
    vectors.write_text("good 0.5 1 0 0\nbad 0.5 1 0 0\n", encoding="utf-8")
    assert "under the name 'tiny'" in fails(*flags)

    def identity() -> dict[str, Any]:
        return NeuralSystem("tuned", {"transformer": str(tmp_path / "model")}, [{}]).identity()

    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}", encoding="utf-8")
    first = identity()
    (tmp_path / "model" / "pytorch_model.bin").write_bytes(b"weights")
    assert identity() != first


def test_a_folder_of_runs_may_grow(data: DataArguments, trained: Path, tmp_path: Path) -> None:
    runs = tmp_path / "mine"
    for seed in (1, 2):
        shutil.copytree(trained, runs / f"seed-{seed}")
    options = {"shares": [1.0], "seeds": 3}
    compare([str(runs)], data, arguments(tmp_path / "out", **options))
    shutil.copytree(trained, runs / "seed-0")
    weights = load_file(runs / "seed-0" / "model.safetensors")
    save_file({name: -one for name, one in weights.items()}, runs / "seed-0" / "model.safetensors", {"format": "pt"})
    (found,) = compare([str(runs)], data, arguments(tmp_path / "out", **options))["systems"].values()
    first, *others = found["scores"]["accuracy"]["values"]
    assert first < 0.9 and others == [1.0, 1.0]
    before = json.loads((tmp_path / "out" / "costs.json").read_text("utf-8"))["systems"]
    save_file(weights, runs / "seed-0" / "model.safetensors", {"format": "pt"})  # trained anew, its cost is another
    compare([str(runs)], data, arguments(tmp_path / "out", **options))
    assert json.loads((tmp_path / "out" / "costs.json").read_text("utf-8"))["systems"] != before


def test_fewer_trials_in_the_same_folder(data: DataArguments, tmp_path: Path) -> None:
    compare([WordList()], data, arguments(tmp_path, shares=[1.0]))
    found = compare([WordList(), Constant()], data, arguments(tmp_path, shares=[1.0], trials=1))["systems"]
    assert found["word-list"]["settings"] == {"words": 1}
    measured = json.loads((tmp_path / "costs.json").read_text("utf-8"))["systems"]["word-list"]
    assert "setting-0" in measured and (Path(measured) / "words.json").is_file()


class Fragile(WordList):
    error: Exception = InputError("Training diverged.")

    def fit(self, task: ComparisonTask, settings: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
        if settings["words"] == 1:
            raise self.error
        super().fit(task, settings, seed, folder)
        return {}


def test_a_setting_that_fails_loses(data: DataArguments, tmp_path: Path) -> None:
    (found,) = compare([Fragile()], data, arguments(tmp_path))["systems"].values()
    assert [one["validation"] is None for one in found["tried"]] == [True, False] and found["settings"] == {"words": 3}
    assert "| failed |" in (tmp_path / "comparison.md").read_text("utf-8")
    told = "'word-list' failed with the settings {\"words\": 1}, 90 rows and seed 0: Training diverged."
    with pytest.raises(InputError, match=re.escape(told)):
        compare([Fragile()], data, arguments(tmp_path / "alone", trials=1))
    full = Fragile()
    full.error = MemoryError("cannot allocate")
    with pytest.raises(InputError, match="90 rows and seed 0: MemoryError: cannot allocate"):
        compare([full], data, arguments(tmp_path / "full", trials=1))


def test_a_fault_of_the_machine_chooses_no_setting(data: DataArguments, tmp_path: Path) -> None:
    full = Fragile()
    full.error = UnavailableError("The disk is full.")
    with pytest.raises(UnavailableError, match="90 rows and seed 0: The disk is full"):
        compare([full], data, arguments(tmp_path))
    full.error = InputError("Training diverged.")
    (found,) = compare([full], data, arguments(tmp_path))["systems"].values()
    assert [one["validation"] is None for one in found["tried"]] == [True, False]


def test_two_comparisons_do_not_share_a_folder(data: DataArguments, tmp_path: Path, forks: ForkServerContext) -> None:
    writes, is_over = forks.Event(), forks.Event()
    other = forks.Process(target=_claim, args=(tmp_path, writes, is_over))
    other.start()
    writes.wait()
    with pytest.raises(UnavailableError, match="Another process is writing into"):
        compare([WordList()], data, arguments(tmp_path))
    is_over.set()
    other.join()
    assert compare([WordList()], data, arguments(tmp_path))["systems"]


def _claim(folder: Path, writes: Any, is_over: Any) -> None:
    with claim_folder(folder):
        writes.set()
        is_over.wait()


class NeedsRows(WordList):
    def fit(self, task: ComparisonTask, settings: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
        if len(task.texts("train")) < 20:
            raise ValueError("too few rows")
        return super().fit(task, settings, seed, folder)


def test_a_point_of_a_learning_curve_that_fails_is_left_out(
    data: DataArguments, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = compare([NeedsRows()], data, arguments(tmp_path, trials=1, shares=[0.1, 0.5]))["systems"]["word-list"]
    assert [point["rows"] for point in found["curve"]] == [45] and len(found["scores"]["accuracy"]["values"]) == 2
    assert "9 rows and seed 0: ValueError: too few rows. This point is left out of its learning curve." in caplog.text


def test_runs_of_changed_code_are_not_taken_for_those_of_now(data: DataArguments, tmp_path: Path) -> None:
    code = "from tests.comparison.test_comparing import WordList\nclass Mine(WordList):\n    name = 'mine'\n"
    (tmp_path / "mine_system.py").write_text(code, encoding="utf-8")
    script = "import sys\nfrom modeling_lstm.cli import main\nsys.exit(main(sys.argv[1:]))"
    flags = ["compare", "--dataset", data.dataset, "--systems", "mine_system:Mine", "--shares", "1", "--trials", "1"]
    command = [sys.executable, "-c", script, *flags, "--output_dir", "out", "--resamples", "100"]
    place = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}}

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, timeout=600, **place)

    assert (done := run()).returncode == 0, done.stderr
    (tmp_path / "mine_system.py").write_text(f"# a remark\n{code}", encoding="utf-8")
    assert run().returncode == 0
    (tmp_path / "mine_system.py").write_text(code + "    forgets = 4\n", encoding="utf-8")
    done = run()
    assert done.returncode == 2 and "or with other settings or code, under the name 'mine'" in done.stderr


def test_a_recipe_that_pushes_is_not_pushed(tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(f"{TINY}push_to_hub: true\nhub_model_id: me/reviews\nhub_strategy: end\n", encoding="utf-8")
    system = NeuralSystem.from_recipe(recipe)
    assert system.base["hidden_size"] == 8 and not any("hub" in name for name in {**system.base, **system.written})


def test_the_first_setting_is_what_train_does_by_default(
    data: DataArguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = NeuralSystem("small", {"hidden_size": 4, "embedding_size": 4, "min_frequency": 1}, [{}])
    compare([system], data, arguments(tmp_path / "out", shares=[1.0], trials=1, seeds=1))
    record = read_record(tmp_path / "out/runs/small/setting-0/rows-90/seed-0")
    command = ["train", "--dataset", data.dataset, "--output_dir", str(tmp_path / "run"), "--hidden_size", "4"]
    assert main([*command, "--embedding_size", "4", "--min_frequency", "1", "--seed", "0", "--use_cpu", "true"]) == 0
    for name in ("num_train_epochs", "average_epochs", "per_device_train_batch_size"):
        assert record["training"][name] == read_record(tmp_path / "run")["training"][name]
    monkeypatch.setattr(NeuralSystem, "min_steps", 400)  # 100 epochs have 300
    compare([system], data, arguments(tmp_path / "more", shares=[1.0], trials=1, seeds=1))
    record = read_record(tmp_path / "more/runs/small/setting-0/rows-90/seed-0")
    assert record["training"]["steps"] == 400 and record["training"]["average_epochs"] == 0.5


def test_small_and_unbalanced_data(tmp_path: Path) -> None:
    rows = [(text, "yes" if n % 10 else "no") for n, (text, _) in enumerate(opinion_rows(150))]
    path = write_csv(tmp_path / "mine.csv", rows)
    found = compare(["tfidf"], DataArguments(dataset=str(path)), arguments(tmp_path / "out"))["systems"]["tfidf"]
    assert len(found["curve"]) == 1  # one hundredth of it, two rows, would not hold both labels


def test_a_run_that_may_have_seen_the_test_rows(tmp_path: Path, fails: Callable[..., str]) -> None:
    path = write_csv(tmp_path / "mine.csv", opinion_rows(120))
    flags = ["--dataset", str(path), *TRAIN_FLAGS]
    assert main(["train", *flags, "--output_dir", str(tmp_path / "a")]) == 0
    revised = ["--test_share", "0.2", "--revision", "main"]  # of the Hub: a file has none
    assert main(["train", *flags, "--output_dir", str(tmp_path / "b"), *revised]) == 0
    flags = ["--dataset", str(path), "--output_dir", str(tmp_path / "out"), "--shares", "1", "--systems"]
    told = fails("compare", *flags, str(tmp_path / "a"))
    assert "was trained on other rows" in told and "(--test_share None, here 0.2)" in told
    assert main(["compare", *flags, str(tmp_path / "b")]) == 0
    assert "24 test rows (--test_share 0.2), 3 labels" in (tmp_path / "out/comparison.md").read_text("utf-8")
    write_csv(path, opinion_rows(123))  # other rows are test now, some of which were train
    flags[3] = str(tmp_path / "grown")
    assert "the data have other rows now" in fails("compare", *flags, str(tmp_path / "b"))


def test_a_run_that_learned_from_other_rows(data_folder: Path, trained: Path, tmp_path: Path) -> None:
    """Its validation and test rows are the same, but a comparison is of systems that learned from the same rows."""
    fewer = DataArguments(dataset=str(data_folder), max_train_samples=30)
    with pytest.raises(InputError, match="was trained on other rows.*the data have other rows now"):
        compare([str(trained)], fewer, arguments(tmp_path / "out"))


def test_settings_are_chosen_on_validation(data: DataArguments, tmp_path: Path) -> None:
    found = compare([WordList()], data, arguments(tmp_path, shares=[1.0], trial_rows=30))
    tried = found["systems"]["word-list"]["tried"]
    assert [one["rows"] for one in tried] == [30, 30] and tried[1]["validation"] > tried[0]["validation"]
    assert found["systems"]["word-list"]["curve"] == []
    assert WordList.fitted == [(1, 0), (3, 0), (3, 0), (3, 1)]
    content = json.loads((tmp_path / "runs/word-list/setting-1/rows-90/seed-0/words.json").read_text("utf-8"))
    assert content["rows"] == 90
    WordList.fitted = []
    alone = compare([WordList()], data, arguments(tmp_path / "alone", shares=[1.0], trials=1))
    report = (tmp_path / "alone/comparison.md").read_text("utf-8")
    assert (
        "; settings were not tuned." in report and "No settings were tuned: each system uses its first ones." in report
    )
    assert alone["systems"]["word-list"]["settings"] == {"words": 1} and len(WordList.fitted) == 2


def test_test_rows_are_read_only_where_they_count(data: DataArguments, tmp_path: Path) -> None:
    """Not by trials; and what was forgotten is learned again where it is asked about other rows later."""

    def asked(rows: int, seed: int) -> set[str]:
        folder = tmp_path / f"runs/word-list/setting-1/rows-{rows}/seed-{seed}"
        with np.load(folder / "predictions.npz") as found:
            assert (folder / "words.json").exists() == (rows == 90)
            return set(found)

    compare([WordList()], data, arguments(tmp_path, shares=[1.0], trial_rows=30))
    assert asked(30, 0) == {"validation"} and asked(90, 0) == {"validation", "test", "shuffled"}
    WordList.fitted = []
    found = compare([WordList()], data, arguments(tmp_path, shares=[1 / 3], trial_rows=30))["systems"]["word-list"]
    assert WordList.fitted == [(3, 0), (3, 1)] and [point["rows"] for point in found["curve"]] == [30]
    assert asked(30, 0) == {"validation", "test"} and asked(30, 1) == {"test"}
    (tmp_path / "runs/word-list/setting-1/rows-30/seed-1/predictions.npz").unlink()
    again = compare([WordList()], data, arguments(tmp_path, shares=[1 / 3], trial_rows=30))["systems"]["word-list"]
    assert WordList.fitted[2:] == [(3, 1)] and again["curve"] == found["curve"]


def test_many_test_rows_are_put_in_disorder_in_part(
    data: DataArguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What that loses is counted on the same rows; what was predicted for others is predicted anew."""
    found = compare([WordList()], data, arguments(tmp_path, shares=[1.0]))
    whole = found["systems"]["word-list"]
    assert found["shuffled"] == 33
    assert whole["shuffled"]["in_order"]["values"] == whole["scores"]["accuracy"]["values"]
    assert "the words of each test text in a random order" in (tmp_path / "comparison.md").read_text("utf-8")
    monkeypatch.setattr("modeling_lstm.comparison.experiment.MAX_SHUFFLED", 7)
    WordList.fitted = []
    found = compare([WordList()], data, arguments(tmp_path, shares=[1.0]))
    part, study = found["systems"]["word-list"], Experiment(tmp_path, data)
    outcomes = [study.run(Run(WordList(), 1, 90, seed)) for seed in range(2)]
    assert not WordList.fitted and part["scores"] == whole["scores"] and found["shuffled"] == 7
    texts, labels = study.texts["test"], study.task.labels("test")
    for row, mixed in zip(study.shuffled_rows, study.texts["shuffled"], strict=True):
        assert sorted(mixed.split()) == sorted(texts[row].split())
    for seed, outcome in enumerate(outcomes):
        right = (outcome.probabilities["test"].argmax(axis=1) == labels)[study.shuffled_rows]
        assert part["shuffled"]["in_order"]["values"][seed] == right.mean()
        assert len(outcome.probabilities["shuffled"]) == 7
    assert "the words of 7 test texts in a random order" in (tmp_path / "comparison.md").read_text("utf-8")


def test_one_file_without_splits(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "mine.csv", opinion_rows(120))
    found = compare([WordList()], DataArguments(dataset=str(path)), arguments(tmp_path / "out"))
    assert {name: counts["rows"] for name, counts in found["data"]["counts"].items()} == {
        "train": 86,
        "validation": 10,
        "test": 24,
    }


def test_order_is_noticed_by_those_who_read_it(tmp_path: Path) -> None:
    """A bag of words gives the same answer to every order; pieces of neighboring words do not."""
    rows = [("good not bad", "yes"), ("bad not good", "no")] * 100
    path = write_csv(tmp_path / "mine.csv", [(f"{text} {n // 2 % 7}", label) for n, (text, label) in enumerate(rows)])
    systems = ["tfidf", "bag-of-words"]
    options = {"shares": [1.0], "trials": 1, "seeds": 1}
    found = compare(systems, DataArguments(dataset=str(path)), arguments(tmp_path / "out", **options))["systems"]
    assert found["bag-of-words"]["shuffled"]["changed"]["mean"] == 0.0
    assert found["bag-of-words"]["scores"]["accuracy"]["mean"] == pytest.approx(0.5, abs=0.25)
    assert found["tfidf"]["scores"]["accuracy"]["mean"] == 1.0 and found["tfidf"]["shuffled"]["changed"]["mean"] > 0.2


def test_few_rows_are_learned_from_in_more_epochs(
    data: DataArguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And as many steps as they should have at least are not cut short by early stopping."""
    monkeypatch.setattr(NeuralSystem, "min_steps", 23)
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    still = {"model_type": "bag-of-words", "learning_rate": 1e-12, "early_stopping_patience": 1}
    hasty, long = (NeuralSystem(name, still, [{"num_train_epochs": n}]) for name, n in (("hasty", 5), ("long", 50)))
    systems = ["bag-of-words", hasty, long, str(tmp_path / "tiny.yaml")]
    compare(systems, data, arguments(tmp_path / "out", shares=[0.3], trials=1, seeds=1))
    for rows in (90, 27):  # at 64 rows a step two steps or one, in five epochs
        record = read_record(tmp_path / f"out/runs/hasty/setting-0/rows-{rows}/seed-0")
        assert record["training"]["steps"] == 25 and len(record["history"]) == 5
        assert record["history"][-1]["epoch"] == 25 / (2 if rows == 90 else 1)
        assert "--max_steps 25" in record["command"]
        record = read_record(tmp_path / f"out/runs/bag-of-words/setting-0/rows-{rows}/seed-0")
        assert record["training"]["steps"] == 300  # as `train` does by default
        steps = read_record(tmp_path / f"out/runs/long/setting-0/rows-{rows}/seed-0")["training"]["steps"]
        assert steps == (24 if rows == 90 else 23)  # no score is better than the first one; evaluated each 2 steps or 1
    assert "--max_steps" not in read_record(tmp_path / "out/runs/tiny/setting-0/rows-90/seed-0")["command"]


def run_script(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(script, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=600,  # it would wait forever
    )


def test_a_script_that_cannot_be_imported_is_told_so(tmp_path: Path) -> None:
    """Processes import the script that starts them; one without `if __name__ == "__main__"` would start more."""
    done = run_script(UNGUARDED, tmp_path)
    assert done.returncode == 1 and "The process that measures 'constant' died: its error is above." in done.stderr
    assert "if __name__ == '__main__':" in done.stderr
    done = run_script(GUARDED, tmp_path)
    assert done.returncode == 0 and "'p50_ms'" in done.stdout, done.stderr
    done = run_script(EARLY.format(guard="True"), tmp_path)
    assert done.returncode == 1 and "Put what it runs under if __name__ == '__main__':" in done.stderr
    assert "begun" not in done.stdout, "before anything is trained"
    assert "begun" in run_script(EARLY.format(guard='__name__ == "__main__"'), tmp_path).stdout


def test_a_process_that_dies_while_it_is_measured_is_told(tmp_path: Path) -> None:
    done = run_script(ONE_DIES, tmp_path)
    assert done.returncode == 1 and "InputError: The process that measures 'lost' died" in done.stderr
    assert done.stderr.count("Process SpawnProcess-") == 1  # the one that died, not those that it leaves behind


def test_a_transformer_with_fewer_seeds(data_folder: Path, encoder: Path, tmp_path: Path) -> None:
    flags = ["--dataset", str(data_folder), "--seeds", "2", "--transformer_seeds", "1", "--shares", "1", "--bf16"]
    flags += ["--trials", "2", "--resamples", "100", "--transformer_max_length", "16", "--class_weights", "balanced"]
    flags += ["--transformer_overrides", "attention_probs_dropout_prob=0"]
    systems = [f"tiny-bert=transformer:{encoder}", "tests.comparison.test_comparing:WordList"]
    assert main(["compare", *flags, "--systems", *systems, "--output_dir", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "comparison.json").read_text("utf-8"))["systems"]
    seeds = {name: len(one["scores"]["accuracy"]["values"]) for name, one in found.items()}
    assert seeds == {"tiny-bert": 1, "word-list": 2}
    assert found["tiny-bert"]["scores"]["accuracy"]["sd"] is None
    rates = [one["settings"]["learning_rate"] for one in found["tiny-bert"]["tried"]]
    assert rates == [5e-5, 1e-4] and found["tiny-bert"]["settings"]["learning_rate"] in rates
    path = next(tmp_path.glob("runs/tiny-bert/*/rows-90/seed-0/run.json"))
    command = json.loads(path.read_text("utf-8"))["command"]
    assert "--bf16 True" in command and "--max_length 16" in command and "--class_weights balanced" in command
    assert "--config_overrides attention_probs_dropout_prob=0" in command
    tables = (tmp_path / "comparison.md").read_text("utf-8")
    assert "The Transformers' configuration was changed: attention_probs_dropout_prob=0." in tables


def test_a_transformer_with_fewer_places_than_the_others_read(data_folder: Path, encoder: Path, tmp_path: Path) -> None:
    flags = ["--dataset", str(data_folder), "--seeds", "1", "--shares", "1", "--trials", "1", "--resamples", "100"]
    systems = ["--systems", f"transformer:{encoder}", "--max_length", "100"]
    assert main(["compare", *flags, *systems, "--output_dir", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("runs/*/*/rows-90/seed-0/run.json")
    assert read_record(path.parent)["data"]["max_length"] == 64
    assert f"Tokens of a text that are read: {encoder.name} the first 64" in (tmp_path / "comparison.md").read_text(
        "utf-8"
    )


def test_the_recipe_of_a_transformer_reads_as_much_as_train_does(
    data: DataArguments, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = []

    def stop(job: TrainingJob) -> Any:
        lengths.append(job.data.max_length)
        raise InputError("made for a test")

    monkeypatch.setattr(TrainingJob, "run", stop)
    monkeypatch.setattr(neural, "max_positions", lambda _: 512)
    recipe = tmp_path / "encoder.yaml"
    for text, source in (("", data), ("", replace(data, max_length=100)), ("max_length: 50", data)):
        recipe.write_text(f"transformer: {encoder}\ndataset: not/read\n{text}\n", encoding="utf-8")
        system = NeuralSystem.from_recipe(recipe)
        with pytest.raises(InputError, match="made for a test"):
            system.fit(Experiment(tmp_path / str(len(lengths)), source).task, {}, 0, tmp_path / "run")
    assert lengths == [256, 100, 50]


def test_settings_without_effect_are_refused(data: DataArguments, tmp_path: Path) -> None:
    for settings, told in (
        ({"transformer_max_length": 128}, "--transformer_max_length: only for Transformers"),
        ({"transformer_seeds": 1, "transformer_overrides": "x=1"}, "--transformer_seeds and --transformer_overrides"),
        ({"bf16": True}, "--bf16 is for networks that the comparison trains"),
    ):
        with pytest.raises(InputError, match=re.escape(told)):
            compare(["tfidf"], data, arguments(tmp_path, **settings))
    with pytest.raises(InputError, match="'lstm=' is neither a system nor TITLE=SYSTEM"):
        compare(["lstm="], data, arguments(tmp_path))


def test_the_size_of_a_run_is_that_of_the_files_that_it_needs(run_copy: Path) -> None:
    before = experiment._bytes(run_copy)
    assert before > (run_copy / "model.safetensors").stat().st_size
    for name in ("predictions.csv", "evaluation.json", "notes.bin"):
        (run_copy / name).write_bytes(b"x" * 10_000)
    assert experiment._bytes(run_copy) == before


def test_the_card_of_a_run_tells_of_its_comparison(
    data_folder: Path, run_copy: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    systems = ["mine=" + str(run_copy), "tests.comparison.test_comparing:WordList"]
    flags = ["--dataset", str(data_folder), "--seeds", "2", "--shares", "1", "--resamples", "200"]
    assert main(["compare", *flags, "--systems", *systems, "--output_dir", str(tmp_path / "out")]) == 0
    card = ["card", str(run_copy), "me/films", "--comparison"]
    assert main([*card, str(tmp_path / "out")]) == 0
    assert main(["card", str(run_copy), "me/films"]) == 0  # what it was told once stays
    text = (run_copy / "README.md").read_text("utf-8")
    found = json.loads((tmp_path / "out" / "comparison.json").read_text("utf-8"))["systems"]
    section = text[text.index("## Compared with other systems") :]
    for name, system in found.items():
        score = system["scores"]["accuracy"]
        assert f"| `{name}` | {100 * score['mean']:.1f}" in section
        assert f"| {system['costs']['p50_ms']:.2f} |" in section
    moved = json.loads((tmp_path / "out" / "comparison.json").read_text("utf-8"))
    moved["data"]["dataset"] = os.path.relpath(data_folder)  # the same file in other words
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "comparison.json").write_text(json.dumps(moved), encoding="utf-8")
    assert main([*card, str(tmp_path / "moved")]) == 0
    moved["task"] = {"name": "translation", "source": "en", "target": "es"}
    (tmp_path / "moved" / "comparison.json").write_text(json.dumps(moved), encoding="utf-8")
    assert "Only the card of a classifier can show a comparison" in fails(*card, str(tmp_path / "moved"))
    record = json.loads((run_copy / "run.json").read_text("utf-8"))
    del record["compared"]
    (run_copy / "run.json").write_text(json.dumps(record), encoding="utf-8")
    before = (run_copy / "run.json").read_bytes()
    assert "is not the id of a repository" in fails("card", str(run_copy), "a b", "--comparison", str(tmp_path / "out"))
    assert "is not UTF-8" in fails(*card, str(tmp_path / "out"), "--examples", "\udcff")
    assert (run_copy / "run.json").read_bytes() == before
    assert "no comparison.json" in fails(*card, str(tmp_path))
    (tmp_path / "comparison.json").write_text("{", encoding="utf-8")
    assert "comparison.json' is damaged" in fails(*card, str(tmp_path))
    other = write_csv(tmp_path / "other.csv", opinion_rows(60))
    compare([WordList()], DataArguments(dataset=str(other)), arguments(tmp_path / "other"))
    assert "those of the comparison in" in fails(*card, str(tmp_path / "other"))
    record = read_record(run_copy)
    record["data"]["digests"]["train"] = "90 rows, digest of others"
    (run_copy / "run.json").write_text(json.dumps(record), "utf-8")
    assert "The run has other rows of train than the comparison in" in fails(*card, str(tmp_path / "out"))
    del record["data"]["digests"]  # as in older versions
    (run_copy / "run.json").write_text(json.dumps(record), "utf-8")
    assert main([*card, str(tmp_path / "out")]) == 0


def test_a_label_that_test_lacks_is_told_and_does_not_count(tmp_path: Path, fails: Callable[..., str]) -> None:
    for split, rows in (("train", 45), ("validation", 15), ("test", 15)):
        kept = [row for row in opinion_rows(rows) if split != "test" or row[1] != "neutral"]
        write_csv(tmp_path / "data" / f"{split}.csv", kept)
    settings = DataArguments(dataset=str(tmp_path / "data"))
    compare([WordList()], settings, arguments(tmp_path / "out", shares=[1.0], trials=1))
    assert "No test row has the label neutral" in (tmp_path / "out" / "comparison.md").read_text("utf-8")
    flags = ["compare", "--dataset", str(tmp_path / "data"), "--metric", "f1_neutral", "--output_dir"]
    assert "--metric f1_neutral: no row of test has this label" in fails(*flags, str(tmp_path / "f1"))
    flags = ["compare", "--task", "text-generation", "--dataset", str(tmp_path / "data")]
    assert "A language model is scored by modeling-lstm evaluate" in fails(*flags)


def test_costs_are_measured_in_processes_of_their_own(data: DataArguments, tmp_path: Path, real_costs: None) -> None:
    systems = {}
    for system in (Timed("quick", 0.001), Timed("slow", 0.01)):
        folder = tmp_path / system.name
        folder.mkdir()
        system.fit(Experiment(tmp_path / "out", data).task, {"words": 3}, 0, folder)
        systems[system.name] = (system, folder)
    found = measure(systems, [text for text, _ in opinion_rows(70)], 3, threads=1)
    for name, milliseconds in (("quick", 1.0), ("slow", 10.0)):
        one = found[name]
        assert one["p50_ms"] == one["p95_ms"] == milliseconds
        assert one["texts_per_second"] == round(70 / (3 * milliseconds / 1000), 1), "in batches of 32, 32 and 6"
        assert one["load_seconds"] == round(0.5 + milliseconds / 1000, 3)
        assert 0 <= one["memory_mb"] < 100


class Noting(WordList):
    """Notes in a file what it was asked."""

    def load(self, folder: Path, labels: int) -> Any:
        def predict(texts: list[str]) -> np.ndarray:
            with (folder / "asked").open("a", encoding="utf-8") as file:
                file.writelines(f"{text}\n" for text in texts)
            return np.ones((len(texts), labels)) / labels

        return predict


def test_no_text_is_timed_twice_where_there_are_enough(tmp_path: Path, real_costs: None) -> None:
    texts = [f"text {number}" for number in range(1_000)]
    measure({"noting": (Noting(), tmp_path)}, texts, 3, threads=1)
    asked = (tmp_path / "asked").read_text(encoding="utf-8").split("\n")[1:-1]  # but the one that it was opened with
    assert sorted(asked) == sorted(texts)


def test_the_report_holds_everything_and_runs_nothing(data: DataArguments, tmp_path: Path) -> None:
    system = WordList()
    system.name = "<script>alert(1)</script> | $x$"
    compare([system, Constant()], data, arguments(tmp_path), command="modeling-lstm compare '<b>'")
    html = (tmp_path / "report.html").read_text("utf-8")
    tags: list[str] = []
    sources: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            tags.append(tag)
            sources.extend(str(value) for name, value in attributes if name in ("src", "href", "xlink:href"))

    Reader().feed(html)
    assert "script" not in tags and "b" not in tags and tags.count("svg") == 3
    assert all(source.startswith("#") for source in sources)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    write_report(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_what_cannot_be_compared(
    fails: Callable[..., str], data_folder: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["compare", "--dataset", str(data_folder), "--output_dir", str(tmp_path / "out")]
    assert "There is no system 'lsmt': choose one of lstm, gru" in fails(*flags, "--systems", "lsmt")
    told = fails(*flags, "--systems", "lstm", "lstm")
    assert "Two systems have the same name: lstm. Give one of them another: NAME=SYSTEM." in told
    assert "Two systems have the same name: LSTM, lstm." in fails(*flags, "--systems", "lstm", "LSTM=gru")
    assert "Unknown metric 'log_loss' for --metric" in fails(*flags, "--metric", "log_loss")
    assert "--seeds must be at least 1, found 0" in fails(*flags, "--seeds", "0")
    assert "--shares must be greater than 0" in fails(*flags, "--shares", "0")
    assert "--transformer_seeds must be at most --seeds 3, found 5" in fails(*flags, "--transformer_seeds", "5")
    assert "--transformer_max_length must be at least 1" in fails(*flags, "--transformer_max_length", "-1")
    told = fails(*flags, "--systems", "tfidf", "--embeddings", "glove.txt")
    assert "--embeddings is for the systems lstm, gru and bag-of-words" in told
    (tmp_path / "file").write_text("")
    assert "is a file" in fails(*flags[:3], "--output_dir", str(tmp_path / "file"), "--systems", "tfidf")
    assert "cannot be opened: ModuleNotFoundError" in fails(*flags, "--systems", "no.module:System")
    assert "is not a modeling_lstm.comparison.System" in fails(*flags, "--systems", "json:dumps")
    assert "has no run.json" in fails(*flags, "--systems", str(tmp_path))
    assert "Name the folder of the comparison with --output_dir" in fails("compare", "--dataset", str(data_folder))
    other = write_csv(tmp_path / "other.csv", [(f"a text {n}", "no" if n % 2 else "yes") for n in range(60)])
    elsewhere = ["compare", "--dataset", str(other), "--systems", str(trained), "--output_dir", str(tmp_path / "other")]
    assert "has the labels ['negative', 'neutral', 'positive'], the data have ['no', 'yes']" in fails(*elsewhere)
    Experiment(tmp_path / "taken", DataArguments(dataset=str(data_folder)))
    (tmp_path / "taken" / "runs" / "lstm" / "setting-0" / "rows-60").mkdir(parents=True)  # something was trained
    taken = ["compare", "--dataset", str(other), "--output_dir", str(tmp_path / "taken")]
    assert "holds a comparison on other data" in fails(*taken)
    monkeypatch.setitem(sys.modules, "fasttext", None)
    assert "pip install 'modeling-lstm[compare]'" in fails(*flags, "--systems", "fasttext", "--trials", "1")


class Wrong(WordList):
    name = "wrong"

    def load(self, folder: Path, labels: int) -> Predict:
        return lambda texts: np.ones((len(texts), labels))


class Nameless(WordList):
    name = "?"


def test_names_of_any_alphabet(data: DataArguments, tmp_path: Path) -> None:
    first, second = WordList(), WordList(forgets=4)
    first.name, second.name = "модель", "基线 | *"
    found = compare([first, second], data, arguments(tmp_path, shares=[1.0], metric="f1_negative"))
    assert list(found["systems"]) == ["модель", "基线 | *"]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["модель", "基线"]
    with pytest.raises(InputError, match="Give the system Nameless a name with letters or digits"):
        compare([Nameless()], data, arguments(tmp_path))


def test_systems_that_break_their_promise(data: DataArguments, tmp_path: Path) -> None:
    class Local(WordList):
        pass

    with pytest.raises(InputError, match="cannot be pickled"):
        compare([Local()], data, arguments(tmp_path))
    with pytest.raises(InputError, match="must return probabilities from 0 to 1 of shape .* whose rows sum to 1"):
        compare([Wrong()], data, arguments(tmp_path))
