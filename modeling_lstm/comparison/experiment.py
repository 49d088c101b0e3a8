"""Every system on the same rows: settings chosen on validation, seeds, shares of the train split, and predictions."""

import hashlib
import json
import logging
import shutil
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..data.arguments import DataArguments
from ..data.cuts import draw_rows, single_labels
from ..data.digests import identify_splits
from ..data.loading import TextData, load_data
from ..evaluation.metrics import SINGLE_LABEL, choose_labels, compute_scores, greater_is_better, metric_names
from ..runs.environment import describe_environment
from ..runs.record import RECORD
from ..tasks.text_classification import TextClassification
from ..utils.errors import InputError, as_list, require
from ..utils.files import make_folder, read_json, write_file, write_json
from .arguments import TEST_SHARE
from .row_groups import shuffle_words
from .systems import ComparisonTask, System

logger = logging.getLogger(__name__)

PREDICTIONS = "predictions.npz"
SPLITS = ("validation", "test", "shuffled")
MOST_DISORDERED = 5_000  # test texts, drawn where there are more


@dataclass(frozen=True)
class Run:
    """One training: which of a system's settings, on how many rows, with which seed."""

    system: System = field(hash=False)  # one's own may have no hash
    setting: int
    rows: int
    seed: int

    @property
    def path(self) -> Path:
        """Its folder within the comparison's."""
        if self.system.finished:  # known by what it is: when others are added, its place among them changes
            folder = self.system.finished[self.seed].resolve()
            changed = max((path.stat().st_mtime_ns for path in folder.glob("*.safetensors")), default=0)
            digest = hashlib.blake2b(f"{folder} {changed}".encode(), digest_size=6).hexdigest()
            return Path("runs", self.system.slug, f"{folder.name}-{digest}")
        return Path("runs", self.system.slug, f"setting-{self.setting}", f"rows-{self.rows}", f"seed-{self.seed}")


@dataclass
class RunOutcome:
    """
    What a run gave.

    Args:
        record: Content of its `run.json`.
        probabilities: Or the numbers of a regression; of shape `(rows, labels)`, by split, as far as asked for:
            `validation`, `test`, and `shuffled`, which is test, at most 5,000 rows of it, with the words of each text
            in another order.
        path: The run's folder, where both are kept.
        folder: Where the trained system is; the same folder, but for runs that were there before.
    """

    record: dict[str, Any]
    probabilities: dict[str, np.ndarray]
    path: Path
    folder: Path


