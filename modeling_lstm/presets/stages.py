"""The stages of a preset. Each leaves a folder that records the command and the data that it was made with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset

from ..data.digests import identify_rows, identify_splits
from ..data.loading import TextData
from ..runs.record import RECORD, read_record
from ..tasks.text_classification import TextClassification
from ..training.folders import check_sources, prepare_folder
from ..training.job import TrainingJob
from ..utils.errors import InputError, as_text
from ..vectors.static_models import CONFIG
from ..vectors.word_vectors import WordVectors

OF_NO_EFFECT = ("disable_tqdm ", "report_to ")  # flags that may differ when a stage is resumed


@dataclass(frozen=True)
class Stage:
    """
    One stage.

    Args:
        about: What it does, as a clause.
        folder: The folder that it writes.
        command: The command that runs it alone; for word vectors, the preset with the settings that they depend on.
        origin: The data that it learns from, by [`identify_data`] and [`identify_texts`].
        seconds: How long it will take; NaN if unknown.
        run: Runs the stage, or resumes it.
        read_origin: Returns the `command` and the data that a folder was made with, as far as it records them; `None`
            if the stage is not done.
        check_folder: Raises [`InputError`] if the stage may not write its folder.
    """

    about: str
    folder: Path
    command: str
    origin: dict[str, str]
    seconds: float
    run: Callable[[], Any]
    read_origin: Callable[[Path], dict[str, str] | None]
    check_folder: Callable[[], Any] = lambda: None

    def is_done(self) -> bool:
        """
        Whether the folder holds the result of the stage.

        Raises:
            InputError: it was made by another command, or from other data.
        """
        then = self.read_origin(self.folder)
        for what, now in ({"command": self.command} | self.origin).items():
            if then is not None and then.get(what, now) != now:
                before = then[what]
                if what == "command":
                    before, now = _what_differs(before, now), _what_differs(now, before)
                    if before == now:  # only in the order of its flags
                        continue
                raise InputError(
                    f"{str(self.folder)!r} was made with another {what}, {before!r}, and now it is {now!r}: choose "
                    "another --output_dir, or replace what is there with --overwrite."
                )
        return then is not None


def _what_differs(command: str, other: str) -> str:
    """Return the flags of a command, with their values, that another command does not have."""
    flags, others = ({one.strip() for one in f" {text}".split(" --")[1:]} for text in (command, other))
    differing = sorted(one for one in flags - others if not one.startswith(OF_NO_EFFECT))
    return " ".join(f"--{one}" for one in differing) or "its default"


def identify_data(data: TextData) -> dict[str, str]:
    """Identify the labels, and the rows of each split."""
    rows = identify_splits(data.splits, TextClassification.columns)
    return {"labels": as_text(data.label_names)} | _name_splits(rows)


def _name_splits(rows: Mapping[str, str]) -> dict[str, str]:
    return {f"{name} split": found for name, found in rows.items()}


def identify_texts(rows: Dataset) -> dict[str, str]:
    """Identify the training texts and the unlabeled text together."""
    return {"text": identify_rows(rows, ["text"])}


def training_stage(about: str, job: TrainingJob, origin: dict[str, str], seconds: float) -> Stage:
    """Return the stage of a training run."""
    folder = Path(job.training.output_dir)

    def check_folder() -> None:
        check_sources(folder, job.runner().sources())
        prepare_folder(folder, job.training)

    return Stage(about, folder, str(job.command), origin, seconds, job.run, _read_run, check_folder)


def _read_run(folder: Path) -> dict[str, str] | None:
    if not (folder / RECORD).is_file():
        return None
    record = read_record(folder)
    found = {"command": str(record.get("command")), "labels": as_text(record["task"].get("label_names", []))}
    distilled = record.get("distillation", {})
    if "teachers" in distilled:
        found["teacher"] = as_text(one["digest"] for one in distilled["teachers"])
    return found | _name_splits(record["data"].get("digests", {})) | _text_of(distilled)


def read_vectors(folder: Path) -> dict[str, str] | None:
    """Return the command and the text that word vectors were learned with; `None` if there are none."""
    if not (folder / CONFIG).is_file():
        return None
    record = WordVectors.from_pretrained(folder).record
    return {"command": str(record.get("command"))} | _text_of(record)


def _text_of(record: Mapping[str, Any]) -> dict[str, str]:
    """Return what a record holds of its text: nothing in older versions."""
    return {"text": record["digest"]} if "digest" in record else {}
