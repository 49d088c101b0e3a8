"""How many tokens of a text a model reads."""

from typing import Any

from transformers import PreTrainedConfig, PreTrainedTokenizerBase

from ..utils.errors import require

# Models whose first two positions are reserved: that of padding and the one before it
ROBERTAS = {
    *("roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer", "xmod"),
}


def text_limit(config: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Return the number of tokens to which texts are truncated: [`token_limit`], or fewer if the model reads fewer."""
    limits = (token_limit(tokenizer), max_positions(config))
    return min((one for one in limits if one is not None), default=None)


def token_limit(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Return the number of tokens to which training truncated texts, or `None` if it did not."""
    limit = tokenizer.model_max_length
    require(
        isinstance(limit, int | float) and limit >= 1,
        f"model_max_length in tokenizer_config.json must be a number of at least 1, found {limit!r}: correct it.",
    )
    return limit if limit < 10**9 else None  # transformers writes 1e30 for no limit


def max_positions(config: Any) -> int | None:
    """Return the number of positions of a Transformer, from its configuration; `None` if it sets no limit."""
    limit = getattr(config, "max_position_embeddings", None)
    if limit is None or limit < 1 or not getattr(config, "position_biased_input", True):  # DeBERTa's are relative
        return None
    return limit - 2 if config.model_type in ROBERTAS else limit
