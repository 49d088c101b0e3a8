"""Sharing a run on the Hub: its model card, and the push of the run folder."""

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
from ..hub.uploads import CARD, Push, check_tokens, create_repository, find_files, push_files
from ..inference.exports import FACTS, SCRIPT
from ..models.text_classifier import MODEL
from ..models.tokenization_lstm import TARGET
from ..runs.record import FINGERPRINTS, RECORD, RunRecord, read_record
from ..runs.run_folders import INDEX, VOCABULARIES, weight_files
from ..tasks.base import task_of
from ..utils.errors import InputError, require
from ..utils.files import write_text
from ..utils.settings import settings_of
from .arguments import CardArguments, PushArguments
from .card import make_card

CODE = ("*_lstm*.py", "*_bag_of_words.py")
# What a run folder shares beside its weights; not checkpoints, evaluations and what else may lie there
SHARED = (
    *("*config.json", "tokenizer*.json", f"{TARGET}/tokenizer*.json"),
    *(*CODE, *VOCABULARIES, FINGERPRINTS, RECORD),
)
# Names that weights have, in one file or in several; a repository keeps those of the latest push only
WEIGHTS = ("model.safetensors", "model-*.safetensors", INDEX)
# What goes from a repository with the push of a run that lacks it: what another kind of model or an export has left
# there, by names that nobody gives to something else
REPLACED = (
    *(*WEIGHTS, "generation_config.json", "tokenizer.json", f"{TARGET}/*", *VOCABULARIES, FINGERPRINTS),
    *(MODEL, FACTS, SCRIPT, *find_files(Path(models.__file__).parent, CODE)),
)


def write_card(run: str, repo_id: str, arguments: CardArguments, *, overwrite: bool = False) -> Path:
    """
    Write the card of a run to `RUN/README.md`, to be looked at and edited; [`push`] takes it from there.

    Raises:
        InputError: that is no run or a damaged one, or there is a card that a person wrote.
    """
    path = Path(run) / CARD
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise InputError(f"{repo_id!r} is not the id of a repository on the Hub: {error}") from error
    record, predictor = _open(run)
    text = _make_card(record, predictor, repo_id, arguments)
    require(
        overwrite or read_own_card(path) is None,
        f"{str(path)!r} was written by a person: --overwrite_card replaces it.",
    )
    write_text(path, text)
    return path


def push(
    run: str,
    repo_id: str,
    arguments: PushArguments | None = None,
    card: CardArguments | None = None,
    *,
    token: str | None = None,
    **settings: Any,
) -> Push:
    """
    Push a run folder to a model repository of the Hub, made if it does not exist, in one commit: weights
    (safetensors), configuration, tokenizer, the source for remote loading, the card and `run.json`. The same again
    makes no commit. A card there that a person wrote stays.

    Args:
        run: Run folder.
        repo_id: `owner/name` on the Hub.
        arguments: Where and how to push, if that is not given by keywords.
        settings: The fields of [`PushArguments`]: `private=True`, `revision="branch"`, ...
        token: Token of the Hub; by default the one that is logged in.
        card: What the card says besides `run.json`; by default what the one in the run folder does, if that is there. A
            card there that a person wrote or edited is taken as it is.

    Raises:
        InputError: that is no run or a damaged one, the Hub refuses or does not answer; nothing is pushed then.
    """
    run, arguments = str(run), settings_of(PushArguments, arguments, settings)
    folder, card = Path(run), card or CardArguments()
    record, predictor = _open(run)
    text, card = _choose_card(folder / CARD, card)
    files = run_files(folder)
    check_tokens(files)
    if not arguments.create_pr:
        repo_id = create_repository(repo_id, "model", private=arguments.private, token=token)
    files[CARD] = (text or _make_card(record, predictor, repo_id, card)).encode("utf-8")
    return push_files(
        files,
        repo_id,
        arguments.commit_message or "Upload a model of modeling-lstm",
        revision=arguments.revision,
        create_pr=arguments.create_pr,
        token=token,
        overwrite_card=arguments.overwrite_card,
        replaced=REPLACED,
        check_model=_check_no_vectors,
    )


def _check_no_vectors(model_type: str | None) -> None:
    require(model_type != "model2vec", "it holds word vectors, which the run would replace. Name another repository.")


