"""Label texts with the network of a teacher, in this process or in the workers of a cluster."""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from ..hub.refusals import explain_cause
from ..inference.torch_backend import torch_classifier
from ..models.modeling_lstm import LstmPreTrainedModel
from ..models.tokenization_lstm import MASK
from ..runs.run_folders import is_exported
from ..utils.errors import as_text, explain_errors, require


@dataclass(frozen=True)
class Labeling:
    """
    How texts are labeled, the same for every worker.

    Args:
        name: Run folder or Hub id of the teacher.
        revision: Branch, tag or commit on the Hub.
        longest: Maximum number of tokens that it reads of a text.
        mask: What it reads in place of a masked word.
        batch_size: Texts in a batch.
        device: Device to compute on. `None`: a GPU, if the process that labels has one.
        bf16: Whether to compute in bf16.
    """

    name: str
    revision: str | None
    longest: int
    mask: str
    batch_size: int
    device: str | None
    bf16: bool


class Labeler:
    """
    The network of a teacher.

    Args:
        how: How it labels.
        model: The model, which is moved to the device.
        tokenizer: Its tokenizer.
    """

    def __init__(self, how: Labeling, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase):
        self.how = how
        tokenizer.model_max_length = how.longest
        torch.nn.Module.to(model, choose_device(how.device))
        self.model, self.tokenizer = model, tokenizer
        self.classifier = torch_classifier(model, tokenizer, bf16=how.bf16)

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """
        Return the logits of texts, of shape `(texts, labels of the teacher)`.

        Raises:
            InputError: the logits are not finite.
        """
        how = self.how
        texts = [text.replace(MASK, how.mask) for text in texts]
        logits = self.classifier.raw_scores(texts, how.batch_size)
        self._check_finite(logits)
        return logits

    def _check_finite(self, logits: np.ndarray) -> None:
        is_finite = bool(np.isfinite(logits).all())
        require(is_finite, f"The teacher {self.how.name!r} returns logits that are not finite: choose another.")

    def check_padding(self) -> None:
        """Raise for a teacher whose logits of a text change in a batch with a longer one: some read the padding."""
        short, long = "one", "one two three four five six seven eight nine ten"
        exact = torch_classifier(self.model, self.tokenizer)
        alone, beside = exact.raw_scores([short]), exact.raw_scores([short, long])
        self._check_finite(beside)
        require(
            np.allclose(alone[0], beside[0], atol=1e-3, rtol=1e-3),
            f"The teacher {self.how.name!r} gives a text other logits in a batch with a longer one, because it reads "
            "the padding: choose another teacher.",
        )


class LabelingWorker:
    """
    A [`Labeler`] in a Ray process.

    Args:
        how: How it labels.
        threads: Threads of the process.
    """

    def __init__(self, how: Labeling, threads: int):
        torch.set_num_threads(threads)
        self.labeler = Labeler(how, *load_teacher(how.name, how.revision))

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return texts with their logits, both pickled."""
        found = [pickle.dumps(self.labeler(pickle.loads(texts))) for texts in batch["texts"]]
        return {"texts": batch["texts"], "logits": np.array(found, dtype=object)}


def choose_device(device: str | None) -> str:
    """Return a device. `None` stands for a GPU, or the CPU if this process has none."""
    return device or ("cuda" if torch.cuda.is_available() else "cpu")


def load_config(name: str, revision: str | None) -> Any:
    """
    Load the configuration of a teacher.

    Raises:
        InputError: there is no such model.
    """
    lack = f"There is no teacher {name!r}, neither a folder nor a model on the Hub"
    if Path(name).exists():
        lack = f"The teacher {name!r} is neither a run folder nor the folder of a Transformer"
    with explain_errors(lack, explain_cause):
        return AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)


def is_classifier(config: Any) -> bool:
    """Return whether a teacher's configuration is that of a classifier, which is not fine-tuned."""
    return any(one.endswith("ForSequenceClassification") for one in config.architectures or [])


def load_teacher(name: str, revision: str | None) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """
    Load a model and its tokenizer from a run folder or the Hub.

    Raises:
        InputError: there is no such model, or its head was never trained.
    """
    require(
        not is_exported(Path(name)),
        f"{name!r} is an exported model, which cannot teach: name the run that it was made from.",
    )
    with explain_errors(f"There is no teacher {name!r}, neither a run folder nor a model on the Hub", explain_cause):
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False)
        model, report = AutoModelForSequenceClassification.from_pretrained(
            name, revision=revision, dtype=torch.float32, trust_remote_code=False, output_loading_info=True
        )
    require(tokenizer.is_fast, f"The tokenizer of the teacher {name!r} has no tokenizer.json: choose another teacher.")
    flag = "pretrained" if isinstance(model, LstmPreTrainedModel) else "transformer"
    require(
        not report["missing_keys"],
        f"{name!r} is not a teacher: its weights lack {as_text(sorted(report['missing_keys'])[:3])}. Fine-tune it "
        f"first: modeling-lstm train --{flag} {name} ...",
    )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    require(tokenizer.pad_token is not None, f"The tokenizer of the teacher {name!r} has no padding token.")
    model.config.pad_token_id = tokenizer.pad_token_id
    return model.eval(), tokenizer
