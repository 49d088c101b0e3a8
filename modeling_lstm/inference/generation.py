"""Writing text with a language model, by transformers' `generate`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from huggingface_hub.utils import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase, set_seed

from ..runs.run_folders import load_run
from ..utils.errors import require
from ..utils.settings import settings_of
from .arguments import GenerationArguments
from .writers import check_output, write_rows


class TextGenerator:
    """
    A language model with its tokenizer.

    Args:
        model: The model.
        tokenizer: Its tokenizer, which puts `[EOS]` before a text.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase):
        self.model: Any = model.eval()
        self.tokenizer = tokenizer

    @classmethod
    def from_run(cls, run: str, revision: str | None = None) -> "TextGenerator":
        """
        The language model of a run folder or Hub id.

        Raises:
            InputError: there is none, or it does not write text.
        """
        model, tokenizer = load_run(run, revision)
        is_one = model.can_generate() and not model.config.is_encoder_decoder
        require(is_one, f"{run!r} is no language model: make one with modeling-lstm pretrain.")
        return cls(model, tokenizer)

    def __call__(self, prompts: Sequence[str], **options: Any) -> list[str]:
        """
        What goes on from `prompts`, to be put behind them: a new word begins with a blank.

        Args:
            prompts: Beginnings; of an empty one the text is new.
            options: What `generate` of transformers takes; by default the likeliest 20 tokens one after the other.
        """
        if not prompts:
            return []
        # in one batch with shorter ones a text begins at its end
        inputs = self.tokenizer(list(prompts), padding=True, padding_side="left", return_tensors="pt")
        inputs = inputs.to(self.model.device)
        options = {"max_new_tokens": 20, "do_sample": False, "pad_token_id": self.tokenizer.pad_token_id} | options
        found = self.model.generate(**inputs, **options)
        # not the new tokens alone: only behind the others a tokenizer may know that a word begins
        begins, texts = (
            self.tokenizer.batch_decode(ids, skip_special_tokens=True)
            for ids in (found[:, : inputs["input_ids"].shape[1]], found)
        )
        return [text[len(begin) :] for begin, text in zip(begins, texts, strict=True)]

    @torch.inference_mode()
    def next_tokens(self, text: str, number: int = 10) -> list[tuple[str, float]]:
        """The likeliest tokens after a text, the likeliest first, and their probabilities."""
        inputs = self.tokenizer([text], return_tensors="pt").to(self.model.device)
        found = self.model(**inputs).logits[0, -1].float().softmax(-1).topk(min(number, len(self.tokenizer)))
        tokens = self.tokenizer.convert_ids_to_tokens(found.indices.tolist())
        return list(zip(tokens, found.values.tolist(), strict=True))


@torch.inference_mode()
def generate(
    run: str, prompts: str | Sequence[str] | None = None, arguments: GenerationArguments | None = None, **settings: Any
) -> list[str]:
    """
    Write text with a language model.

    Args:
        run: Run folder or Hub id.
        prompts: One beginning or several; by default an empty one.
        arguments: The settings, if they are not given by keywords.
        settings: The fields of [`GenerationArguments`]: `max_new_tokens=100`, `output="texts.csv"`, ...

    Returns:
        The texts with their beginnings, `number` of them for each; with `output` they are in that file too.

    Raises:
        InputError: there is no such language model, or the file cannot be written.
    """
    chosen = settings_of(GenerationArguments, arguments, settings)
    if chosen.output is not None:
        check_output(Path(chosen.output))
    texts = [prompts] if isinstance(prompts, str) else list(prompts or [""])
    generator = TextGenerator.from_run(str(run), chosen.revision)
    require(
        getattr(generator.model.config, "reads_backward", False) is False,
        f"{str(run)!r} reads backward only, so it cannot go on from a beginning: pretrain with --direction both.",
    )
    set_seed(chosen.seed)
    found = list(_write(generator, texts, chosen))
    if chosen.output is not None:
        write_rows(({"text": text} for text in found), Path(chosen.output), {"text": pa.string()})
    return found


def _write(generator: TextGenerator, texts: list[str], chosen: GenerationArguments) -> Iterator[str]:
    """The texts with their beginnings, some at a time."""
    options: dict[str, Any] = {"do_sample": chosen.do_sample, "num_beams": chosen.num_beams}
    each = 1 if chosen.do_sample else chosen.number  # what is drawn can be divided, what a search finds not
    if chosen.do_sample:
        options |= {"temperature": chosen.temperature, "top_k": chosen.top_k, "top_p": chosen.top_p}
    beginnings = [text for text in texts for _ in range(chosen.number // each)]
    with tqdm(total=len(beginnings), unit="text", desc="Writing", disable=len(beginnings) <= chosen.batch_size) as bar:
        for at in range(0, len(beginnings), chosen.batch_size):
            some = beginnings[at : at + chosen.batch_size]
            found = generator(some, max_new_tokens=chosen.max_new_tokens, num_return_sequences=each, **options)
            bar.update(len(some))
            for begin, more in zip((text for text in some for _ in range(each)), found, strict=True):
                yield f"{begin}{more}".strip()