def run_files(folder: Path) -> dict[str, Path | bytes]:
    """The files of a run folder that are shared, by their names: of weights those that are loaded, not older ones."""
    loaded = {*weight_files(folder)}
    if "model.safetensors" not in loaded:
        loaded.add(INDEX)
    weights = {name: path for name, path in find_files(folder, WEIGHTS).items() if name in loaded}
    return find_files(folder, SHARED) | weights


def _open(run: str) -> tuple[RunRecord, Any]:
    """The record and the predictor of a run; neither something else nor a damaged run is shared."""
    folder = Path(run)
    require(folder.is_dir(), _no_folder(run))
    other = _what_else(folder)
    require(other is None, f"{run!r} {other}")
    record = read_record(folder)
    return record, task_of(record).predictor(run)


def _no_folder(run: str) -> str:
    if Path(run).is_file():
        return f"{run!r} is a file: name the run folder that it lies in."
    if is_hub_id(run):
        return (
            f"There is no run folder {run!r} here. Of a run on the Hub, fetch a copy first, and name its folder: "
            f"hf download {run} --local-dir FOLDER"
        )
    return f"There is no run folder {run!r}."


def _what_else(folder: Path) -> str | None:
    """What lies in a folder that is not a run's, as a clause that also says what to do."""
    name = shlex.quote(str(folder))  # for a command that is to be copied
    if (folder / MODEL).is_file():
        return (
            "is an exported model: name the run that it was exported from, or share the folder as it is: "
            f"hf upload me/name {name}"
        )
    if (folder / "comparison.json").is_file():
        return f"is a comparison, not a run: the runs that it trained lie in {str(folder / 'runs')!r}."
    if _model_type(folder) == "model2vec":
        return f"is a folder of word vectors, not a run: modeling-lstm vectors push {name} me/name"
    if (folder / RECORD).is_file():
        return None
    if (folder / "trainer_state.json").is_file():
        return (
            "is a checkpoint of a training, not a run: name the run folder that the training writes when it ends. "
            "One that was stopped goes on with --resume_from_checkpoint last."
        )
    if any((folder / name).is_file() for name in ("model.safetensors", INDEX)):
        return (
            f"holds a model but no {RECORD}, which modeling-lstm train writes and Trainer.save_model and "
            "save_pretrained do not. Share such a model from Python: model.push_to_hub('me/name') and "
            "tokenizer.push_to_hub('me/name')."
        )
    if any(folder.glob("checkpoint-*/training_args.bin")):
        return (
            f"holds the checkpoints of a Trainer, but no model and no {RECORD}. Share the trained model from Python: "
            "trainer.model.push_to_hub('me/name') and tokenizer.push_to_hub('me/name')."
        )
    if any(folder.glob("checkpoint-*")):
        return (
            "holds the checkpoints of a training that did not finish: give the command that began it again, with "
            "--resume_from_checkpoint last."
        )
    what = "is empty" if not any(folder.iterdir()) else f"is no run folder, for it has no {RECORD}"
    return f"{what}: name the folder that modeling-lstm train wrote."


def _model_type(folder: Path) -> Any:
    with contextlib.suppress(OSError, ValueError, AttributeError):  # a damaged file is told of when it is opened
        return json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    return None


def _choose_card(path: Path, asked: CardArguments) -> tuple[str | None, CardArguments]:
    """The card in a run folder if a person wrote it; else what to say in a new one, as the one that is there did."""
    if not path.is_file():
        return None, asked
    text = read_own_card(path)
    if text is not None:
        require(asked == CardArguments(), f"{str(path)!r} was written by a person: say it there, or remove it.")
        return text, asked
    data = ModelCard(path.read_text(encoding="utf-8")).data.to_dict()
    examples = [one["text"] for one in data.get("widget", [])]
    said = CardArguments(data.get("language"), data.get("license"), examples or None)
    return None, said if asked == CardArguments() else asked


def _make_card(record: RunRecord, predictor: Any, repo_id: str, arguments: CardArguments) -> str:
    texts = arguments.examples or []
    return make_card(
        record,
        repo_id,
        language=arguments.language,
        license=arguments.license,
        examples=list(zip(texts, predictor(texts), strict=True)),
    )
