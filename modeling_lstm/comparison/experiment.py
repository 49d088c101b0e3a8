"""The runs of a comparison: trials to choose settings on validation, seeds, learning curves, and predictions."""

import contextlib
import hashlib
import json
import logging
import shutil
import time
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..data.arguments import LENGTHS, DataArguments
from ..data.digests import identify_splits
from ..data.loading import TextData, load_data
from ..evaluation.metrics import (
    REGRESSION,
    SINGLE_LABEL,
    choose_labels,
    compute_scores,
    greater_is_better,
    metric_names,
)
from ..runs.environment import describe_environment
from ..runs.record import RECORD
from ..runs.run_folders import LOADED
from ..tasks.text_classification import TextClassification
from ..utils.display import warn_once
from ..utils.errors import InputError, as_text, require
from ..utils.files import is_occupied, make_folder, read_json, write_file, write_json
from .arguments import TEST_SHARE
from .row_groups import shuffle_words
from .systems import ComparisonTask, System

logger = logging.getLogger(__name__)

PREDICTIONS = "predictions.npz"
RUNS = "runs/*/setting-*/rows-*"  # the folders of the runs of each size
SPLITS = ("validation", "test", "shuffled")
MAX_SHUFFLED = 5_000  # maximum number of test texts whose words are shuffled


@dataclass(frozen=True)
class Run:
    """One training of a system: the number of its setting, the number of training rows, and the seed."""

    system: System = field(hash=False)  # a user's class may not be hashable
    setting: int
    rows: int
    seed: int

    @property
    def path(self) -> Path:
        """The run's folder, relative to the comparison's folder."""
        if self.system.finished:  # identified by its content, since its index changes when others are added
            folder = self.system.finished[self.seed].resolve()
            changed = max((path.stat().st_mtime_ns for path in folder.glob("*.safetensors")), default=0)
            digest = hashlib.blake2b(f"{folder} {changed}".encode(), digest_size=6).hexdigest()
            return Path("runs", self.system.slug, f"{folder.name}-{digest}")
        return Path("runs", self.system.slug, f"setting-{self.setting}", f"rows-{self.rows}", f"seed-{self.seed}")


@dataclass
class RunOutcome:
    """
    The result of a run.

    Args:
        record: Content of the run's `run.json`.
        probabilities: For each requested split, the probabilities, or the numbers of a regression, of shape
            `(rows, labels)`. Splits are `validation`, `test`, and `shuffled`: at most 5,000 rows of test with the words
            of each text in random order.
        path: The run's folder in the comparison, which holds the record and the predictions.
        folder: The folder of the trained system: the same folder, except for runs that existed before the comparison.
    """

    record: dict[str, Any]
    probabilities: dict[str, np.ndarray]
    path: Path
    folder: Path


