"""Run folders: model, tokenizer and `run.json`, written completely or not at all, and checked when opened."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub import is_offline_mode
from safetensors import SafetensorError, safe_open
from transformers import (
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from ..hub.downloads import download
from ..hub.refusals import OFFLINE
from ..models.text_classifier import MODEL
from ..models.tokenization_lstm import TARGET, LstmTokenizer, target_tokenizer
from ..tasks.base import Task, task_class, task_name, task_of_auto_class
from ..utils.errors import InputError, as_text, explain_errors, require
from ..utils.files import write_folder, write_json
from .record import FINGERPRINTS, RECORD, check_revision, name_run, read_record, read_run_file

INDEX = "model.safetensors.index.json"  # for weights in several files
# Of tokenizers written in Python: GPT-2's, Marian's, those with SentencePiece
VOCABULARIES = (
    *("vocab.json", "merges.txt", "target_vocab.json", "source.spm", "target.spm"),
    *("spiece.model", "sentencepiece.bpe.model", "tokenizer.model", "spm.model"),
)
MEASURED = ("parameters", "size_mb")  # of a model; these depend on its vocabulary, which may differ by chance
LOADED = (
    *("*config.json", "model.safetensors", MODEL, INDEX, "model-*.safetensors", "tokenizer*.json", FINGERPRINTS),
    *(f"{TARGET}/tokenizer*.json", *VOCABULARIES),
)


def save_run(
    folder: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    record: Any,
    write_more: Callable[[Path], None] | None = None,
) -> None:
    """
    Write a run folder: weights (safetensors), configuration, source for remote loading, tokenizer, `run.json`, and what
    `write_more` writes into the folder passed to it.
    """
    with write_folder(folder, last=RECORD) as temporary:
        model.save_pretrained(temporary)
        save_tokenizer(tokenizer, temporary)
        if write_more is not None:
            write_more(temporary)
        size = sum(path.stat().st_size for path in temporary.glob("*.safetensors"))
        record["model"]["size_mb"] = round(size / 1e6, 3)
        write_json(temporary / RECORD, record)


def save_tokenizer(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Save a tokenizer, and the separate one for its targets, if there is one."""
    tokenizer.save_pretrained(folder)
    other = target_tokenizer(tokenizer)
    if other is not tokenizer and not isinstance(tokenizer, LstmTokenizer):  # which has already saved it
        other.save_pretrained(folder / TARGET)


def run_folder(source: str, revision: str | None = None) -> Path:
    """
    Return the folder of a run: a local one or, for a Hub id, that of its downloaded files in the cache.

    Args:
        revision: Branch, tag or commit on the Hub.

    Raises:
        InputError: there is no such folder, and no such repository on the Hub; or files are missing from the cache in
            offline mode.
    """
    folder = Path(source)
    check_revision(source, revision)
    if folder.is_dir():
        return folder
    require(not folder.is_file(), f"{source!r} is a file: name the run folder that it is in.")
    is_path = source.startswith((".", "/", "~")) or source.count("/") > 1
    require(not is_path or "://" in source, f"There is no run folder {source!r}.")
    folder = download(source, revision, [*LOADED, RECORD])
    missing = _missing_files(folder, source) if is_offline_mode() else []
    require(not missing, f"{source!r} is only partly in the cache, without {as_text(missing)}, and {OFFLINE}")
    require(
        any((folder / name).is_file() for name in ("config.json", RECORD)),
        f"The repository {source!r} holds no model{f' at the revision {revision!r}' if revision else ''}: it has no "
        "config.json. If there is one on another branch, name that as the revision.",
    )
    return folder


def find_seeds(source: str) -> list[Path]:
    """
    Return the runs of one system, one for each seed: a run folder or Hub id, or those in a folder. Teachers that `train
    --preset best` fine-tuned next to their students are skipped.

    Raises:
        InputError: there is no run, or there are runs of different models, which are not seeds of one system.
    """
    folder = run_folder(source)
    found = [folder] if (folder / RECORD).is_file() else sorted(path.parent for path in folder.glob(f"*/{RECORD}"))
    found = [one for one in found if not any(one.name.startswith(f"{other.name}-teacher") for other in found)]
    require(bool(found), f"{source!r} is neither a run folder nor a folder of run folders: it has no {RECORD}.")
    settings: dict[str, Any] = {one.name: read_record(one)["model"] for one in found}
    models = {name: one.get("cell_type", one["model_type"]) for name, one in settings.items()}
    shown = as_text(": ".join(one) for one in models.items())
    require(
        len(set(models.values())) == 1,
        f"The runs in {source!r} are of different models ({shown}), so they are not seeds of one system: name "
        "each run, or a folder of runs that differ in their seeds alone.",
    )
    first, *others = ({name: one[name] for name in one if name not in MEASURED} for one in settings.values())
    differing = sorted({name for one in others for name in first.keys() | one if first.get(name) != one.get(name)})
    require(
        not differing,
        f"The runs in {source!r} differ in {as_text(differing)}, so they are not seeds of one system: name each "
        "run, or a folder of runs that differ in their seeds alone.",
    )
    return found


