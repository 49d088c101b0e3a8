"""`DistillationDataset`: training rows and transfer text with the logits of the teachers."""

import logging
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, Features, List, Value, concatenate_datasets
from datasets.fingerprint import Hasher
from transformers import PreTrainedTokenizerBase

from ..data.arguments import split_subset
from ..data.digests import identify_rows
from ..data.loading import TextData
from ..data.sources import locate_source
from ..data.tokenization import iterate_texts
from ..evaluation.metrics import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from ..hub.downloads import is_hub_id
from ..models.tokenization_lstm import MASK
from ..runs.record import RECORD, read_record
from ..tasks.text_classification import TextClassification
from ..utils.errors import as_text, require
from ..utils.ray_cluster import Cluster
from .arguments import DistillationArguments
from .augmentation import mask_of
from .distillation_trainer import LOGITS, UNLABELED
from .labeling import load_config
from .neighbors import teacher_neighbors
from .teacher import CHUNK, Teacher, average_logits, check_labels
from .transfer import collect_transfer_text

logger = logging.getLogger(__name__)


@dataclass
class DistillationDataset:
    """
    What a student learns from.

    Args:
        rows: Columns `text`, `label` (-100 or NaN where it is unknown) and `teacher_logits`.
        natural: How many of the rows, counted from the first, are original texts and not variants.
        validation (`(rows, labels)`): The teachers' logits for the validation split.
        report: What `run.json` records of it.
    """

    rows: Dataset
    natural: int
    validation: np.ndarray
    report: dict[str, Any]

    def texts(self) -> Dataset:
        """Return the texts that a vocabulary can be learned from."""
        return self.rows.select(range(self.natural))

    def for_student(self, tokenizer: PreTrainedTokenizerBase) -> Dataset:
        """Return the rows, with masked words as the student's tokenizer writes them."""
        mask = mask_of(tokenizer)
        if mask == MASK or self.natural == self.rows.num_rows:
            return self.rows

        def write(texts: list[str]) -> dict[str, list[str]]:
            return {"text": [text.replace(MASK, mask) for text in texts]}

        made = self.rows.select(range(self.natural, self.rows.num_rows))
        made = made.map(write, input_columns="text", batched=True, desc="Masking words")
        return concatenate_datasets([self.texts(), made])


def check_divergence(data: TextData, arguments: DistillationArguments) -> None:
    """Raise [`InputError`] if a student of numbers is to learn from probabilities."""
    require(
        data.problem_type != "regression" or not arguments.divergence_weight,
        "For regression there is no divergence of probabilities: leave out --divergence_weight.",
    )


def label_dataset(
    data: TextData,
    arguments: DistillationArguments,
    seed: int,
    device: str | None = None,
    cluster: Cluster | None = None,
) -> DistillationDataset:
    """
    Read the transfer text and have the teachers label it and the training texts, unless they did so before.

    Args:
        data: The task.
        arguments: The teachers, and the text to label.
        seed: Seed of random draws.
        device: Device of the teachers.
        cluster: Cluster whose workers label. Default: this process labels.

    Raises:
        InputError: a teacher or a source cannot be used.
    """
    started = time.perf_counter()
    check_divergence(data, arguments)
    configs = [load_config(name, arguments.teacher_revision) for name in arguments.teachers]
    check_labels(configs, data, arguments)  # before all texts are gathered
    near = partial(teacher_neighbors, arguments.teachers[0], arguments.teacher_revision)
    transfer, natural, counts = collect_transfer_text(data, arguments, seed, near)
    train = data.splits["train"]
    rows = concatenate_datasets([_plain(train, data), _without_labels(transfer, data)])
    teachers, computed = _label(arguments, data, rows, device, cluster)
    # identifies the rows, the files of logits and their columns
    sources = [(one.cache.path.name, one.cache.id, one.columns) for one in teachers]
    fingerprint = Hasher.hash((rows._fingerprint, sources))
    features = Features({**rows.features, LOGITS: List(Value("float32"))})
    rows = rows.map(
        lambda texts: {LOGITS: average_logits(teachers, texts)},
        input_columns="text",
        batched=True,
        features=features,
        new_fingerprint=fingerprint,
        desc="Reading logits",
    )
    report = {
        "teachers": [_describe(one, number) for one, number in zip(teachers, computed, strict=True)],
        "sources": [
            {"name": source, "is_from_hub": locate_source(split_subset(source)[0]) == "hub"}
            for source in arguments.unlabeled
        ],
        "transfer": counts,
        "digest": identify_rows(rows.select(range(train.num_rows + natural)), ["text"]),  # original texts
        "settings": asdict(arguments),
        "seconds": round(time.perf_counter() - started, 2),
    }
    known = average_logits(teachers, data.splits["validation"]["text"][:])
    return DistillationDataset(rows, train.num_rows + natural, known, report)


