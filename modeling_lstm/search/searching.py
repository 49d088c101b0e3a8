"""`search_settings`: search for the best settings on validation with Optuna."""

import logging
import shutil
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from ..data.arguments import LENGTHS, DataArguments
from ..data.digests import identify_rows
from ..data.loading import TextData, load_data
from ..runs.environment import describe_environment
from ..tasks.text_classification import TextClassification
from ..training.model_builder import open_config
from ..utils.display import format_number
from ..utils.errors import InputError, as_text, require
from ..utils.files import is_occupied, make_folder, read_json, write_json, write_text
from ..utils.settings import TRANSFORMER_PREFIX, settings_of_all
from ..vectors.word_sources import open_vectors
from .arguments import EPOCHS, SearchArguments
from .local_search import search_locally
from .search_report import write_search_report
from .search_space import LEARNED, open_optuna, usual_settings
from .studies import STUDY, begin_study, begun_trials, has_failed, open_study, retry_stale_trials, score_of

logger = logging.getLogger(__name__)

RESULT, RECIPE, SPACE = "search.json", "best.yaml", "space.json"
OF_TRIALS = ("use_cpu", "max_train_samples")  # settings for the trials only, left out of the recipe


def search_settings(
    data: DataArguments | None = None,
    arguments: SearchArguments | None = None,
    *,
    command: str | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """
    Search for the best settings on the validation split. Trials are kept, so an interrupted search can be called again.
    Several processes may search in the same folder at the same time.

    Args:
        data: Where the texts come from, unless given by keywords.
        arguments: What to search for and for how long, unless given by keywords.
        command: The command as it was typed, for the record.
        settings: The fields of [`DataArguments`] and [`SearchArguments`]: `dataset="reviews.csv"`,
            `output_dir="search"`, `trials=30`, ...

    Returns:
        The content of `search.json`: `best` (the settings of the best trial and its score) and `trials`. The same
        folder contains `best.yaml`, a recipe for `train`, and `report.html`.

    Raises:
        InputError: Optuna is not installed, the data cannot be used, or no trial succeeded.
    """
    data, arguments = settings_of_all([DataArguments, SearchArguments], [data, arguments], settings)
    folder = Path(arguments.output_dir)
    base = _base_settings(data, arguments, settings)
    found = load_data(data)
    number = found.splits["train"].num_rows
    if arguments.epochs is None:
        begun = read_json(folder / SPACE) if (folder / SPACE).is_file() else {}
        fitted = max(EPOCHS, int(usual_settings(number)["num_train_epochs"]))
        arguments = replace(arguments, epochs=begun.get("epochs", fitted))
    _check_names(arguments, found)
    rows = [identify_rows(found.splits[name], TextClassification.columns) for name in ("train", "validation")]
    _claim(folder, base, arguments, rows)
    begin_study(folder, arguments, number)  # raises before any process starts
    end = None if arguments.minutes is None else time.time() + 60 * arguments.minutes
    if arguments.engine == "ray":
        from .ray_search import search_by_ray

        search_by_ray(folder, base, arguments, end)
    else:
        search_locally(folder, base, arguments, end)
    shutil.rmtree(folder / "trials", ignore_errors=True)
    return _finish(folder, base, arguments, command)


def _base_settings(data: DataArguments, arguments: SearchArguments, given: Collection[str]) -> dict[str, Any]:
    """Return the settings that all trials share: data, metric and seed. Lengths are among them if they are `given`."""
    plain = {name: value for name, value in vars(data).items() if value is not None}
    defaults = vars(DataArguments(dataset=data.dataset))
    kept = {"dataset", *(name for name in LENGTHS if name in given)}  # the default length of a Transformer is another
    settings: dict[str, Any] = {name: value for name, value in plain.items() if name in kept or value != defaults[name]}
    settings |= {"metric_for_best_model": arguments.metric, "seed": arguments.seed}
    settings |= {"class_weights": arguments.class_weights} if arguments.class_weights else {}
    return settings | ({"use_cpu": True} if arguments.use_cpu else {})


def _check_names(arguments: SearchArguments, data: TextData) -> None:
    """Raise if the metric, a Transformer or word vectors do not exist, since every trial would fail."""
    task = TextClassification.from_data(data)
    known = [*task.metric_names(), "loss"]
    require(
        arguments.metric in ("auto", *known),
        f"Unknown metric {arguments.metric!r} for --metric: choose one of auto, {as_text(known)}.",
    )
    task.check_metric(arguments.metric, data)
    for name in arguments.models:
        if name.startswith(TRANSFORMER_PREFIX):
            open_config(name.removeprefix(TRANSFORMER_PREFIX))
    for name in arguments.embeddings or ():
        if name != LEARNED:
            open_vectors(name)


def _claim(folder: Path, base: dict[str, Any], arguments: SearchArguments, rows: list[str]) -> None:
    """Mark the folder as this search's. Raise if it holds other files or a search whose trials did not all fail."""
    make_folder(folder)
    mine = {
        "base": base,
        "models": arguments.models,
        "embeddings": arguments.embeddings,
        "epochs": arguments.epochs,
        "rows": rows,
    }
    path = folder / SPACE
    is_free = not is_occupied(folder)  # looked at first: another process may be beginning the same search
    if path.is_file():
        there = {"rows": rows} | read_json(path)  # older versions did not record the rows
        before, now = (_flatten(space) for space in (there, mine))
        changed = sorted(name for name in before | now if before.get(name) != now.get(name))
        require(
            not changed or _forget_failures(folder, arguments),
            f"{str(folder)!r} holds a search that differs in {as_text(changed)}: choose another --output_dir.",
        )
        if not changed:
            return
    else:
        require(is_free, f"{str(folder)!r} is not empty and holds no search: choose another --output_dir.")
    write_json(path, mine)


def _flatten(space: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of the search by flag name, and the rows."""
    flat = {name: value for name, value in (space | space["base"]).items() if name != "base"}
    metric = flat.pop("metric_for_best_model", None)
    return {name if name == "rows" else f"--{name}": value for name, value in flat.items()} | {"--metric": metric}


def _forget_failures(folder: Path, arguments: SearchArguments) -> bool:
    """Remove the trials of a search if none is finished or running. Returns whether they were removed."""
    study = open_study(folder, arguments)
    retry_stale_trials(study)
    if {"COMPLETE", "PRUNED", "RUNNING"} & {one.state.name for one in study.get_trials(deepcopy=False)}:
        return False
    open_optuna().delete_study(study_name=STUDY, storage=study._storage)
    return True


def _finish(folder: Path, base: dict[str, Any], arguments: SearchArguments, command: str | None) -> dict[str, Any]:
    """Write the record, the recipe and the report."""
    study = open_study(folder, arguments)
    found = begun_trials(study)
    trials = [_describe(one) for one in found]
    done = [one for one in trials if one["state"] == "complete"]
    errors = [one.user_attrs["error"] for one in found if has_failed(one)]
    if not done:
        raise InputError(
            f"No trial succeeded; the last one failed with: {errors[-1]}"
            if errors
            else "No trial was completed: run the command again to continue, with more --minutes if you set it."
        )
    if errors:
        logger.warning("%d of %d trials failed, the last one with: %s", len(errors), len(trials), errors[-1])
    best = max(done, key=lambda one: one["value"])
    recipe = {name: value for name, value in (base | best["settings"]).items() if name not in OF_TRIALS}
    result = {
        "command": command,
        "data": base["dataset"],
        "best": best,
        "recipe": recipe,
        "sampler": arguments.sampler,
        "trials": trials,
    } | describe_environment()
    write_json(folder / RESULT, result)
    number = sum(one["state"] in ("complete", "pruned") for one in trials)
    about = f"# The best of {number} trials: {best['metric']} {format_number(score_of(best))} on validation\n"
    write_text(folder / RECIPE, about + yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True))
    write_search_report(folder, result, study)
    return result


def _describe(trial: Any) -> dict[str, Any]:
    """Return the record of a trial."""
    kept = ("settings", "metric", "epoch", "parameters", "seconds", "error", "repeats")
    found = {name: trial.user_attrs[name] for name in kept if name in trial.user_attrs}
    epochs = {str(epoch): value for epoch, value in sorted(trial.intermediate_values.items())}
    is_pruned = trial.state.name == "PRUNED"  # Optuna has the value of its last epoch then
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        "value": max(epochs.values(), default=None) if is_pruned else trial.value,
        "epochs": epochs,
    } | found
