"""`BestJob`: what `train --preset best` does, in stages."""

import logging
import math
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from datasets import Dataset

from ..data.arguments import LENGTHS, OF_NEW_TOKENIZER, DataArguments, TokenizerArguments
from ..data.loading import TextData, load_data
from ..data.tokenization import open_tokenizer
from ..distillation.arguments import DistillationArguments
from ..distillation.dataset import check_divergence
from ..distillation.labeling import is_classifier, load_config, load_teacher
from ..distillation.student_job import DistillationJob
from ..distillation.teacher import check_labels, digest_teacher
from ..distillation.transfer import VARIANTS, collect_with_train
from ..hub.downloads import is_hub_id
from ..models.registration import OWN_MODEL_TYPES
from ..runs.record import RunRecord, read_record
from ..tasks.base import TEXT_CLASSIFICATION
from ..training.arguments import ModelArguments, TaskArguments
from ..training.defaults import fit_epochs, fit_transformer_to_rows, max_epochs
from ..training.folders import check_sources
from ..training.initial_vectors import open_word_source
from ..training.job import TrainingJob
from ..training.model_builder import check_network
from ..training.pretrained import open_pretrained
from ..training.trainer_arguments import LstmTrainingArguments
from ..utils.errors import as_text, first_line, require
from ..utils.files import empty_folder, is_occupied, make_folder
from ..utils.processes import fail_once, is_main, run_main_first, run_on_main
from ..utils.progress import hide_progress_bars
from ..utils.ray_cluster import RayArguments
from ..utils.settings import TRANSFORMER_PREFIX, build_settings, to_command
from ..vectors.arguments import VectorTrainingArguments
from ..vectors.learning import import_gensim, train_vectors
from .arguments import ALONE, AUGMENTATIONS, MAX_VARIANTS, STUDENT, OptionalTeacherArguments, PresetArguments
from .estimates import Trial, lstm_trial, time_text, transformer_trial
from .stages import Stage, identify_data, identify_texts, read_vectors, training_stage

logger = logging.getLogger(__name__)

# Chosen on validation, like the values of .arguments
STUDENT_STEPS, STUDENT_BATCH, STUDENT_EPOCHS = 10_000, 64, (3, 20)
ENOUGH_TEXTS = 150_000  # variants are made until there are this many, or MAX_VARIANTS of each
MIN_TO_TRIM, TRIM = 5_000, 3  # with this many texts, leave out a Transformer's tokens that occur less often
ALONE_STEPS, ALONE_EPOCHS = 1_000, 12  # the fewest epochs
# Settings that a fine-tuned teacher shares with its student, besides those of the data and the machines
SHARED = ("metric_for_best_model", "use_cpu", "disable_tqdm", "report_to")
TRUE_LABELS = ("class_weights", "label_smoothing_factor")  # for that teacher: its student does not use true labels
OF_VECTORS = ("seed", "lowercase", "min_frequency")  # shared by word vectors and the LSTM that starts from them
APART = ("preset", "output_dir", "overwrite", "resume_from_checkpoint")
DISTILLATION = frozenset(one.name for one in fields(DistillationArguments))
# Settings of the text to read, with a teacher and without one
OF_TEXT = {"teacher", "unlabeled", "unlabeled_column", "unlabeled_split", "sentences", "language", "transfer_rows"}


