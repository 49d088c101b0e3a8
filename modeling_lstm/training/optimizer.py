"""`RowAdamW`: AdamW whose step takes time in proportion to the words of a batch, not to the vocabulary."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel, Trainer, TrainingArguments

CHUNK = 4096  # rows brought up to date at once; few enough for the processor's cache


def choose_optimizer(args: TrainingArguments, model: PreTrainedModel | None = None) -> tuple[Any, Any]:
    """
    Return the class and arguments of the optimizer: those of `Trainer`, but [`RowAdamW`] for AdamW on a CPU, where a
    step over a table is slow.
    """
    optimizer, kwargs = Trainer.get_optimizer_cls_and_kwargs(args, model)
    is_plain = args.device.type == "cpu" and not args.torch_compile
    if optimizer is torch.optim.AdamW and is_plain and args.adam_beta1 < args.adam_beta2:
        optimizer = RowAdamW
    return optimizer, kwargs


class RowAdamW(torch.optim.AdamW):
    r"""
    `torch.optim.AdamW` (Loshchilov and Hutter, 2019) that also takes the sparse gradients of an embedding table.

    AdamW moves every row of a table in every step, because momentum and weight decay act even without a gradient. For a
    row without a gradient since step s, these movements need not be made one by one. With m and v of step s,

        w(t) = a * w(s) - b * m / (sqrt(v) + eps)
        a = prod over j of (1 - lr(j) * weight_decay)
        b = sum over j of lr(j) * r**(j - s) * sqrt(1 - beta2**j) / (1 - beta1**j) * prod over i > j of (...as in a)
        r = beta1 / sqrt(beta2), and j from s + 1 to t

    where eps is its mean over those steps, and a, b and that mean depend on s and t alone. So rows are brought up to
    date only when they are needed: single rows by [`refresh`] before they are read, and all rows by [`settle`] before
    the table is read as a whole.
    `torch.optim.SparseAdam` is another algorithm: it omits those movements.

    State dicts are those of `torch.optim.AdamW`.
    """

    def __init__(self, params: Any, **kwargs: Any):
        if kwargs.get("amsgrad") or kwargs.get("maximize"):
            raise ValueError("RowAdamW supports neither amsgrad nor maximize.")
        super().__init__(params, **kwargs)
        for group in self.param_groups:
            if not group["betas"][0] < group["betas"][1]:
                raise ValueError(f"RowAdamW needs beta1 < beta2, found {group['betas']}: rows could diverge.")
        self._tables: dict[torch.Tensor, _Table] = {}

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Take a step. Rows with sparse gradients must have been refreshed since the last step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        sparse = {p: p.grad for group in self.param_groups for p in group["params"] if _is_sparse(p.grad)}
        for parameter in [one for one in self._tables if one.grad is not None and one not in sparse]:
            self._tables.pop(parameter).settle()  # a gradient of all rows: an ordinary step
        for parameter in sparse:
            parameter.grad = None
        super().step()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter in sparse:
                    parameter.grad = sparse[parameter]
                    if parameter not in self._tables:
                        self._tables[parameter] = _Table(parameter, self.state[parameter])
                    self._tables[parameter].step(sparse[parameter].coalesce(), group)
        return loss

    def follow(self, embedding: nn.Embedding) -> Callable[[], None]:
        """
        Make the gradients of a table sparse. Bring rows up to date before each forward pass that reads them, and all
        rows before the table is saved or loaded. Code that reads the weights in another way must call [`settle`] first.

        Returns:
            A function that ends this and brings all rows up to date.
        """

        def before(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            if module.training:
                self.refresh(embedding.weight, inputs[0])
            else:
                self.settle()

        def end() -> None:
            self.settle()
            embedding.sparse = False
            for handle in handles:
                handle.remove()

        embedding.sparse = True
        handles = [
            embedding.register_forward_pre_hook(before),
            embedding.register_state_dict_pre_hook(lambda *_: self.settle()),
            embedding.register_load_state_dict_pre_hook(lambda *_: self.settle()),
        ]
        return end

    @torch.no_grad()
    def refresh(self, parameter: torch.Tensor, rows: torch.Tensor) -> None:
        """Bring rows up to date. `rows` holds their indices, in any shape."""
        if parameter in self._tables:
            self._tables[parameter].refresh(rows.unique())

    @torch.no_grad()
    def settle(self) -> None:
        """Bring all rows of all tables up to date."""
        for table in self._tables.values():
            table.settle()

    def state_dict(self) -> dict[str, Any]:
        """Return the state of `torch.optim.AdamW`, with all rows up to date."""
        self.settle()
        return super().state_dict()

    def __getstate__(self) -> dict[str, Any]:
        self.settle()
        return super().__getstate__()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._tables = {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a state. The parameters must be those of the same step."""
        self._tables = {}
        super().load_state_dict(state_dict)


@torch.no_grad()
def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float) -> torch.Tensor:
    """Clip gradients, some of them sparse, as `torch.nn.utils.clip_grad_norm_` does. Return their norm before."""
    gradients = []
    for parameter in parameters:
        if _is_sparse(parameter.grad):
            parameter.grad = parameter.grad.coalesce()  # type: ignore[union-attr]
            gradients.append(parameter.grad.values())
        elif parameter.grad is not None:
            gradients.append(parameter.grad)
    norm = torch.nn.utils.get_total_norm(gradients)
    if max_norm != float("inf"):
        for gradient in gradients:
            gradient.mul_((max_norm / (norm + 1e-6)).clamp(max=1.0))
    return norm


