"""The pipeline `translation`, which transformers no longer has. Serves as remote code."""

from typing import Any

from transformers import AutoTokenizer, Pipeline

TARGET = "target_tokenizer"  # folder of the tokenizer of translations, if that is another one


class LstmTranslationPipeline(Pipeline):
    """Translates texts: `{"translation_text": ...}` for each, in the order of the texts."""

    _load_processor: Any = False
    _load_tokenizer: Any = True

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        config: Any = self.model.config
        self.target_tokenizer: Any = getattr(self.tokenizer, TARGET, self.tokenizer)
        has_other = config.source_vocab_size is not None or config.encoder_config is not None
        if has_other and self.target_tokenizer is self.tokenizer:
            self.target_tokenizer = AutoTokenizer.from_pretrained(
                config.name_or_path, subfolder=TARGET, revision=getattr(config, "_commit_hash", None)
            )

    def _sanitize_parameters(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        return {}, options, {}

    def preprocess(self, input_: str, **_: Any) -> Any:
        """A text to tokens, and whether it holds any."""
        tokenizer: Any = self.tokenizer
        return {**tokenizer(input_, truncation=True, return_tensors="pt"), "is_empty": not input_.strip()}

    def _forward(self, input_tensors: Any, **options: Any) -> Any:
        names = ("input_ids", "attention_mask")
        inputs = {name: input_tensors[name] for name in names if name in input_tensors}
        model: Any = self.model
        return {"output_ids": model.generate(**inputs, **options), "is_empty": input_tensors["is_empty"]}

    def postprocess(self, model_outputs: dict[str, Any], **_: Any) -> dict[str, str]:
        """Tokens to a text."""
        if model_outputs["is_empty"]:
            return {"translation_text": ""}
        text = self.target_tokenizer.decode(model_outputs["output_ids"][0], skip_special_tokens=True)
        return {"translation_text": text.strip()}


__all__ = ["LstmTranslationPipeline"]
