"""Masks for a masked language model: the same ones whenever they are drawn from the same numbers."""

from typing import Any

import numpy as np
import torch
from transformers import DataCollatorForLanguageModeling


class TokenMasker:
    """
    Chooses tokens to predict, as for BERT (Devlin et al., 2019), with the collator of transformers: of the chosen
    tokens, 80% are replaced by the mask token, 10% by a random one, and 10% stay. Special tokens are never chosen.

    Args:
        tokenizer: A tokenizer with a mask token.
        probability: Share of the tokens to choose.
    """

    def __init__(self, tokenizer: Any, probability: float):
        self.collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=probability)
        self.special = torch.tensor(tokenizer.all_special_ids)

    def mask(self, ids: torch.Tensor, *numbers: int) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Mask the tokens of a block.

        Args:
            ids: Token ids, `(tokens,)`.
            numbers: Numbers from which the choice is drawn, not negative: a seed, an epoch, a position in the text.

        Returns:
            The ids with masks, and the labels: the ids at the chosen positions, -100 elsewhere; both `(tokens,)`.
        """
        seed = np.random.SeedSequence(numbers).generate_state(1, np.uint32)
        self.collator.generator = torch.Generator().manual_seed(int(seed[0]))
        rows = ids.unsqueeze(0)
        inputs, labels = self.collator.torch_mask_tokens(rows.clone(), torch.isin(rows, self.special))
        return inputs[0], labels[0]
