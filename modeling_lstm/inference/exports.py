"""Exported models: the folder that answers for a run, and whether it holds the weights of that run."""

import hashlib
import importlib.util
import json
import logging
from pathlib import Path

from ..models.text_classifier import MODEL
from ..runs.record import read_run_file
from ..utils.errors import require

logger = logging.getLogger(__name__)

EXPORTED = "onnx"  # the folder in a run for its export, as models of the Hub have it
FACTS = "export.json"  # in an exported folder: what it was made from, and how exact it is
SCRIPT = "classify.py"  # there too: the classifier that needs no torch
WEIGHTS_AND_WORDS = ("*.safetensors", "pytorch_model*.bin", "tokenizer.json", "vocab.txt")
SETTINGS = ("config.json", "tokenizer_config.json")
NOT_ANSWERING = {"architectures", "auto_map", "transformers_version", "_name_or_path"}  # settings that change no answer


def run_digest(folder: Path) -> str:
    """The SHA-256 of what the answers of a run depend on: its weights, in one file or several, and its settings."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in WEIGHTS_AND_WORDS for path in folder.glob(pattern)):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    for name in SETTINGS:
        if not (folder / name).is_file():
            continue  # whoever opens the run says so
        settings = {key: value for key, value in read_run_file(folder / name).items() if key not in NOT_ANSWERING}
        digest.update(json.dumps(settings, sort_keys=True).encode())
    return digest.hexdigest()


def find_export(run: str, backend: str, source: str | None = None) -> str | None:
    """
    The exported folder to answer with: `run` itself, or the one that it has inside.

    Args:
        run: Run folder, or folder that `export` wrote.
        backend: `"onnxruntime"`; `"torch"`; or `"auto"`, which prefers an export inside a run that is in fp32 and of
            the run as it is now, if ONNX Runtime is installed.
        source: What an error calls the run, by default its folder.

    Returns:
        `None` if torch is to answer.

    Raises:
        InputError: the folder cannot be used with this backend.
    """
    folder, inside, source = Path(run), Path(run) / EXPORTED, source or run
    has_weights = any(folder.glob("*.safetensors"))  # which `export` does not write
    if (folder / MODEL).is_file() and not (has_weights and backend == "torch"):
        require(
            not has_weights,
            f"{source!r} holds the weights of a run and beside them {MODEL}, which may be of another model: remove it, "
            "or let the weights answer with --backend torch.",
        )
        require(backend != "torch", f"{source!r} is an exported model, which torch does not run: leave out --backend.")
        return run
    if backend == "torch" or (backend == "auto" and not (inside / MODEL).is_file()):
        return None
    if not (inside / MODEL).is_file():
        return run  # whoever opens it says what is missing
    facts = _read_facts(inside)
    is_of_run = facts.get("run") == run_digest(folder)
    outdated = (
        f"{str(inside)!r} was exported from other weights or settings than {source!r} has now, or by an older version: "
        f"modeling-lstm export {source}"
    )
    if backend == "onnxruntime":
        require(is_of_run, outdated)
        return str(inside)
    if not is_of_run:
        logger.warning("%s. It is not used.", outdated)
        return None
    if facts.get("precision") != "fp32":
        logger.info("%r is in %s and not used without --backend onnxruntime.", str(inside), facts.get("precision"))
        return None
    return str(inside) if importlib.util.find_spec("onnxruntime") else None


def _read_facts(folder: Path) -> dict[str, object]:
    """What `export` noted; nothing if the file is missing or damaged."""
    try:
        found = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
