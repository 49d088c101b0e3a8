"""Training: data and settings in, a run folder out. Knows only `Auto*` classes, so every model takes the same path."""

import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import (
    DataCollatorWithPadding,
    EvalPrediction,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
    set_seed,
)

from ..data.arguments import DataArguments, TokenizerArguments, split_subset
from ..data.loading import TextData, load_data
from ..data.overlap import report_overlap
from ..data.sources import kind_of
from ..data.tokenization import build_tokenizer, texts_of, tokenize
from ..distillation import DistillationArguments, DistillationTrainer
from ..distillation.dataset import prepare_lesson
from ..distillation.student_gap import gap
from ..evaluation.metrics import TextClassificationMetric, decide, metric_names
from ..hub.downloads import is_hub_id
from ..inference.prediction import torch_classifier
from ..models.text_classifier import JOINT
from ..publishing.arguments import PushArguments
from ..publishing.sharing import push
from ..runs.environment import environment
from ..runs.run_folders import save_run
from ..utils.errors import InputError, listed, require, save_failure
from ..utils.processes import failing_once, from_main, is_main, is_single_in_spite, main_first
from ..vectors.initial_embeddings import InitialEmbeddings, initial_embeddings
from ..vectors.opening import WordSource, open_source
from ..vectors.token_table import TokenTable
from .arguments import ModelArguments
from .checkpoints import check_origin, is_complete, last_checkpoint, origin
from .model_builder import build_model, described, weighted_loss
from .trainer import PRETRAINED_RATE, LstmTrainer
from .trainer_arguments import LstmTrainingArguments

logger = logging.getLogger(__name__)


def train(
    model_arguments: ModelArguments,
    tokenizer_arguments: TokenizerArguments,
    data_arguments: DataArguments,
    training_arguments: LstmTrainingArguments,
    distillation: DistillationArguments | None = None,
    *,
    command: str | None = None,
) -> dict[str, Any]:
    """
    Train a classifier and write its run folder.

    Args:
        model_arguments: Which model.
        tokenizer_arguments: How texts become tokens.
        data_arguments: Which texts and labels.
        training_arguments: How to train, and where to.
        distillation: A teacher, if the model is to learn from one.
        command: What was typed, for the record.

    Returns:
        The content of `run.json`: command, data, settings, validation scores of the best checkpoint, cost, versions.

    Raises:
        InputError: data or settings that cannot be used, or a run folder that is taken.
    """
    with failing_once():
        return _train(model_arguments, tokenizer_arguments, data_arguments, training_arguments, distillation, command)