def _label(
    arguments: DistillationArguments, data: TextData, rows: Dataset, device: str | None, cluster: Cluster | None
) -> tuple[list[Teacher], list[int]]:
    """Label the rows and those of validation. Return the teachers, and how many texts each of them labeled now."""
    validation = data.splits["validation"]
    teachers, computed = [], []
    for name in arguments.teachers:  # one at a time in memory
        teacher = Teacher(name, data, arguments, device)
        number = teacher.label(iterate_texts(rows, CHUNK), rows.num_rows, cluster=cluster)
        held_out = teacher.label(iterate_texts(validation, CHUNK), validation.num_rows, cluster=cluster)
        computed.append(number + held_out)
        if teacher.truncated:
            every = rows.num_rows + validation.num_rows
            logger.warning(
                "%s reads %d tokens of a text; %d of %d texts are longer", name, teacher.limit, teacher.truncated, every
            )
        teacher.release()
        teachers.append(teacher)
    return teachers, computed


def warn_of_other_splits(name: str, data: TextData, dataset: str) -> None:
    """Warn if a teacher is a run on the same dataset that may have learned from rows that are held out now."""
    if not Path(name, RECORD).is_file():
        return
    record: Any = read_record(Path(name))
    theirs, names = record["data"], record["task"].get("label_names", data.label_names)
    known = theirs.get("digests")
    if not known or Path(str(theirs.get("dataset"))).resolve() != Path(dataset).resolve():
        return
    held_out = {name: data.splits[name] for name in ("validation", "test") if name in data.splits}
    if data.problem_type == SINGLE_LABEL and names != data.label_names and set(names) == set(data.label_names):
        numbers = [names.index(one) for one in data.label_names]  # theirs
        held_out = {
            name: rows.map(
                lambda labels: {"label": [numbers[one] for one in labels]}, input_columns="label", batched=True
            )
            for name, rows in held_out.items()
        }
    other = [
        name for name, rows in held_out.items() if known.get(name) != identify_rows(rows, TextClassification.columns)
    ]
    if other:
        logger.warning(
            "The teacher %s was trained on the same data with other rows held out: it may have learned from those of "
            "%s, and scores on them would then be too high. Train it with the same --validation_share, "
            "--test_share and --split_seed.",
            name,
            as_text(other),
        )


def _describe(teacher: Teacher, labeled: int) -> dict[str, Any]:
    """Return what `run.json` records of a teacher."""
    return {
        "name": teacher.name,
        "is_from_hub": is_hub_id(teacher.name),
        "commit": teacher.commit,
        "digest": teacher.digest,
        "parameters": teacher.parameters,
        "bf16": teacher.bf16,
        "texts_labeled": labeled,
        "texts_cut": teacher.truncated,
    }


def _plain(train: Dataset, data: TextData) -> Dataset:
    """Return the training rows with a label type that allows missing labels; a class label does not."""
    return train.cast(_features(data)).select_columns(["text", "label"])


def _features(data: TextData) -> Features:
    kinds: dict[str, Any] = {
        REGRESSION: Value("float32"),
        MULTI_LABEL: List(Value("float32")),
        SINGLE_LABEL: Value("int64"),
    }
    return Features({"text": Value("string"), "label": kinds[data.problem_type]})


def _without_labels(rows: Dataset, data: TextData) -> Dataset:
    blank: Any = {
        REGRESSION: float("nan"),
        MULTI_LABEL: [float("nan")] * len(data.label_names),
        SINGLE_LABEL: UNLABELED,
    }[data.problem_type]
    return rows.map(
        lambda texts: {"label": [blank] * len(texts)}, input_columns="text", batched=True, features=_features(data)
    )
