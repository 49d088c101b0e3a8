"""`TranslationTrainer`: scores translations while it trains."""

from pathlib import Path
from typing import Any, cast

import torch

from ..inference.translator import Translator
from ..models.modeling_lstm import IGNORED, LstmEmbedding
from ..runs.run_folders import save_tokenizer
from ..training.layers import set_rate
from ..training.task_trainer import TaskTrainer
from ..utils.errors import require


class TranslationTrainer(TaskTrainer):
    """
    A [`TaskTrainer`] for translation models. For evaluation during training, it decodes greedily, which is several
    times faster than beam search.

    Attributes:
        encoder_rate: Learning rate of a pretrained encoder; `None` if there is none.
    """

    encoder_rate: float | None = None

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Same as in the base class, but a pretrained encoder has its own learning rate."""
        is_new = self.optimizer is None
        optimizer = super().create_optimizer(model)
        if is_new and self.encoder_rate is not None:
            whole: Any = self.model
            set_rate(optimizer, whole.encoder.model.parameters(), self.encoder_rate)
        return optimizer

    def word_tables(self) -> list[torch.nn.Parameter]:
        """Same as in the base class, but the tables of source and target, except that of a pretrained encoder."""
        own: list[Any] = [one for one in cast(Any, self.model).modules() if isinstance(one, LstmEmbedding)]
        return [one.weight for one in own] or super().word_tables()

    def task_scores(self, model: Any, rows: Any) -> dict[str, float]:
        """Return the mean loss per token, and the scores of the task."""
        loss = self._token_loss(model, rows)
        require(loss == loss and loss < float("inf"), "Training diverged: lower --learning_rate.")
        ids = rows.with_format(None)["input_ids"][:]
        translator = Translator(model, self.processing_class)  # type: ignore[arg-type]
        found = translator.translate_tokens(ids, self.args.per_device_eval_batch_size, num_beams=1)
        return {"loss": loss} | self.task.score_texts(found, rows["target"][:])

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Same as in the base class, but also save the target tokenizer if it is a different one."""
        super()._save(output_dir, state_dict)
        if self.args.should_save:  # the library calls this in every process
            save_tokenizer(cast(Any, self.processing_class), Path(output_dir or str(self.args.output_dir)))

    @torch.inference_mode()
    def _token_loss(self, model: Any, rows: Any) -> float:
        """Return the mean loss over the tokens of all targets."""
        kept = rows.with_format(None).select_columns(["input_ids", "labels"])
        collator: Any = self.data_collator
        total = tokens = 0.0
        for begin in range(0, len(kept), self.args.per_device_eval_batch_size):
            some = kept[begin : begin + self.args.per_device_eval_batch_size]
            batch = collator([dict(zip(some, row, strict=True)) for row in zip(*some.values(), strict=True)])
            number = int((batch["labels"] != IGNORED).sum())
            total += float(model(**batch.to(model.device)).loss) * number
            tokens += number
        return total / max(1.0, tokens)
