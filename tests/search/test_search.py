"""Settings chosen on validation: trials survive a kill, processes share them, and test is not read."""

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from multiprocessing.context import BaseContext, ForkServerContext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import psutil
import pytest
import yaml

from modeling_lstm.cli import main
from modeling_lstm.search import local_search, search_space, searching, studies
from modeling_lstm.search.arguments import SearchArguments
from modeling_lstm.search.ray_search import TrialManager
from modeling_lstm.search.search_space import sample_settings, suggest_settings, usual_settings, usual_trials
from modeling_lstm.search.searching import RECIPE, RESULT, search_settings
from modeling_lstm.search.studies import (
    MAX_FAILURES_AT_FIRST,
    MAX_FAILURES_IN_A_ROW,
    MAX_REPEATS,
    STORAGE,
    begin_trial,
    open_study,
    score_of,
)
from modeling_lstm.search.trials import run_trial
from modeling_lstm.training.defaults import fit_to_rows, fit_transformer_to_rows
from modeling_lstm.training.job import TrainingJob
from modeling_lstm.utils.errors import InputError
from modeling_lstm.utils.files import machine
from tests.conftest import find_processes, opinion_rows, write_csv

FLAGS = "--epochs 2 --use_cpu true --models bag-of-words --seed 3".split()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset whose test split cannot be read."""
    folder = tmp_path_factory.mktemp("data")
    for split, number in (("train", 60), ("validation", 24)):
        write_csv(folder / f"{split}.csv", opinion_rows(number))
    return folder


def trials_of(folder: Path) -> list[Any]:
    return optuna.load_study(study_name="search", storage=f"sqlite:///{folder / STORAGE}").get_trials()


@pytest.fixture(scope="module")
def found(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("searches") / "search"
    given = ["search", "--dataset", str(data), "--output_dir", str(folder), "--trials", "7", *FLAGS]
    with pytest.MonkeyPatch.context() as context:  # subwords come out otherwise each time, where some are as frequent
        words = search_space.SUBWORDS["words"]
        context.setattr(search_space, "SUBWORDS", dict.fromkeys(search_space.SUBWORDS, words))
        assert main(given) == 0
    return folder


def test_the_best_recipe_trains_to_the_score_that_was_found(found: Path, tmp_path: Path) -> None:
    result = json.loads((found / RESULT).read_text(encoding="utf-8"))
    states = [one["state"] for one in result["trials"]]
    assert len(states) == 7 and set(states) <= {"complete", "pruned"}
    first = result["trials"][0]["settings"]
    assert [first[name] for name in ("embedding_size", "learning_rate", "num_train_epochs")] == [200, 2e-3, 2]
    best = result["best"]
    assert best["value"] == max(one["value"] for one in result["trials"] if one["state"] == "complete")
    assert best["epochs"][str(best["epoch"])] == best["value"] and best["metric"] == "accuracy"
    recipe = yaml.safe_load((found / RECIPE).read_text(encoding="utf-8"))
    assert recipe == result["recipe"] and "output_dir" not in recipe
    flags = ["--use_cpu", "true", "--disable_tqdm", "true"]
    assert main(["train", str(found / RECIPE), "--output_dir", str(tmp_path / "run"), *flags]) == 0
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert record["metrics"]["validation"]["accuracy"] == pytest.approx(best["value"])
    page = (found / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 5 and f"{best['value']:.4f}" in page and "Nothing was\nmeasured on test" in page
    assert not (found / "trials").exists()


def test_a_search_goes_on_where_it_was(found: Path, data: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    """More trials are added to those that are there; as many as before are none."""
    before = [trial.number for trial in trials_of(found)]
    given = ["search", "--dataset", str(data), "--output_dir", str(found), *FLAGS]
    assert main([*given, "--trials", "7"]) == 0
    assert [trial.number for trial in trials_of(found)] == before
    assert main([*given, "--trials", "8"]) == 0
    assert len(trials_of(found)) == 8
    other = [*given[:-2], "--seed", "4"]
    assert "holds a search that differs in --seed:" in fails(*other)
    other = ["lstm" if one == "bag-of-words" else one for one in given]
    assert "holds a search that differs in --metric, --models:" in fails(*other, "--metric", "loss")
    parameters = [json.dumps(trial.params, sort_keys=True) for trial in trials_of(found)]
    assert len(set(parameters)) == 8, "a search that goes on draws nothing a second time"
    changed = Path(shutil.copytree(data, tmp_path / "data"))
    space = json.loads((found / "space.json").read_text(encoding="utf-8"))
    assert len(space["rows"]) == 2
    with (changed / "train.csv").open("a", encoding="utf-8") as file:
        file.write("one film more,positive\n")
    (found / "space.json").write_text(
        json.dumps(space | {"base": space["base"] | {"dataset": str(changed)}}), encoding="utf-8"
    )
    moved = [str(changed) if one == str(data) else one for one in given]
    assert "holds a search that differs in rows:" in fails(*moved)
    (found / "space.json").write_text("{", encoding="utf-8")
    assert "space.json' is damaged" in fails(*given)
    (found / "space.json").write_text(json.dumps(space), encoding="utf-8")


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_two_processes_and_a_second_start_draw_other_settings(tmp_path: Path, sampler: Any) -> None:
    arguments = SearchArguments(output_dir=str(tmp_path), models=["lstm"], sampler=sampler, seed=3)
    drawn = []
    for _ in range(2):  # started again
        for study in [open_study(tmp_path, arguments) for _ in range(2)]:  # beside each other
            for _ in range(2):
                trial = study.ask()
                drawn.append(json.dumps(begin_trial(trial, arguments), sort_keys=True))
                study.tell(trial, 0.5)
    assert len(set(drawn)) == len(drawn) == 8
    other = open_study(Path(shutil.copytree(tmp_path, tmp_path.parent / f"{sampler}-copy")), arguments)
    assert other.best_value == 0.5


def test_scores_keep_their_sign() -> None:
    assert score_of({"value": -0.2, "metric": "r2"}) == -0.2
    assert score_of({"value": -0.2, "metric": "mean_squared_error"}) == 0.2
    assert score_of({"value": -0.7, "metric": "loss"}) == 0.7


def test_the_recipe_trains_on_all_rows(data: Path, tmp_path: Path) -> None:
    result = search_settings(
        dataset=str(data), output_dir=str(tmp_path / "s"), trials=1, epochs=1, models=["bag-of-words"],
        use_cpu=True, max_train_samples=30,
    )  # fmt: skip
    assert "max_train_samples" not in result["recipe"] and result["recipe"]["dataset"] == str(data)


def _search_that_waits(given: list[str], marker: Path) -> None:
    """Begin a search whose first trial does nothing but wait."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background of a shell ignore it

    def wait(*_: Any) -> None:
        marker.touch()
        time.sleep(3600)

    pytest.MonkeyPatch().setattr(local_search, "run_trial", wait)
    main(given)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_search_that_was_stopped_loses_no_trial(
    how: signal.Signals, data: Path, tmp_path: Path, forks: ForkServerContext
) -> None:
    folder = tmp_path / "search"
    given = ["search", "--dataset", str(data), "--output_dir", str(folder), "--trials", "4", *FLAGS]
    process = forks.Process(target=_search_that_waits, args=(given, tmp_path / "waits"))
    process.start()
    while process.is_alive() and not (tmp_path / "waits").exists():
        time.sleep(0.01)
    os.kill(process.pid or 0, how)
    process.join()
    (cut,) = trials_of(folder)[:1]
    assert cut.number == 0 and "settings" in cut.user_attrs and cut.state.name in ("RUNNING", "FAIL")
    assert main(given) == 0
    found = trials_of(folder)
    counted = [trial for trial in found if trial.state.name in ("COMPLETE", "PRUNED")]
    assert len(counted) == 4 and all(trial.state.name != "RUNNING" for trial in found)
    again = [one for one in counted if one.user_attrs.get("repeats") == cut.number]
    assert [one.params for one in again] == [cut.params]