class Experiment:
    """
    The runs of a comparison, in a folder that keeps finished runs.

    Args:
        folder: The comparison's folder.
        data: Where the texts come from. If there is no test split, a fifth of train is held out as test.
        metric: The metric to choose settings by; `"auto"`: the default metric of `train`.
        class_weights: `"balanced"` to give rare labels more weight.

    Attributes:
        shuffled_rows: The indices of the test rows in `shuffled`.

    Raises:
        InputError: the data cannot be used, or the folder holds a comparison on other data.
    """

    def __init__(self, folder: Path, data: DataArguments, metric: str = "auto", class_weights: Any = None):
        self.folder = folder
        self.arguments, loaded = _with_test(data)
        kind = loaded.problem_type
        require(
            class_weights is None or kind == SINGLE_LABEL,
            f"--class_weights balanced needs single labels; this task is {kind}.",
        )
        metric = TextClassification.from_data(loaded).default_metric if metric == "auto" else metric
        self.task = ComparisonTask(self.arguments, loaded, metric, class_weights)
        known = metric_names(kind, loaded.label_names, of_answers=True)
        require(metric in known, f"Unknown metric {metric!r} for --metric: choose one of {as_text(known)}.")
        self._check_labels()
        if data.group_column is not None:
            logger.warning("Rows with the same %s are not independent: true p-values are larger.", data.group_column)
        self.rows = loaded.splits["train"].num_rows
        self._tasks = {self.rows: self.task}
        texts = self.task.texts("test")
        self.shuffled_rows = np.sort(np.random.default_rng(0).permutation(len(texts))[:MAX_SHUFFLED])
        shuffled = shuffle_words([texts[row] for row in self.shuffled_rows])
        self.texts = {"validation": self.task.texts("validation"), "test": texts, "shuffled": shuffled}
        self.version = describe_environment()["versions"].get("modeling-lstm")
        self._claim()

    def _check_labels(self) -> None:
        """Raise if the metric is the F1 of a label that no row of validation or test has."""
        for split in ("validation", "test"):
            lacking = {f"f1_{name}" for name in self.find_lacking(split)}
            require(
                self.task.metric not in lacking,
                f"--metric {self.task.metric}: no row of {split} has this label. Choose another metric.",
            )

    def find_lacking(self, split: str) -> list[str]:
        """Return the names of the labels that no row of a split has."""
        present = self.task.kind.present(self.task.labels(split))
        is_number = self.task.data.problem_type == REGRESSION
        return [] if is_number else [one for n, one in enumerate(self.task.label_names) if n not in present]

    def identify(self) -> dict[str, Any]:
        """Return the number of rows of each split, in total and by label, and a digest of each split."""
        data = self.task.data
        return {"counts": data.counts(), "digests": identify_splits(data.splits, TextClassification.columns)}

    def _claim(self) -> None:
        """Mark a new folder as belonging to this comparison; raise if it belongs to another."""
        digest = hashlib.sha256()
        for split in ("train", "validation", "test"):
            digest.update(json.dumps([self.task.texts(split), self.task.labels(split).tolist()]).encode())
        what: dict[str, Any] = {
            "data": digest.hexdigest(),
            "metric": self.task.metric,
            "class_weights": self.task.class_weights,
        }
        if self.arguments.split_seed != DataArguments.split_seed:  # it may also decide which rows are sampled
            what["split_seed"] = self.arguments.split_seed
        make_folder(self.folder)
        path = self.folder / "task.json"
        require(
            path.is_file() or not is_occupied(self.folder),
            f"--output_dir {str(self.folder)!r} is not empty and holds no comparison: choose another.",
        )
        require(
            _agrees(path, what, self.folder.glob(RUNS)),
            f"{str(self.folder)!r} holds a comparison on other data or by another metric: choose another --output_dir.",
        )

    def claim(self, system: System) -> None:
        """
        Mark the folder of a system's runs with the system's identity and settings.

        Raises:
            InputError: the folder holds runs of another system or with other settings.
        """
        lengths = {name: getattr(self.arguments, name) for name in LENGTHS}
        for number, settings in enumerate(system.settings() if not system.finished else ()):
            what = system.identity() | {"settings": settings, "data": lengths}
            folder = self.folder / "runs" / system.slug / f"setting-{number}"
            require(
                _agrees(folder / "system.json", json.loads(json.dumps(what)), folder.glob("rows-*")),
                f"{str(folder)!r} holds runs of another system, or with other settings or code, under the name "
                f"{system.name!r}: choose another --output_dir, or another name for this system (NAME=...).",
            )

    def run(self, run: Run, splits: Sequence[str] = SPLITS) -> RunOutcome:
        """Train, predict these splits and write the record, skipping whatever was done before."""
        folder = self.folder / run.path
        trained = run.system.finished[run.seed] if run.system.finished else folder
        found = _predictions(folder)
        missing = [name for name in splits if len(found.get(name, ())) != len(self.texts[name])]
        if missing or not (folder / RECORD).is_file():
            if folder.is_dir() and trained == folder and not _others(folder):  # its weights were deleted by `forget`
                missing = sorted({*found, *missing})
                shutil.rmtree(folder)
            make_folder(folder)
            record = self._train(run, folder, trained)
            predict = run.system.load(trained, len(self.task.label_names))
            new = {name: np.asarray(predict(self.texts[name]), dtype=np.float32) for name in missing}
            self._check(run, new)
            found |= new
            record["metrics"] = {name: self._scores(name, found[name]) for name in found if name != "shuffled"}
            write_json(folder / RECORD, record)
            with write_file(folder / PREDICTIONS) as temporary:
                np.savez(temporary, allow_pickle=False, **found)
        record = read_json(folder / RECORD)
        then = record.get("versions", {}).get("modeling-lstm")
        if then not in (None, self.version) and not run.system.finished:
            told = (
                f"{run.system.name}: runs of modeling-lstm {then} are kept, and averaged with those of {self.version}."
            )
            warn_once(logger, f"{told} To train all anew, choose another --output_dir.")
        return RunOutcome(record, found, folder, trained)

    def _train(self, run: Run, folder: Path, trained: Path) -> dict[str, Any]:
        """Return the record of the trained system, training it first if necessary."""
        source = trained / RECORD
        if (folder / RECORD).is_file():
            source = folder / RECORD
            if "comparison" in (record := read_json(source)):
                return record
        was_begun = any(folder.iterdir())
        task = self._task_with(run.rows)
        settings = run.system.settings()[run.setting]
        started = time.perf_counter()
        model = run.system.fit(task, settings, run.seed, trained)
        seconds = time.perf_counter() - started
        record = read_json(source) if source.is_file() else {}
        if not run.system.finished:
            record.setdefault("seconds", {"total": round(seconds, 2)})
        record.setdefault("task", {"problem_type": task.data.problem_type, "label_names": task.label_names})
        record.setdefault("data", vars(task.arguments) | {"counts": task.data.counts()})
        for name, value in describe_environment().items():
            record.setdefault(name, value)
        record["model"] = {"parameters": None} | model | {"size_mb": round(_bytes(trained) / 1e6, 3)}
        record["comparison"] = {"system": run.system.name, "settings": settings, "rows": run.rows, "seed": run.seed}
        if was_begun and not run.system.finished:
            record["comparison"]["resumed"] = True  # the recorded seconds do not cover the whole training
        write_json(folder / RECORD, record)
        return record

    def _task_with(self, rows: int) -> ComparisonTask:
        """Return the task with this number of training rows, which are read once."""
        if rows not in self._tasks:
            arguments = replace(self.arguments, max_train_samples=rows)
            self._tasks[rows] = replace(self.task, arguments=arguments, data=load_data(arguments))
        return self._tasks[rows]

    def _check(self, run: Run, found: dict[str, np.ndarray]) -> None:
        for name, predicted in found.items():
            shape = (len(self.texts[name]), len(self.task.label_names))
            if expected := self.task.kind.problem(predicted, shape):
                values = f" from {predicted.min():.3g} to {predicted.max():.3g}" if predicted.shape == shape else ""
                raise InputError(
                    f"The system {run.system.name!r} must return {expected}; found {predicted.shape}{values}."
                )

    def answers(self, outcome: RunOutcome, split: str) -> np.ndarray:
        """Return the labels or numbers that a run predicts for a split, as [`metrics.compute_scores`] takes them."""
        return choose_labels(self.task.data.problem_type, outcome.probabilities[split])

    def _scores(self, split: str, found: np.ndarray) -> dict[str, float]:
        kind = self.task.data.problem_type
        return compute_scores(kind, choose_labels(kind, found), self.task.labels(split), self.task.label_names, found)

    def shares(self, shares: list[float]) -> list[int]:
        """Return the row counts of the shares below 1 of the training rows, without those whose rows lack a label."""
        found, kind = [], self.task.kind
        present = kind.present(self.task.labels("train"))
        for rows in sorted({max(2, round(share * self.rows)) for share in shares if share < 1}):
            learned = None
            with contextlib.suppress(InputError):  # of one label alone, nothing is learned
                learned = kind.present(self._task_with(rows).labels("train"))
            if learned == present:
                found.append(rows)
            else:
                logger.warning("%d training rows do not include every label: left out of the learning curves", rows)
        return found

    def trials(self, system: System, number: int, trial_rows: int) -> Iterator[Run]:
        """Yield the trials: the first `number` settings, each on at most `trial_rows` rows, with seed 0."""
        number = min(number, len(system.settings()))
        if not system.finished and number > 1:
            for setting in range(number):
                yield Run(system, setting, min(trial_rows, self.rows), 0)

    def choose_setting(self, trials: list[Run], outcomes: list[RunOutcome | None]) -> tuple[int, list[dict[str, Any]]]:
        """
        Return the number of the best setting on validation (the first, if several are equal) and the results of all
        trials. An outcome is `None` if the trial failed.
        """
        found: list[dict[str, Any]] = [
            {"settings": run.system.settings()[run.setting], "rows": run.rows}
            | {"validation": outcome and outcome.record["metrics"]["validation"][self.task.metric]}
            for run, outcome in zip(trials, outcomes, strict=True)
        ]
        finished = [number for number, outcome in enumerate(outcomes) if outcome is not None]
        best = max if greater_is_better(self.task.metric) else min
        return best(finished, key=lambda number: found[number]["validation"], default=0), found

    def forget(self, run: Run) -> None:
        """Delete the weights of a run that is only needed for its scores. Runs on all rows are kept."""
        if run.rows == self.rows:
            return
        folder = self.folder / run.path
        for path in _others(folder) if folder.is_dir() else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _predictions(folder: Path) -> dict[str, np.ndarray]:
    """Read the predictions that a run has saved."""
    if not (folder / PREDICTIONS).is_file():
        return {}
    try:
        with np.load(folder / PREDICTIONS) as kept:
            return {name: kept[name] for name in kept}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        path = str(folder / PREDICTIONS)
        raise InputError(f"{path!r} is damaged ({error}): remove it and run the command again.") from error