def _train(
    model_arguments: ModelArguments,
    tokenizer_arguments: TokenizerArguments,
    data_arguments: DataArguments,
    args: LstmTrainingArguments,
    distillation: DistillationArguments | None,
    command: str | None,
) -> dict[str, Any]:
    folder = Path(args.output_dir)
    if is_single_in_spite():
        logger.warning("accelerate launch starts one process on a CPU, whatever it is told: use torchrun.")
    started = time.perf_counter()
    length = data_arguments.max_length
    lesson = None
    with main_first():
        check_sources(folder, model_arguments, tokenizer_arguments, data_arguments, distillation)
        checkpoint, is_replaced = prepare_folder(folder, args)
        data = load_data(data_arguments)
        _choose_metric(args, data)
        overlap = report_overlap(data.splits)
        has_pairs = len(data.text_column) > 1
        source = _word_source(model_arguments, tokenizer_arguments, length, has_pairs)
        if distillation is not None:
            is_weighted = model_arguments.class_weights is not None or args.label_smoothing_factor > 0
            require(
                not is_weighted or distillation.label_weight > 0,
                "--class_weights and --label_smoothing_factor say how the true labels count: give --label_weight too.",
            )
            lesson = prepare_lesson(data, distillation, args.seed, args.device.type)
        texts = data.splits["train"] if lesson is None else lesson.texts()
        if isinstance(source, TokenTable) and tokenizer_arguments.trim_vocabulary:
            source = source.trimmed(texts_of(texts), tokenizer_arguments.trim_vocabulary)
    # learned once: two processes could break ties in another way
    tokenizer = from_main(
        lambda: (
            source.tokenizer
            if isinstance(source, TokenTable)
            else build_tokenizer(tokenizer_arguments, texts, length, has_pairs)
        )
    )
    lengths = {"train": data_arguments.train_max_length or length, "validation": length}
    with main_first():
        rows = dict(data.splits) if lesson is None else data.splits | {"train": lesson.for_student(tokenizer)}
        splits = {name: tokenize(rows[name], name, tokenizer, cut) for name, cut in lengths.items()}
        vectors = None if source is None else _prepared(source, tokenizer, splits["train"].rows, model_arguments)
        teachers = [] if lesson is None else lesson.report["teachers"]
        trained_with = origin(data, tokenizer, rows["train"], teachers)
        if checkpoint is not None:
            check_origin(checkpoint, trained_with)
    if vectors is not None:
        if args.embedding_learning_rate is None:
            args.embedding_learning_rate = PRETRAINED_RATE * args.learning_rate
        model_arguments = replace(model_arguments, embedding_size=vectors.dimension)
    if args.world_size > 1 and args.ddp_find_unused_parameters is None:
        args.ddp_find_unused_parameters = model_arguments.transformer is not None  # the others use all of theirs
    set_seed(args.seed)
    model = build_model(model_arguments, tokenizer, data, args, vectors)
    prepared = time.perf_counter()
    kind = LstmTrainer if distillation is None else partial(DistillationTrainer, distillation=distillation)
    with _explained(args, checkpoint):
        trainer = kind(
            model=model,
            args=args,
            train_dataset=splits["train"].rows,
            eval_dataset=splits["validation"].rows,
            processing_class=tokenizer,
            data_collator=DataCollatorWithPadding(tokenizer),
            compute_metrics=score_function(data.problem_type, data.label_names),
            compute_loss_func=weighted_loss(model_arguments, data, args.label_smoothing_factor),
        )
        trainer.origin = trained_with
        if is_replaced and is_main():
            shutil.rmtree(folder)  # not before data, settings and the Hub have been found good
        trainer.train(resume_from_checkpoint=checkpoint)
        trained = time.perf_counter()
        outcome = _outcome(trainer, resumed=checkpoint is not None)
    record = {
        "command": command,
        "task": {"problem_type": data.problem_type, "label_names": data.label_names},
        "data": vars(data_arguments)
        | {"source": kind_of(data_arguments.dataset)}
        | {"text_column": data.text_column, "label_column": data.label_column, "counts": data.counts()}
        | ({"separator": JOINT} if has_pairs else {})
        | {"overlap": overlap}
        | {"tokens": {name: split.statistics for name, split in splits.items()}},
        "tokenizer": (
            {
                "tokenizer": str(model_arguments.embeddings),
                "trim_vocabulary": tokenizer_arguments.trim_vocabulary,
            }
            if isinstance(source, TokenTable)
            else vars(tokenizer_arguments)
        )
        | {"vocabulary": len(tokenizer)},
        "model": described(model_arguments, model),
    }
    if vectors is not None:
        record["embeddings"] = vectors.report
    record |= outcome

    def finish() -> dict[str, Any]:
        if lesson is not None:
            logits = torch_classifier(model.eval(), tokenizer).raw_scores(data.splits["validation"]["text"][:])
            found = gap(data, "validation", logits, lesson.validation, args.metric_for_best_model)
            record["distillation"] = lesson.report | {"gap": {"validation": found}}
        record["seconds"] = {
            "preparation": round(prepared - started, 2),
            "training": round(trained - prepared, 2),
            "total": round(time.perf_counter() - started, 2),
        }
        finished = record | environment()
        save_run(folder, model, tokenizer, finished)
        if args.push_to_hub:
            _push(folder, str(trainer.hub_model_id), args)
        return finished

    return from_main(finish)


def _push(folder: Path, repo_id: str, args: LstmTrainingArguments) -> None:
    where = PushArguments(private=bool(args.hub_private_repo), revision=args.hub_revision)
    try:
        done = push(str(folder), repo_id, where, token=args.hub_token)
    except InputError as error:
        raise InputError(
            f"{error} The run is complete in {str(folder)!r}: modeling-lstm push {folder} {repo_id}"
        ) from error
    logger.info("Pushed: %s", done.url)


