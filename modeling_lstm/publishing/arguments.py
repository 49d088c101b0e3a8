"""Settings for model cards and pushes."""

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass
class CardArguments:
    """What a model card says in addition to what `run.json` records."""

    flag_group: ClassVar[str] = "Card"

    language: list[str] | None = field(default=None, metadata={"help": "Language codes of the texts: en, de, ..."})
    license: str | None = field(default=None, metadata={"help": "License of the model: apache-2.0, mit, ..."})
    examples: list[str] | None = field(
        default=None,
        metadata={
            "help": "Texts to show with the model's predictions, and to offer in the widget on the Hub; [SEP] "
            "separates the texts of several columns."
        },
    )


@dataclass
class PushArguments:
    """Where and how to push."""

    flag_group: ClassVar[str] = "Hub"

    private: bool = field(default=False, metadata={"help": "Make the repository private if it is created."})
    revision: str | None = field(default=None, metadata={"help": "Branch to push to."})
    create_pr: bool = field(default=False, metadata={"help": "Open a pull request instead."})
    commit_message: str | None = field(default=None, metadata={"help": "Message of the commit."})
    overwrite_card: bool = field(
        default=False, metadata={"help": "Replace the card (README.md) on the Hub even if a person wrote it."}
    )
