"""`LstmForConditionalGeneration`: a sequence-to-sequence model with an LSTM or GRU decoder. Works as remote code."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, GenerationMixin
from transformers import initialization as init
from transformers.modeling_outputs import ModelOutput, Seq2SeqLMOutput
from transformers.utils.generic import can_return_tuple

from .attention_lstm import ATTENTIONS
from .cache_lstm import LstmCache, begin_cache, check_new_tokens, read_cache
from .configuration_lstm_encoder_decoder import LstmEncoderDecoderConfig
from .modeling_lstm import (
    IGNORED,
    LstmEmbedding,
    LstmModel,
    LstmPooler,
    LstmPreTrainedModel,
    look_up,
    read_inputs,
    read_mask,
)
from .recurrence_lstm import LstmEncoder, State, hold_at_padding, is_traced, locked_dropout, widen


@dataclass
class LstmSourceOutput(ModelOutput):
    """
    Output of [`LstmSourceEncoder`]. The batch is the first dimension of each tensor, so beam search can repeat them.

    Args:
        last_hidden_state (`(batch, source, size)`): The state at each token; zero at padding.
        mask (`(batch, source)`): True at tokens.
        decoder_h, decoder_c (`(batch, num_hidden_layers, hidden_size)`): The initial state of the decoder. For a GRU,
            `decoder_c` is `None`.
        attention_keys (`(batch, source, hidden_size)`): The keys of the attention; `None` without attention.
        hidden_states (tuple of `torch.Tensor`, *optional*): The word vectors, then the states of each layer.
    """

    last_hidden_state: torch.Tensor | None = None
    mask: torch.Tensor | None = None
    decoder_h: torch.Tensor | None = None
    decoder_c: torch.Tensor | None = None
    attention_keys: torch.Tensor | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None


class LstmSourceEncoder(nn.Module):
    """
    Reads the source with a bidirectional LSTM or GRU, or with a Transformer. The initial state of the decoder is
    computed from the last state of the LSTM or GRU, or from the mean of the Transformer's states.
    """

    main_input_name = "input_ids"

    def __init__(self, config: LstmEncoderDecoderConfig):
        super().__init__()
        self.config = config
        if config.encoder_config is None:
            own = config.for_encoder()
            self.model: Any = LstmModel(own)
            self.size, last = own.output_size, own.output_size * own.num_hidden_layers
        else:
            self.model = AutoModel.from_config(AutoConfig.for_model(**config.encoder_config))
            self.size = last = self.model.config.hidden_size
        first = config.num_hidden_layers * config.hidden_size
        self.to_h = nn.Linear(last, first)
        self.to_c = nn.Linear(last, first) if config.cell_type == "lstm" else None
        self.attention = None
        if config.attention != "none":
            self.attention = ATTENTIONS[config.attention](config.hidden_size, self.size)

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        output_hidden_states: bool | None = None,
        **kwargs: Any,
    ) -> LstmSourceOutput:
        """
        Args:
            input_ids, attention_mask, inputs_embeds, output_hidden_states: See [`LstmModel.forward`].
            kwargs: Other arguments that `generate` passes to any encoder; they have no effect.
        """
        read = self._read_recurrent if self.config.encoder_config is None else self._read_transformer
        is_wanted = bool(self.config.output_hidden_states if output_hidden_states is None else output_hidden_states)
        layers, states, mask, h, c = read(input_ids, attention_mask, inputs_embeds, is_wanted)
        sizes = (-1, self.config.num_hidden_layers, self.config.hidden_size)
        return LstmSourceOutput(
            last_hidden_state=states,
            mask=mask,
            decoder_h=torch.tanh(self.to_h(h)).view(sizes),
            decoder_c=None if self.to_c is None else self.to_c(c).view(sizes),
            attention_keys=None if self.attention is None else self.attention.keys(states),
            hidden_states=layers,
        )

    def _read_recurrent(
        self,
        input_ids: torch.Tensor | None,
        attention_mask: torch.Tensor | None,
        inputs_embeds: torch.Tensor | None,
        output_hidden_states: bool,
    ) -> tuple[Any, ...]:
        """Return the hidden states or `None`, the states, the mask, and the inputs of the layers `to_h` and `to_c`."""
        model = self.model
        vectors, mask = read_inputs(self.config, model.word_embeddings, input_ids, attention_mask, inputs_embeds)
        found = model.read(vectors, mask)
        h, c = (last.transpose(0, 1).flatten(1) for last in (found.h_n, found.h_n if found.c_n is None else found.c_n))
        layers = found.in_given_order()
        mask = F.pad(mask, (0, layers[-1].shape[1] - mask.shape[1]))  # without tokens, one step of padding is read
        return (vectors, *layers) if output_hidden_states else None, layers[-1], mask, h, c

    def _read_transformer(
        self,
        input_ids: torch.Tensor | None,
        attention_mask: torch.Tensor | None,
        inputs_embeds: torch.Tensor | None,
        output_hidden_states: bool,
    ) -> tuple[Any, ...]:
        mask = read_mask(self.model.config, input_ids, attention_mask, inputs_embeds)
        found = self.model(
            input_ids=input_ids,
            attention_mask=mask.long(),
            inputs_embeds=inputs_embeds,
            output_hidden_states=output_hidden_states,
        )
        states = found[0] * mask.unsqueeze(-1)
        mean = LstmPooler.mean(states, mask)
        return found.hidden_states if output_hidden_states else None, states, mask, mean, mean


class LstmTargetDecoder(nn.Module):
    """The decoder's word vectors and recurrence."""

    def __init__(self, config: LstmEncoderDecoderConfig):
        super().__init__()
        own = config.for_decoder()
        self.word_embeddings = LstmEmbedding(own)
        self.recurrence = LstmEncoder(own)
        self.embedding_dropout = config.embedding_dropout

    def forward(
        self, vectors: torch.Tensor, start: State, mask: torch.Tensor | None = None
    ) -> tuple[list[torch.Tensor], torch.Tensor, torch.Tensor | None]:
        """
        Run the recurrence over word vectors `(batch, target, embedding_size)` from the state `start`. The mask
        `(batch, target)` is True at tokens, with padding on the right; without it, there is none. Return the same as
        [`LstmEncoder.forward`].
        """
        return self.recurrence(locked_dropout(vectors, self.embedding_dropout, self.training), mask, start)


