"""`Teacher`: any sequence-classification model, whose logits for texts are computed once and kept."""

import hashlib
import json
import logging
import pickle
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from huggingface_hub.constants import HF_HOME
from huggingface_hub.utils import tqdm
from tokenizers import Tokenizer
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.hub import cached_file, extract_commit_hash

from ..data.loading import TextData
from ..data.token_limits import text_limit
from ..data.tokenization import identify_tokenizer
from ..inference.torch_backend import reads_token_types
from ..models.text_classifier import TOKEN_TYPES
from ..models.tokenization_lstm import MASK
from ..training.precision import gains_by_bf16, has_bf16
from ..utils.errors import InputError, as_text, require
from ..utils.ray_cluster import Cluster
from .arguments import DistillationArguments
from .augmentation import mask_of
from .cache import LogitCache
from .labeling import Labeler, Labeling, LabelingWorker, choose_device, is_classifier, load_teacher

logger = logging.getLogger(__name__)

CHUNK = 1_024  # texts whose logits are stored together
PRECISIONS = {True: "bf16", False: "fp32"}  # in the names of files of logits
TRIED = 32  # rows, and tokens of each, in a trial of bf16


class Teacher:
    """
    A teacher for a task.

    Args:
        name: Run folder or Hub id.
        data: The task. The teacher must know its labels; logits are in the order of these labels.
        arguments: How to run it and where its logits are kept.
        device: Device to compute on. Default: a GPU, if there is one.

    Raises:
        InputError: there is no such model, or it is for another task.
    """

    def __init__(self, name: str, data: TextData, arguments: DistillationArguments, device: str | None = None):
        self.name = name
        model, tokenizer = load_teacher(name, arguments.teacher_revision)
        config: Any = model.config
        tokenizer.model_max_length = _longest(tokenizer, config, arguments.teacher_max_length)
        self.columns = match_labels(name, config, data, arguments)
        self.is_single = data.problem_type == "single_label_classification"
        self.parameters = model.num_parameters()
        self.digest = digest_teacher(model, tokenizer)
        self.limit = tokenizer.model_max_length
        self.truncated = 0  # texts of which it reads only the beginning
        self.mask = mask_of(tokenizer)
        self.counter = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())  # neither truncated nor padded
        self.commit = extract_commit_hash(cached_file(name, "config.json", revision=arguments.teacher_revision), None)
        folder = Path(arguments.logits_cache or Path(HF_HOME, "modeling_lstm", "logits"))
        files = {kind: folder / f"{self.digest}-{name}-{self.limit}.sqlite" for kind, name in PRECISIONS.items()}
        self.bf16 = arguments.teacher_bf16
        if data.problem_type == "regression":  # numbers need more digits than bf16 has
            if self.bf16:
                logger.warning("%s: a regression teacher runs in fp32, whatever --teacher_bf16 says.", name)
            self.bf16 = False
        is_usual = self.bf16 is None
        if self.bf16 is None:
            self.bf16 = _usual_before(files)  # a new trial might decide otherwise, and label all texts again
        if self.bf16 is None:
            found = choose_device(device)
            self.bf16 = has_bf16(found) if found != "cpu" else _gains_by_bf16(model, self.limit)
        batch_size, revision = arguments.teacher_batch_size, arguments.teacher_revision
        # workers of a cluster may run in another folder
        location = str(Path(name).absolute()) if Path(name).exists() else name
        how = Labeling(location, revision, self.limit, self.mask, batch_size, device, self.bf16)
        self.labeler: Labeler | None = Labeler(how, model, tokenizer)
        self.labeler.check_padding()
        self.cache = LogitCache(files[self.bf16])
        if is_usual:
            self.cache.is_usual = True

    def label(
        self, texts: Iterable[Sequence[str]], number: int, *, count: bool = True, cluster: Cluster | None = None
    ) -> int:
        """
        Compute and store the logits of texts that have none yet.

        Args:
            texts: The texts, some at a time.
            number: Number of texts, for the progress bar.
            count: Also count the texts that are too long in `truncated`, including those that have logits.
            cluster: Cluster to compute on. Default: this process.

        Returns:
            Number of texts whose logits were computed.
        """
        computed, begun, is_told = 0, time.perf_counter(), False
        with tqdm(total=number, unit="text", desc=f"Labeling by {Path(self.name).name}") as bar:

            def find_unlabeled() -> Iterator[list[str]]:
                for some in texts:
                    self.truncated += self._too_long(some) if count else 0
                    known = self.cache.find(some)
                    missing = list(dict.fromkeys(text for text in some if text not in known))
                    bar.update(len(some) - len(missing))
                    for begin in range(0, len(missing), CHUNK):
                        yield missing[begin : begin + CHUNK]

            for part, logits in self._compute_all(find_unlabeled(), cluster):
                self.cache.add(part, logits)
                computed += len(part)
                bar.update(len(part))
                if not is_told:
                    is_told, seconds = True, time.perf_counter() - begun
                    rate = computed / seconds
                    rest = (number - bar.n) / rate / 60
                    logger.info("%s labels %.0f texts a second: about %.1f minutes", self.name, rate, rest)
        return computed

    def _too_long(self, texts: Sequence[str]) -> int:
        """Count the texts that have more tokens than the teacher reads."""
        # no token is shorter than a byte
        candidates = [text for text in texts if len(text.encode("utf-8", "surrogatepass")) > self.limit - 2]
        found = self.counter.encode_batch_fast([text.replace(MASK, self.mask) for text in candidates])
        return sum(len(one) > self.limit for one in found)

    def read_logits(self, texts: Sequence[str]) -> np.ndarray:
        """
        Return the logits of texts that were labeled before, of shape `(texts, labels)`, in the order of the task's
        labels.

        Logits of mutually exclusive labels are shifted to a mean of 0, which changes no probability. Logits of labels
        that the task does not have are left out: the others then stand for the teacher's probabilities given that none
        of those labels is right.
        """
        found = self.cache.find(texts)
        logits = np.stack([found[text] for text in texts])[:, self.columns]
        return logits - logits.mean(axis=1, keepdims=True) if self.is_single else logits

    def release(self) -> None:
        """Release the model. Stored logits can still be read."""
        self.labeler = None

    def _compute_all(
        self, parts: Iterable[list[str]], cluster: Cluster | None
    ) -> Iterator[tuple[list[str], np.ndarray]]:
        """Yield texts with their logits. The workers of a cluster return them in any order."""
        assert self.labeler is not None, "the model was released"
        if cluster is None:
            yield from ((part, self.labeler(part)) for part in parts)
            return
        items = [{"texts": pickle.dumps(part)} for part in parts]
        if items:
            options: dict[str, Any] = {"compute": cluster.pool(), "batch_size": 1} | cluster.resources()
            told = (self.labeler.how, cluster.threads)
            labeled = cluster.dataset(items).map_batches(LabelingWorker, fn_constructor_args=told, **options)
            for row in labeled.iter_rows():
                yield pickle.loads(row["texts"]), pickle.loads(row["logits"])