def _word_source(
    model: ModelArguments, tokenizer: TokenizerArguments, max_length: int, has_pairs: bool
) -> WordSource | TokenTable | None:
    """Where word vectors come from, if from anywhere; some sources bring a tokenizer along."""
    if model.transformer is not None:
        require(tokenizer.tokenizer is None, f"{model.transformer} has a tokenizer: leave out --tokenizer.")
        tokenizer.tokenizer = model.transformer
    source = None
    if model.embeddings is not None:
        source = open_source(model.embeddings, model.embeddings_revision, max_length, has_pairs)
    require(
        tokenizer.trim_vocabulary == 0 or isinstance(source, TokenTable),
        "--trim_vocabulary is for a vocabulary that comes with word vectors, as with --embeddings transformer:NAME; "
        "one that is learned from the texts has --min_frequency and --vocab_size.",
    )
    if isinstance(source, TokenTable):
        require(
            tokenizer.tokenizer is None,
            f"--embeddings {model.embeddings} brings its own tokenizer along: leave out --tokenizer.",
        )
        logger.info("The tokenizer comes with the word vectors, its vocabulary of %d included", len(source.tokenizer))
    return source


def _prepared(
    source: WordSource | TokenTable, tokenizer: PreTrainedTokenizerBase, train: Dataset, arguments: ModelArguments
) -> InitialEmbeddings:
    """The word vectors, brought to the model's size and, as the settings say, centred and scaled."""
    vectors = initial_embeddings(source, tokenizer, train)
    vectors.report |= {
        "source": str(arguments.embeddings),
        "is_from_hub": is_hub_id(arguments.embeddings),
        "revision": arguments.embeddings_revision,
        "centered": arguments.center_embeddings,
        "scaled": arguments.scale_embeddings,
    }
    if arguments.embedding_size is not None:
        vectors = vectors.reduced(arguments.embedding_size)
    if arguments.center_embeddings:
        vectors = vectors.centered()
    return vectors.scaled(arguments.embedding_range) if arguments.scale_embeddings else vectors


# what every training sets, or what has been checked before: not what a library complains about
_ORDINARY = {
    *(name for name in LstmTrainingArguments.__annotations__),
    *(
        "seed",
        "data_seed",
        "max_steps",
        "use_cpu",
        "disable_tqdm",
        "report_to",
        "push_to_hub",
        "ddp_find_unused_parameters",
        "run_name",
        "hub_model_id",
        "hub_private_repo",
        "hub_revision",
        "save_steps",
        "eval_steps",
        "gradient_accumulation_steps",
    ),
}


@contextlib.contextmanager
def _explained(args: LstmTrainingArguments, checkpoint: str | None) -> Iterator[None]:
    """Turn what the user can mend while training runs into one sentence."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # whatever the libraries raise
        if cause := save_failure(error):
            raise InputError(f"A checkpoint could not be saved in {str(args.output_dir)!r}: {cause}") from error
        said = str(error).lower()
        if isinstance(error, MemoryError) or "out of memory" in said or "allocate memory" in said:
            raise InputError(
                "There is not enough memory: try a smaller --per_device_train_batch_size with more "
                "--gradient_accumulation_steps, or a smaller --max_length."
            ) from error
        if "size mismatch" in str(error) or "parameter group" in str(error):
            raise InputError(
                f"The checkpoint {checkpoint!r} is of another model or vocabulary: resume with the data and settings "
                "that it was trained with."
            ) from error
        unusual = [f"--{name}" for name in _changed(args) if name not in _ORDINARY]
        if unusual:
            logger.debug("Training failed", exc_info=error)
            raise InputError(
                f"Training failed with {type(error).__name__}: {str(error).strip()} - it may be one of the settings "
                f"{listed(unusual)}: try without them."
            ) from error
        raise


def _outcome(trainer: Trainer, *, resumed: bool) -> dict[str, Any]:
    """What `run.json` says of the training itself: settings, the course of the scores, the best checkpoint's scores."""
    args, state = trainer.args, trainer.state
    history = [entry for entry in state.log_history if "eval_loss" in entry]
    validation = {name.removeprefix("eval_"): value for name, value in trainer.evaluate().items() if _is_score(name)}
    return {
        "training": _changed(args) | {"seed": args.seed, "steps": state.global_step, "resumed": resumed},
        "best": {"metric": args.metric_for_best_model, "step": state.best_global_step},
        "history": history,
        "metrics": {"validation": validation},
    }


