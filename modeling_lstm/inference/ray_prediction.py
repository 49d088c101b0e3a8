"""`predict --engine ray`: answer many files in several processes, any of which may fail."""

import contextlib
import json
import logging
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from huggingface_hub.utils import tqdm
from pyarrow import fs

from ..models.text_classifier import MODEL
from ..tasks.base import FILL_MASK
from ..utils.errors import InputError, as_text, explain_save_failure, require
from ..utils.files import SAVING, temporary_name
from ..utils.ray_cluster import READER_CPUS, Cluster, open_cluster
from .answering import data_of_training, model_folder
from .arguments import PredictionArguments
from .exports import run_digest
from .input_files import InputFile, list_files, open_filesystem, would_list
from .ray_workers import ROWS, AnsweringWorker, Plan, count_rows, read_parts
from .reading import read_input

logger = logging.getLogger(__name__)

PLAN, COMPLETE = "_plan.json", "_complete.json"  # files in a folder of answers; other tools ignore such names
# Settings that do not affect the answers, so they may change when a run is resumed
FREE = ("input", "output", "output_dir", "engine", "workers", "address", "damaged")


@dataclass
class Progress:
    """
    The progress of one file.

    Args:
        parts: The numbers of the parts that exist.
        number: The total number of parts, once it is known.
        rows: The number of rows, once it is known.
    """

    parts: set[int] = field(default_factory=set)
    number: int | None = None
    rows: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether all parts exist."""
        return self.number is not None and len(self.parts) == self.number


def predict_by_ray(run: str, arguments: PredictionArguments) -> int:
    """
    Answer files with the workers of a cluster. The answers to each file go to `OUTPUT_DIR/file=NAME/part-N.parquet`, in
    the order of its rows, with the row number in the column `row`. An interrupted run resumes where it stopped.

    Args:
        run: Run folder, Hub id, or folder that [`export`] wrote. Every machine must be able to read it.
        arguments: The settings. `input` is a file, a folder or a pattern, and `output_dir` a folder.

    Returns:
        The number of rows in the output.

    Raises:
        InputError: the run, input, output or cluster cannot be used, or a file is damaged. All files are read to the
            end first, and if one is damaged, nothing is written. With `damaged="skip"`, the others are answered, and
            the error names the damaged ones at the end.
    """
    require(arguments.input not in (None, "-"), "--engine ray answers files: name them with --input.")
    require(arguments.output_dir is not None, "--engine ray writes a folder: name it with --output_dir.")
    source, path = open_filesystem(str(arguments.input), "--input")
    target, folder = open_filesystem(str(arguments.output_dir), "--output_dir")
    files = list_files(source, path, str(arguments.input))
    require(
        not (source.equals(target) and would_list(source, path, f"{folder}/file=NAME/part-00000.parquet")),
        f"--output_dir {arguments.output_dir!r} is among the files of --input {arguments.input!r}, so the answers "
        "would be read as input, too: choose a folder elsewhere.",
    )
    run = str(Path(run).absolute()) if Path(run).exists() else run
    opened = model_folder(run, arguments.revision)
    record = data_of_training(opened, run)
    with open_cluster(arguments) as cluster:
        plan = Plan(run, arguments, source, target, folder, {}, cluster.threads, ROWS, record)
        plan = replace(plan, kept=_find_kept_columns(plan, files), mask_token=_find_mask_token(opened, run))
        if not Path(run).exists():
            plan = replace(plan, revision=opened.name)  # in the cache, the folder is named after the commit
        described = _describe(plan, files)
        known = _look(plan, files)
        _check_claim(plan, described)
        rows: int | None = None
        if arguments.damaged == "stop":
            rows = _check_files(cluster, plan, [one for one in files if not known[one.name].is_complete])
            rows += sum(one.rows for one in known.values() if one.is_complete)
        with _explain_errors(folder):
            target.create_dir(folder, recursive=True)
            _write_json(target, f"{folder}/{PLAN}", described)
        return _answer(cluster, plan, files, known, rows)


def _find_mask_token(folder: Path, run: str) -> str | None:
    """Return the mask token of a masked language model; `None` for other models."""
    if (folder / MODEL).is_file():  # an exported classifier
        return None
    from transformers import AutoTokenizer

    from ..runs.run_folders import task_of_run  # imports torch

    if task_of_run(folder, run).name != FILL_MASK:
        return None
    token: str = AutoTokenizer.from_pretrained(folder, trust_remote_code=False).mask_token
    return token


def _find_kept_columns(plan: Plan, files: list[InputFile]) -> dict[str, pa.DataType]:
    """Return the columns to keep of the first file, or with `damaged="skip"` of the first one that can be opened."""
    for number, file in enumerate(files, start=1):
        try:
            with file.fetch(plan.source) as path:
                return read_input(replace(plan.arguments, input=str(path)), plan.record).kept
        except InputError:
            if plan.arguments.damaged == "stop" or number == len(files):
                raise
    raise AssertionError("there is no file")


def _describe(plan: Plan, files: list[InputFile]) -> dict[str, Any]:
    """Describe what must stay the same for a run to be resumed: the model, the settings and the files."""
    settings = {name: value for name, value in vars(plan.arguments).items() if name not in FREE}
    inputs = [{"name": one.name, "size": one.size, "modified": one.modified} for one in files]
    model = run_digest(model_folder(plan.run, plan.revision))
    return {"run": plan.run, "model": model, "settings": settings, "rows_in_a_part": plan.rows, "files": inputs}


def _check_claim(plan: Plan, described: dict[str, Any]) -> None:
    """Raise if the output folder holds anything other than part of these answers."""
    target, folder = plan.target, plan.folder
    there = target.get_file_info(folder)
    if there.type == fs.FileType.NotFound:
        return
    named = f"--output_dir {plan.arguments.output_dir!r}"
    require(there.type == fs.FileType.Directory, f"{named} is a file: name a folder.")
    if not target.get_file_info(fs.FileSelector(folder)):
        return
    stored = _read_json(target, f"{folder}/{PLAN}")
    require(stored is not None, f"{named} is not empty, and holds no answers: choose another.")
    changed = [name for name in described if (stored or {}).get(name) != json.loads(json.dumps(described[name]))]
    require(
        not changed,
        f"{named} holds answers of another run, other settings or other files "
        f"({as_text(changed)} differ): choose another folder, or remove it.",
    )


def _look(plan: Plan, files: list[InputFile]) -> dict[str, Progress]:
    """Find the parts of each file that exist already."""
    known = {}
    for file in files:
        found = plan.target.get_file_info(fs.FileSelector(plan.folder_of(file.name), allow_not_found=True))
        names = [one.base_name for one in found]
        parts = {int(name[5:-8]) for name in names if name.startswith("part-") and name.endswith(".parquet")}
        whole = _read_json(plan.target, f"{plan.folder_of(file.name)}/{COMPLETE}") or {}
        known[file.name] = Progress(parts, whole.get("parts"), whole.get("rows", 0))
    return known


def _check_files(cluster: Cluster, plan: Plan, files: list[InputFile]) -> int:
    """
    Read files to the end. Return their number of rows.

    Raises:
        InputError: some are damaged.
    """
    if not files:
        return 0
    read = cluster.dataset([{"file": pickle.dumps(one)} for one in files])
    found = list(read.map_batches(count_rows, fn_args=(plan,), batch_size=1).iter_rows())
    errors = [one["error"] for one in found if one["error"]]
    require(
        not errors,
        f"{len(errors)} of {len(files)} files cannot be read, and nothing was written: {' '.join(errors[:3])} Repair "
        "or remove them, or answer the others with --damaged skip.",
    )
    return sum(int(one["rows"]) for one in found)


def _answer(cluster: Cluster, plan: Plan, files: list[InputFile], known: dict[str, Progress], rows: int | None) -> int:
    """Answer what has not been answered yet. Return the number of rows in the output."""
    damaged: dict[str, str] = {}
    before = sum(one.rows if one.is_complete else plan.rows * len(one.parts) for one in known.values())
    with tqdm(total=rows, initial=before, unit="row", desc="Answering") as bar:
        for one in _results(cluster, plan, [file for file in files if not known[file.name].is_complete], known):
            name, part, number = str(one["file"]), int(one["part"]), int(one["rows"])
            if one["error"]:
                require(part < 0, str(one["error"]))  # a part that could not be written
                require(plan.arguments.damaged == "skip", str(one["error"]))
                damaged[name] = str(one["error"])
                continue
            file = known[name]
            if part < 0:
                file.number, file.rows = int(one["parts"]), number
            else:
                file.parts.add(part)
                bar.update(number)
            if file.is_complete:
                with _explain_errors(plan.folder):
                    _finish_file(plan, name, file)
    with _explain_errors(plan.folder):
        for folder in map(plan.folder_of, damaged):  # there is none if no part was read
            if plan.target.get_file_info(folder).type == fs.FileType.Directory:
                plan.target.delete_dir(folder)
    missing = [name for name, one in known.items() if not one.is_complete and name not in damaged]
    require(not missing, f"Some parts were not answered: {as_text(missing)}. Run the command again.")
    written = sum(one.rows for one in known.values() if one.is_complete)
    with _explain_errors(plan.folder):
        result = {"rows": written, "files": len(files) - len(damaged), "damaged": damaged}
        _write_json(plan.target, f"{plan.folder}/{COMPLETE}", result)
    require(
        not damaged,
        f"{written} rows of {len(files) - len(damaged)} files were answered. Damaged files, left out: "
        f"{' '.join(damaged.values())}",
    )
    return written


def _results(
    cluster: Cluster, plan: Plan, files: list[InputFile], known: dict[str, Progress]
) -> Iterator[dict[str, Any]]:
    """Yield what was done, row by row: a part written, a file read to its end, or an error."""
    if not files:
        return
    items = [{"file": pickle.dumps(one), "done": pickle.dumps(known[one.name].parts)} for one in files]
    read = cluster.dataset(items).map_batches(read_parts, fn_args=(plan,), batch_size=1, num_cpus=READER_CPUS)
    options: dict[str, Any] = {"compute": cluster.pool(), "batch_size": 1} | cluster.resources()
    answered = read.map_batches(AnsweringWorker, fn_constructor_args=(plan,), **options)
    yield from answered.iter_rows()


def _finish_file(plan: Plan, name: str, file: Progress) -> None:
    """Remove temporary files that killed workers left, and record that the file is complete."""
    for one in plan.target.get_file_info(fs.FileSelector(plan.folder_of(name))):
        if one.base_name.startswith(SAVING):
            plan.target.delete_file(one.path)
    _write_json(plan.target, f"{plan.folder_of(name)}/{COMPLETE}", {"parts": file.number, "rows": file.rows})


@contextlib.contextmanager
def _explain_errors(folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{folder!r} was not written: {explain_save_failure(error) or error}") from error


def _write_json(target: fs.FileSystem, path: str, content: Any) -> None:
    """Write JSON under a temporary name, then rename it."""
    temporary = f"{path.rpartition('/')[0]}/{temporary_name()}"
    with target.open_output_stream(temporary) as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=False).encode())
    target.move(temporary, path)


def _read_json(target: fs.FileSystem, path: str) -> dict[str, Any] | None:
    """Read a JSON file of the output. Return `None` if there is no such file."""
    if target.get_file_info(path).type != fs.FileType.File:
        return None
    with target.open_input_stream(path) as file:
        try:
            return dict(json.loads(file.read()))
        except ValueError as error:
            raise InputError(f"{path!r} is damaged: remove the folder, or choose another --output_dir.") from error