def has_ended(process: int) -> bool:
    """Whether a process has ended, even if its new parent has not noticed yet."""
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def always(context: BaseContext) -> Any:
    """`multiprocessing`, as far as a search needs it, with processes of this context only."""
    return SimpleNamespace(get_context=lambda _: context, parent_process=multiprocessing.parent_process)


def _search_without_end(folder: Path, marks: Path, idle: str) -> None:
    """Begin a search in two processes. In them, the function `idle` writes the process's id and then does nothing."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background of a shell ignore it

    def wait(*_: Any) -> None:
        (marks / f"{os.getpid()}").touch()
        time.sleep(3600)

    patch = pytest.MonkeyPatch()
    patch.setattr(local_search, "multiprocessing", always(multiprocessing.get_context("fork")))
    patch.setattr(local_search, idle, wait)
    local_search._work_in_processes(folder, {}, SearchArguments(output_dir=str(folder), jobs=2), None)


@pytest.mark.parametrize(
    ("how", "is_for_all"), [(signal.SIGKILL, False), (signal.SIGTERM, False), (signal.SIGINT, True)]
)
def test_no_process_of_a_search_outlives_it(
    how: signal.Signals, is_for_all: bool, tmp_path: Path, forks: ForkServerContext
) -> None:
    """Ctrl+C reaches all processes at once, other signals the first one only."""
    process = forks.Process(target=_search_without_end, args=(tmp_path, tmp_path, "work"))
    process.start()
    while len(workers := [int(path.name) for path in tmp_path.iterdir()]) < 2:
        time.sleep(0.01)
    (os.killpg if is_for_all else os.kill)(process.pid or 0, how)
    process.join()
    for worker in workers:
        while not has_ended(worker):
            time.sleep(0.01)


def test_ctrl_c_counts_no_trial_of_several_processes_as_killed(tmp_path: Path, forks: ForkServerContext) -> None:
    folder, marks = tmp_path / "search", tmp_path / "marks"
    folder.mkdir()
    marks.mkdir()
    process = forks.Process(target=_search_without_end, args=(folder, marks, "run_trial"))
    process.start()
    while process.is_alive() and len(list(marks.iterdir())) < 2:
        time.sleep(0.01)
    os.killpg(process.pid or 0, signal.SIGINT)
    process.join()
    found = trials_of(folder)
    assert [one.state.name for one in found] == ["FAIL", "FAIL", "WAITING", "WAITING"]
    assert {one.user_attrs["repeats"] for one in found[2:]} == {0, 1}
    assert all(one.user_attrs["killed"] == 0 for one in found[2:])


def test_two_processes_share_a_search(
    data: Path, tmp_path: Path, forks: ForkServerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_search, "multiprocessing", always(forks))
    folder = tmp_path / "search"
    result = search_settings(
        dataset=str(data),
        output_dir=str(folder),
        models=["bag-of-words"],
        epochs=1,
        trials=5,
        jobs=2,
        sampler="random",
        use_cpu=True,
    )
    processes = {tuple(trial.user_attrs["process"]) for trial in trials_of(folder)}
    assert 5 <= len(result["trials"]) <= 6 and len(processes) == 2
    assert len({str(trial.params) for trial in trials_of(folder)}) == len(result["trials"]), "no settings twice"


def test_bad_trials_are_pruned(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that is worse than half of those before at its second epoch ends there."""
    lengths: list[int] = []

    def scripted(settings: dict[str, Any], folder: Path, report: Callable[[int, float], bool]) -> dict[str, Any]:
        value = 0.1 if len(lengths) == 6 else 0.5
        lengths.append(0)
        stops = False
        while not stops and lengths[-1] < 3:
            lengths[-1] += 1
            stops = report(lengths[-1], value)
        found = {"value": value, "epoch": 3, "metric": "accuracy", "parameters": 10}
        return found | {"is_pruned": stops}

    monkeypatch.setattr(local_search, "run_trial", scripted)
    settings: dict[str, Any] = {"dataset": str(data), "models": ["lstm"], "trials": 8, "epochs": 3}
    result = search_settings(output_dir=str(tmp_path / "pruned"), **settings)
    assert lengths == [3] * 6 + [2, 3]
    assert [one["state"] for one in result["trials"]] == ["complete"] * 6 + ["pruned", "complete"]
    lengths.clear()
    search_settings(output_dir=str(tmp_path / "whole"), pruning=False, **settings)
    assert lengths == [3] * 8


