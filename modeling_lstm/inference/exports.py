"""Exported models: find the export that answers for a run, and check that it holds that run's weights."""

import hashlib
import importlib.util
import json
import logging
import shlex
from pathlib import Path

from ..models.text_classifier import MODEL
from ..runs.record import read_run_file
from ..utils.errors import require

logger = logging.getLogger(__name__)

EXPORTED = "onnx"  # the folder inside a run that holds its export, named as in models on the Hub
FACTS = "export.json"  # in an exported folder: what it was made from and how exact it is
SCRIPT = "classify.py"  # in an exported folder: the classifier that needs no torch
WEIGHTS_AND_WORDS = (
    *("*.safetensors", "pytorch_model*.bin", "*.onnx"),
    *("tokenizer.json", "target_tokenizer/tokenizer.json", "vocab.txt"),
)
SETTINGS = ("config.json", "tokenizer_config.json")
NOT_ANSWERING = {"architectures", "auto_map", "transformers_version", "_name_or_path"}  # do not affect answers


def run_digest(folder: Path) -> str:
    """
    Return the SHA-256 of what the answers of a run or an exported model depend on: weights (one file or several),
    vocabularies, settings.
    """
    digest = hashlib.sha256()
    for path in sorted(path for pattern in WEIGHTS_AND_WORDS for path in folder.glob(pattern)):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    for name in SETTINGS:
        if not (folder / name).is_file():
            continue  # reported when the run is opened
        settings = {key: value for key, value in read_run_file(folder / name).items() if key not in NOT_ANSWERING}
        digest.update(json.dumps(settings, sort_keys=True).encode())
    return digest.hexdigest()


def find_export(run: str, backend: str, source: str | None = None) -> str | None:
    """
    Find the exported folder to answer with: `run` itself, or the export inside it.

    Args:
        run: Run folder, or folder that `export` wrote.
        backend: `"onnxruntime"`, `"torch"` or `"auto"`. If ONNX Runtime is installed, `"auto"` prefers an export
            inside the run, provided that it is in fp32 and up to date.
        source: How errors name the run. Defaults to its folder.

    Returns:
        The folder, or `None` if torch is to answer.

    Raises:
        InputError: the folder cannot be used with this backend.
    """
    folder, inside, source = Path(run), Path(run) / EXPORTED, source or run
    has_weights = any(folder.glob("*.safetensors"))  # `export` does not write any
    if (folder / MODEL).is_file() and not (has_weights and backend == "torch"):
        require(
            not has_weights,
            f"{source!r} holds both the weights of a run and {MODEL}, which may belong to another model: remove it, "
            "or use the weights with --backend torch.",
        )
        require(backend != "torch", f"{source!r} is an exported model, which torch cannot run: leave out --backend.")
        return run
    if backend == "torch" or (backend == "auto" and not (inside / MODEL).is_file()):
        return None
    if not (inside / MODEL).is_file():
        return run  # what is missing is reported when it is opened
    facts = _read_facts(inside)
    is_of_run = facts.get("run") == run_digest(folder)
    outdated = (
        f"{str(inside)!r} was exported from weights or settings other than those now in {source!r}, or by an older "
        f"version. Export it again: modeling-lstm export {shlex.quote(source)}"
    )
    if backend == "onnxruntime":
        require(is_of_run, outdated)
        return str(inside)
    if not is_of_run:
        logger.warning("The export is not used: %s", outdated)
        return None
    if facts.get("precision") != "fp32":
        logger.info("%r is in %s: it is used only with --backend onnxruntime.", str(inside), facts.get("precision"))
        return None
    return str(inside) if importlib.util.find_spec("onnxruntime") else None


def _read_facts(folder: Path) -> dict[str, object]:
    """Return what `export` recorded, or an empty dictionary if the file is missing or damaged."""
    try:
        found = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