def load_run(
    source: str | Path, revision: str | None = None, *, name: str | None = None
) -> tuple[PreTrainedModel, Any]:
    """
    Load the model and the tokenizer of a run folder or of a Hub id. Code from the repository is not run.

    Args:
        revision: Branch, tag or commit on the Hub.
        name: What errors call the run, by default `source`. For a folder that [`run_folder`] downloaded.

    Raises:
        InputError: there is no such run, or it is damaged; the message says which file and how.
    """
    folder, source = run_folder(str(source), revision), name or str(source)
    _check_files(folder, source)
    record = read_run_file(folder / RECORD, source) if (folder / RECORD).is_file() else {}
    with explain_errors(f"The run {source!r} cannot be loaded"):
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        if _has_target(read_run_file(folder / "config.json")) and target_tokenizer(tokenizer) is tokenizer:
            setattr(tokenizer, TARGET, AutoTokenizer.from_pretrained(folder / TARGET, trust_remote_code=False))
        model, report = open_class(record, folder).from_pretrained(
            folder, trust_remote_code=False, output_loading_info=True
        )
    if report["missing_keys"]:
        kind = str((read_run_file(folder / "config.json").get("architectures") or [""])[0])
        require(
            bool(record) or not kind.endswith("Model"),
            f"{source!r} is a base model ({kind}), which has no head for a task: train a classifier from it first.",
        )
        missing = as_text(sorted(report["missing_keys"])[:3])
        raise InputError(f"The run {source!r} is damaged: its weights lack {missing}.")
    broken = [name for name, weight in model.named_parameters() if not bool(torch.isfinite(weight).all())]
    if broken:
        raise InputError(f"The run {source!r} is damaged: its weights {as_text(broken[:3])} are not finite.")
    check_vocabulary(tokenizer, model.config)
    return model.eval(), tokenizer


def load_for_inference(
    source: str | Path, revision: str | None = None, *, name: str | None = None
) -> tuple[PreTrainedModel, Any]:
    """Load a run as [`load_run`] does, and move its model to the GPU if there is one."""
    model, tokenizer = load_run(source, revision, name=name)
    if torch.cuda.is_available():
        torch.nn.Module.cuda(model)
    return model, tokenizer


OpenRun = tuple[PreTrainedModel, Any]
"""A model and its tokenizer, as returned by [`load_run`]."""


def open_run(run: "str | Path | OpenRun") -> OpenRun:
    """Return the model and tokenizer of a run folder or Hub id. If they are already open, return them unchanged."""
    return run if isinstance(run, tuple) else load_run(name_run(run))


def problem_type_of(model: PreTrainedModel) -> str:
    """
    Return the problem type of a classifier, or a default if the configuration has none.

    Raises:
        InputError: It has none, and one label: the output could be a number or the logit of a probability.
    """
    require(
        model.config.problem_type is not None or len(label_names(model)) > 1,
        "The model has one label and no problem_type, so its output may be a number or a probability: set "
        "model.config.problem_type to 'regression' or 'multi_label_classification', and save it again.",
    )
    return model.config.problem_type or "single_label_classification"


def label_names(model: PreTrainedModel) -> list[str]:
    """Return the names of the labels, in the order of their numbers."""
    config: Any = model.config
    return [config.id2label[number] for number in range(config.num_labels)]


def _explain_no_model(folder: Path, source: str) -> str:
    """Say that a folder holds no model, or only that of an unfinished training."""
    if any(folder.glob("checkpoint-*")):
        return f"The training in {source!r} did not finish: resume it with --resume_from_checkpoint last."
    return (
        f"{source!r} is not a run folder: it has no config.json. Name the folder that train wrote, or a model on the "
        "Hub."
    )


def open_class(record: Mapping[str, Any], folder: Path) -> Any:
    """
    Return the class of transformers that opens the model of a run. Records of version 0.1.0 do not name it. A folder
    without a record was saved by another `Trainer`; the class then follows from its configuration.
    """
    usual = "AutoModelForSequenceClassification" if record else auto_class_of(folder)
    return getattr(transformers, record.get("task", {}).get("auto_class", usual))


