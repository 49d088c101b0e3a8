"""Mark model cards that this package wrote, to distinguish them from cards that a person wrote."""

import functools
import hashlib
import json
import re
from pathlib import Path

import yaml
from huggingface_hub import ModelCard, ModelCardData

from ..utils.errors import InputError

_MARK = re.compile(r"\n<!-- modeling-lstm wrote this card: ([0-9a-f]{64}) -->\s*$")


def mark_card(text: str) -> str:
    """Add a last line to a card, invisible when rendered, that shows whether the card was changed later."""
    text = text.rstrip() + "\n"
    return f"{text}\n<!-- modeling-lstm wrote this card: {_digest(text)} -->\n"


def is_unchanged(text: str) -> bool:
    """Whether a card comes from [`mark_card`] or is transformers' own stub, and nobody has changed a word since."""
    found = _MARK.search(text)
    try:
        return _digest(text[: found.start()]) == found[1] if found else _is_stub(ModelCard(text))
    except (ValueError, TypeError, yaml.YAMLError):  # metadata that a person broke
        return False


def read_own_card(path: Path) -> str | None:
    """
    Return the text of a card that a person wrote or edited, or `None` if there is no such card.

    Raises:
        InputError: it is not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    except UnicodeDecodeError as error:
        raise InputError(
            f"{str(path)!r} is not UTF-8: byte {error.start + 1} is 0x{error.object[error.start]:02x}. Save it as "
            "UTF-8."
        ) from error
    return text if text and not is_unchanged(text) else None


def _is_stub(card: ModelCard) -> bool:
    """Whether `model.push_to_hub` generated the card, and nobody has added a word or metadata since."""
    return card.text.strip() == _stub() and card.data.to_dict().keys() <= {"library_name", "tags"}


@functools.cache
def _stub() -> str:
    """Return the text of the card that `model.push_to_hub` generates if there is none."""
    about = (
        "This is the model card of a 🤗 transformers model that has been pushed on the Hub. This model card has been "
    )
    return ModelCard.from_template(ModelCardData(), model_description=about + "automatically generated.").text.strip()


def _digest(text: str) -> str:
    card = ModelCard(text, ignore_metadata_errors=True)
    # parse the metadata, since Hub clients write the same YAML in different ways
    content = json.dumps([card.data.to_dict(), card.text.strip()], sort_keys=True, default=str)
    return hashlib.sha256(content.encode("utf-8")).hexdigest()