def _is_sparse(gradient: torch.Tensor | None) -> bool:
    return gradient is not None and gradient.is_sparse


class _Table:
    """The state of the rows of one table: how far each row is, and the steps that some rows have yet to take."""

    def __init__(self, weight: torch.Tensor, state: dict[str, Any]):
        if not state:
            state["step"] = torch.tensor(0.0)
            state["exp_avg"] = torch.zeros_like(weight)
            state["exp_avg_sq"] = torch.zeros_like(weight)
        self.weight, self.state = weight, state
        self.settled_at = int(state["step"])  # all rows were up to date then; steps are counted from there
        self.steps = 0
        self.row_steps = torch.zeros(weight.shape[0], dtype=torch.int64)
        self.group: dict[str, Any] = {}
        self.begin()

    def begin(self) -> None:
        """Count steps from now on, when all rows are up to date."""
        self.settled_at, self.steps = self.settled_at + self.steps, 0
        self.row_steps.zero_()
        self.decay = torch.ones(1, dtype=torch.float64)  # [s]: product of 1 - lr * weight_decay over the first s steps
        self.drift = torch.zeros(1, dtype=torch.float64)  # [s]: the sum of b, each term divided by decay at its step
        self.epsilon = torch.zeros(1, dtype=torch.float64)  # [s]: the same sum, each term multiplied by its eps

    def step(self, gradient: torch.Tensor, group: dict[str, Any]) -> None:
        """Update the rows of a coalesced gradient, and record the step for the others."""
        rows, values = gradient.indices()[0].long(), gradient.values()
        self.group = group
        self.refresh(rows)
        self.steps += 1
        self.state["step"] += 1
        beta1, beta2 = group["betas"]
        step = self.settled_at + self.steps
        rate = group["lr"] * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
        kept = 1.0 - group["lr"] * group["weight_decay"]
        self._note(rate, kept)

        mean, square = self.state["exp_avg"], self.state["exp_avg_sq"]
        m = mean.index_select(0, rows).mul_(beta1).add_(values, alpha=1 - beta1)
        v = square.index_select(0, rows).mul_(beta2).addcmul_(values, values, value=1 - beta2)
        mean.index_copy_(0, rows, m)
        square.index_copy_(0, rows, v)
        m.div_(v.sqrt_().add_(self._epsilon(step)))
        self.weight.index_copy_(0, rows, self.weight.index_select(0, rows).mul_(kept).sub_(m, alpha=rate))
        self.row_steps[rows] = self.steps

    def _note(self, rate: float, kept: float) -> None:
        if self.steps == len(self.drift):
            for name in ("decay", "drift", "epsilon"):
                kept_so_far = getattr(self, name)
                setattr(self, name, torch.cat([kept_so_far, torch.zeros_like(kept_so_far)]))
        beta1, beta2 = self.group["betas"]
        ratio = beta1 / beta2**0.5
        since = max(0, self.steps - int(40 / -math.log(ratio)) - 1) if ratio > 0 else self.steps - 1  # exp(-40) is 0
        powers = torch.arange(self.steps - since, 0, -1, dtype=torch.float64)
        self.decay[self.steps] = self.decay[self.steps - 1] * kept
        terms = rate / self.decay[self.steps] * ratio**powers
        self.drift[since : self.steps] += terms
        # eps in units of the square root of v of step s: at this step, v is beta2**powers times as large
        self.epsilon[since : self.steps] += terms * beta2 ** (-powers / 2) * self._epsilon(self.settled_at + self.steps)

    def _epsilon(self, step: int) -> float:
        """Return eps to add to the square root of a v that is not yet divided by 1 - beta2**step."""
        return self.group["eps"] * (1 - self.group["betas"][1] ** step) ** 0.5

    def refresh(self, rows: torch.Tensor) -> None:
        """Bring these rows, which must be distinct, up to date."""
        rows = rows.long()
        rows = rows[self.row_steps[rows] < self.steps]
        if len(rows) > 0:
            self._move(rows, self.row_steps[rows])
            self.row_steps[rows] = self.steps

    def _move(self, rows: torch.Tensor, since: torch.Tensor) -> None:
        tensors = (self.weight, self.state["exp_avg"], self.state["exp_avg_sq"])
        w, m, v = (one.index_select(0, rows) for one in tensors)
        self._advance(w, m, v, since)
        for one, part in zip(tensors, (w, m, v), strict=True):
            one.index_copy_(0, rows, part)

    def _advance(self, w: torch.Tensor, m: torch.Tensor, v: torch.Tensor, since: torch.Tensor) -> None:
        """Update rows in place from their state after the steps `since` to the current step."""
        beta1, beta2 = self.group["betas"]
        waited = (self.steps - since).double()
        kept = self.decay[self.steps] / self.decay[since]
        moved = self.decay[self.steps] * self.drift[since]
        epsilon = self.epsilon[since] / self.drift[since].clamp(min=1e-300)
        direction = m / v.sqrt().add_(_column(epsilon.clamp(min=1e-30), m))
        w.mul_(_column(kept, w)).sub_(direction.mul_(_column(moved, w)))
        m.mul_(_column(beta1**waited, m))
        v.mul_(_column(beta2**waited, v))

    def settle(self) -> None:
        """Bring all rows up to date."""
        if self.steps > 0:
            tensors = (self.weight, self.state["exp_avg"], self.state["exp_avg_sq"], self.row_steps)
            for w, m, v, since in zip(*(one.split(CHUNK) for one in tensors), strict=True):
                self._advance(w, m, v, since)
        self.begin()


def _column(numbers: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return numbers.to(like.dtype).unsqueeze(1)
