"""`LstmEncoderDecoderConfig`: from one sequence to another. Serves as remote code, with the file that it imports."""

from typing import Any, Literal

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

from .configuration_lstm import LstmConfig, take_fields

SHARED = ("cell_type", "embedding_size", "embedding_range", "initializer_range", "pad_token_id")
DROPOUTS = ("word_dropout", "embedding_dropout", "hidden_dropout", "recurrent_dropout")


@strict
class LstmEncoderDecoderConfig(PreTrainedConfig):
    r"""
    Configuration of [`LstmForConditionalGeneration`].

    Args:
        vocab_size (`int`, defaults to 8000): Tokens that can be written; of the source, too, unless
            `source_vocab_size` is given.
        source_vocab_size (`int`, *optional*): Tokens of the source, if it has a vocabulary of its own.
        embedding_size (`int`, defaults to 256): Dimensions of a word vector.
        encoder_hidden_size (`int`, defaults to 256): Dimensions of the state of each direction of the encoder.
        hidden_size (`int`, defaults to 512): Dimensions of the state of the decoder.
        num_encoder_layers (`int`, defaults to 1): Recurrent layers of the encoder.
        num_hidden_layers (`int`, defaults to 1): Recurrent layers of the decoder.
        cell_type (`"lstm"` or `"gru"`, defaults to `"lstm"`): The cell of both.
        attention (`"none"`, `"luong"` or `"bahdanau"`, defaults to `"luong"`): What the decoder sees of the source: the
            last state of the encoder alone (Sutskever et al., 2014; Cho et al., 2014), or at each token also a weighted
            mean of all of its states, with the multiplicative score of Luong et al. (2015, "general") or the additive
            one of Bahdanau et al. (2015).
        encoder_config (`dict`, *optional*): The configuration of a Transformer that takes the place of the recurrent
            encoder, as its `to_dict()` gives it.
        word_dropout, embedding_dropout, hidden_dropout, recurrent_dropout (`float`, defaults to 0.0): As in
            [`LstmConfig`], of both.
        output_dropout (`float`, defaults to 0.0): Locked dropout on what the next token is predicted from.
        label_smoothing (`float`, defaults to 0.0): Label smoothing of the loss in training (Szegedy et al., 2016).
        embedding_range (`float`, defaults to 0.3): Standard deviation of freshly drawn word vectors.
        initializer_range (`float`, defaults to 0.02): Standard deviation of other freshly drawn weights.
        tie_word_embeddings (`bool`, defaults to `True`): Score the next token with the word vectors of the decoder
            (Press and Wolf, 2017), and where both have one vocabulary, read the source by them, too.
        pad_token_id (`int`, *optional*, defaults to 0): The token that fills short rows.
        bos_token_id, eos_token_id (`int`, *optional*): The tokens before the first one of a text and after its last.
        decoder_start_token_id (`int`, *optional*): The token that a translation begins after.

    Raises:
        huggingface_hub.errors.StrictDataclassError: a field has the wrong type or a value out of its range.
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
        """As the library's, but fields that the caller gives are validated with the stored ones."""
        return super().from_dict({**config_dict, **take_fields(cls, kwargs)}, **kwargs)

    def for_encoder(self) -> LstmConfig:
        """The configuration of the recurrent encoder."""
        return self._part(self.source_vocab_size or self.vocab_size, self.encoder_hidden_size, self.num_encoder_layers)

    def for_decoder(self) -> LstmConfig:
        """The configuration of the decoder's word vectors and recurrence."""
        return self._part(self.vocab_size, self.hidden_size, self.num_hidden_layers, bidirectional=False)

    def _part(self, vocab_size: int, hidden_size: int, layers: int, *, bidirectional: bool = True) -> LstmConfig:
        return LstmConfig(
            vocab_size=vocab_size,
            hidden_size=hidden_size,
            num_hidden_layers=layers,
            bidirectional=bidirectional,
            **{name: getattr(self, name) for name in (*SHARED, *DROPOUTS)},
        )

    def validate_parts(self) -> None:
        """The sizes are positive, and what else an [`LstmConfig`] demands of encoder and decoder."""
        for name in ("encoder_hidden_size", "num_encoder_layers", "source_vocab_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, found {value}.")
        self.for_encoder()
        self.for_decoder()

    def validate_rates(self) -> None:
        """The dropout and the smoothing of the output are in [0, 1)."""
        for name in ("output_dropout", "label_smoothing"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name} must be at least 0 and below 1, found {getattr(self, name)}.")

    def validate_encoder(self) -> None:
        """The encoder's configuration says what kind of model it is."""
        if self.encoder_config is not None and not isinstance(self.encoder_config.get("model_type"), str):
            raise ValueError("encoder_config must be the configuration of a Transformer, with its model_type.")


__all__ = ["LstmEncoderDecoderConfig"]
