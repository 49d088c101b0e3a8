"""The run folder: whether it may be written, and what it already holds."""

import contextlib
from fnmatch import fnmatch
from pathlib import Path

from ..data.arguments import split_subset
from ..models.tokenization_lstm import TARGET
from ..runs.record import FINGERPRINTS
from ..runs.run_folders import VOCABULARIES
from ..utils.errors import as_text, require
from ..utils.files import SAVING, check_writable, find_contents, is_within, temporary_name
from ..utils.processes import gather, has_several_machines, is_main, run_on_main
from .checkpoints import find_incomplete, find_last_checkpoint, is_complete
from .trainer_arguments import LstmTrainingArguments

# What a run folder holds besides checkpoints
WRITTEN = (
    *("*config.json", "model*.safetensors*", "tokenizer*.json", TARGET, FINGERPRINTS, "*.py", "runs"),
    *VOCABULARIES,
)
STATES = ("optimizer.pt", "scheduler.pt")  # in a checkpoint from which a training run can resume


def check_sources(folder: Path, read: list[tuple[str, str | None]]) -> None:
    """
    Raise [`InputError`] if the run folder is, contains or lies in something that the training reads.

    Args:
        folder: The run folder.
        read: Flags with the files or folders that they name, if any. A subset or member may follow a colon.
    """
    for flag, name in read:
        path = Path(split_subset(name)[0]).expanduser() if name else None
        if path is not None and path.exists():
            require(
                not is_within(path, folder) and not is_within(folder, path),
                f"--output_dir {str(folder)!r} contains, or lies in, what --{flag} {name} reads: choose another.",
            )


def check_shared(folder: Path) -> None:
    """Raise [`InputError`] if the run folder is not the same one for the processes of all machines."""
    if not has_several_machines():
        return
    candidates = [folder.absolute(), *folder.absolute().parents]
    number = run_on_main(lambda: next(number for number, one in enumerate(candidates) if one.is_dir()))
    probe = candidates[number] / run_on_main(temporary_name)
    with contextlib.suppress(OSError):  # if it cannot be written, the run folder cannot be made, which is told later
        if is_main():
            probe.touch()
    is_written = run_on_main(probe.exists)
    found = gather(probe.exists() or not is_written)
    if is_main():
        probe.unlink(missing_ok=True)
    require(
        all(found),
        f"--output_dir {str(folder)!r} is not the same folder on all machines: the process of rank "
        f"{[*found, False].index(False)} does not find what the first one wrote. Name a folder that they all share.",
    )


def prepare_folder(folder: Path, args: LstmTrainingArguments) -> tuple[str | None, bool]:
    """Return the checkpoint to resume from, if any, and whether an old run in the folder is to be replaced."""
    require(not folder.exists() or folder.is_dir(), f"--output_dir {str(folder)!r} is a file.")
    above = next((one for one in folder.parents if one.exists()), folder.parent)
    require(
        folder.exists() or above.is_dir(),
        f"--output_dir {str(folder)!r} cannot be created because {str(above)!r} is a file: choose another.",
    )
    check_writable(folder, "--output_dir")
    checkpoint = args.resume_from_checkpoint
    if checkpoint == "last":
        checkpoint = find_last_checkpoint(folder)
    elif checkpoint is not None:
        require(is_complete(Path(checkpoint)), f"{checkpoint!r} is not a complete checkpoint.")
    require(
        checkpoint is None or all((Path(checkpoint) / name).is_file() for name in STATES),
        f"The checkpoint {checkpoint!r} lacks {as_text(STATES)}, which --save_only_model does not save, so training "
        "cannot resume from it: start over with --overwrite.",
    )
    if checkpoint is not None and Path(checkpoint).resolve().parent == folder.resolve():
        return checkpoint, False
    remedy = "resume from its last checkpoint, if it has one, with --resume_from_checkpoint last"
    if args.resume_from_checkpoint == "last":
        damaged = as_text(path.name for path in find_incomplete(folder)) if folder.exists() else ""
        remedy = f"it has no complete checkpoint ({damaged or 'none'})"
    occupied = folder.exists() and not _holds_remains_alone(folder, args)
    require(
        not occupied or args.overwrite,
        f"The run folder {str(folder)!r} is not empty: {remedy}, replace it with --overwrite, or choose another "
        "--output_dir.",
    )
    is_run = (folder / "run.json").exists() or any(folder.glob("checkpoint-*")) or _was_being_saved(folder)
    require(
        not occupied or is_run, f"{str(folder)!r} holds no run and is not overwritten: choose another --output_dir."
    )
    require(
        checkpoint is None or not occupied or folder.resolve() not in Path(checkpoint).resolve().parents,
        f"--overwrite would remove the checkpoint {checkpoint!r} before it is read: choose another --output_dir.",
    )
    return checkpoint, occupied


def _holds_remains_alone(folder: Path, args: LstmTrainingArguments) -> bool:
    """
    Whether the folder holds nothing, or only what a training run killed before its first checkpoint left: the logs of
    TensorBoard, and, if it is to be resumed, a half-saved checkpoint.
    """
    names = find_contents(folder)
    if args.resume_from_checkpoint == "last":
        names -= {path.name for path in find_incomplete(folder)}
    return not names or (names == {"runs"} and any(folder.glob("runs/*/events.out.tfevents.*")))


def _was_being_saved(folder: Path) -> bool:
    """Whether a training run was killed while it moved its files into the run folder; `run.json` would be the last."""
    names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    kept = [name for name in names if not name.startswith(SAVING)]
    return len(kept) < len(names) and all(any(fnmatch(name, one) for one in WRITTEN) for name in kept)
