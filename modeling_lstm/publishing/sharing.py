"""Share a run on the Hub: write its model card, and push the run folder."""

import contextlib
import json
import shlex
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard
from huggingface_hub.utils import HFValidationError, validate_repo_id

from .. import models
from ..hub.card_marks import read_own_card
from ..hub.downloads import is_hub_id
from ..hub.uploads import CARD, Push, check_branch, check_tokens, find_files, open_repository, push_files
from ..inference.exports import FACTS, SCRIPT
from ..models.text_classifier import MODEL
from ..models.tokenization_lstm import TARGET
from ..runs.record import FINGERPRINTS, RECORD, RunRecord, check_joined, name_run, read_record
from ..runs.run_folders import INDEX, VOCABULARIES, load_for_inference, weight_files
from ..tasks.base import task_of
from ..utils.errors import InputError, check_text, require
from ..utils.files import write_json, write_text
from ..utils.settings import build_settings
from .arguments import CardArguments, PushArguments
from .card import make_card

CODE = ("*_lstm*.py", "*_bag_of_words.py")
TOKENIZER = ("tokenizer.json", "tokenizer_config.json")
# The files of a run folder that are shared besides its weights, without checkpoints, evaluations and other files
SHARED = (
    *("config.json", "generation_config.json", *TOKENIZER, *(f"{TARGET}/{name}" for name in TOKENIZER)),
    *(*CODE, *VOCABULARIES, FINGERPRINTS, RECORD),
)
# Names of weights, in one or several files. A repository keeps only those of the latest push
WEIGHTS = ("model.safetensors", "model-*.safetensors", INDEX)
# Files that a push deletes from the repository if the run lacks them: those that another kind of model left there, and
# if there are FACTS of an export, the files of the export
REPLACED = (
    *(*WEIGHTS, "generation_config.json", "tokenizer.json", *(f"{TARGET}/{name}" for name in TOKENIZER)),
    *(*VOCABULARIES, FINGERPRINTS, *find_files(Path(models.__file__).parent, CODE)),
)
EXPORTED = (MODEL, FACTS, SCRIPT)


def write_card(
    run: str,
    repo_id: str,
    arguments: CardArguments,
    *,
    overwrite: bool = False,
    compared: dict[str, Any] | None = None,
) -> Path:
    """
    Write the card of a run to `RUN/README.md`, where you can read and edit it before [`push`] uploads it.

    Args:
        run: The run folder.
        repo_id: `owner/name` on the Hub.
        arguments: What the card says in addition to `run.json`. License, language and examples that are not given are
            those of the card that was there, if no person wrote it.
        overwrite: Whether to replace a card that a person wrote.
        compared: The results of a comparison, which the card shows and `run.json` keeps.

    Raises:
        InputError: the folder is not a run or is damaged, the id of the repository is invalid, an example cannot be
            answered, or the run has a card that a person wrote. Nothing is changed then.
    """
    path = Path(run) / CARD
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise InputError(f"{repo_id!r} is not the id of a repository on the Hub: {error}") from error
    is_own = read_own_card(path) is not None
    require(overwrite or not is_own, f"{str(path)!r} was written by a person: --overwrite_card replaces it.")
    record, predictor = _open(run)
    if not is_own:
        _, arguments = _choose_card(path, arguments)
    answered = _answer_examples(predictor, record, arguments)
    if compared is not None:
        record["compared"] = compared
    text = make_card(record, repo_id, language=arguments.language, license=arguments.license, examples=answered)
    if compared is not None:
        write_json(Path(run) / RECORD, record)
    write_text(path, text)
    return path


def push(
    run: str | Path,
    repo_id: str,
    arguments: PushArguments | None = None,
    card: CardArguments | None = None,
    *,
    token: str | None = None,
    **settings: Any,
) -> Push:
    """
    Push a run folder to a model repository on the Hub in one commit: weights (safetensors), configuration, tokenizer,
    the source for remote loading, the card and `run.json`. The repository is created if it does not exist. Pushing the
    same files again makes no commit. A card in the repository that a person wrote is kept.

    Args:
        run: Run folder.
        repo_id: `owner/name` on the Hub.
        arguments: Where and how to push, unless given by keywords.
        card: What the card says in addition to `run.json`, unless given by keywords. Defaults to what the card in the
            run folder says, if there is one. If a person wrote or edited that card, it is pushed as it is.
        token: Token for the Hub. Defaults to the one you are logged in with.
        settings: The fields of [`PushArguments`] and of [`CardArguments`]: `private=True`, `license="mit"`, ...

    Raises:
        InputError: the folder is not a run or is damaged, or the Hub refuses or does not answer. Nothing is pushed
            then.
    """
    if settings:
        is_apart = arguments is None and card is None
        require(is_apart, "Give the settings as objects or as keywords, not both.")
        arguments, card = build_settings([PushArguments, CardArguments], settings)
    run, arguments, card = name_run(run), arguments or PushArguments(), card or CardArguments()
    check_branch(arguments.revision)
    folder = Path(run)
    record, predictor = _open(run)
    text, card = _choose_card(folder / CARD, card)
    files = run_files(folder)
    check_tokens(files)
    answered = _answer_examples(predictor, record, card)  # before the repository is created: they may be refused
    repo_id = open_repository(repo_id, "model", create=not arguments.create_pr, private=arguments.private, token=token)
    text = text or make_card(record, repo_id, language=card.language, license=card.license, examples=answered)
    files[CARD] = text.encode("utf-8")
    return push_files(
        files,
        repo_id,
        arguments.commit_message or "Upload a model of modeling-lstm",
        revision=arguments.revision,
        create_pr=arguments.create_pr,
        token=token,
        overwrite_card=arguments.overwrite_card,
        replaced=lambda there: REPLACED + (EXPORTED if FACTS in there else ()),
        check_model=_check_no_vectors,
    )