class BestJob:
    """
    The best known training for the given teacher and text, in stages that are each done once.

    With `teacher`, an LSTM learns the answers of a Transformer ([`DistillationJob`]), which is fine-tuned first unless
    it is already a classifier. Without one, the LSTM trains for longer than by default, with adversarial training
    (Miyato et al., 2017) and averaged weights. If there is `unlabeled` text then, it starts from word vectors learned
    from that text. Earlier stages write `OUTPUT_DIR-teacher` or `OUTPUT_DIR-vectors` beside the run folder.

    Args:
        command: Not used: each stage records the command that runs it alone; word vectors record the preset, with the
            settings that they depend on.
        settings: The settings of [`DistillationJob`], with `teacher` and `unlabeled` optional. They apply to the last
            stage. A fine-tuned teacher has the defaults of `train --transformer`, with the same data, metric and class
            weights. Each of several teachers has the next seed, so one may be named more than once.

    Attributes:
        training: The training settings of the last stage.

    Raises:
        InputError: a setting does not exist or cannot be used.
    """

    command_name: ClassVar[str] = "train"
    kinds: ClassVar[tuple[type, ...]] = (
        TaskArguments,
        DataArguments,
        OptionalTeacherArguments,
        ModelArguments,
        TokenizerArguments,
        LstmTrainingArguments,
        RayArguments,
        PresetArguments,
    )

    def __init__(self, *, command: str | None = None, **settings: Any):
        parts: Any = build_settings(self.kinds, settings)
        task, self.data, self.distillation, self.model, self.tokenizer, self.training, self.ray, _ = parts
        self.given = {name: value for name, value in settings.items() if name not in APART}
        require(task.task == TEXT_CLASSIFICATION, f"--preset makes classifiers, found --task {task.task}.")
        require(
            self.model.transformer is None and self.model.model_type == "lstm",
            "--preset best trains an LSTM or a GRU: name a Transformer to learn from with --teacher.",
        )
        unused = sorted({name for name in self.given if name in DISTILLATION - OF_TEXT})
        require(
            bool(self.distillation.teachers) or not unused,
            f"--{', --'.join(unused)}: only for learning from a teacher. Name one with --teacher, or leave it out.",
        )
        unused = sorted((OF_TEXT - {"teacher", "unlabeled"}) & self.given.keys())
        require(
            bool(self.distillation.teachers or self.distillation.unlabeled) or not unused,
            f"--{', --'.join(unused)}: only for unlabeled text. Name it with --unlabeled, or leave it out.",
        )
        require(
            self.distillation.language == OptionalTeacherArguments.language or self.distillation.sentences,
            "--language has no effect without --sentences: add that, or leave --language out.",
        )
        for name in ("embeddings", "pretrained"):
            require(
                bool(self.distillation.teachers)
                or not self.distillation.unlabeled
                or getattr(self.model, name) is None,
                f"--unlabeled without --teacher is for learning the word vectors to start from, which --{name} brings "
                "along: leave one of them out.",
            )
        if self.distillation.unlabeled and not self.distillation.teachers:
            import_gensim()  # before the data are read
        resumed = self.training.resume_from_checkpoint
        require(resumed in (None, "last"), f"--preset resumes with --resume_from_checkpoint last, found {resumed!r}.")
        require(
            resumed is None or not self.training.overwrite,
            "--overwrite replaces what is there, and --resume_from_checkpoint continues it: leave one of them out.",
        )
        require(
            resumed is None or isinstance(self.model.embeddings, str | None),
            "--preset cannot tell whether word vectors in memory are those of before: save them and name their folder.",
        )
        path = Path(self.training.output_dir)  # stages write beside it, even if it ends in a slash, or is "."
        self.output = str(path if path.name not in ("", "..") else path.resolve())
        self.is_resumed = resumed is not None

    def run(self) -> RunRecord:
        """
        Run all stages; with `--resume_from_checkpoint last`, only those that are not done.

        Returns:
            The content of `run.json` of the last stage.

        Raises:
            InputError: data or settings cannot be used, or a folder is taken.
        """
        with hide_progress_bars(bool(self.training.disable_tqdm)):
            with fail_once():
                with run_main_first():
                    stages = self.plan()
                missing = run_on_main(lambda: self._find_missing(stages))
                if self.training.overwrite:  # what is stopped now is resumed at the stage that it was in
                    self._check_inputs(stages)
                    run_on_main(lambda: _clear(stages[:0:-1]))
            for number, stage in enumerate(stages, start=1):
                when = _as_time(stage.seconds) if number in missing else ": done before"
                logger.info("Stage %d of %d: %s, in %s%s", number, len(stages), stage.about, stage.folder, when)
            for number in missing:
                stages[number - 1].run()
        return read_record(Path(self.output))

    def _find_missing(self, stages: list[Stage]) -> list[int]:
        """Return the numbers of the stages that are not done. Raise if a folder may not be written."""
        for stage in stages:
            is_taken = stage.folder.exists() and (not stage.folder.is_dir() or is_occupied(stage.folder))
            require(
                self.is_resumed or self.training.overwrite or not is_taken,
                f"{str(stage.folder)!r} is not empty: resume with --resume_from_checkpoint last, replace what is there "
                "with --overwrite, or choose another --output_dir.",
            )
        done = [self.is_resumed and stage.is_done() for stage in stages]
        missing = [] if done[-1] else [n for n, is_done in enumerate(done, start=1) if not is_done]
        for number in missing:
            stages[number - 1].check_folder()
        return missing

    def _check_inputs(self, stages: list[Stage]) -> None:
        """Raise if a folder that will be emptied holds what a stage reads."""
        chosen = self.distillation
        read = [("unlabeled", name) for name in chosen.unlabeled] + [("teacher", name) for name in chosen.teachers]
        for stage in stages:
            check_sources(stage.folder, [*read, ("logits_cache", chosen.logits_cache)])

    def plan(self) -> list[Stage]:
        """Plan the stages, and estimate how long they will take."""
        data = load_data(self.data)
        if self.distillation.teachers:
            chosen = self.distillation
            configs = [load_config(name, chosen.teacher_revision) for name in chosen.teachers]
            teachers, stages = self._plan_fine_tuning(data, configs)
            if not self.is_resumed:
                check_labels(configs, data, chosen)
                if chosen.logits_cache is not None:
                    make_folder(Path(chosen.logits_cache))
            return [*stages, self._student(data, teachers, configs[0], is_weighted=not stages)]
        if not self.distillation.unlabeled:
            return [self._alone(data, {})]
        vectors = self._vectors(data)
        return [vectors, self._alone(data, {"embeddings": str(vectors.folder)})]

    def _plan_fine_tuning(self, data: TextData, configs: list[Any]) -> tuple[list[str], list[Stage]]:
        """Return the teachers, and the stages that fine-tune those that are not classifiers yet."""
        names, found, stages = self.distillation.teachers, [], []
        origin = identify_data(data)
        apart = {*LENGTHS, *APART}  # a Transformer has its own lengths
        shared = {one.name for kind in (DataArguments, RayArguments) for one in fields(kind)} - apart
        settings = {name: self.given[name] for name in self.given if name in {*shared, *SHARED, *TRUE_LABELS}}
        for number, (name, config) in enumerate(zip(names, configs, strict=True), start=1):
            found.append(name)
            if is_classifier(config):
                continue
            require(
                self.distillation.teacher_revision is None,
                f"--teacher_revision is for teachers that are classifiers, and {name!r} is fine-tuned first: name a "
                "folder with that revision of it.",
            )
            require(
                "," not in self.output,
                f"--output_dir {self.output!r} has a comma, which separates the names of teachers, and those of the "
                "fine-tuned ones begin with it: choose another.",
            )
            found[-1] = f"{self.output}-teacher{f'-{number}' if len(names) > 1 else ''}"
            own = {"transformer": name, "seed": self.training.seed + number - 1}
            job = self._job(TrainingJob, settings | own, found[-1])
            rows = data.splits["train"].num_rows
            fit_transformer_to_rows(job.training, rows, job.settings)
            step = self._time(transformer_trial(name, None), data, job.data.max_length)
            seconds = rows * job.training.num_train_epochs * step
            about = f"fine-tune {name} on {rows:,} texts"
            stages.append(training_stage(about, job, origin, seconds))
        return found, stages

    def _check_student(self, data: TextData, model: ModelArguments, tokenizer: TokenizerArguments) -> None:
        """Raise for anything that the last stage could not open or use, before the first stage takes hours."""
        length = self.data.max_length
        check_divergence(data, self.distillation)
        require(
            self.distillation.teacher_labels is None,
            "--teacher_labels is for teachers that are classifiers: one that is fine-tuned has the labels of the data.",
        )
        check_network(model, open_word_source(model, tokenizer, length, data.has_pairs))
        if model.pretrained is not None:
            open_pretrained(model, length).check_settings(self.given)
        if tokenizer.tokenizer is not None:
            open_tokenizer(tokenizer.tokenizer, length)

    def _student(self, data: TextData, teachers: list[str], config: Any, is_weighted: bool) -> Stage:
        """Plan the distillation of the teachers."""
        chosen, names = self.distillation, self.distillation.teachers
        collected = self._collect(data)
        natural = collected.num_rows
        variants = chosen.augmentations
        if variants is None:
            fewest = AUGMENTATIONS if chosen.unlabeled else VARIANTS
            variants = max(fewest, min(MAX_VARIANTS, ENOUGH_TEXTS // natural))
        texts = natural * (1 + variants)
        if chosen.transfer_rows is not None:
            texts = min(texts, data.splits["train"].num_rows + chosen.transfer_rows)
        epochs = fit_epochs(STUDENT_STEPS * self._rows_in_step(STUDENT_BATCH), texts, STUDENT_EPOCHS)
        usual = STUDENT | {"augmentations": variants, "num_train_epochs": epochs}
        brings_words = self.model.pretrained is None and config.model_type not in OWN_MODEL_TYPES
        if self.model.embeddings is not None:
            del usual["embedding_size"]  # theirs
        elif self.model.pretrained is not None:
            usual = {name: value for name, value in usual.items() if name not in STUDENT}  # its own
        elif brings_words and self.tokenizer.tokenizer is None:
            unused = [name for name in OF_NEW_TOKENIZER if name in self.given]
            require(
                not unused,
                f"--{', --'.join(unused)}: the student starts from the word vectors of {names[0]!r}, with its tokens. "
                "Leave it out, or name a tokenizer or other word vectors with --tokenizer or --embeddings.",
            )
            usual |= {"embeddings": f"{TRANSFORMER_PREFIX}{teachers[0]}"}
            if chosen.teacher_revision is not None and is_hub_id(teachers[0]):
                usual["embeddings_revision"] = chosen.teacher_revision
            theirs = getattr(config, "embedding_size", None) or config.hidden_size
            usual["embedding_size"] = min(usual["embedding_size"], theirs)
            usual |= {"trim_vocabulary": TRIM} if natural >= MIN_TO_TRIM else {}
        reads_labels = is_weighted or chosen.label_weight > 0
        mine = {name: value for name, value in self.given.items() if reads_labels or name not in TRUE_LABELS}
        job = self._job(DistillationJob, usual | mine | {"teacher": ",".join(teachers)}, self.output)
        if teachers != names:  # one is fine-tuned first
            model = job.model
            if model.embeddings == f"{TRANSFORMER_PREFIX}{teachers[0]}":  # it keeps its words, and is there already
                model = replace(model, embeddings=f"{TRANSFORMER_PREFIX}{names[0]}")
            self._check_student(data, model, job.tokenizer)
        longest = chosen.teacher_max_length
        trials = {name: transformer_trial(name, chosen.teacher_revision) for name in names}
        times = {name: self._time(trial, data, longest, trains=False) for name, trial in trials.items()}
        answers = sum(times[name] for name in names)
        step = self._time(lstm_trial(job.model), data, job.data.max_length)
        seconds = texts * (answers + job.training.num_train_epochs * step)
        about = f"train an LSTM on the answers of {as_text(teachers)} to about {texts:,} texts"
        origin = identify_data(data) | identify_texts(collected)
        if self.is_resumed and teachers == names:  # classifiers: those that a stage fine-tunes may not be there yet
            loaded = [load_teacher(name, chosen.teacher_revision) for name in names]
            origin |= {"teacher": as_text(digest_teacher(*one) for one in loaded)}
        return training_stage(about, job, origin, seconds)

    def _vectors(self, data: TextData) -> Stage:
        """Plan word vectors learned from the unlabeled text and the training texts."""
        folder = f"{self.output}-vectors"
        chosen = self.distillation
        reads = {one.name for kind in (DataArguments, DistillationArguments) for one in fields(kind)}
        shared = {name: self.given[name] for name in OF_VECTORS if name in self.given}
        given = {name: value for name, value in self.given.items() if name in reads} | shared
        command = str(to_command("train", {"preset": "best"} | given))  # all are flags
        rows = self._collect(data)

        def learn() -> None:
            if self.training.overwrite and read_vectors(Path(folder)) is not None:
                empty_folder(Path(folder))
            settings = VectorTrainingArguments(dataset=as_text(chosen.unlabeled), output_dir=folder, **shared)
            train_vectors(settings, command=command, rows=rows)

        about = f"learn word vectors from {rows.num_rows:,} texts"
        origin = identify_texts(rows)
        return Stage(about, Path(folder), command, origin, math.nan, lambda: run_on_main(learn), read_vectors)

    def _alone(self, data: TextData, usual: dict[str, Any]) -> Stage:
        """Plan an LSTM trained on the labels alone."""
        rows = data.splits["train"].num_rows
        batch = self._rows_in_step(ALONE["per_device_train_batch_size"])
        epochs = fit_epochs(ALONE_STEPS * batch, rows, (ALONE_EPOCHS, max_epochs(rows, batch)))
        mine = {name: value for name, value in self.given.items() if name not in DISTILLATION}
        alone = ALONE | {"num_train_epochs": epochs}
        if not self.training.load_best_model_at_end:
            alone = {name: value for name, value in alone.items() if not name.startswith("early_stopping")}
        job = self._job(TrainingJob, alone | usual | mine, self.output)
        step = self._time(lstm_trial(job.model), data, job.data.max_length)
        seconds = (2 if job.training.adversarial_size else 1) * rows * job.training.num_train_epochs * step
        return training_stage(f"train an LSTM on {rows:,} texts", job, identify_data(data), seconds)

    def _rows_in_step(self, batch: int) -> int:
        """Return the rows in an optimizer step, given the usual rows in a batch."""
        args = self.training
        batch = self.given.get("per_device_train_batch_size", batch)
        return batch * args.world_size * args.gradient_accumulation_steps

    def _job(self, kind: type[TrainingJob], settings: Mapping[str, Any], folder: str) -> TrainingJob:
        """Create a training run that resumes or overwrites as this one does, with the command that runs it alone."""
        settings = {**settings, "output_dir": folder}
        command = to_command(kind.command_name, settings)
        how: dict[str, Any] = {"overwrite": self.training.overwrite}
        if self.is_resumed and any(Path(folder).glob("checkpoint-*")):
            how["resume_from_checkpoint"] = "last"
        return kind(command=command, **settings, **how)

    def _collect(self, data: TextData) -> Dataset:
        """Return the training texts, and the unlabeled text that the last stage may learn from."""
        chosen = self.distillation
        return collect_with_train(data, chosen, self.data.split_seed) if chosen.unlabeled else data.splits["train"]

    def _time(self, make: Trial, data: TextData, longest: int, *, trains: bool = True) -> float:
        """Return the seconds per text, by a trial on a CPU; NaN if another device will compute, or nobody is told."""
        if not is_main() or (torch.accelerator.is_available() and not self.training.use_cpu):
            return math.nan
        try:
            tried, batch = make(data.splits["train"], max(1, len(data.label_names)), longest)
            return time_text(tried, batch, trains=trains)
        except Exception as error:  # whatever a Transformer's code raises: an estimate must not end a training run
            logger.debug("No estimate: %s", first_line(error))
            return math.nan


def _clear(stages: list[Stage]) -> None:
    """Empty the folders that hold results of stages."""
    for stage in stages:
        if stage.read_origin(stage.folder) is not None:
            empty_folder(stage.folder)


def _as_time(seconds: float) -> str:
    if math.isnan(seconds):
        return ""
    minutes = seconds / 60
    if minutes < 1.5:
        return " (a minute or less)"
    return f" (about {minutes / 60:.1f} hours)" if minutes > 90 else f" (about {minutes:.0f} minutes)"