def _usual_before(files: dict[bool, Path]) -> bool | None:
    """
    Return whether earlier runs without `--teacher_bf16` used bf16: the file that they marked. Without a mark, it is any
    that exists, bf16 first; `None` if there is none.
    """
    found = {kind: LogitCache(path) for kind, path in files.items() if path.exists()}
    marked = [kind for kind, cache in found.items() if cache.is_usual]
    for cache in found.values():
        cache.close()
    return next(iter(marked or found), None)


def average_logits(teachers: list[Teacher], texts: Sequence[str]) -> np.ndarray:
    """Return the mean of the teachers' logits, of shape `(texts, labels)`, for texts that were labeled before."""
    return np.stack([teacher.read_logits(texts) for teacher in teachers]).mean(axis=0)


def _gains_by_bf16(model: PreTrainedModel, limit: int) -> bool:
    """Whether the teacher is faster in bf16, by a trial on rows of random tokens."""
    generator = torch.Generator().manual_seed(0)
    words = cast(Any, model).get_input_embeddings().num_embeddings
    ids = torch.randint(words, (TRIED, min(TRIED, limit)), generator=generator)
    return gains_by_bf16(model, {"input_ids": ids, "attention_mask": torch.ones_like(ids)}, trains=False)


def _longest(tokenizer: PreTrainedTokenizerBase, config: Any, chosen: int) -> int:
    """Return how many tokens a teacher reads: `chosen`, but no more than it was trained for and has positions for."""
    return min(chosen, text_limit(config, tokenizer) or chosen)