def _check_no_vectors(model_type: str | None) -> None:
    require(model_type != "model2vec", "it holds word vectors, which the run would replace. Name another repository.")


def run_files(folder: Path) -> dict[str, Path | bytes]:
    """Return the files of a run folder to share, by name. Of the weights, only those that are loaded are included."""
    loaded = {*weight_files(folder)}
    if "model.safetensors" not in loaded:
        loaded.add(INDEX)
    weights = {name: path for name, path in find_files(folder, WEIGHTS).items() if name in loaded}
    return find_files(folder, SHARED) | weights


def _open(run: str) -> tuple[RunRecord, Any]:
    """Return the record and the predictor of a run. Raises for damaged runs and for folders that are not runs."""
    folder = Path(run)
    require(folder.is_dir(), _no_folder(run))
    other = _what_else(folder)
    require(other is None, f"{run!r} {other}")
    record = read_record(folder)
    return record, task_of(record).predictor(*load_for_inference(run))


def _no_folder(run: str) -> str:
    if Path(run).is_file():
        return f"{run!r} is a file: name the run folder that holds it."
    if is_hub_id(run):
        return (
            f"There is no run folder {run!r} here. To share a run from the Hub, download it first, then name its "
            f"folder: hf download {run} --local-dir FOLDER"
        )
    return f"There is no run folder {run!r}."


def _what_else(folder: Path) -> str | None:
    """Say what a folder holds instead of a run and what to do about it, as a clause; `None` if it is a run."""
    name = shlex.quote(str(folder))  # for a command that can be copied
    if (folder / MODEL).is_file():
        return (
            "is an exported model: name the run that it was exported from, or share the folder as it is: "
            f"hf upload me/name {name}"
        )
    if (folder / "comparison.json").is_file():
        return f"is a comparison, not a run: the runs that it trained are in {str(folder / 'runs')!r}."
    if _model_type(folder) == "model2vec":
        return f"is a folder of word vectors, not a run: modeling-lstm vectors push {name} me/name"
    if (folder / RECORD).is_file():
        return None
    if (folder / "trainer_state.json").is_file():
        return (
            "is a checkpoint, not a run: name the run folder that training writes when it ends. "
            "To resume training that was stopped, add --resume_from_checkpoint last."
        )
    if any((folder / name).is_file() for name in ("model.safetensors", INDEX)):
        return (
            f"holds a model but no {RECORD}, which modeling-lstm train writes and Trainer.save_model and "
            "save_pretrained do not. Share such a model from Python: model.push_to_hub('me/name') and "
            "tokenizer.push_to_hub('me/name')."
        )
    if any((one.parent / "trainer_state.json").is_file() for one in folder.glob("checkpoint-*/training_args.bin")):
        return (
            f"holds the checkpoints of a Trainer, but no model and no {RECORD}. Share the trained model from Python: "
            "trainer.model.push_to_hub('me/name') and tokenizer.push_to_hub('me/name')."
        )
    if any(folder.glob("checkpoint-*")):
        return (
            "holds the checkpoints of training that did not finish: run the same command again with "
            "--resume_from_checkpoint last."
        )
    what = "is empty" if not any(folder.iterdir()) else f"is not a run folder, since it has no {RECORD}"
    return f"{what}: name the folder that modeling-lstm train wrote."


def _model_type(folder: Path) -> Any:
    with contextlib.suppress(OSError, ValueError, AttributeError):  # a damaged file is reported when it is opened
        return json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    return None


def _choose_card(path: Path, asked: CardArguments) -> tuple[str | None, CardArguments]:
    """Return the card in a run folder if a person wrote it, else the arguments for a new one, by default as before."""
    if not path.is_file():
        return None, asked
    text = read_own_card(path)
    if text is not None:
        require(asked == CardArguments(), f"{str(path)!r} was written by a person: edit it, or remove it.")
        return text, asked
    data = ModelCard(path.read_text(encoding="utf-8")).data.to_dict()
    examples = [one["text"] for one in data.get("widget", [])]
    said = CardArguments(data.get("language"), data.get("license"), examples or None)
    return None, CardArguments(**{name: value or getattr(said, name) for name, value in vars(asked).items()})


def _answer_examples(predictor: Any, record: RunRecord, arguments: CardArguments) -> list[tuple[str, Any]]:
    """Return the examples that a card shows with their answers; [`InputError`] for one that cannot be answered."""
    texts = arguments.examples or []
    for text in texts:
        check_text(text)
        check_joined(text, record["data"])
    return list(zip(texts, predictor(texts), strict=True))