def test_no_trial_begins_after_the_time(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def scripted(settings: dict[str, Any], folder: Path, report: Callable[[int, float], bool]) -> dict[str, Any]:
        nonlocal now
        now += 50
        raise InputError("made for a test")

    monkeypatch.setattr(local_search, "run_trial", scripted)
    with pytest.raises(InputError, match="No trial was completed: run the command again"):
        search_settings(dataset=str(data), output_dir=str(tmp_path / "none"), minutes=1e-9)
    with pytest.raises(InputError, match="No trial succeeded; the last one failed with: made for a test"):
        search_settings(dataset=str(data), output_dir=str(tmp_path / "search"), trials=50)
    assert now == 50 * MAX_FAILURES_AT_FIRST, "it gives up"


def test_failures_end_a_search_and_leave_its_folder_free(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    good: set[int] = set()
    begun = 0

    def scripted(settings: dict[str, Any], folder: Path, report: Callable[[int, float], bool]) -> dict[str, Any]:
        nonlocal begun
        begun += 1
        if begun not in good:
            raise InputError("made for a test")
        return {"value": 0.5, "epoch": 1, "metric": "accuracy", "parameters": 10, "is_pruned": False}

    monkeypatch.setattr(local_search, "run_trial", scripted)
    given: dict[str, Any] = {"dataset": str(data), "output_dir": str(tmp_path / "search"), "trials": 50}
    with pytest.raises(InputError, match="No trial succeeded"):
        search_settings(**given)
    with pytest.raises(InputError, match="No trial succeeded"):
        search_settings(**given)
    assert begun == 2 * MAX_FAILURES_AT_FIRST, "what failed before may have been mended since"
    good |= {begun + 1 + MAX_FAILURES_AT_FIRST}
    with pytest.raises(InputError, match="No trial succeeded"):
        search_settings(**given, seed=1)  # in place of the other search, which found nothing
    assert len(trials_of(tmp_path / "search")) == MAX_FAILURES_AT_FIRST
    search_settings(**given, seed=1)
    assert len(trials_of(tmp_path / "search")) == MAX_FAILURES_AT_FIRST + 1 + MAX_FAILURES_IN_A_ROW
    assert "13 of 14 trials failed, the last one with: made for a test" in caplog.text
    with pytest.raises(InputError, match="differs in --seed: choose another --output_dir"):
        search_settings(**given, seed=2)


def test_no_more_trials_begin_than_were_asked_for(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process tries the last one, this one waits, and tries another if that fails."""
    arguments = SearchArguments(output_dir=str(tmp_path), trials=2)
    other = open_study(tmp_path, arguments)
    ends = iter(["FAIL", "COMPLETE"])
    tried: list[str] = []

    def begin_other() -> Any:
        trial = other.ask()
        begin_trial(trial, arguments)
        return trial

    running = [begin_other(), begin_other()]

    def sleep(_: float) -> None:
        state = optuna.trial.TrialState[next(ends)]
        other.tell(running.pop(), 0.5 if state.name == "COMPLETE" else None, state=state)

    def scripted(settings: dict[str, Any], folder: Path, report: Callable[[int, float], bool]) -> dict[str, Any]:
        tried.append("here")
        return {"value": 0.5, "epoch": 1, "metric": "accuracy", "parameters": 10, "is_pruned": False}

    monkeypatch.setattr(local_search, "run_trial", scripted)
    monkeypatch.setattr(local_search.time, "sleep", sleep)
    local_search.work(tmp_path, {}, arguments)
    assert tried == ["here"] and not running


def test_a_manager_waits_for_the_last_trials_and_forgives_what_was_mended(tmp_path: Path) -> None:
    found = {"value": 0.5, "epoch": 1, "metric": "accuracy", "parameters": 10, "is_pruned": False}
    arguments = SearchArguments(output_dir=str(tmp_path), trials=2)
    manager = TrialManager(tmp_path, arguments, None)
    for _ in range(MAX_REPEATS):
        assert manager.begin(0), "a worker that was killed says nothing about the settings"
    for _ in range(MAX_FAILURES_AT_FIRST):
        assert manager.begin(0)
        manager.end_trial(0, None, "made for a test", 1.0)
    assert manager.begin(0) is None
    manager = TrialManager(tmp_path, arguments, None)
    assert manager.begin(0) and manager.begin(1) and manager.begin(2) == {}
    manager.end_trial(1, None, "made for a test", 1.0)
    assert manager.begin(2)
    manager.end_trial(2, found, None, 1.0)
    assert manager.begin(2) == {}
    manager.end_trial(0, found, None, 1.0)
    assert [manager.begin(worker) for worker in range(3)] == [None] * 3


def test_settings_that_kill_their_process_are_not_repeated_forever(tmp_path: Path) -> None:
    manager = TrialManager(tmp_path, SearchArguments(output_dir=str(tmp_path), trials=2), None)
    tried = [manager.begin(0) for _ in range(MAX_REPEATS + 2)]
    assert all(one == tried[0] for one in tried[: MAX_REPEATS + 1]) and tried[-1] != tried[0]
    (failed,) = [one for one in trials_of(tmp_path) if "error" in one.user_attrs]
    assert failed.state.name == "FAIL" and f"killed {MAX_REPEATS + 1} times" in failed.user_attrs["error"]


def test_an_interruption_by_the_user_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(local_search, "run_trial", interrupted)
    for _ in range(MAX_REPEATS + 2):
        with pytest.raises(KeyboardInterrupt):
            local_search.work(tmp_path, {}, SearchArguments(output_dir=str(tmp_path), trials=2))
    *cut, waiting = trials_of(tmp_path)
    assert len(cut) == MAX_REPEATS + 2 and waiting.state.name == "WAITING"
    assert not any("error" in one.user_attrs for one in cut) and all(one.params == cut[0].params for one in cut)


def _begin(folder: Path, barrier: Any) -> None:
    barrier.wait()
    study = studies.open_study(folder, SearchArguments(output_dir=str(folder)))
    study.ask()


def test_processes_may_begin_a_search_at_the_same_time(tmp_path: Path, forks: ForkServerContext) -> None:
    barrier = forks.Barrier(4)
    processes = [forks.Process(target=_begin, args=(tmp_path, barrier)) for _ in range(4)]
    for one in processes:
        one.start()
    for one in processes:
        one.join()
    assert [one.exitcode for one in processes] == [0] * 4
    assert len(trials_of(tmp_path)) == 4


def test_a_pruned_trial_is_described_by_its_best_epoch(tmp_path: Path) -> None:
    study = studies.open_study(tmp_path, SearchArguments(output_dir=str(tmp_path)))
    trial = study.ask()
    for epoch, score in enumerate((0.3, 0.4, 0.2), start=1):
        trial.report(score, epoch)
    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    (one,) = study.get_trials()
    found = searching._describe(one)
    assert found["state"] == "pruned" and found["value"] == 0.4 and one.value == 0.2


def test_a_given_length_is_that_of_transformers_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Their default is 256, that of the other models 512."""
    bases: list[dict[str, Any]] = []

    def stop(base: dict[str, Any], *_: Any) -> Any:
        bases.append(base)
        raise InputError("made for a test")

    monkeypatch.setattr(searching, "_claim", lambda folder, *rest: stop(*rest))
    given = ["search", "--dataset", "order-matters", "--output_dir", str(tmp_path / "s"), "--models", "lstm"]
    assert main([*given, "--max_length", "512"]) == 2 and main(given) == 2
    assert [one.get("max_length") for one in bases] == [512, None]


def test_word_vectors_are_for_networks_that_take_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--embeddings is for the models lstm, gru, bag-of-words"):
        SearchArguments(output_dir=str(tmp_path), models=["transformer:x"], embeddings=["glove.txt"])


def test_the_trials_of_a_manager_have_heartbeats(tmp_path: Path) -> None:
    """Without them, nobody on another machine would know that the process of a trial was killed."""
    manager = TrialManager(tmp_path, SearchArguments(output_dir=str(tmp_path), trials=2), None)
    assert manager.begin(0) and manager.begin(1)
    with contextlib.closing(sqlite3.connect(tmp_path / STORAGE)) as database:
        assert database.execute("SELECT COUNT(*) FROM trial_heartbeats").fetchone() == (2,)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metric": "speed"}, "Unknown metric 'speed' for --metric: choose one of auto, accuracy, .*loss"),
        ({"models": ["lstm", "transformer:./nope"]}, "There is no Transformer './nope'"),
        ({"embeddings": ["none", "./nope.txt"]}, "There is no file or folder './nope.txt'"),
        ({"output_dir": "file.txt"}, "file.txt' is a file: name a folder"),
    ],
)
def test_what_no_trial_could_use_claims_no_folder(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file.txt").touch()
    with pytest.raises(InputError, match=message):
        search_settings(**{"dataset": str(data), "output_dir": "search"} | settings)
    assert not Path("search").exists()


def test_a_trial_leaves_nothing_behind_and_tells_each_epoch(data: Path, tmp_path: Path) -> None:
    told: list[tuple[int, float]] = []
    small = {"embedding_size": 8, "hidden_size": 8, "num_train_epochs": 2, "min_frequency": 1, "use_cpu": True}
    settings = {"dataset": str(data), "metric_for_best_model": "loss"} | small
    outcome = run_trial(settings, tmp_path / "trial", lambda epoch, value: bool(told.append((epoch, value))))
    assert [epoch for epoch, _ in told] == [1, 2] and outcome["value"] == max(value for _, value in told) < 0
    assert outcome["metric"] == "loss" and not (tmp_path / "trial").exists()

    outcome = run_trial(settings, tmp_path / "trial", lambda *_: True)
    assert outcome["is_pruned"] and outcome["value"] == told[0][1] and not (tmp_path / "trial").exists()


@pytest.mark.parametrize("model", ["lstm", "gru", "bag-of-words", "transformer:me/small"])
@pytest.mark.parametrize("embeddings", [["none"], ["none", "glove.txt"], ["glove.txt"]])
def test_every_setting_of_the_space_can_be_used(model: str, embeddings: list[str]) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    seen: set[Any] = set()
    for _ in range(30):
        settings = suggest_settings(study.ask(), [model], embeddings, 6)
        job = TrainingJob(dataset="x.csv", output_dir="run", use_cpu=True, **settings)
        assert job.training.num_train_epochs <= 6
        seen.add(settings.get("embeddings"))
    is_transformer = model.startswith("transformer:")
    assert seen == ({None} if is_transformer else {None if one == "none" else one for one in embeddings})
    several = {suggest_settings(study.ask(), ["lstm", "gru"], ["none"], 6)["cell_type"] for _ in range(30)}
    assert several == {"lstm", "gru"}


@pytest.mark.parametrize("rows", [60, 5_452, 10**6])
def test_the_first_trials_have_the_defaults_of_train(rows: int) -> None:
    models, epochs = (
        ["gru", "bag-of-words", "transformer:me/small"],
        max(8, int(usual_settings(rows)["num_train_epochs"])),
    )
    trials = usual_trials(models, ["none", "glove.txt"], epochs, rows)
    assert [trial["model"] for trial in trials] == models
    for model, parameters in zip(models, trials, strict=True):
        settings = suggest_settings(optuna.trial.FixedTrial(parameters), models, ["none", "glove.txt"], epochs)
        kind = {name: settings[name] for name in ("cell_type", "model_type", "transformer") if name in settings}
        found, usual = (
            TrainingJob(dataset="x.csv", output_dir="run", use_cpu=True, **chosen) for chosen in (settings, kind)
        )
        fit_to = fit_transformer_to_rows if "transformer" in kind else fit_to_rows
        fit_to(usual.training, rows, {})
        assert (found.model.config_fields(), found.tokenizer) == (usual.model.config_fields(), usual.tokenizer)
        for name in settings.keys() & vars(usual.training):
            assert getattr(found.training, name) == getattr(usual.training, name), (model, name)
    (given,) = usual_trials(["lstm"], ["glove.txt"], 2, rows)
    assert "word_vector_size" not in given and given["num_train_epochs"] == 2
    assert given["embedding_learning_rate"] == pytest.approx(0.3 * given["learning_rate"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"models": ["rnn"]}, "Unknown model rnn for --models: choose lstm, gru, bag-of-words or transformer:NAME"),
        ({"models": []}, "Name the models to choose from"),
        ({"trials": 0}, "--trials must be at least 1, found 0"),
        ({"jobs": 0}, "--jobs must be at least 1, found 0"),
        ({"minutes": 0.0}, "--minutes must be greater than 0, found 0.0"),
        ({"output_dir": ""}, "Name the folder of the search"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SearchArguments(**{"output_dir": "search"} | settings)


def test_a_folder_of_something_else_is_left_alone(data: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    (tmp_path / "notes.txt").touch()
    assert "is not empty and holds no search" in fails("search", "--dataset", data, "--output_dir", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    message = fails("search", "--dataset", tmp_path / "no.csv", "--output_dir", tmp_path / "new", "--use_cpu", "true")
    assert "There is no file or folder" in message


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_the_workers_of_a_cluster_search_and_a_lost_trial_is_tried_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the cluster was started elsewhere
    folder, killed = tmp_path / "search", threading.Event()

    def kill_one() -> None:
        while not (found := find_processes("ray::_train")):
            time.sleep(0.1)  # each look reads all processes
        while not (folder / STORAGE).exists() or not any(one.state.name == "RUNNING" for one in trials_of(folder)):
            time.sleep(0.05)
        os.kill(found[0], signal.SIGKILL)
        killed.set()

    threading.Thread(target=kill_one, daemon=True).start()
    more: dict[str, Any] = {"models": ["bag-of-words"], "use_cpu": True, "seed": 3, "engine": "ray", "jobs": 1}
    found = search_settings(dataset=str(data), output_dir="search", trials=4, epochs=2, **more)
    assert killed.wait(60)
    states = [one["state"] for one in found["trials"]]
    assert states.count("complete") + states.count("pruned") == 4 and "running" not in states
    assert found["best"]["settings"] and (folder / RECIPE).is_file() and (folder / "report.html").is_file()
    again = [one for one in found["trials"] if "repeats" in one]
    assert all(found["trials"][one["repeats"]]["settings"] == one["settings"] for one in again)
    assert len(again) == states.count("fail")
    with pytest.raises(InputError, match="--address is for --engine ray"):
        SearchArguments(output_dir="x", address="auto")


def test_a_trial_that_another_process_retries_is_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = optuna.create_study(storage=f"sqlite:///{tmp_path / 'trials.db'}")
    for _ in range(2):
        suggest_settings(study.ask(), ["lstm"], ["none"], 4)
    for trial in study.get_trials():
        study._storage.set_trial_user_attr(trial._trial_id, "process", [machine(), 0])
    monkeypatch.setattr(studies, "is_running", lambda _: False)
    usual = study.tell

    def later(number: int, **more: Any) -> Any:
        if number == 0:
            usual(number, **more)  # as another process, a moment earlier
        return usual(number, **more)

    monkeypatch.setattr(study, "tell", later)
    studies.retry_stale_trials(study)
    waiting = [one for one in study.get_trials() if one.state.name == "WAITING"]
    assert [one.user_attrs["repeats"] for one in waiting] == [1]


def test_settings_are_drawn_by_their_seed() -> None:
    first, same, other = (sample_settings("lstm", 3, None, 8, seed=seed) for seed in (7, 7, 8))
    assert first == same != other


def test_processes_that_are_lost_are_told(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Lost:
        def __init__(self, **_: Any):
            self.exitcode = -9

        def start(self) -> None:
            """Nothing is done."""

        join = start

    monkeypatch.setattr(local_search.multiprocessing, "get_context", lambda _: SimpleNamespace(Process=Lost))
    with pytest.raises(InputError, match="No trial was completed: run the command again"):
        search_settings(dataset=str(data), output_dir=str(tmp_path / "out"), jobs=2, trials=2)
    assert "2 of 2 processes ended early (exit status -9, -9)" in caplog.text
