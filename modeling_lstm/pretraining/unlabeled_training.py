"""`UnlabeledTraining`: the steps of a training run on texts without labels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from transformers import PreTrainedModel

from ..data.arguments import split_subset
from ..data.corpus import Corpus
from ..data.overlap import save_fingerprints
from ..data.sources import locate_source
from ..data.token_stream import TokenStream
from ..data.tokenization import WHOLE
from ..runs.record import FINGERPRINTS
from ..training.limits import check_fixed
from ..training.steps import Training
from .arguments import FIXED_TOKENIZER


class UnlabeledTraining(Training):
    """
    Training on texts that are joined into one stream of tokens.

    Attributes:
        data: The texts, once they are read.
        stream: The training texts, once there is a tokenizer.
        fixed: The training settings that do not apply; see [`check_fixed`].
    """

    data: Corpus
    stream: TokenStream
    fixed: ClassVar[Mapping[str, tuple[Any, str]]]

    def check_settings(self) -> None:
        """Raise [`InputError`] for settings that do not apply to texts without labels."""
        check_fixed(self.args, self.fixed)
        check_fixed(self.job.tokenizer, FIXED_TOKENIZER)

    @property
    def data_seed(self) -> int:
        """The seed of blocks, masks and the order of texts."""
        return self.args.seed if self.args.data_seed is None else self.args.data_seed

    def open_source(self) -> None:
        """Do nothing: pretraining starts from the texts alone."""

    def lengths(self) -> dict[str, int]:
        """Return no limit: whole texts are read."""
        return {"train": WHOLE, "validation": WHOLE}

    def encode(self, source: Any) -> None:
        """Tokenize the texts, and join the training texts into a stream of tokens."""
        super().encode(source)
        self.stream = TokenStream.from_rows(self.splits["train"].rows, int(self.tokenizer.eos_token_id))
        self.trained_with["cut into blocks"] = self.describe_blocks()

    def describe_blocks(self) -> str:
        """Return what must be the same if a training run resumes from a checkpoint."""
        order = "shuffled texts" if self.job.data.shuffle_texts else "texts in order"
        return f"{self.job.data.block_size} tokens, {order}"

    def adapt_settings(self) -> None:
        """Do not search for unused parameters: a step uses all, even if a pass leaves out one of two directions."""
        if self.args.ddp_find_unused_parameters is None:
            self.args.ddp_find_unused_parameters = False

    def first_blocks(self) -> torch.Tensor:
        """Return a batch of blocks of the first texts, `(per_device_train_batch_size, block_size)`."""
        stream = TokenStream.from_rows(self.first_rows(), int(self.tokenizer.eos_token_id))
        ids = np.resize(stream.ids, (self.args.per_device_train_batch_size, self.job.data.block_size))
        return torch.from_numpy(ids).long()

    def describe_source(self) -> dict[str, Any]:
        """Describe the requested texts for `run.json`."""
        data = self.job.data
        origins = [locate_source(split_subset(name)[0]) for name in data.dataset]
        is_one = len(origins) == 1
        named = {"dataset": data.dataset[0], "source": origins[0]} if is_one else {"source": origins}
        return vars(data) | named | {"subset": None, "revision": None}

    def describe_model(self, model: PreTrainedModel) -> dict[str, Any]:
        """Describe the model for `run.json`, apart from the number of its parameters."""
        kept = ("cell_type", "embedding_size", "hidden_size", "num_hidden_layers", "bidirectional", "softmax")
        settings = {name: getattr(model.config, name, None) for name in (*kept, "model_type")}
        return settings | {name: value for name, value in vars(self.job.model).items() if name.endswith("_dropout")}

    def sources(self) -> list[tuple[str, str | None]]:
        """Return the flags that name sources, with their values."""
        data = self.job.data
        read = [*(("dataset", name) for name in data.dataset), *(("exclude", name) for name in data.exclude or ())]
        return [*read, ("validation_dataset", data.validation_dataset), ("tokenizer", self.job.tokenizer.tokenizer)]

    def write_more(self, folder: Path) -> None:
        """Write fingerprints of the texts, to check later whether a classifier's test texts are among them."""
        save_fingerprints(self.data.splits["train"], folder / FINGERPRINTS)
