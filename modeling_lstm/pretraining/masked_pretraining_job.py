"""Pretraining with masks: train a bidirectional model to fill in masked tokens of texts without labels."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase, default_data_collator
from transformers.tokenization_utils_base import VERY_LARGE_INTEGER  # no limit: texts are not padded to it

from ..data.arguments import TokenizerArguments
from ..data.corpus_arguments import CorpusArguments
from ..data.token_masker import TokenMasker
from ..data.token_stream import TokenStream
from ..data.tokenization import build_tokenizer
from ..evaluation.masked_tokens import mask_blocks, require_masks
from ..models.modeling_lstm import IGNORED
from ..tasks.masked_language_modeling import MaskedLanguageModeling
from ..training.job import TrainingJob
from ..training.model_builder import construct, make_config
from ..training.trainer_arguments import LstmTrainingArguments
from ..utils.errors import require
from ..utils.ray_cluster import RayArguments
from .arguments import (
    MASKED_FIXED,
    MASKED_PRETRAINING_DEFAULTS,
    MaskedLanguageModelArguments,
    MaskedTaskArguments,
)
from .masked_blocks import MaskedBlocks
from .masked_language_model_trainer import MaskedLanguageModelTrainer
from .unlabeled_training import UnlabeledTraining


class MaskedPretrainingJob(TrainingJob):
    """
    A job that trains a masked language model. Its settings have the names of the flags of `modeling-lstm pretrain
    --task fill-mask`.

    Args:
        settings: The settings of [`CorpusArguments`], [`MaskedLanguageModelArguments`], [`TokenizerArguments`] and
            [`LstmTrainingArguments`].
    """

    command_name: ClassVar[str] = "pretrain"
    kinds: ClassVar[tuple[type, ...]] = (
        MaskedTaskArguments,
        CorpusArguments,
        MaskedLanguageModelArguments,
        TokenizerArguments,
        LstmTrainingArguments,
        RayArguments,
    )
    data: CorpusArguments
    model: MaskedLanguageModelArguments
    tokenizer: TokenizerArguments

    @staticmethod
    def default_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the defaults for a masked language model."""
        return MASKED_PRETRAINING_DEFAULTS

    def runner(self) -> "MaskedPretraining":
        """Return the steps of the pretraining."""
        return MaskedPretraining(self)


class MaskedPretraining(UnlabeledTraining):
    """Training on blocks of text with masks."""

    job: MaskedPretrainingJob
    task: MaskedLanguageModeling
    fixed = MASKED_FIXED

    def make_trainer(self, **common: Any) -> MaskedLanguageModelTrainer:
        """Create the `Trainer`."""
        data = self.job.data
        blocks = MaskedBlocks(
            self.stream, data.block_size, self._masker(), shuffles=data.shuffle_texts, seed=self.data_seed
        )
        return MaskedLanguageModelTrainer(
            train_dataset=blocks, data_collator=default_data_collator, task=self.task, **common
        )

    def trial_batch(self, model: PreTrainedModel) -> Any:
        """Return a batch of blocks of the first texts, with masks."""
        ids = self.first_blocks()
        inputs, labels = self._masker().mask(ids.flatten(), 0)
        read = torch.ones_like(ids)
        return {"input_ids": inputs.view_as(ids), "attention_mask": read, "labels": labels.view_as(ids)}

    def encode(self, source: Any) -> None:
        """Tokenize and join the texts. Raise [`InputError`] if none of their tokens can be predicted."""
        super().encode(source)
        special = self.tokenizer.all_special_ids
        require(
            not bool(np.isin(self.stream.ids, special).all()),
            "All training texts are out of vocabulary: lower --min_frequency, or name another --tokenizer.",
        )
        held_out = TokenStream.from_rows(self.splits["validation"].rows, int(self.tokenizer.eos_token_id))
        blocks = mask_blocks(self._masker(), held_out, self.task.block_size)
        require_masks(sum(int((labels != IGNORED).sum()) for _, labels in blocks))

    def load(self) -> None:
        """Read the texts, and set the task."""
        self.data = MaskedLanguageModeling.load(self.job.data)
        self.task = MaskedLanguageModeling(self.job.model.mlm_probability, self.job.data.block_size)

    def make_tokenizer(self, source: Any) -> PreTrainedTokenizerBase:
        """Return a tokenizer with a mask token, which marks both ends of a text."""
        train = self.data.splits["train"]
        return build_tokenizer(
            self.job.tokenizer, train, VERY_LARGE_INTEGER, has_end=True, has_mask=True, checkpoint=self.checkpoint
        )

    def describe_blocks(self) -> str:
        """Return what the blocks and their masks depend on."""
        return f"{super().describe_blocks()}, {self.task.mlm_probability:g} of the tokens predicted"

    def make_model(self) -> PreTrainedModel:
        """Build a new masked language model."""
        words = self.tokenizer
        ids = {"bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id}
        fields = {"vocab_size": len(words), "pad_token_id": words.pad_token_id} | ids
        config = make_config("lstm", fields | self.task.config_fields() | self.job.model.network_fields())
        return construct(self.task, config)

    def describe_tokenizer(self) -> dict[str, Any]:
        """Describe the tokenizer for `run.json`, with its mask token."""
        return super().describe_tokenizer() | {"mask_token": self.tokenizer.mask_token}

    def _masker(self) -> TokenMasker:
        return TokenMasker(self.tokenizer, self.task.mlm_probability)
