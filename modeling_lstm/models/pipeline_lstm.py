"""The `translation` pipeline, which transformers no longer includes. Works as remote code."""

import re
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, Pipeline

TARGET = "target_tokenizer"  # folder of the target tokenizer, if it differs from that of the source


class LstmTranslationPipeline(Pipeline):
    """
    Translates texts. Returns `{"translation_text": ...}` for each text, in order, or a list of such dicts for each text
    with `num_return_sequences` above 1.

    A call takes `truncation` (of the source, by default to the model's maximum length), `clean_up_tokenization_spaces`,
    and the options of `generate`.
    """

    _load_processor: Any = False
    _load_tokenizer: Any = True

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        config: Any = self.model.config
        self.target_tokenizer: Any = getattr(self.tokenizer, TARGET, self.tokenizer)
        has_other = config.source_vocab_size is not None or config.encoder_config is not None
        if has_other and self.target_tokenizer is self.tokenizer:
            location: dict[str, Any] = {"subfolder": TARGET, "revision": _own_commit()}
            try:
                self.target_tokenizer = AutoTokenizer.from_pretrained(config.name_or_path, **location)
            except (OSError, ValueError) as error:
                raise ValueError(
                    f"{config.name_or_path!r} has no folder {TARGET}/ with a tokenizer that can be read, which this "
                    "model needs for its target vocabulary."
                ) from error

    def save_pretrained(self, save_directory: Any, *args: Any, **kwargs: Any) -> Any:
        """Same as in the base class, but also save the target tokenizer, if it is a different one."""
        super().save_pretrained(save_directory, *args, **kwargs)
        if self.target_tokenizer is not self.tokenizer:
            self.target_tokenizer.save_pretrained(Path(save_directory) / TARGET)

    def _sanitize_parameters(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        own: list[dict[str, Any]] = [
            {name: options.pop(name)} if name in options else {}
            for name in ("truncation", "clean_up_tokenization_spaces")
        ]
        return own[0], options, own[1]

    def preprocess(self, input_: str, truncation: Any = True, **_: Any) -> Any:
        """Tokenize a text, and note whether it is empty."""
        tokenizer: Any = self.tokenizer
        return {**tokenizer(input_, truncation=truncation, return_tensors="pt"), "is_empty": not input_.strip()}

    def _forward(self, input_tensors: Any, **options: Any) -> Any:
        names = ("input_ids", "attention_mask")
        inputs = {name: input_tensors[name] for name in names if name in input_tensors}
        model: Any = self.model
        found = model.generate(**inputs, **options)
        found = getattr(found, "sequences", found)  # with return_dict_in_generate
        by_text = found.view(len(inputs["input_ids"]), -1, found.shape[-1])  # the pipeline splits batches
        return {"output_ids": by_text, "is_empty": input_tensors["is_empty"]}

    def postprocess(self, model_outputs: dict[str, Any], **cleaning: Any) -> Any:
        """Decode tokens to one translation, or to a list of several."""
        texts = self.target_tokenizer.batch_decode(model_outputs["output_ids"][0], skip_special_tokens=True, **cleaning)
        is_empty = model_outputs["is_empty"]
        found = [{"translation_text": "" if is_empty else text.strip()} for text in texts]
        return found[0] if len(found) == 1 else found


def _own_commit() -> str | None:
    """Return the commit of the repository on the Hub that this source comes from: transformers names modules so."""
    found = re.search(r"\._?([0-9a-f]{40})\.", __name__)
    return found[1] if found else None


__all__ = ["LstmTranslationPipeline"]