def _others(folder: Path) -> list[Path]:
    """List the contents of a run's folder other than its record and predictions."""
    return [path for path in folder.iterdir() if path.name not in (RECORD, PREDICTIONS)]


def _agrees(path: Path, what: dict[str, Any], runs: Iterable[Path]) -> bool:
    """Whether a file has this content. It is written first if it is missing or nothing was trained for what it says."""
    if not any(runs) or not path.exists():
        write_json(path, what)
    return read_json(path) == what


def _with_test(arguments: DataArguments) -> tuple[DataArguments, TextData]:
    loaded = load_data(arguments)
    if "test" not in loaded.splits:
        arguments = replace(arguments, test_share=TEST_SHARE)
        loaded = load_data(arguments)
        logger.info("There is no test split: %.0f %% of train are held out as test.", 100 * TEST_SHARE)
    return arguments, loaded


def _bytes(folder: Path) -> int:
    """Return the size of the files needed to use the system: of a run, those that are loaded, else all but records."""
    if (folder / "config.json").is_file():
        paths = {path for pattern in LOADED for path in folder.glob(pattern)}
    else:
        paths = {path for path in folder.iterdir() if path.name not in (RECORD, "README.md", PREDICTIONS)}
    return sum(path.stat().st_size for path in paths if path.is_file() and path.suffix != ".py")