def check_sources(
    folder: Path,
    model: ModelArguments,
    tokenizer: TokenizerArguments,
    data: DataArguments,
    distillation: DistillationArguments | None = None,
) -> None:
    """Raise [`InputError`] if the run folder is one that the training reads from, or lies in one, or holds one."""
    read = [("dataset", data.dataset), ("train_dataset", data.train_dataset), ("tokenizer", tokenizer.tokenizer)]
    read += [("transformer", model.transformer)]
    if isinstance(model.embeddings, str):  # not vectors in memory
        read += [("embeddings", model.embeddings.removeprefix("transformer:"))]
    if distillation is not None:
        read += [("teacher", name) for name in distillation.teachers]
        read += [("unlabeled", split_subset(name)[0]) for name in distillation.unlabeled]
    target = folder.expanduser().resolve()
    for flag, name in read:
        path = Path(name).expanduser().resolve() if name else None
        if path is not None and path.exists():
            require(
                path != target and path not in target.parents and target not in path.parents,
                f"--output_dir {str(folder)!r} would write over what --{flag} {name} reads, or into its folder: choose "
                "another.",
            )


def prepare_folder(folder: Path, args: LstmTrainingArguments) -> tuple[str | None, bool]:
    """Find the checkpoint to resume from, if any, and tell whether an old run in the folder is to be replaced."""
    require(not folder.exists() or folder.is_dir(), f"--output_dir {str(folder)!r} is a file.")
    checkpoint = args.resume_from_checkpoint
    if checkpoint == "last":
        checkpoint = last_checkpoint(folder)
    elif checkpoint is not None:
        require(is_complete(Path(checkpoint)), f"{checkpoint!r} is no complete checkpoint.")
    if checkpoint is not None and Path(checkpoint).resolve().parent == folder.resolve():
        return checkpoint, False
    occupied = folder.exists() and any(not path.name.startswith(".saving-") for path in folder.iterdir())
    require(
        not occupied or args.overwrite,
        f"The run folder {str(folder)!r} is not empty: go on from its last checkpoint, if it has one, with "
        "--resume_from_checkpoint last, replace it with --overwrite, or choose another --output_dir.",
    )
    is_run = (folder / "run.json").exists() or any(folder.glob("checkpoint-*"))
    require(
        not occupied or is_run, f"{str(folder)!r} holds no run and is not overwritten: choose another --output_dir."
    )
    require(
        checkpoint is None or not occupied or folder.resolve() not in Path(checkpoint).resolve().parents,
        f"--overwrite would remove the checkpoint {checkpoint!r} before it is read: choose another --output_dir.",
    )
    return checkpoint, occupied


def score_function(problem_type: str, label_names: list[str]) -> Callable[[EvalPrediction], dict[str, float]]:
    """What `Trainer` calls to turn logits and labels into scores."""
    metric = TextClassificationMetric(problem_type)

    def compute(prediction: EvalPrediction) -> dict[str, float]:
        logits = np.asarray(prediction.predictions)
        require(bool(np.isfinite(logits).all()), "Training diverged: lower --learning_rate.")
        predictions, references, probabilities = decide(problem_type, logits, np.asarray(prediction.label_ids))
        return metric.compute(
            predictions=predictions, references=references, label_names=label_names, probabilities=probabilities
        )

    return compute


def _choose_metric(args: LstmTrainingArguments, data: TextData) -> None:
    known = metric_names(data.problem_type, data.label_names) + ["loss"]
    default = "mean_squared_error" if data.problem_type == "regression" else "accuracy"
    default = "loss" if args.prediction_loss_only else default
    name = default if args.metric_for_best_model == "auto" else args.metric_for_best_model.removeprefix("eval_")
    if name not in known:
        raise InputError(f"Unknown metric {name!r} for --metric_for_best_model: choose one of {', '.join(known)}.")
    require(
        name == "loss" or not args.prediction_loss_only,
        f"--prediction_loss_only leaves no score but the loss: --metric_for_best_model cannot be {name}.",
    )
    args.metric_for_best_model = name
    args.greater_is_better = name not in (
        "loss",
        "mean_squared_error",
        "mean_absolute_error",
        "log_loss",
        "calibration_error",
    )


def _changed(args: TrainingArguments) -> dict[str, Any]:
    """The settings that differ from the defaults."""
    # `use_cpu` decides whether the processes of a launch know each other
    defaults = LstmTrainingArguments(output_dir=str(args.output_dir), use_cpu=args.use_cpu).to_dict() | {
        "use_cpu": False
    }
    ignored = {"output_dir", "resume_from_checkpoint", "overwrite", "greater_is_better"}
    return {name: value for name, value in args.to_dict().items() if value != defaults[name] and name not in ignored}


def _is_score(name: str) -> bool:
    return not name.endswith(("_runtime", "_per_second")) and name != "epoch"
