"""Settings of cards and pushes."""

from dataclasses import dataclass, field


@dataclass
class CardArguments:
    """What a card says besides what `run.json` knows."""

    language: list[str] | None = field(default=None, metadata={"help": "Language codes of the texts: en, de, ..."})
    license: str | None = field(default=None, metadata={"help": "Licence of the model: apache-2.0, mit, ..."})
    examples: list[str] | None = field(
        default=None, metadata={"help": "Texts to show with the model's answers, and to try on the Hub."}
    )


@dataclass
class PushArguments:
    """Where and how to push."""

    private: bool = field(default=False, metadata={"help": "Make a private repository."})
    revision: str | None = field(default=None, metadata={"help": "Branch to push to."})
    create_pr: bool = field(default=False, metadata={"help": "Open a pull request instead."})
    overwrite_card: bool = field(
        default=False, metadata={"help": "Replace the card (README.md) there, even if a person wrote it."}
    )
