"""Predict with torch. Separate from `prediction`: importing torch takes seconds, and ONNX Runtime does not need it."""

import contextlib
import inspect
import json
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from threading import Lock

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..data.token_limits import text_limit
from ..models.modeling_lstm import LstmPreTrainedModel
from ..models.text_classifier import INPUTS, TOKEN_TYPES, TextClassifier
from ..models.text_rules import cuts_at_blanks

# For each open pool of all classifiers, torch's number of threads before the first of them was opened
_THREADS: list[int] = []
_LOCK = Lock()


class TorchClassifier(TextClassifier):
    """A [`TextClassifier`] that computes with torch. On a CPU, it runs as many batches at once as torch has threads."""

    @contextlib.contextmanager
    def pool(self) -> Iterator[Executor]:
        """Open a pool of threads, in each of which torch computes with one thread."""
        with _LOCK:
            _THREADS.append(_THREADS[0] if _THREADS else torch.get_num_threads())
        try:
            with ThreadPoolExecutor(self.workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                yield pool
        finally:
            with _LOCK:
                threads = _THREADS.pop()
                if not _THREADS:
                    torch.set_num_threads(threads)  # the default for threads started later


def torch_classifier(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, bf16: bool = False
) -> TextClassifier:
    """Wrap a torch model as a classifier, on the model's device, and with `bf16` in bf16 mixed precision."""
    device = model.device.type

    @torch.inference_mode()
    def logits(*inputs: np.ndarray) -> np.ndarray:
        tensors = {name: torch.from_numpy(one).to(model.device) for name, one in zip(INPUTS, inputs, strict=False)}
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            found = model(**tensors, return_dict=True).logits
        return found.float().cpu().numpy()

    return TorchClassifier(
        logits,
        Tokenizer.from_str(tokenizer.backend_tokenizer.to_str()),  # a copy: transformers changes its own on each call
        json.loads(model.config.to_json_string(use_diff=False)),
        text_limit(model.config, tokenizer),
        tokenizer.truncation_side,
        cuts_at_blanks=cuts_at_blanks(tokenizer.backend_tokenizer),
        workers=torch.get_num_threads() if device == "cpu" else 1,
        reads_token_types=reads_token_types(model, tokenizer),
    )


def reads_token_types(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a model was trained with the token types that its tokenizer returns, as most BERT models were."""
    takes = TOKEN_TYPES in inspect.signature(model.forward).parameters
    ignores = isinstance(model, LstmPreTrainedModel)
    return takes and not ignores and TOKEN_TYPES in tokenizer.model_input_names
