"""Generate text with a language model, using `generate` from transformers."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from huggingface_hub.utils import tqdm
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel, PreTrainedTokenizerBase, set_seed

from ..data.token_limits import max_positions
from ..models.text_classifier import list_texts
from ..runs.record import name_run
from ..runs.run_folders import load_for_inference
from ..utils.errors import check_text, require
from ..utils.settings import settings_of
from .arguments import GenerationArguments
from .likely_tokens import likely_tokens
from .writers import check_output, write_rows

logger = logging.getLogger(__name__)


class TextGenerator:
    """
    A language model with its tokenizer.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase):
        self.model: Any = model.eval()
        self.tokenizer = tokenizer

    @classmethod
    def from_run(cls, run: str | Path, revision: str | None = None) -> "TextGenerator":
        """
        Load the language model of a run folder or Hub id, onto the GPU if there is one.

        Raises:
            InputError: there is no model, or it cannot generate text.
        """
        model, tokenizer = load_for_inference(run, revision)
        is_one = model.can_generate() and not model.config.is_encoder_decoder
        require(is_one, f"{str(run)!r} is not a language model: train one with modeling-lstm pretrain.")
        require(
            getattr(model.config, "reads_backward", False) is False,
            f"{str(run)!r} reads only backward, so it cannot continue a prompt: pretrain with --direction both.",
        )
        return cls(model, tokenizer)

    def __call__(self, prompts: str | Iterable[str], **options: Any) -> list[str]:
        """
        Continue `prompts`. The returned texts can be appended to them: one that starts a new word begins with a space.

        Args:
            prompts: One prompt or several. For an empty one, the whole text is new.
            options: Options of transformers' `generate`. By default, greedy search for 20 tokens. A token for unknown
                words is never written.
        """
        prompts = list_texts(prompts)
        if not prompts:
            return []
        inputs = self._encode(prompts)
        options = self._defaults(options) | options
        limit, begun = max_positions(self.model.config), inputs["input_ids"].shape[1]
        trained = getattr(self.model.config, "trained_tokens", None)
        if trained is not None and begun + (options.get("max_new_tokens") or 0) > trained:
            logger.warning("The Transformer learned from %d tokens at a time: it writes longer texts badly.", trained)
        if limit is not None and begun + (options.get("max_new_tokens") or 0) > limit:
            logger.warning("The model reads %d tokens at most: %d new ones are written.", limit, limit - begun)
            options["max_new_tokens"] = limit - begun
        try:
            found = self.model.generate(**inputs, **options)
        except ValueError as error:
            # raised where the text of a token depends on the tokens before it
            is_unknown = options.get("stop_strings") is not None and "substring not found" in str(error)
            require(not is_unknown, "stop_strings needs subwords: train the model with --tokenizer_algorithm unigram.")
            raise
        found = getattr(found, "sequences", found)
        # Do not decode the new tokens alone: some tokenizers need the preceding ones to see where a word begins
        begins, texts = (
            self.tokenizer.batch_decode(ids, skip_special_tokens=True) for ids in (found[:, :begun], found)
        )
        return [text[len(begin) :] for begin, text in zip(begins, texts, strict=True)]

    def _defaults(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options of `generate` that apply unless the given ones say otherwise."""
        found: dict[str, Any] = {"pad_token_id": self.tokenizer.pad_token_id}
        if options.get("stop_strings") is not None:
            found["tokenizer"] = self.tokenizer
        if "generation_config" in options:
            return found
        found["do_sample"] = False
        if "max_length" not in options:
            found["max_new_tokens"] = 20
        unknown = self.tokenizer.unk_token_id
        if unknown is not None and unknown != self.tokenizer.eos_token_id:  # GPT-2's is the same token
            found["suppress_tokens"] = [unknown]
        return found

    def _encode(self, prompts: Sequence[str]) -> Any:
        """
        Encode prompts as in training: after the token that begins a text, without other special tokens.

        Raises:
            InputError: a prompt is longer than the model can read, is empty although the model has no token that begins
                a text, or is not UTF-8.
        """
        for text in prompts:
            check_text(text)
        ids = (self.model.config.bos_token_id, self.tokenizer.bos_token_id)
        before = [one for one in ids if one is not None][:1]
        rows = [before + one for one in self.tokenizer(list(prompts), add_special_tokens=False)["input_ids"]]
        require(all(rows), "The model has no token that begins a text: give a prompt that is not empty.")
        limit, longest = max_positions(self.model.config), max(map(len, rows))
        require(
            limit is None or longest < limit,
            f"The model reads {limit} tokens at most, found a prompt of {longest}: shorten it.",
        )
        # The tokens to continue from must come last, so pad on the left. Some tokenizers have no padding token
        usual = (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id, 0)
        padding = next(one for one in usual if one is not None)
        pad = partial(pad_sequence, batch_first=True, padding_side="left")
        tokens = [torch.tensor(one, device=self.model.device) for one in rows]
        return {
            "input_ids": pad(tokens, padding_value=padding),
            "attention_mask": pad([torch.ones_like(one) for one in tokens]),
        }

    @torch.inference_mode()
    def next_tokens(self, text: str, number: int = 10) -> list[tuple[str, float]]:
        """
        Return the most likely next tokens after a text and their probabilities, most likely first. Tokens that are the
        same as text count as one.
        """
        logits = self.model(**self._encode([text])).logits[0, -1, : len(self.tokenizer)]  # the table may be padded
        return likely_tokens(logits.float().softmax(-1), self.tokenizer, number)


@torch.inference_mode()
def generate(
    run: str | Path,
    prompts: str | Sequence[str] | None = None,
    arguments: GenerationArguments | None = None,
    **settings: Any,
) -> list[str]:
    """
    Write text with a language model.

    Args:
        run: Run folder or Hub id.
        prompts: One prompt or several. Defaults to an empty one.
        arguments: The settings, if they are not passed as keywords.
        settings: The fields of [`GenerationArguments`]: `max_new_tokens=100`, `output="texts.csv"`, ...

    Returns:
        The texts including their prompts, `number` of them for each. With `output` they are also written there.

    Raises:
        InputError: there is no such language model, or the file cannot be written.
    """
    chosen = settings_of(GenerationArguments, arguments, settings)
    if chosen.output is not None:
        check_output(Path(chosen.output))
    texts = [""] if prompts is None else list_texts(prompts)
    generator = TextGenerator.from_run(name_run(run), chosen.revision)
    set_seed(chosen.seed)
    found = list(_write(generator, texts, chosen))
    if chosen.output is not None:
        write_rows(({"text": text} for text in found), Path(chosen.output), {"text": pa.string()})
    return found


def _write(generator: TextGenerator, texts: list[str], chosen: GenerationArguments) -> Iterator[str]:
    """Generate the texts in batches, and yield each one including its prompt."""
    options: dict[str, Any] = {"do_sample": chosen.do_sample, "num_beams": chosen.num_beams}
    each = 1 if chosen.do_sample else chosen.number  # samples can be split up, results of a beam search not
    if chosen.do_sample:
        options |= {"temperature": chosen.temperature, "top_k": chosen.top_k, "top_p": chosen.top_p}
    beginnings = [text for text in texts for _ in range(chosen.number // each)]
    with tqdm(total=len(beginnings), unit="text", desc="Writing", disable=len(beginnings) <= chosen.batch_size) as bar:
        for at in range(0, len(beginnings), chosen.batch_size):
            some = beginnings[at : at + chosen.batch_size]
            found = generator(some, max_new_tokens=chosen.max_new_tokens, num_return_sequences=each, **options)
            bar.update(len(some))
            for begin, more in zip((text for text in some for _ in range(each)), found, strict=True):
                yield append_continuation(begin, more)


def append_continuation(begin: str, more: str) -> str:
    """Append a continuation to a prompt, which stays as it is, without doubling the space between them."""
    more = more.rstrip()
    return begin + (more if begin and not begin[-1].isspace() else more.lstrip())
