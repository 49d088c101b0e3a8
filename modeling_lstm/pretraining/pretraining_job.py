"""Pretraining: a training that learns a language model from text without labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from transformers import PreTrainedModel, default_data_collator, set_seed

from ..data.arguments import TokenizerArguments, split_subset
from ..data.corpus import Corpus, load_corpus, save_fingerprints
from ..data.corpus_arguments import CorpusArguments
from ..data.overlap import report_overlap
from ..data.sources import locate_source
from ..data.token_stream import TokenStream
from ..data.tokenization import WHOLE, build_tokenizer
from ..runs.record import FINGERPRINTS, RunRecord
from ..tasks.language_modeling import LanguageModeling
from ..training.checkpoints import describe_origin
from ..training.defaults import choose_metric
from ..training.folders import check_sources, prepare_folder
from ..training.job import TrainingJob
from ..training.limits import check_fixed
from ..training.model_builder import adopt_model
from ..training.steps import Training
from ..training.trainer_arguments import LstmTrainingArguments
from ..utils.processes import run_main_first, run_on_main
from ..utils.ray_cluster import RayArguments
from .arguments import FIXED, FIXED_TOKENIZER, PRETRAINING_DEFAULTS, LanguageModelArguments, LanguageTaskArguments
from .blocks import Blocks
from .language_model_builder import build_language_model
from .language_model_trainer import LanguageModelTrainer


class PretrainingJob(TrainingJob):
    """
    A training of a language model. Settings have the names of the flags of `modeling-lstm pretrain`.

    Args:
        settings: Those of [`CorpusArguments`], [`LanguageModelArguments`], [`TokenizerArguments`] and
            [`LstmTrainingArguments`].
    """

    command_name: ClassVar[str] = "pretrain"
    kinds: ClassVar[tuple[type, ...]] = (
        LanguageTaskArguments,
        CorpusArguments,
        LanguageModelArguments,
        TokenizerArguments,
        LstmTrainingArguments,
        RayArguments,
    )

    @staticmethod
    def default_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
        """What suits a language model."""
        return PRETRAINING_DEFAULTS

    def runner(self) -> Training:
        """The steps of the pretraining."""
        return Pretraining(self)


class Pretraining(Training):
    """A training whose rows are blocks of text."""

    job: PretrainingJob
    data: Corpus
    task: LanguageModeling

    def trainer(self) -> Any:
        """The `Trainer` of the job, with text, tokenizer and model: ready for `train()`."""
        self.prepare()
        self.check_checkpoint()
        set_seed(self.args.seed)
        stream = TokenStream.from_rows(self.splits["train"].rows, int(self.tokenizer.eos_token_id))
        args, data = self.args, self.job.data
        parts = args.per_device_train_batch_size * args.world_size
        blocks = Blocks(
            stream, parts, data.block_size, self.task.direction, shuffles=data.shuffle_texts, seed=args.seed
        )
        with self.explain_failures():
            model = self.build_model(stream)
            self.choose_precision(model)
            trainer = LanguageModelTrainer(
                model=model,
                args=args,
                train_dataset=blocks,
                eval_dataset=self.splits["validation"].rows,
                processing_class=self.tokenizer,
                data_collator=default_data_collator,
                task=self.task,
            )
        trainer.origin = self.trained_with
        return trainer

    def trial_batch(self, model: PreTrainedModel) -> Any:
        """Blocks of the first texts."""
        stream = TokenStream.from_rows(self.first_rows(), int(self.tokenizer.eos_token_id))
        size = self.job.data.block_size
        ids = np.resize(stream.ids, (self.args.per_device_train_batch_size, size))
        batch = torch.from_numpy(ids).long()
        return {"input_ids": batch, "labels": batch}

    def prepare(self) -> None:
        """Read the text, and make tokenizer and token numbers of it."""
        args, tokenizer = self.args, self.job.tokenizer
        check_fixed(args, FIXED)
        check_fixed(tokenizer, FIXED_TOKENIZER)
        if args.ddp_find_unused_parameters is None:
            args.ddp_find_unused_parameters = False  # of two directions each pass leaves one out, and a step uses both
        with run_main_first():
            check_sources(self.folder, self.sources())
            self.checkpoint, _ = prepare_folder(self.folder, args)
            self.data = load_corpus(self.job.data)
            self.overlap = report_overlap(self.data.splits)
            self.task = LanguageModeling(self.job.model.direction)
            choose_metric(args, self.task, self.job.settings)
        train = self.data.splits["train"]
        self.tokenizer = run_on_main(
            lambda: build_tokenizer(tokenizer, train, WHOLE, has_end=True, checkpoint=self.checkpoint)
        )
        with run_main_first():
            chosen = ("train", "validation")
            self.splits = {
                name: self.task.encode(self.data.splits[name], name, self.tokenizer, WHOLE) for name in chosen
            }
            self.trained_with = describe_origin(self.task, self.data, self.tokenizer, tokenizer, train)
            self.trained_with["cut into blocks"] = self._describe_blocks()

    def _describe_blocks(self) -> str:
        """How the text is cut, which a state carried over from step to step depends on."""
        args, data = self.args, self.job.data
        order = "shuffled texts" if data.shuffle_texts else "texts in order"
        return f"{args.per_device_train_batch_size * args.world_size} rows of {data.block_size} tokens, {order}"

    def build_model(self, stream: TokenStream | None = None) -> PreTrainedModel:
        """A fresh language model, or what the job's `model_init` gives."""
        if self.job.model_init is not None:
            return adopt_model(self.job.model_init(self.tokenizer, self.task), self.tokenizer, self.task)
        counts = None
        if stream is not None:
            counts = torch.from_numpy(np.bincount(stream.ids, minlength=len(self.tokenizer)))
        return build_language_model(self.job.model, self.tokenizer, self.task, counts, self.job.data.block_size)

    def describe(self, model: PreTrainedModel) -> dict[str, Any]:
        """What `run.json` says of command, task, text, tokenizer and model."""
        data = self.job.data
        sources = data.dataset[0] if len(data.dataset) == 1 else data.dataset
        config: Any = model.config
        kept = ("cell_type", "embedding_size", "hidden_size", "num_hidden_layers", "bidirectional", "softmax")
        names = [*(kept if config.model_type == "lstm" else ("hidden_size", "num_hidden_layers")), "model_type"]
        settings = {name: getattr(config, name, None) for name in names}
        if self.job.model.transformer_config is None:
            settings |= {name: value for name, value in vars(self.job.model).items() if name.endswith("_dropout")}
        else:
            settings["config_overrides"] = self.job.model.config_overrides
        return {
            "command": self.job.command,
            "task": self.task.describe() | {"auto_class": self.task.auto_class},
            "data": vars(data)
            | {"dataset": sources, "source": locate_source(split_subset(data.dataset[0])[0])}
            | {"subset": None, "revision": None}
            | self.data.describe()
            | {"digests": self.identify_splits()}
            | {"overlap": self.overlap}
            | {"tokens": {name: split.statistics for name, split in self.splits.items()}},
            "tokenizer": vars(self.job.tokenizer) | {"vocabulary": len(self.tokenizer)},
            "model": settings | {"parameters": model.num_parameters()},
        }

    def sources(self) -> list[tuple[str, str | None]]:
        """The flags that name what is read, and what they name."""
        data = self.job.data
        read = [*(("dataset", name) for name in data.dataset), *(("exclude", name) for name in data.exclude or ())]
        return [*read, ("validation_dataset", data.validation_dataset), ("tokenizer", self.job.tokenizer.tokenizer)]

    def write_more(self, folder: Path) -> None:
        """Write by what the texts are known again, so that a classifier's test texts can be told from them."""
        save_fingerprints(self.data.splits["train"], folder / FINGERPRINTS)


def pretrain(**settings: Any) -> RunRecord:
    """
    Learn a language model from text and write its run folder.

    Args:
        settings: Those of [`PretrainingJob`]: `dataset=["reviews.csv"]`, `output_dir="lm"`, ...

    Raises:
        InputError: text or settings that cannot be used, or a run folder that is taken.
    """
    return PretrainingJob(**settings).run()
