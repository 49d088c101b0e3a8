"""Systems trained with `train` (LSTM, GRU, bag of words, Transformer, or a recipe), and existing run folders."""

import hashlib
import math
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..data.arguments import LENGTHS, DataArguments
from ..data.digests import identify_rows
from ..data.token_limits import max_positions
from ..inference.answering import open_predictor
from ..inference.exports import run_digest
from ..runs.record import RECORD, read_record, split_settings
from ..runs.run_folders import find_seeds, run_folder
from ..search.search_space import sample_settings
from ..tasks.base import TEXT_CLASSIFICATION, task_name
from ..tasks.text_classification import TextClassification
from ..training.defaults import fit_to_rows
from ..training.job import TrainingJob
from ..training.model_builder import open_config
from ..training.recipes import read_recipe, recipe_flags
from ..training.trainer_arguments import LstmTrainingArguments
from ..utils.errors import InputError, require
from ..utils.settings import TRANSFORMER_PREFIX, to_command
from ..vectors.word_sources import open_vectors
from .systems import ComparisonTask, Predict, System

BATCH = 32
# Minimum number of training steps. If the epochs of a network have fewer, because there are few rows, it is trained for
# more epochs with as many evaluations, and is not stopped before. In fewer steps it may not have begun to learn, and a
# comparison would say more about the settings than about the network
MIN_STEPS = 300
MAX_EPOCHS = 12  # maximum number of epochs of drawn settings
# Three for each kind of network. The first of the LSTM's are the defaults of `train`, which depend on the rows
_SLOW = {"per_device_train_batch_size": 32, "learning_rate": 1e-3, "num_train_epochs": 12, "early_stopping_patience": 2}
LSTM_SETTINGS: list[dict[str, Any]] = [{}, _SLOW, _SLOW | {"average_epochs": 0.5, "adversarial_size": 0.25}]
TRANSFORMER_SETTINGS: list[dict[str, Any]] = [{"learning_rate": 5e-5}, {"learning_rate": 1e-4}, {"learning_rate": 2e-5}]
_SOURCES = ("transformer", "pretrained", "embeddings")  # settings that may name files


