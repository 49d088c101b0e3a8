"""The stages of a preset, each of which leaves a folder that says by which command it was made."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..runs.record import RECORD, read_record
from ..training.job import TrainingJob
from ..utils.errors import InputError
from ..vectors.static_models import CONFIG
from ..vectors.word_vectors import WordVectors


@dataclass(frozen=True)
class Stage:
    """
    One stage.

    Args:
        about: What it does, as a clause.
        folder: What it writes.
        command: What would be typed for it alone.
        seconds: How long it will take; NaN where that is not known.
        run: Do it, or go on where it was cut off.
        read_command: The command by which a folder was made; `None` where the stage is not done.
    """

    about: str
    folder: Path
    command: str
    seconds: float
    run: Callable[[], Any]
    read_command: Callable[[Path], str | None]

    def is_done(self) -> bool:
        """
        Whether the folder holds what the stage makes.

        Raises:
            InputError: it was made by another command.
        """
        found = self.read_command(self.folder)
        if found not in (None, self.command):
            raise InputError(
                f"{str(self.folder)!r} was made by another command, {found!r}, and this stage is {self.command!r}: "
                "choose another --output_dir, or replace what is there with --overwrite."
            )
        return found is not None


def training_stage(about: str, job: TrainingJob, seconds: float) -> Stage:
    """The stage of a training."""
    return Stage(about, Path(job.training.output_dir), str(job.command), seconds, job.run, _command_of_run)


def _command_of_run(folder: Path) -> str | None:
    return read_record(folder).get("command", "") if (folder / RECORD).is_file() else None


def command_of_vectors(folder: Path) -> str | None:
    """The command by which word vectors were learned; `None` where there are none."""
    if not (folder / CONFIG).is_file():
        return None
    return str(WordVectors.from_pretrained(folder).record.get("command", ""))
