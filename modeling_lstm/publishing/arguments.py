"""Settings for model cards and pushes."""

from dataclasses import dataclass
from typing import ClassVar

from ..utils.settings import setting


@dataclass
class CardArguments:
    """What a model card says in addition to what `run.json` records."""

    flag_group: ClassVar[str] = "Card"

    language: list[str] | None = setting(None, "Language codes of the texts: en, de, ...")
    license: str | None = setting(None, "License of the model: apache-2.0, mit, ...")
    examples: list[str] | None = setting(
        None,
        "Texts to show with the model's predictions, and to offer in the widget on the Hub; [SEP] "
        "separates the texts of several columns.",
    )

    def __post_init__(self) -> None:
        if isinstance(self.language, str):
            self.language = [self.language]
        if isinstance(self.examples, str):
            self.examples = [self.examples]


@dataclass
class PushArguments:
    """Where and how to push."""

    flag_group: ClassVar[str] = "Hub"

    private: bool = setting(False, "Create the repository as private; refuse one that is public.")
    revision: str | None = setting(None, "Branch to push to.")
    create_pr: bool = setting(False, "Open a pull request instead.")
    commit_message: str | None = setting(None, "Message of the commit.")
    overwrite_card: bool = setting(False, "Replace the card (README.md) on the Hub even if a person wrote it.")