class LstmForConditionalGeneration(LstmPreTrainedModel, GenerationMixin):
    """
    A sequence-to-sequence model, for translation for example. The decoder reads the target in one dense call for each
    layer, and attention follows the recurrence (Luong et al., 2015, without input feeding), which makes training fast.
    """

    config: LstmEncoderDecoderConfig  # type: ignore[assignment]
    base_model_prefix = ""
    _is_stateful = True  # so that `generate` does not try to go back to an earlier token

    def __init__(self, config: LstmEncoderDecoderConfig):
        super().__init__(config)
        self.encoder = LstmSourceEncoder(config)
        self.decoder = LstmTargetDecoder(config)
        read = config.hidden_size + (self.encoder.size if config.attention != "none" else 0)
        self.combine = nn.Linear(read, config.embedding_size)
        self.lm_head = nn.Linear(config.embedding_size, config.vocab_size)
        table = "decoder.word_embeddings.weight"
        self._tied_weights_keys = {"lm_head.weight": table}
        if config.source_vocab_size is None and config.encoder_config is None:
            self._tied_weights_keys["encoder.model.word_embeddings.weight"] = table
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Same as in the base class, but with Xavier weights between encoder, decoder and word vectors."""
        super()._init_weights(module)
        if isinstance(module, nn.Linear) and module is not self.lm_head:
            if not getattr(module.weight, "_is_hf_initialized", False):
                init.xavier_uniform_(module.weight)

    def get_input_embeddings(self) -> nn.Module:
        """Return the word vectors of the source."""
        return self.encoder.model.get_input_embeddings()

    def set_input_embeddings(self, value: Any) -> None:
        """Replace the word vectors of the source, and those of the target if they are shared."""
        self.encoder.model.set_input_embeddings(value)
        if self.config.tie_word_embeddings and "encoder.model.word_embeddings.weight" in self._tied_weights_keys:
            self.decoder.word_embeddings = self.encoder.model.word_embeddings

    def resize_token_embeddings(self, new_num_tokens: int | None = None, *args: Any, **kwargs: Any) -> nn.Embedding:
        """
        Same as in the base class, but source and target must share one vocabulary and its vectors.

        Raises:
            NotImplementedError: Source and target do not share a vocabulary and its vectors.
            ValueError: The padding token would no longer be in the vocabulary.
        """
        if not self.config.tie_word_embeddings or len(self._tied_weights_keys) < 2:
            raise NotImplementedError("Only a vocabulary that source and target share can be resized.")
        return super().resize_token_embeddings(new_num_tokens, *args, **kwargs)

    def save_pretrained(self, *args: Any, **kwargs: Any) -> None:
        """
        Same as in the base class, but let `pipeline("translation")` and `AutoModel` open the saved model without this
        package.
        """
        if self._auto_class is not None:
            from .pipeline_lstm import LstmTranslationPipeline  # imports all pipelines

            module = LstmTranslationPipeline.__module__.rsplit(".", 1)[-1]
            name = f"{module}.{LstmTranslationPipeline.__name__}"
            kind = {"impl": name, "pt": ["AutoModelForSeq2SeqLM"], "type": "text"}
            self.config.custom_pipelines = {"translation": kind}
            names = getattr(self.config, "auto_map", None) or {}  # it has no base model of its own
            self.config.auto_map = names | {"AutoModel": f"{__name__.rsplit('.', 1)[-1]}.{type(self).__name__}"}
        super().save_pretrained(*args, **kwargs)

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False  # `generate` would create a cache of keys and values; `forward` creates an `LstmCache`

    def _prepare_cache_for_generation(
        self: Any, generation_config: Any, model_kwargs: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """
        Same as in the base class. To read a prompt in pieces (`prefill_chunk_size`), it must begin with a cache.

        Raises:
            ValueError: A prompt is to be read in pieces from a given state: transformers would repeat tokens.
        """
        GenerationMixin._prepare_cache_for_generation(self, generation_config, model_kwargs, *args, **kwargs)
        cache = model_kwargs.get("past_key_values")
        if generation_config.prefill_chunk_size is not None and cache is not None and cache.get_seq_length() > 0:
            raise ValueError("prefill_chunk_size cannot be used with past_key_values: leave one of them out.")
        begin_cache(self.config, generation_config, model_kwargs)

    def prepare_inputs_for_generation(self: Any, input_ids: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """
        Same as in the base class. A given state has read the first of the `decoder_input_ids`.

        Raises:
            ValueError: The state in `past_key_values` has read all of them already.
        """
        cache = kwargs.get("past_key_values")
        is_whole = "next_sequence_length" in kwargs  # not a piece of a prompt (`prefill_chunk_size`)
        if is_whole and kwargs.get("is_first_iteration") and cache is not None:
            kwargs["next_sequence_length"] = input_ids.shape[1] - cache.get_seq_length()
        check_new_tokens(kwargs.get("next_sequence_length"), cache)
        return GenerationMixin.prepare_inputs_for_generation(self, input_ids, *args, **kwargs)

    def prepare_decoder_input_ids_from_labels(self, labels: torch.Tensor) -> torch.Tensor:
        """
        Shift labels `(batch, target)` right by one token, to get the decoder input of the same shape.

        Raises:
            ValueError: The configuration has no token that begins or pads a target, or a label follows padding (-100).
        """
        ignored = labels == IGNORED
        if not is_traced() and bool((ignored[:, :-1] & ~ignored[:, 1:]).any()):
            raise ValueError("The labels have padding (-100) before a token: pad them on the right.")
        start = self.config.decoder_start_token_id
        if start is None or self.config.pad_token_id is None:
            raise ValueError("The configuration must have a decoder_start_token_id and a pad_token_id.")
        return F.pad(labels[:, :-1], (1, 0), value=start).masked_fill(
            F.pad(ignored[:, :-1], (1, 0)), self.config.pad_token_id
        )

    @can_return_tuple
    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        decoder_input_ids: torch.Tensor | None = None,
        encoder_outputs: LstmSourceOutput | None = None,
        past_key_values: LstmCache | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        num_items_in_batch: torch.Tensor | int | None = None,
        decoder_attention_mask: torch.Tensor | None = None,
        output_hidden_states: bool | None = None,
        decoder_inputs_embeds: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> Seq2SeqLMOutput:
        """
        Args:
            input_ids (`(batch, source)`): Token ids of the source.
            attention_mask (`(batch, source)`): 1 at tokens, 0 at padding, which may be anywhere, or with a Transformer
                as the encoder, on the right. Without it, every padding token of the encoder's configuration is padding.
            decoder_input_ids (`(batch, target)`): Token ids of the target so far; with `past_key_values`, only the new
                ones. Default: `labels`, shifted right by one token.
            encoder_outputs: The output of the encoder for the source, instead of `input_ids`.
            past_key_values: The state of the decoder after the earlier tokens. It is modified in place.
            inputs_embeds (`(batch, source, embedding_size)`): Word vectors instead of `input_ids`.
            labels (`(batch, target)`): Ids of the tokens to predict; -100 where nothing is to be predicted.
            use_cache: Whether to return the state after these tokens. Default: if `past_key_values` are passed, or if
                the model is not in training mode and there are no labels.
            output_attentions: Whether to return the attention weights.
            num_items_in_batch: The divisor of the sum of the losses. Default: the number of predicted tokens.
            decoder_attention_mask (`(batch, target)`): 1 at tokens, 0 at padding, which must be on the right. With
                `past_key_values` it may also cover the earlier tokens. At padding, the logits are those of the token
                before it.
            output_hidden_states: Whether to also return the word vectors and h of every layer, of encoder and decoder.
            decoder_inputs_embeds (`(batch, target, embedding_size)`): Word vectors instead of `decoder_input_ids`.
            kwargs: Other arguments that `generate` and `Trainer` pass to any model; they have no effect.

        Returns:
            `Seq2SeqLMOutput` with `logits` of shape `(batch, target, vocab_size)`; with labels, the mean `loss`; and if
            requested, one tensor of shape `(batch, 1, target, source)` in `cross_attentions`.

        Raises:
            ValueError: The decoder has no input and no labels, or two kinds of input; the source does not have exactly
                one kind of input; source and target have different numbers of rows; the target has padding before a
                token, or its mask has another shape; `encoder_outputs` or `past_key_values` are of another kind of
                model; or the labels have another shape than the target.
        """
        if encoder_outputs is None:
            encoder_outputs = self.encoder(input_ids, attention_mask, inputs_embeds, output_hidden_states)
        if not isinstance(encoder_outputs, LstmSourceOutput):
            raise ValueError(
                "encoder_outputs must be the LstmSourceOutput that this model's encoder returned, found "
                f"{type(encoder_outputs).__name__}."
            )
        source: Any = encoder_outputs
        vectors = decoder_inputs_embeds
        if vectors is None:
            if decoder_input_ids is None:
                if labels is None:
                    raise ValueError("The decoder needs decoder_input_ids or labels.")
                decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
            vectors = look_up(self.config, self.decoder.word_embeddings, decoder_input_ids)
        elif decoder_input_ids is not None:
            raise ValueError("The decoder takes either decoder_input_ids or decoder_inputs_embeds, found both.")
        rows = source.last_hidden_state.shape[0]
        if vectors.shape[0] != rows:
            raise ValueError(f"The source has {rows} rows, but the decoder's input has {vectors.shape[0]}.")
        start = read_cache(past_key_values, self.config) or _first_state(source)
        mask = None if decoder_attention_mask is None else _target_mask(decoder_attention_mask, vectors)
        layers, h_n, c_n = self.decoder(vectors, start, mask)
        if use_cache is None:
            use_cache = past_key_values is not None or not (self.training or labels is not None)
        if use_cache:
            past_key_values = past_key_values or LstmCache(self.config.num_hidden_layers)
            past_key_values.write(h_n, c_n, vectors.shape[1])
        states = layers[-1] if mask is None else hold_at_padding(layers[-1], mask, start)
        weights = None
        if self.encoder.attention is not None:
            context, weights = self.encoder.attention(
                states, source.attention_keys, source.last_hidden_state, source.mask
            )
            states = torch.cat([context, states], dim=-1)
        states = locked_dropout(torch.tanh(self.combine(states)), self.config.output_dropout, self.training)
        logits = self.lm_head(states)
        loss = None if labels is None else self._loss(logits, labels, num_items_in_batch)
        if output_attentions is None:
            output_attentions = self.config.output_attentions
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        return Seq2SeqLMOutput(
            loss=loss,
            logits=logits,
            past_key_values=past_key_values if use_cache else None,  # type: ignore[arg-type]
            cross_attentions=(weights.unsqueeze(1),) if output_attentions and weights is not None else None,
            decoder_hidden_states=(vectors, *layers) if output_hidden_states else None,
            encoder_last_hidden_state=source.last_hidden_state,
            encoder_hidden_states=source.hidden_states,
        )

    def _loss(self, logits: torch.Tensor, labels: torch.Tensor, number: torch.Tensor | int | None) -> torch.Tensor:
        """Return the mean loss of the tokens to predict, or the sum divided by `number`. Smoothed only in training."""
        if labels.shape != logits.shape[:2]:
            found = tuple(labels.shape)
            raise ValueError(f"labels must have the shape {tuple(logits.shape[:2])} of the target, found {found}.")
        smoothing = self.config.label_smoothing if self.training else 0.0
        flat = widen(logits.flatten(0, 1)), labels.flatten().long()
        total = F.cross_entropy(*flat, ignore_index=IGNORED, reduction="sum", label_smoothing=smoothing)
        return total / ((labels != IGNORED).sum().clamp(min=1) if number is None else number)


def _target_mask(mask: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor | None:
    """Return where the decoder's input `(batch, target, embedding_size)` has tokens; `None` if everywhere."""
    rows, tokens = vectors.shape[:2]
    if mask.shape[0] != rows or mask.shape[1] < tokens:
        raise ValueError(
            f"decoder_attention_mask must have the shape (batch, target) = {(rows, tokens)} of the decoder's input, "
            f"found {tuple(mask.shape)}."
        )
    if is_traced():  # a graph cannot check its values
        return None
    mask = mask[:, mask.shape[1] - tokens :].bool()
    if bool((mask[:, 1:] & ~mask[:, :-1]).any()):
        raise ValueError("decoder_attention_mask has padding before a token: pad the decoder's input on the right.")
    return None if bool(mask.all()) else mask


def _first_state(source: LstmSourceOutput) -> State:
    """Return the initial state of the decoder, `(layers, batch, hidden_size)`."""
    h: Any = source.decoder_h
    return h.transpose(0, 1).contiguous(), (
        None if source.decoder_c is None else source.decoder_c.transpose(0, 1).contiguous()
    )


__all__ = ["LstmForConditionalGeneration"]
