"""The losses between a student's logits and its teacher's."""

import torch
from torch.nn import functional as F


def logit_loss(logits: torch.Tensor, teacher_logits: torch.Tensor) -> torch.Tensor:
    """
    Return the mean squared difference of logits (Ba and Caruana, 2014; equation 4 of Tang et al., 2019, divided by the
    number of labels).

    Args:
        logits: The student's, of shape `(batch, labels)`.
        teacher_logits: The teacher's, of the same shape.
    """
    return F.mse_loss(logits, teacher_logits)


def divergence(
    problem_type: str, logits: torch.Tensor, teacher_logits: torch.Tensor, temperature: float
) -> torch.Tensor:
    """
    Return the Kullback-Leibler divergence of the student's probabilities from the teacher's, with both logits divided
    by the temperature T, times T^2, which keeps the size of the gradient (Hinton et al., 2015, section 2.1).

    Args:
        problem_type: For `multi_label_classification`, each label is a distribution of its own; the mean is taken.
        logits: The student's, of shape `(batch, labels)`.
        teacher_logits: The teacher's, of the same shape.
        temperature: T; the greater, the more the less probable labels count.
    """
    student, teacher = logits / temperature, teacher_logits / temperature
    if problem_type == "multi_label_classification":
        p = teacher.sigmoid()
        found = F.binary_cross_entropy_with_logits(student, p) - F.binary_cross_entropy_with_logits(teacher, p)
    else:
        found = F.kl_div(
            student.log_softmax(dim=-1), teacher.log_softmax(dim=-1), reduction="batchmean", log_target=True
        )
    return temperature**2 * found