class Experiment:
    """
    The runs of a comparison, in a folder where finished ones stay.

    Args:
        folder: The comparison's folder.
        data: Where the texts come from; without a test split, a fifth of train is cut off as one.
        metric: The score by which settings are chosen; `"auto"`: the one by which `train` chooses.
        class_weights: `"balanced"` where rare labels are to count more.

    Attributes:
        disordered: The test rows that `shuffled` holds.

    Raises:
        InputError: the data cannot be compared on, or the folder holds a comparison on other data.
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
        require(metric in known, f"Unknown metric {metric!r} for --metric: choose one of {as_list(known)}.")
        self._check_labels()
        self.rows = loaded.splits["train"].num_rows
        texts = self.task.texts("test")
        self.disordered = np.sort(np.random.default_rng(0).permutation(len(texts))[:MOST_DISORDERED])
        mixed = shuffle_words([texts[row] for row in self.disordered])
        self.texts = {"validation": self.task.texts("validation"), "test": texts, "shuffled": mixed}
        self._claim()

    def _check_labels(self) -> None:
        """Raise where no row has the label whose F1 counts."""
        for split in ("validation", "test"):
            present = self.task.kind.present(self.task.labels(split))
            lacking = {f"f1_{name}" for number, name in enumerate(self.task.label_names) if number not in present}
            require(
                self.task.metric not in lacking,
                f"--metric {self.task.metric}: no row of {split} has this label. Choose another metric.",
            )

    def identify(self) -> dict[str, Any]:
        """Rows of each split: how many, in all and of each label, and a digest."""
        data = self.task.data
        return {"counts": data.counts(), "digests": identify_splits(data.splits, TextClassification.columns)}

    def _claim(self) -> None:
        """Say whose folder this is, or find that it is this one's."""
        digest = hashlib.sha256()
        for split in ("train", "validation", "test"):
            digest.update(json.dumps([self.task.texts(split), self.task.labels(split).tolist()]).encode())
        what: dict[str, Any] = {
            "data": digest.hexdigest(),
            "metric": self.task.metric,
            "class_weights": self.task.class_weights,
        }
        if self.arguments.split_seed != DataArguments.split_seed:  # by it fewer rows are drawn, if none is cut by it
            what["split_seed"] = self.arguments.split_seed
        require(not self.folder.is_file(), f"--output_dir {str(self.folder)!r} is a file.")
        is_ours = _agrees(self.folder / "task.json", what)
        require(
            is_ours,
            f"{str(self.folder)!r} holds a comparison on other data or by another metric: name another --output_dir.",
        )

    def claim(self, system: System) -> None:
        """
        Say of which system and with which settings the runs of that name are, or find that they are of these.

        Raises:
            InputError: they are another's.
        """
        lengths = {name: getattr(self.arguments, name) for name in ("max_length", "train_max_length")}
        for number, settings in enumerate(system.settings() if not system.finished else ()):
            what = system.identity() | {"settings": settings, "data": lengths}
            folder = self.folder / "runs" / system.slug / f"setting-{number}"
            require(
                _agrees(folder / "system.json", json.loads(json.dumps(what))),
                f"{str(folder)!r} holds runs of another system, or with other settings, under the name "
                f"{system.name!r}: name another --output_dir, or give this one another name (NAME=...).",
            )

    def run(self, run: Run, splits: Sequence[str] = SPLITS) -> RunOutcome:
        """Train, predict these splits and record, as far as that was not done before."""
        folder = self.folder / run.path
        trained = run.system.finished[run.seed] if run.system.finished else folder
        found = _predictions(folder)
        missing = [name for name in splits if len(found.get(name, ())) != len(self.texts[name])]
        if missing or not (folder / RECORD).is_file():
            if folder.is_dir() and trained == folder and not _others(folder):  # its weights were forgotten
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
        return RunOutcome(record, found, folder, trained)

    def _train(self, run: Run, folder: Path, trained: Path) -> dict[str, Any]:
        """The record of the trained system; trained now if it is not yet."""
        source = trained / RECORD
        if (folder / RECORD).is_file():
            source = folder / RECORD
            if "comparison" in (record := read_json(source)):
                return record
        was_begun = any(folder.iterdir())
        arguments = self.arguments if run.rows == self.rows else replace(self.arguments, max_train_samples=run.rows)
        task = replace(self.task, arguments=arguments)
        if run.rows != self.rows:
            task.data = load_data(arguments)
        settings = run.system.settings()[run.setting]
        started = time.perf_counter()
        model = run.system.fit(task, settings, run.seed, trained)
        seconds = time.perf_counter() - started
        record = read_json(source) if source.is_file() else {}
        if not run.system.finished:
            record.setdefault("seconds", {"total": round(seconds, 2)})
        record.setdefault("task", {"problem_type": task.data.problem_type, "label_names": task.label_names})
        record.setdefault("data", vars(arguments) | {"counts": task.data.counts()})
        for name, value in describe_environment().items():
            record.setdefault(name, value)
        record["model"] = {"parameters": None} | model | {"size_mb": round(_bytes(trained) / 1e6, 3)}
        record["comparison"] = {"system": run.system.name, "settings": settings, "rows": run.rows, "seed": run.seed}
        if was_begun and not run.system.finished:
            record["comparison"]["resumed"] = True  # its seconds are not the whole
        write_json(folder / RECORD, record)
        return record

    def _check(self, run: Run, found: dict[str, np.ndarray]) -> None:
        for name, predicted in found.items():
            shape = (len(self.texts[name]), len(self.task.label_names))
            if expected := self.task.kind.problem(predicted, shape):
                values = f" from {predicted.min():.3g} to {predicted.max():.3g}" if predicted.shape == shape else ""
                raise InputError(
                    f"The system {run.system.name!r} must give {expected}; found {predicted.shape}{values}."
                )

    def answers(self, outcome: RunOutcome, split: str) -> np.ndarray:
        """The labels or numbers that a run gives to the rows of a split, as [`metrics.compute_scores`] takes them."""
        return choose_labels(self.task.data.problem_type, outcome.probabilities[split])

    def _scores(self, split: str, found: np.ndarray) -> dict[str, float]:
        kind = self.task.data.problem_type
        return compute_scores(kind, choose_labels(kind, found), self.task.labels(split), self.task.label_names, found)

    def shares(self, shares: list[float]) -> list[int]:
        """For shares of the training rows below 1 how many rows they are, where these hold every label."""
        found, train, kind = [], self.task.data.splits["train"], self.task.kind
        present = kind.present(self.task.labels("train"))
        labels = single_labels(train, self.task.data.problem_type)
        for rows in sorted({max(2, round(share * self.rows)) for share in shares if share < 1}):
            drawn = draw_rows(train, rows, self.arguments.split_seed, labels)
            if kind.present(kind.references(drawn["label"][:])) == present:
                found.append(rows)
            else:
                logger.warning("%d training rows do not hold every label: left out of the learning curves", rows)
        return found

    def choose(self, system: System, trials: int, trial_rows: int) -> Iterator[Run]:
        """The trials: each of the first so many settings, on so many rows at most, with seed 0."""
        if not system.finished and min(trials, len(system.settings())) > 1:
            for setting in range(min(trials, len(system.settings()))):
                yield Run(system, setting, min(trial_rows, self.rows), 0)

    def choose_setting(self, trials: list[Run], outcomes: list[RunOutcome | None]) -> tuple[int, list[dict[str, Any]]]:
        """The setting that is best on validation, the first of equals, and how all did; `None`: it failed."""
        found: list[dict[str, Any]] = [
            {"settings": run.system.settings()[run.setting], "rows": run.rows}
            | {"validation": outcome and outcome.record["metrics"]["validation"][self.task.metric]}
            for run, outcome in zip(trials, outcomes, strict=True)
        ]
        finished = [number for number, outcome in enumerate(outcomes) if outcome is not None]
        best = max if greater_is_better(self.task.metric) else min
        return best(finished, key=lambda number: found[number]["validation"], default=0), found

    def forget(self, run: Run) -> None:
        """Delete the weights of a run that is only there for its scores; on all rows it may be needed again."""
        if run.rows == self.rows:
            return
        for path in _others(self.folder / run.path):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _predictions(folder: Path) -> dict[str, np.ndarray]:
    """What a run predicted before."""
    if not (folder / PREDICTIONS).is_file():
        return {}
    try:
        with np.load(folder / PREDICTIONS) as kept:
            return {name: kept[name] for name in kept}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        path = str(folder / PREDICTIONS)
        raise InputError(f"{path!r} is damaged ({error}): remove it and type the command again.") from error


def _others(folder: Path) -> list[Path]:
    """What a run's folder holds beside its record and predictions."""
    return [path for path in folder.iterdir() if path.name not in (RECORD, PREDICTIONS)]


def _agrees(path: Path, what: dict[str, Any]) -> bool:
    """Whether a file says that; where there is none, it is written."""
    if not path.exists():
        write_json(path, what)
    return read_json(path) == what


def _with_test(arguments: DataArguments) -> tuple[DataArguments, TextData]:
    loaded = load_data(arguments)
    if "test" not in loaded.splits:
        arguments = replace(arguments, test_share=TEST_SHARE)
        loaded = load_data(arguments)
        logger.info("There is no test split: %.0f %% of train are cut off as one.", 100 * TEST_SHARE)
    return arguments, loaded


def _bytes(folder: Path) -> int:
    """What it takes to use the system: all files but records and source code."""
    apart = (RECORD, "README.md", PREDICTIONS)
    return sum(p.stat().st_size for p in folder.iterdir() if p.is_file() and p.name not in apart and p.suffix != ".py")
