"""`LstmEncoderDecoderConfig`: the configuration of sequence-to-sequence models. Works as remote code."""

from typing import Any, Literal

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

from .configuration_lstm import LstmConfig, take_fields

SHARED = (
    *("cell_type", "embedding_size", "embedding_range", "initializer_range"),
    *("pad_token_id", "bos_token_id", "eos_token_id"),
)
DROPOUTS = ("word_dropout", "embedding_dropout", "hidden_dropout", "recurrent_dropout")


@strict
class LstmEncoderDecoderConfig(PreTrainedConfig):
    r"""
    Configuration of [`LstmForConditionalGeneration`].

    Args:
        vocab_size (`int`, defaults to 8000): Size of the target vocabulary, and of the source vocabulary unless
            `source_vocab_size` is set.
        source_vocab_size (`int`, *optional*): Size of the source vocabulary, if the source has its own.
        embedding_size (`int`, defaults to 256): Dimensions of a word vector.
        encoder_hidden_size (`int`, defaults to 256): Dimensions of the encoder state, in each direction.
        hidden_size (`int`, defaults to 512): Dimensions of the decoder state.
        num_encoder_layers (`int`, defaults to 1): Number of recurrent layers of the encoder.
        num_hidden_layers (`int`, defaults to 1): Number of recurrent layers of the decoder.
        cell_type (`"lstm"` or `"gru"`, defaults to `"lstm"`): The cell of the encoder and the decoder.
        attention (`"none"`, `"luong"` or `"bahdanau"`, defaults to `"luong"`): What the decoder sees of the source.
            `"none"`: only the last state of the encoder (Sutskever et al., 2014; Cho et al., 2014). Otherwise at each
            token also a weighted mean of all encoder states, with the multiplicative score of Luong et al. (2015,
            "general") or the additive score of Bahdanau et al. (2015).
        encoder_config (`dict`, *optional*): The configuration, as returned by `to_dict()`, of a Transformer that
            replaces the recurrent encoder. Its dtype is left out: the encoder has the type of the whole model.
        word_dropout, embedding_dropout, hidden_dropout, recurrent_dropout (`float`, defaults to 0.0): See
            [`LstmConfig`]. They apply to the encoder and the decoder.
        output_dropout (`float`, defaults to 0.0): Locked dropout on the states that predict the next token.
        label_smoothing (`float`, defaults to 0.0): Label smoothing of the loss in training (Szegedy et al., 2016).
        embedding_range (`float`, defaults to 0.3): Standard deviation of newly initialized word vectors.
        initializer_range (`float`, defaults to 0.02): Standard deviation of other newly initialized weights.
        tie_word_embeddings (`bool`, defaults to `True`): Score the next token with the word vectors of the decoder
            (Press and Wolf, 2017). If source and target share a vocabulary, the encoder uses these word vectors, too.
        pad_token_id (`int`, *optional*, defaults to 0): The token that pads short rows.
        bos_token_id, eos_token_id (`int`, *optional*): The tokens before the first and after the last token of a text.
        decoder_start_token_id (`int`, *optional*): The token that the decoder reads before the first target token.

    Raises:
        huggingface_hub.errors.StrictDataclassError: A field has the wrong type or a value out of its range.
    """

    model_type = "lstm-encoder-decoder"

    vocab_size: int = 8_000
    source_vocab_size: int | None = None
    embedding_size: int = 256
    encoder_hidden_size: int = 256
    hidden_size: int = 512
    num_encoder_layers: int = 1
    num_hidden_layers: int = 1
    cell_type: Literal["lstm", "gru"] = "lstm"
    attention: Literal["none", "luong", "bahdanau"] = "luong"
    encoder_config: dict[str, Any] | None = None
    word_dropout: float | int = 0.0
    embedding_dropout: float | int = 0.0
    hidden_dropout: float | int = 0.0
    recurrent_dropout: float | int = 0.0
    output_dropout: float | int = 0.0
    label_smoothing: float | int = 0.0
    embedding_range: float | int = 0.3
    initializer_range: float | int = 0.02
    tie_word_embeddings: bool = True
    is_encoder_decoder: bool = True
    pad_token_id: int | None = 0
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    decoder_start_token_id: int | None = None

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """Same as in the base class, but the caller's fields are validated together with the stored ones."""
        return super().from_dict({**config_dict, **take_fields(cls, kwargs)}, **kwargs)

    def __post_init__(self, **kwargs: Any) -> None:
        if isinstance(self.encoder_config, dict):  # otherwise its type is refused
            apart = ("dtype", "torch_dtype")  # the encoder has the type of the whole model
            self.encoder_config = {name: value for name, value in self.encoder_config.items() if name not in apart}
        super().__post_init__(**kwargs)

    def for_encoder(self) -> LstmConfig:
        """Return the configuration of the recurrent encoder."""
        return self._part(self.source_vocab_size or self.vocab_size, self.encoder_hidden_size, self.num_encoder_layers)

    def for_decoder(self) -> LstmConfig:
        """Return the configuration of the decoder's word vectors and recurrence."""
        begin = self.bos_token_id if self.decoder_start_token_id is None else self.decoder_start_token_id
        sizes = self.vocab_size, self.hidden_size, self.num_hidden_layers
        return self._part(*sizes, bidirectional=False, bos_token_id=begin)

    def _part(self, vocab_size: int, hidden_size: int, layers: int, **fields: Any) -> LstmConfig:
        shared = {name: getattr(self, name) for name in (*SHARED, *DROPOUTS)} | {"bidirectional": True}
        sizes = {"vocab_size": vocab_size, "hidden_size": hidden_size, "num_hidden_layers": layers}
        return LstmConfig(**shared | sizes | fields)

    def validate_parts(self) -> None:
        """Check that the sizes are positive, and that encoder and decoder are each a valid [`LstmConfig`]."""
        for name in ("encoder_hidden_size", "num_encoder_layers", "source_vocab_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, found {value}.")
        self.for_encoder()
        self.for_decoder()

    def validate_rates(self) -> None:
        """Check that output dropout and label smoothing are in [0, 1)."""
        for name in ("output_dropout", "label_smoothing"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name} must be at least 0 and below 1, found {getattr(self, name)}.")

    def validate_encoder(self) -> None:
        """Check that the encoder's configuration has a model type, and is not that of an encoder-decoder."""
        if self.encoder_config is None:
            return
        if not isinstance(self.encoder_config.get("model_type"), str):
            raise ValueError("encoder_config must be the configuration of a Transformer, with its model_type.")
        if self.encoder_config.get("is_encoder_decoder"):
            kind = self.encoder_config["model_type"]
            raise ValueError(f"encoder_config must be the configuration of an encoder; {kind} is an encoder-decoder.")


__all__ = ["LstmEncoderDecoderConfig"]