class NeuralSystem(System):
    """
    A network trained as by `modeling-lstm train`. Its `run.json` contains the equivalent command.

    Args:
        name: The name shown in tables.
        base: Settings of `train` used in every run, such as `{"cell_type": "gru"}`.
        choices: Settings to choose from.
        kind: The system's name in [`search`], if more settings can be drawn from its search space.
    """

    min_steps = MIN_STEPS

    def __init__(self, name: str, base: dict[str, Any], choices: list[dict[str, Any]], kind: str | None = None):
        self.name, self.base, self.choices, self.kind = name, base, choices, kind
        self.written: dict[str, list[str]] = {}  # the settings of a recipe, as written there

    @classmethod
    def from_recipe(cls, path: Path) -> "NeuralSystem":
        """Make the system of a recipe. The recipe's data settings are ignored; its other settings are not tuned."""
        apart = {one.name for one in fields(DataArguments)} - set(LENGTHS)
        apart |= {"metric_for_best_model", "class_weights", "output_dir", "seed"}
        apart |= {one.name for one in fields(LstmTrainingArguments) if one.name.startswith(("push_to_hub", "hub_"))}
        settings = {name: value for name, value in read_recipe(path, TrainingJob.kinds).items() if name not in apart}
        recipe = cls(path.stem, settings, [{}])
        recipe.written = {name: values for name, values in _read_recipe(path).items() if name not in apart}
        recipe.min_steps = 0
        return recipe

    def settings(self) -> list[dict[str, Any]]:
        """Three settings, as for the other systems, and those that were drawn."""
        return self.choices

    def draw_choices(self, number: int) -> None:
        """Draw settings from the space of [`search`] until there are `number` of them."""
        missing = number - len(self.choices)
        if self.kind is not None and missing > 0:
            drawn = sample_settings(self.kind, missing, self.base.get("embeddings"), MAX_EPOCHS)
            self.choices = [*self.choices, *drawn]

    def prepare(self) -> None:
        """Raise [`InputError`] for a Transformer that cannot be found."""
        if "transformer" in self.base:
            open_config(self.base["transformer"], self.base.get("config_overrides"))

    def identity(self) -> dict[str, Any]:
        """The settings used in every run, and digests of the local files that they name, which may change."""
        base = self.written or self.base
        known = super().identity() | {"base": {name: str(value) for name, value in base.items()}}
        files = {name: _digest(base[name]) for name in _SOURCES if name in base}
        return known | ({"files": files} if any(files.values()) else {})

    def fit(self, task: ComparisonTask, settings: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
        """Train, or resume an interrupted training."""
        if not (folder / RECORD).exists():
            chosen = _data_settings(task.arguments, is_transformer="transformer" in self.base) | {
                "metric_for_best_model": task.metric
            }
            chosen |= {"class_weights": task.class_weights} | self.base | settings
            chosen |= {"seed": seed, "output_dir": str(folder)}
            chosen = {name: value for name, value in chosen.items() if value is not None}
            if "transformer" in chosen:  # it may have fewer positions than the other networks read tokens
                limit = max_positions(open_config(chosen["transformer"], chosen.get("config_overrides")))
                lengths = {name: chosen[name] for name in LENGTHS if name in chosen}
                chosen |= {name: min(length, limit or length) for name, length in lengths.items()}
            chosen |= self._longer(chosen, task.data.splits["train"].num_rows)
            quiet = {"report_to": "none", "logging_strategy": "no", "disable_tqdm": not sys.stderr.isatty()}
            if any(folder.glob("checkpoint-*")):
                quiet["resume_from_checkpoint"] = "last"
            with redirect_stdout(sys.stderr):
                TrainingJob(command=to_command("train", chosen), **chosen | quiet).run()
        for checkpoint in folder.glob("checkpoint-*"):
            shutil.rmtree(checkpoint)
        return read_record(folder)["model"]

    def _longer(self, chosen: dict[str, Any], rows: int) -> dict[str, Any]:
        """Return the settings that guarantee `min_steps` training steps, also with few rows or early stopping."""
        job = TrainingJob(**chosen)
        args = job.training
        if args.max_steps > 0:
            return {}
        fitted = {}
        if job.model.transformer is None:  # as `train` does, if the settings do not say how long to train
            fitted = fit_to_rows(args, rows, {*job.default_settings(job.settings), *job.settings})
        epochs = math.ceil(args.num_train_epochs)
        changes: dict[str, Any] = {}
        if args.early_stopping_patience is not None and self.min_steps:
            changes["early_stopping_min_steps"] = self.min_steps
        if epochs * math.ceil(rows / args.per_device_train_batch_size) < self.min_steps:
            each = math.ceil(self.min_steps / epochs)  # steps between evaluations
            changes |= {"eval_strategy": "steps", "eval_steps": each, "save_strategy": "steps", "save_steps": each}
            changes |= fitted | {"max_steps": epochs * each}
        return changes

    def load(self, folder: Path, labels: int) -> Predict:
        """Open the classifier in the run folder."""
        classifier = open_predictor(str(folder), "torch")  # not an export in it, which runs on other threads
        return lambda texts: classifier.scores(texts, BATCH)


class RunFolders(NeuralSystem):
    """
    Existing runs: one run folder, or a folder with a run folder for each seed.

    Args:
        name: The name shown in tables.
        folders: The run folders.
    """

    def __init__(self, name: str, folders: list[Path]):
        super().__init__(name, {}, [{}])
        self.finished = tuple(folders)

    @classmethod
    def open(cls, name: str) -> "RunFolders":
        """
        Open the runs that [`find_seeds`] finds. Their name is the Hub id, or the last two parts of the path.

        Raises:
            InputError: There are none, or they are not classifiers.
        """
        found = find_seeds(name)
        for one in found:
            kind = task_name(read_record(one))
            require(kind == TEXT_CLASSIFICATION, f"{str(one)!r} is a model for {kind}: only classifiers are compared.")
        return cls("/".join(Path(name).resolve().parts[-2:]), found)

    def fit(self, task: ComparisonTask, settings: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
        """Train nothing; check that the run was trained on this task and these rows."""
        record = read_record(folder)
        names, kind = record["task"]["label_names"], record["task"]["problem_type"]
        if kind != task.data.problem_type:
            raise InputError(
                f"The run {str(folder)!r} was trained for {kind}, this comparison is for {task.data.problem_type}: "
                "compare it on the data that it was trained on."
            )
        if names != task.label_names:
            raise InputError(
                f"The run {str(folder)!r} has the labels {names}, the data have {task.label_names}: compare it on "
                "the data that it was trained on."
            )
        ours, theirs = split_settings(vars(task.arguments)), split_settings(record["data"])
        if record["data"]["source"] == "local":
            del theirs["revision"]
        other = [f"--{name} {there}, here {ours[name]}" for name, there in theirs.items() if there != ours[name]]
        counts, known = task.data.counts(), record["data"].get("digests", {})
        if not other and any(
            counts[name] != record["data"]["counts"].get(name)
            or (name in known and known[name] != identify_rows(task.data.splits[name], TextClassification.columns))
            for name in ("train", "validation", "test")
        ):
            other = ["the data have other rows now"]
        if other:
            raise InputError(
                f"The run {str(folder)!r} was trained on other rows, which may include test rows ({'; '.join(other)}): "
                "compare it with the data settings that it was trained with, or train it with those of the comparison."
            )
        return record["model"]


def _digest(source: Any) -> str | None:
    """Return a digest of the local file or folder named by a setting (a value or a list of one value), if it exists."""
    path = Path(str(source[0] if isinstance(source, list) else source).removeprefix(TRANSFORMER_PREFIX))
    if path.is_dir():
        return run_digest(path)
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_sources(systems: Iterable[NeuralSystem]) -> None:
    """Raise [`InputError`] for word vectors or a language model that cannot be opened. Each is opened once."""
    checks: dict[str, Callable[[str, str | None], Any]] = {"embeddings": open_vectors, "pretrained": run_folder}
    for name, check in checks.items():
        named = {(one.base[name], one.base.get(f"{name}_revision")) for one in systems if one.base.get(name)}
        for source, revision in sorted(named, key=str):
            check(source, revision)


def _data_settings(arguments: DataArguments, is_transformer: bool) -> dict[str, Any]:
    """Return the settings that differ from the defaults, and the lengths, for which a Transformer has its own."""
    chosen = {one.name: getattr(arguments, one.name) for one in fields(DataArguments)}
    defaults = vars(DataArguments(dataset=""))
    kept = () if is_transformer else LENGTHS
    return {name: value for name, value in chosen.items() if value != defaults[name] or name in kept}


def _read_recipe(path: Path) -> dict[str, list[str]]:
    """Read the settings of a recipe as they are written there."""
    found: dict[str, list[str]] = {}
    for flag in recipe_flags(path):
        if flag.startswith("--"):
            name, sign, value = flag[2:].partition("=")
            found[name] = [value] if sign else []
        else:
            found[name].append(flag)
    return found