def auto_class_of(folder: Path, source: str | None = None) -> str:
    """Return the class of transformers that opens the model of a folder, according to its `config.json`."""
    source = source or str(folder)
    require((folder / "config.json").is_file(), _explain_no_model(folder, source))
    saved = read_run_file(folder / "config.json", source).get("architectures") or [""]
    ends = {"ForCausalLM": "AutoModelForCausalLM", "LMHeadModel": "AutoModelForCausalLM"}
    ends["ForMaskedLM"] = "AutoModelForMaskedLM"
    ends |= dict.fromkeys(("ForConditionalGeneration", "MTModel"), "AutoModelForSeq2SeqLM")
    found = [name for end, name in ends.items() if str(saved[0]).endswith(end)]
    return found[0] if found else "AutoModelForSequenceClassification"


def task_of_run(folder: Path, source: str | None = None) -> type[Task]:
    """Return the task of a run folder, or of one that another `Trainer` saved. Errors call it `source`."""
    if (folder / RECORD).is_file():
        return task_class(task_name(read_record(folder, source)))
    return task_of_auto_class(auto_class_of(folder, source))


def check_vocabulary(tokenizer: PreTrainedTokenizerBase, config: Any) -> None:
    """Raise if the tokenizer, or its separate one for targets, has tokens for which the model has no vector."""
    reads = getattr(config, "source_vocab_size", None) or config.vocab_size
    encoder = getattr(config, "encoder_config", None)
    if isinstance(encoder, dict):
        reads = encoder["vocab_size"]
    for one, vectors in ((tokenizer, reads), (target_tokenizer(tokenizer), config.vocab_size)):
        needed = 1 + max(one.get_vocab().values(), default=-1)
        require(needed > 0, "The tokenizer has no tokens: use the tokenizer that the model was trained with.")
        if needed > vectors:
            raise InputError(
                f"The tokenizer has {needed} tokens, but the model has vectors for only {vectors}: use the "
                "tokenizer that the model was trained with, or call model.resize_token_embeddings(len(tokenizer))."
            )
        if target_tokenizer(tokenizer) is tokenizer:
            break


def is_exported(folder: Path) -> bool:
    """Return whether a folder holds an exported model, without the weights of a run."""
    return (folder / MODEL).is_file() and not any(folder.glob("*.safetensors"))


def _check_files(folder: Path, source: str) -> None:
    require(
        not is_exported(folder),
        f"{source!r} is an exported model, which only predict accepts: name the run that it was made from.",
    )
    is_run = (folder / RECORD).is_file()
    for name in ("config.json", "tokenizer_config.json", "tokenizer.json"):
        if (folder / name).is_file():
            found = read_run_file(folder / name, source)
            require(
                found.get("model_type") != "model2vec",
                f"{source!r} holds word vectors, not a model: modeling-lstm vectors nearest {source} WORD",
            )
    missing = _missing_files(folder, source)
    require(is_run or "config.json" not in missing, _explain_no_model(folder, source))
    for name in missing:
        only = ", and weights are read from safetensors only" if name.endswith(".safetensors") else ""
        require(is_run, f"{source!r} cannot be opened: it has no {name}{only}.")
        raise InputError(f"The run {source!r} is damaged: {name} is missing.")
    for name in weight_files(folder, source):
        try:
            with safe_open(folder / name, framework="pt"):
                pass
        except SafetensorError as error:
            raise InputError(
                f"The run {source!r} is damaged: {name} is truncated or not safetensors ({error})."
            ) from error


def _missing_files(folder: Path, source: str) -> list[str]:
    """Return the names of the missing files without which a run cannot be opened."""
    has_vocabulary = any(any(folder.glob(pattern)) for pattern in VOCABULARIES)
    names = ["config.json", "tokenizer_config.json", *([] if has_vocabulary else ["tokenizer.json"])]
    if (folder / "config.json").is_file() and _has_target(read_run_file(folder / "config.json", source)):
        names.append(f"{TARGET}/tokenizer.json")
    names += [] if (folder / MODEL).is_file() else weight_files(folder, source)
    return [name for name in names if not (folder / name).is_file()]


def _has_target(config: Mapping[str, Any]) -> bool:
    """
    Return whether a translator writes with another vocabulary than it reads. Its folder does not tell, as it may hold
    one of an earlier run.
    """
    return bool(config.get("source_vocab_size") or config.get("encoder_config"))


def weight_files(folder: Path, source: str | None = None) -> list[str]:
    """Return the names of the files that hold a run's weights: one, or the shards that an index lists."""
    if (folder / "model.safetensors").is_file() or not (folder / INDEX).is_file():
        return ["model.safetensors"]
    source = source or str(folder)
    shards = read_run_file(folder / INDEX, source).get("weight_map")
    is_map = isinstance(shards, dict) and len(shards) > 0 and all(isinstance(name, str) for name in shards.values())
    require(is_map, f"The run {source!r} is damaged: {INDEX} lists no files.")
    return sorted({Path(name).name for name in shards.values()})  # type: ignore[union-attr]