def check_labels(configs: list[Any], data: TextData, arguments: DistillationArguments) -> None:
    """
    Check the labels of the teachers that are classifiers.

    Args:
        configs: The configuration of each teacher.
        data: The task.
        arguments: The names of the teachers and, if given, of their labels.

    Raises:
        InputError: See [`match_labels`].
    """
    for name, config in zip(arguments.teachers, configs, strict=True):
        if is_classifier(config):
            match_labels(name, config, data, arguments)


def match_labels(name: str, config: Any, data: TextData, arguments: DistillationArguments) -> list[int]:
    """
    Return where a teacher has the logit of each of the task's labels. `teacher_labels` are its names for them, if
    given; of several teachers, those with the task's own names need no others.

    Raises:
        InputError: it was trained for another kind of task, or it is not known which labels are the same.
    """
    kind = config.problem_type
    if kind is None and config.num_labels == 1:
        kind = "regression"
    elif kind is None and data.problem_type == "multi_label_classification":
        kind = data.problem_type
        logger.warning("%s does not say whether its labels exclude each other: assuming that they do not", name)
    kind = kind or "single_label_classification"
    require(
        kind == data.problem_type, f"The teacher {name!r} was trained for {kind}, but this task is {data.problem_type}."
    )
    theirs = [str(config.id2label[number]) for number in range(config.num_labels)]
    names = arguments.teacher_labels
    is_of_another = names is not None and len(arguments.teachers) > 1 and not set(names) <= set(theirs)
    if is_of_another and sorted(theirs) == sorted(data.label_names):
        names = None
    if names is not None:
        require(
            len(names) == len(set(names)) == len(data.label_names) and set(names) <= set(theirs),
            f"--teacher_labels must name the labels of {name!r}, {as_text(theirs)}, or some of them, in the order of "
            f"the task's, {as_text(data.label_names)}.",
        )
        if len(names) < len(theirs):
            left_out = as_text(label for label in theirs if label not in names)
            logger.info("Of the labels of %s, %s are left out", name, left_out)
        return [theirs.index(label) for label in names]
    wanted = data.label_names
    if len(theirs) == len(wanted):
        if data.problem_type == "regression" or theirs == wanted:
            return list(range(len(theirs)))
        known = {label.casefold(): number for number, label in enumerate(theirs)}
        ours = [label.casefold() for label in wanted]
        if len(known) == len(theirs) and set(ours) == set(known):
            return [known[label] for label in ours]
    raise InputError(
        f"The teacher {name!r} knows the labels {as_text(theirs)}, this task has {as_text(data.label_names)}: say "
        "which is which with --teacher_labels, or choose a teacher that was trained for this task (modeling-lstm train "
        "--transformer ... makes one)."
    )


def digest_teacher(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> str:
    """Return a digest of what the teacher's answers depend on: its weights, its architecture and its tokenizer."""
    digest = hashlib.blake2b(digest_size=12)
    config = {
        key: value
        for key, value in model.config.to_dict().items()
        if key not in ("_name_or_path", "dtype", "transformers_version")
    }
    described = [config, identify_tokenizer(tokenizer), tokenizer.truncation_side]
    if reads_token_types(model, tokenizer):  # older answers, without them, are not reused
        described.append(TOKEN_TYPES)
    digest.update(json.dumps(described, sort_keys=True, default=str).encode())
    for tensor in _tensors(model):
        digest.update(tensor)
    return digest.hexdigest()


def _tensors(model: PreTrainedModel) -> Iterator[memoryview]:
    for name, tensor in sorted(model.state_dict().items()):
        yield memoryview(name.encode())
        yield memoryview(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()).cast("B")
