"""
The cost of generating a token: `python -m benchmarks.generation`, an LSTM beside a Transformer with its cache.

Both have about the same number of parameters, random weights and a vocabulary of 10,000. They generate a single text; a
token at a position is timed with the state or the cache of all earlier tokens in place.
"""

import json
from collections.abc import Callable
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, DynamicCache

from modeling_lstm import LstmConfig, LstmForCausalLM

from .measure import parser, ratio, summary, take_turns, write

POSITIONS = (100, 1_000, 10_000)
TOKENS = 10  # timed in a round
PIECE = 500  # tokens read at once on the way to a position


def models() -> dict[str, Any]:
    """Make an LSTM with two layers of 650 units, and a Llama with six layers and about as many parameters."""
    torch.manual_seed(0)
    lstm = LstmConfig(
        vocab_size=10_000, embedding_size=650, hidden_size=650, num_hidden_layers=2, tie_word_embeddings=True
    )
    llama = AutoConfig.for_model(
        "llama",
        vocab_size=10_000,
        hidden_size=352,
        intermediate_size=1_056,
        num_hidden_layers=6,
        num_attention_heads=8,
        max_position_embeddings=40_000,
        tie_word_embeddings=True,
    )
    return {"lstm": LstmForCausalLM(lstm).eval(), "transformer": AutoModelForCausalLM.from_config(llama).eval()}


@torch.inference_mode()
def state_at(model: Any, position: int) -> Any:
    """Return the state or the cache after `position` random tokens."""
    ids = torch.randint(10, 10_000, (1, position), generator=torch.Generator().manual_seed(0))
    cache = None
    for piece in ids.split(PIECE, dim=1):
        cache = model(piece, past_key_values=cache, use_cache=True, logits_to_keep=1).past_key_values
    return cache


def writer(model: Any, position: int) -> tuple[Callable[[], None], Callable[[], int]]:
    """Return two functions: one generates [`TOKENS`] tokens from the same position, one returns the state's bytes."""
    cache = state_at(model, position)

    @torch.inference_mode()
    def run() -> None:
        token = torch.tensor([[7]])
        kept = None if isinstance(cache, DynamicCache) else [(one.keys, one.values) for one in cache.layers]
        for _ in range(TOKENS):
            token = model(token, past_key_values=cache, use_cache=True).logits[:, -1:].argmax(-1)
        if kept is None:
            cache.crop(-TOKENS)
        else:
            for layer, (keys, values) in zip(cache.layers, kept, strict=True):
                layer.keys, layer.values = keys, values

    def size() -> int:
        return sum(one.keys.nbytes + one.values.nbytes for one in cache.layers)

    return run, size


def main() -> None:
    """Measure, print the results and write the record."""
    arguments = parser(__doc__, "generation").parse_args()
    both = models()
    found: dict[str, Any] = {
        "parameters": {name: model.num_parameters() for name, model in both.items()},
        "positions": {},
    }
    for position in POSITIONS:
        ways, sizes = {}, {}
        for name, model in both.items():
            ways[name], sizes[name] = writer(model, position)
        seconds = {name: [one / TOKENS for one in some] for name, some in take_turns(ways, arguments.repeats).items()}
        found["positions"][position] = {
            "milliseconds a token": {name: summary(some) for name, some in seconds.items()},
            "transformer / lstm": ratio(seconds["transformer"], seconds["lstm"]),
            "kilobytes of state": {name: round(size() / 1024, 1) for name, size in sizes.items()},
        }
        print(position, json.dumps(found["positions"][position]), flush=True)
    write(arguments.output, found)


if __name__ == "__main__":
    main()
