"""From pairs of texts to a model that translates, by commands."""

import csv
import itertools
import json
import os
import shutil
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file
from transformers import (
    AutoModel,
    AutoTokenizer,
    EncoderDecoderModel,
    MarianConfig,
    MarianMTModel,
    MarianTokenizer,
    RobertaConfig,
    RobertaModel,
)

import modeling_lstm as ml
from modeling_lstm import LstmForConditionalGeneration
from modeling_lstm.cli import main
from modeling_lstm.comparison.translator_comparison import TranslatorRuns
from modeling_lstm.evaluation.translation_metrics import score_systems, score_translations, signatures
from modeling_lstm.inference.prediction import predict
from modeling_lstm.models import pipeline_lstm
from modeling_lstm.models.pipeline_lstm import LstmTranslationPipeline
from modeling_lstm.publishing.card import make_card
from modeling_lstm.publishing.sharing import run_files
from modeling_lstm.runs.record import read_record
from modeling_lstm.tasks.translation import Translation
from modeling_lstm.training import precision
from modeling_lstm.training.task_trainer import TaskTrainer
from modeling_lstm.training.trainer_arguments import LstmTrainingArguments
from modeling_lstm.translators import translation_job
from modeling_lstm.translators.translation_job import TranslationJob
from modeling_lstm.translators.translation_trainer import TranslationTrainer
from modeling_lstm.utils.errors import InputError
from tests.conftest import kill_and_resume, write_csv
from tests.interpreters import run_program

NAMES = "--source_column en --target_column es".split()
SMALL = (
    "--task translation --embedding_size 24 --encoder_hidden_size 16 --hidden_size 32 --vocab_size 60 "
    "--min_frequency 1 --embedding_range 0.3 --embedding_dropout 0 --output_dropout 0 --max_length 20 "
    "--per_device_train_batch_size 16 --learning_rate 0.02 --num_beams 2 --disable_tqdm true --use_cpu true"
).split()
FAST = "--eval_strategy no --save_strategy no --load_best_model_at_end false".split()
WORDS = {"a dog": "un perro", "a cat": "un gato", "a bird": "un pájaro", "a fish": "un pez"}
VERBS = {"sees": "ve", "hears": "oye", "wants": "quiere"}


def sentences() -> list[tuple[str, str]]:
    """All that can be said with these words; the object stands first in the translation, so order is learned."""
    return [
        (f"{subject} {verb} {thing}.", f"{WORDS[thing]} {VERBS[verb]} {WORDS[subject]}.")
        for subject, verb, thing in itertools.product(WORDS, VERBS, WORDS)
    ]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    for split, rows in (("train", sentences()), ("validation", sentences()[::4]), ("test", sentences()[1::4])):
        write_csv(folder / f"{split}.csv", rows, ("en", "es"))
    return folder


def train(pairs: Path, folder: Path, *flags: str) -> dict[str, Any]:
    assert main(["train", *SMALL, *NAMES, "--dataset", str(pairs), "--output_dir", str(folder), *flags]) == 0
    return dict(read_record(folder))


@pytest.fixture(scope="module")
def run(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned these sentences."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    record = train(pairs, folder, *FAST, "--num_train_epochs", "40")
    assert record["metrics"]["validation"]["chrf"] > 90 and record["best"]["metric"] == "chrf"
    return folder


def test_a_run_tells_what_it_was_made_of(run: Path, pairs: Path) -> None:
    record = read_record(run)
    assert record["task"] == {
        "name": "translation",
        "source": "en",
        "target": "es",
        "auto_class": "AutoModelForSeq2SeqLM",
    }
    assert record["data"]["counts"] == {"train": {"rows": 48}, "validation": {"rows": 12}, "test": {"rows": 12}}
    assert record["data"]["left_out"]["train"] == {"empty": 0, "same": 0} and record["data"]["overlap"]["test"] == 12
    assert record["model"]["attention"] == "luong" and record["model"]["num_beams"] == 2
    assert str(record["command"]).startswith("modeling-lstm train --task translation")
    config = json.loads((run / "generation_config.json").read_text(encoding="utf-8"))
    assert config["num_beams"] == 2 and config["max_length"] == 20


def test_it_is_evaluated_by_sacrebleu_with_intervals(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run), "--resamples", "100"]) == 0
    assert "bleu" in capsys.readouterr().out
    found = json.loads((run / "evaluation" / "test" / "evaluation.json").read_text(encoding="utf-8"))
    lines = (run / "evaluation" / "test" / "translations.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    translations, references = ([row[name] for row in rows] for name in ("translation", "reference"))
    assert references == [target for _, target in sentences()[1::4]]
    assert [row["text"] for row in rows] == [source for source, _ in sentences()[1::4]]
    assert found["scores"] == pytest.approx(score_translations(translations, references))
    assert "tok:13a" in found["signatures"]["bleu"] and "nc:6" in found["signatures"]["chrf"]
    record = read_record(run)
    assert record["metrics"]["test"] == found["scores"] and record["intervals"]["test"] == found["intervals"]


def test_texts_and_files_are_translated_in_their_order(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [source for source, _ in sentences()[::5]]
    translator = ml.Translator.from_run(str(run))
    expected = [translator([text])[0] for text in texts]
    assert translator(texts, batch_size=3) == expected and translator([]) == [] and translator([" ", texts[0]])[0] == ""
    assert sum(one == target for one, (_, target) in zip(expected, sentences()[::5], strict=True)) >= 8  # of 10
    assert main(["predict", str(run), *texts[:2]]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == expected[:2]
    source = write_csv(tmp_path / "new.csv", [(n, text) for n, text in enumerate(texts)], ("translation", "en"))
    for suffix in ("csv", "jsonl"):
        target = tmp_path / f"out.{suffix}"
        more = ["--keep_columns", "translation", "--batch_size", "4"]
        assert main(["predict", str(run), "--input", str(source), "--output", str(target), *more]) == 0
        with target.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file)) if suffix == "csv" else [json.loads(line) for line in file]
        assert [row["translation"] for row in rows] == expected and [row["text"] for row in rows] == texts
        assert [row["input_translation"] for row in rows] == [str(n) for n in range(len(texts))]
    with pytest.raises(InputError, match="--all_scores is for classifiers"):
        predict(str(run), texts, all_scores=True)


def test_the_end_of_a_long_text_is_not_translated_and_that_is_told(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    translator = ml.Translator.from_run(str(run))
    long = "a dog sees a bird. " * 100
    assert translator([long, "a cat sees a fish."])[1] == translator(["a cat sees a fish."])[0]
    assert "1 of 2 texts have more than 20 tokens: their ends are not translated." in caplog.text
    assert translator([long]) == translator([long[: len(long) // 2]])
    assert translator.align(long).translation == translator([long])[0]
    assert "The text has more than 20 tokens: its end is not translated." in caplog.text


def test_attention_is_shown(
    run: Path, pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], fails: Callable[..., str]
) -> None:
    text = "a dog sees a bird."
    alignment = ml.Translator.from_run(str(run)).align(text)
    assert alignment.weights.shape == (len(alignment.target), len(alignment.source))
    np.testing.assert_allclose(alignment.weights.sum(1), 1, atol=1e-5)
    assert alignment.translation == ml.Translator.from_run(str(run))([text])[0]
    assert main(["explain", str(run), text]) == 0
    shown = capsys.readouterr().out
    assert alignment.translation in shown and "[EOS]" in shown
    for suffix in ("png", "svg", "html", "json"):
        assert main(["explain", str(run), text, "a cat wants a fish.", "--output", str(tmp_path / f"a.{suffix}")]) == 0
    assert "<table>" in (tmp_path / "a.html").read_text(encoding="utf-8")
    stored = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert stored[0]["translation"] == alignment.translation and len(stored) == 2
    assert "the text is empty" in fails("explain", run, " ")
    assert "has no label" in fails("explain", run, text, "--label", "es")
    train(pairs, tmp_path / "plain", "--attention", "none", "--max_steps", "1")
    assert "Alignments need an LSTM with attention" in fails("explain", tmp_path / "plain", text)


@pytest.mark.parametrize("flags", [["--attention", "bahdanau"], ["--cell_type", "gru"]])
def test_other_cells_and_scores_learn_too(flags: list[str], pairs: Path, tmp_path: Path) -> None:
    record = train(pairs, tmp_path / "run", *FAST, *flags, "--num_train_epochs", "60")
    assert record["metrics"]["validation"]["chrf"] > 80


def test_the_other_direction_by_two_flags_from_a_recipe(pairs: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    flags = dict(zip((one[2:] for one in SMALL[::2]), SMALL[1::2], strict=True))
    lines = [f"{name}: {value}" for name, value in flags.items()]
    recipe.write_text("\n".join([*lines, "source_column: en", "target_column: es", "max_steps: 2"]), encoding="utf-8")
    turned = ["--source_column", "es", "--target_column", "en"]
    assert main(["train", str(recipe), "--dataset", str(pairs), "--output_dir", str(tmp_path / "run"), *turned]) == 0
    record = read_record(tmp_path / "run")
    assert record["task"]["source"] == "es" and record["task"]["target"] == "en"
    assert ml.Translator.from_run(str(tmp_path / "run"))(["un perro"])  # it runs


def test_vocabularies_of_their_own(pairs: Path, tmp_path: Path) -> None:
    record = train(pairs, tmp_path / "run", "--shared_vocabulary", "false", "--max_steps", "3")
    model, tokenizer = ml.load_run(str(tmp_path / "run"))
    assert record["tokenizer"]["target_vocabulary"] == len(tokenizer.target_tokenizer) == model.config.vocab_size
    assert record["tokenizer"]["vocabulary"] == len(tokenizer) == model.config.source_vocab_size
    assert tokenizer.target_tokenizer.tokenize("pez") != tokenizer.tokenize("pez")


def test_a_vocabulary_that_an_earlier_run_left_is_not_used(run: Path, pairs: Path, tmp_path: Path) -> None:
    train(pairs, tmp_path / "own", "--shared_vocabulary", "false", "--max_steps", "1")
    folder = Path(shutil.copytree(run, tmp_path / "run"))
    shutil.copytree(tmp_path / "own" / "target_tokenizer", folder / "target_tokenizer")
    texts = ["a dog", "a cat sees a fish."]
    assert ml.Translator.from_run(str(folder))(texts) == ml.Translator.from_run(str(run))(texts)


def test_predictions_with_other_beams(run: Path, trained: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    texts = [source for source, _ in sentences()[:5]]
    translator = ml.Translator.from_run(run)
    for beams in (1, 3):
        found = predict(run, texts, num_beams=beams)
        assert [row["translation"] for row in found] == translator(texts, num_beams=beams)
    assert "--num_beams must be at least 1, found 0" in fails("predict", run, "a dog", "--num_beams", "0")
    assert "--num_beams is for translators: leave it out" in fails("predict", trained, "a dog", "--num_beams", "2")


def test_options_of_generate(run: Path) -> None:
    translator = ml.Translator.from_run(str(run))
    assert translator(["a dog"], return_dict_in_generate=True, num_return_sequences=1) == translator(["a dog"])
    with pytest.raises(InputError, match="Expected one translation per text, found num_return_sequences 2"):
        translator(["a dog"], num_beams=2, num_return_sequences=2)
    assert translator(["a dog"], num_return_sequences=None) == translator(["a dog"])
    assert translator.align("a dog", num_return_sequences=1).translation == translator(["a dog"])[0]
    expected = translator(["a dog"])
    translator.model.generation_config.num_return_sequences = 2
    assert translator(["a dog"]) == expected, "one translation of each text, whatever the model returns by default"
    with pytest.raises(InputError, match="leave out num_return_sequences"):
        translator.align("a dog", num_return_sequences=2)
    for size in (0, -5):
        with pytest.raises(InputError, match=f"batch_size must be at least 1, found {size}"):
            translator(["a dog"], batch_size=size)


def test_a_transformer_reads_in_place_of_the_encoder(pairs: Path, encoder: Path, tmp_path: Path) -> None:
    record = train(pairs, tmp_path / "run", "--encoder", str(encoder), "--max_steps", "2")
    assert record["model"]["encoder"] == str(encoder) and record["model"]["encoder_learning_rate"] == 5e-5
    model, tokenizer = ml.load_run(str(tmp_path / "run"))
    assert model.config.encoder_config["model_type"] == "bert" and "target_tokenizer" in vars(tokenizer)
    translator = ml.Translator.from_run(str(tmp_path / "run"))
    text = "the film was great"
    assert translator.align(text).translation == translator([text])[0]
    LstmTranslationPipeline(model=model, tokenizer=tokenizer).save_pretrained(tmp_path / "copy")
    copy, own = AutoTokenizer.from_pretrained(tmp_path / "copy"), tmp_path / "copy" / "target_tokenizer"
    assert not hasattr(copy, "target_tokenizer") and own.is_dir()
    again = LstmTranslationPipeline(model=model.from_pretrained(tmp_path / "copy"), tokenizer=copy)
    assert again(text)["translation_text"] == translator([text])[0]
    card = make_card(read_record(tmp_path / "run"), "me/tr")
    assert f"An LSTM on top of the encoder `{encoder.name}`" in card
    assert "and from the data of the model that it started from" in card
    assert str(encoder) not in card.replace(read_record(tmp_path / "run")["command"], "") and "base_model" not in card
    record["model"] |= {"encoder": "me/bert", "is_from_hub": True}
    assert "base_model: me/bert" in make_card(record, "me/tr")


def test_a_pretrained_encoder_has_a_learning_rate_of_its_own(pairs: Path, encoder: Path, tmp_path: Path) -> None:
    flags: dict[str, Any] = {"dataset": str(pairs), "source_column": "en", "target_column": "es", "use_cpu": True}
    given: dict[str, Any] = flags | {
        "encoder": str(encoder),
        "max_length": 40,
        "hidden_size": 8,
        "output_dir": str(tmp_path / "run"),
    }
    trainer = TranslationJob(**given, encoder_learning_rate=1e-4).runner().trainer()
    model = trainer.model
    assert isinstance(model, LstmForConditionalGeneration)
    groups = trainer.create_optimizer().param_groups
    rates = {parameter: group["lr"] for group in groups for parameter in group["params"]}
    of_encoder = set(model.encoder.model.parameters())
    assert set(rates) == {one for one in model.parameters() if one.requires_grad}
    assert all(rate == (1e-4 if one in of_encoder else 2e-3) for one, rate in rates.items())
    trainer = TranslationJob(**given, embedding_learning_rate=1e-3).runner().trainer()
    model, groups = trainer.model, trainer.create_optimizer().param_groups
    assert isinstance(model, LstmForConditionalGeneration)
    rates = {parameter: group["lr"] for group in groups for parameter in group["params"]}
    assert rates[model.get_input_embeddings().weight] == 5e-5
    assert rates[model.decoder.word_embeddings.weight] == 1e-3
    with pytest.raises(InputError, match="--encoder_learning_rate must be finite and not negative, found -1"):
        TranslationJob(**given, encoder_learning_rate=-1)


def test_the_word_vectors_of_both_languages_have_the_same_learning_rate(pairs: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"dataset": str(pairs), "source_column": "en", "target_column": "es", "use_cpu": True}
    given |= {"output_dir": str(tmp_path / "run"), "shared_vocabulary": False, "hidden_size": 8, "embedding_size": 8}
    trainer = TranslationJob(**given, embedding_learning_rate=1e-3).runner().trainer()
    groups = trainer.create_optimizer().param_groups
    names = {parameter: name for name, parameter in trainer.model.named_parameters()}
    apart = [names[parameter] for group in groups if group["lr"] == 1e-3 for parameter in group["params"]]
    assert sorted(apart) == ["decoder.word_embeddings.weight", "encoder.model.word_embeddings.weight"]
    trainer = TranslationJob(**given, embedding_learning_rate=0).runner().trainer()
    trainer.create_optimizer()
    frozen = [name for name, parameter in trainer.model.named_parameters() if not parameter.requires_grad]
    assert sorted(frozen) == sorted(apart)


def test_the_configuration_of_another_model_gets_this_vocabulary(
    pairs: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    sizes: dict[str, Any] = {"d_model": 16, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "encoder_layers": 1}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "decoder_layers": 1}
    of_other = {"vocab_size": 65_001, "decoder_vocab_size": 65_001, "bad_words_ids": [[65_000]], "pad_token_id": 65_000}
    MarianConfig(**sizes, **heads, **of_other).save_pretrained(tmp_path)
    flags = ["--transformer_config", str(tmp_path / "config.json"), *FAST, "--max_steps", "2"]
    train(pairs, tmp_path / "run", *flags)
    model, _ = ml.load_run(str(tmp_path / "run"))
    own = model.generation_config
    assert (own.forced_eos_token_id, own.bad_words_ids) == (None, None) and len(
        ml.Translator.from_run(str(tmp_path / "run"))("a dog")
    ) == 1
    again = train(
        pairs,
        tmp_path / "greedy",
        "--transformer",
        str(tmp_path / "run"),
        *FAST,
        "--num_beams",
        "1",
        "--max_steps",
        "1",
    )
    assert again["model"]["num_beams"] == 1
    short = ["--config_overrides", "max_position_embeddings=19"]
    told = fails("train", *SMALL, *NAMES, "--dataset", pairs, "--output_dir", tmp_path / "short", *flags, *short)
    assert "reads 19 tokens at most, found --max_length 20" in told


def test_a_transformer_from_scratch_and_one_that_is_fine_tuned(pairs: Path, tmp_path: Path) -> None:
    sizes = "d_model=16,encoder_ffn_dim=32,decoder_ffn_dim=32,encoder_layers=1,decoder_layers=1"
    flags = ["--transformer_config", "marian", "--config_overrides", sizes]
    record = train(pairs, tmp_path / "run", *flags, "--max_steps", "4")
    assert record["model"]["model_type"] == "marian" and record["training"]["label_smoothing_factor"] == 0.1
    again = train(pairs, tmp_path / "tuned", "--transformer", str(tmp_path / "run"), "--max_steps", "2")
    assert again["model"]["transformer"] == str(tmp_path / "run")
    assert len(ml.Translator.from_run(str(tmp_path / "tuned"))(["a dog", "a cat sees a fish."])) == 2
    card = make_card(read_record(tmp_path / "run"), "me/tr")
    assert "A Transformer" in card and "trust_remote_code" not in card


def test_a_transformer_whose_configuration_holds_one_for_each_side(pairs: Path, encoder: Path, tmp_path: Path) -> None:
    model = EncoderDecoderModel.from_encoder_decoder_pretrained(str(encoder), str(encoder))
    words = AutoTokenizer.from_pretrained(encoder)
    for settings in (model.config, model.generation_config):
        settings.decoder_start_token_id, settings.pad_token_id = words.cls_token_id, words.pad_token_id
    model.config.vocab_size = model.config.decoder.vocab_size
    for part in (model, words):
        part.save_pretrained(tmp_path / "both")
    record = train(pairs, tmp_path / "run", "--transformer", str(tmp_path / "both"), *FAST, "--max_steps", "1")
    assert record["model"]["hidden_size"] == model.config.decoder.hidden_size
    record["model"]["hidden_size"] = record["model"]["num_hidden_layers"] = None
    assert "A Transformer (" in make_card(record, "me/tr")


def test_the_card_opens_the_model_with_and_without_the_package(run: Path) -> None:
    card = make_card(read_record(run), "me/tr", examples=[("a dog", "un perro")])
    assert 'translate = ml.Translator.from_run("me/tr")\ntranslate(["a dog"])\n# ["un perro"]' in card
    assert "that translates texts from en to es" in card and 'pipeline(\n    "translation",\n    model="me/tr",' in card
    assert "type: sacrebleu" in card and "truncation=True" not in card


def test_a_pipeline_from_the_hub_knows_its_commit() -> None:
    """transformers puts it into the name of the module that it loads, after a _ if it begins with a digit."""
    path = Path(pipeline_lstm.__file__)
    for commit in ("a" * 40, "0123456789" * 4):
        folder = f"_{commit}" if commit[0].isdigit() else commit
        spec = spec_from_file_location(f"transformers_modules.me.tr.{folder}.pipeline_lstm", path)
        assert spec is not None and spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module._own_commit() == commit
    assert pipeline_lstm._own_commit() is None


def test_the_pipeline_gives_several_translations_of_each_text(run: Path) -> None:
    model, tokenizer = ml.load_run(str(run))
    translate = LstmTranslationPipeline(model=model, tokenizer=tokenizer)
    texts = [source for source, _ in sentences()[:3]]
    options = {"num_beams": 3, "num_return_sequences": 2}
    alone = [translate(text, **options) for text in texts]
    assert all(len(one) == 2 for one in alone) and alone[0][0] != alone[1][0]
    assert translate(texts, batch_size=2, **options) == alone
    assert [one[0] for one in alone] == translate(texts, batch_size=3, num_beams=3)
    usual = {"truncation": True, "clean_up_tokenization_spaces": False}
    assert [one[0] for one in alone] == translate(texts, num_beams=3, **usual)
    assert [one[0] for one in alone] == translate(texts, num_beams=3, return_dict_in_generate=True)
    assert isinstance(translate("a dog " * 2_000, max_new_tokens=3, **usual), dict)


def test_the_pipeline_of_a_saved_model_needs_no_package(run: Path, pairs: Path, tmp_path: Path) -> None:
    train(pairs, tmp_path / "apart", "--shared_vocabulary", "false", "--max_steps", "40")
    code = (
        "import json, sys\nsys.modules['modeling_lstm'] = None\nfrom transformers import pipeline\n"
        "texts = ['a dog sees a bird.', 'a cat hears a fish.']\nfound = []\n"
        "for folder in sys.argv[1:]:\n"
        "    translate = pipeline('translation', model=folder, trust_remote_code=True)\n"
        "    found.append([one['translation_text'] for one in translate(texts, num_beams=2)])\n"
        "print(json.dumps(found))"
    )
    folders = [str(run), str(tmp_path / "apart")]
    environment = os.environ | {"HF_MODULES_CACHE": str(tmp_path / "modules")}
    done = run_program(code, *folders, folder=tmp_path, environment=environment, isolated=True)
    assert done.returncode == 0, done.stderr
    expected = [ml.Translator.from_run(one)(["a dog sees a bird.", "a cat hears a fish."]) for one in folders]
    assert json.loads(done.stdout.splitlines()[-1]) == expected


def test_a_training_that_was_killed_goes_on_as_if_nothing_had_been(
    pairs: Path, tmp_path: Path, forks: ForkServerContext
) -> None:
    flags = [*SMALL, *NAMES, "--dataset", str(pairs), "--num_train_epochs", "8", "--save_strategy", "steps"]
    flags += ["--save_steps", "4", "--eval_strategy", "steps", "--eval_steps", "4", "--embedding_dropout", "0.3"]
    flags += ["--save_total_limit", "9"]
    assert main(["train", *flags, "--output_dir", str(tmp_path / "whole")]) == 0
    kill_and_resume(forks, ["train", *flags], tmp_path / "cut", 8)
    weights = [load_file(tmp_path / name / "model.safetensors") for name in ("whole", "cut")]
    for name, value in weights[0].items():
        np.testing.assert_allclose(value, weights[1][name], atol=1e-6)


def test_a_training_that_goes_on_keeps_both_vocabularies(pairs: Path, tmp_path: Path) -> None:
    flags = [
        *SMALL,
        *NAMES,
        "--dataset",
        str(pairs),
        "--shared_vocabulary",
        "false",
        "--output_dir",
        str(tmp_path / "run"),
    ]
    flags += ["--tokenizer_algorithm", "unigram", "--max_steps", "6", "--eval_steps", "3", "--save_steps", "3"]
    flags += ["--eval_strategy", "steps", "--save_strategy", "steps"]
    assert main(["train", *flags]) == 0
    names = ["tokenizer.json", "target_tokenizer/tokenizer.json"]
    first = [(tmp_path / "run" / name).read_text(encoding="utf-8") for name in names]
    assert main(["train", *flags, "--max_steps", "9", "--resume_from_checkpoint", "last"]) == 0
    assert [(tmp_path / "run" / name).read_text(encoding="utf-8") for name in names] == first


def test_an_interrupted_training_of_an_older_version_goes_on(
    pairs: Path, encoder: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    """It held out by the source alone, and had one learning rate for all; both are kept."""
    data = write_csv(
        tmp_path / "all.csv", [*sentences(), *((f"{one} now", other) for one, other in sentences())], ("en", "es")
    )
    flags = [*SMALL, *NAMES, "--dataset", str(data), "--output_dir", str(tmp_path / "run"), "--encoder", str(encoder)]
    flags += ["--eval_strategy", "steps", "--save_strategy", "steps", "--eval_steps", "2", "--save_steps", "2"]
    with pytest.MonkeyPatch.context() as older:
        older.setattr(translation_job, "SOURCE_AND_TARGET", "source")
        older.setattr(TranslationTrainer, "encoder_rate", property(lambda _: None, lambda *_: None), raising=True)
        assert main(["train", *flags, "--max_steps", "2"]) == 0
    origin = tmp_path / "run" / "checkpoint-2" / "trained_with.json"
    then = json.loads(origin.read_text(encoding="utf-8"))
    for name in ("--encoder_learning_rate", translation_job.HELD_OUT_BY):
        del then[name]
    origin.write_text(json.dumps(then), encoding="utf-8")
    resumed = [*flags, "--max_steps", "4", "--resume_from_checkpoint", "last"]
    assert main(["train", *resumed]) == 0
    assert read_record(tmp_path / "run")["training"]["steps"] == 4
    assert read_record(tmp_path / "run")["data"]["held_out_by"] == "source"
    told = fails("train", *resumed, "--max_steps", "6", "--encoder_learning_rate", "0.1")
    assert "another --encoder_learning_rate" in told


def test_p_of_translations_has_two_sides() -> None:
    """Of two systems that differ by chance alone, p is below a half as often as above."""
    random, below = np.random.default_rng(0), []
    for _ in range(60):
        references = [" ".join(random.choice(list("abcdefgh"), 9)) for _ in range(30)]
        pairs = [random.permutation([text, text[::-1]]).tolist() for text in references]
        one, other = ([pair[side] for pair in pairs] for side in (0, 1))
        below.append(score_systems({"one": one, "other": other}, references, 100)["other"]["chrf"]["p"] < 0.5)
    assert 0.3 < np.mean(below) < 0.7


def test_scores_intervals_and_paired_tests_agree_with_sacrebleu() -> None:
    from sacrebleu import corpus_bleu, corpus_chrf

    random = np.random.default_rng(0)
    references = [" ".join(random.choice(list("abcdefgh"), 9)) for _ in range(60)]
    close = [text if n % 3 else text[::-1] for n, text in enumerate(references)]
    far = [text if n % 9 == 0 else text[::-1] for n, text in enumerate(references)]
    found = score_systems({"close": close, "far": far, "again": close}, references, 200)
    assert found["close"]["bleu"]["score"] == pytest.approx(corpus_bleu(close, [references]).score)
    assert found["far"]["chrf"]["score"] == pytest.approx(corpus_chrf(far, [references]).score)
    low, high = found["close"]["chrf"]["interval"]
    assert low < found["close"]["chrf"]["score"] < high and "p" not in found["close"]["chrf"]
    assert found["far"]["bleu"]["p"] < 0.05 < found["again"]["bleu"]["p"]
    equal = score_systems({"one": ["x y z"] * 60, "other": ["w u v"] * 60}, references, 200)["other"]
    assert {name: one["p"] for name, one in equal.items()} == {"bleu": 1.0, "chrf": 1.0}
    almost = ["x", *close[1:]]  # one row more is wrong, which chance would do as often
    assert score_systems({"close": close, "almost": almost}, references, 200)["almost"]["chrf"]["p"] == 1.0
    perfect = score_systems({"all": references}, references, 200)["all"]
    assert all(0 <= one["interval"][0] <= one["score"] <= one["interval"][1] <= 100 for one in perfect.values())
    assert score_systems({"one": close[:1]}, references[:1]) == {
        "one": {name: {"score": value} for name, value in score_translations(close[:1], references[:1]).items()}
    }
    assert signatures(close, references)["bleu"].startswith("nrefs:1|case:mixed")


def test_bleu_counts_characters_where_there_are_no_spaces() -> None:
    texts = {
        "zh": ["我今天看见一只狗。", "你好吗？我很好。", "他在公园里跑步。"],
        "char": ["今日は犬を見ました。", "お元気ですか。", "公園で走っています。"],
        "13a": ["Veo un perro hoy.", "¿Cómo estás?", "오늘 개를 보았습니다."],
    }
    thai = ["วันนี้ฉันเห็นสุนัข", "สบายดีไหม", "เขาวิ่งในสวน"]
    for tokenizer, references in [*texts.items(), ("char", thai)]:
        assert score_translations(references, references)["bleu"] == pytest.approx(100)
        worse = [references[0][:-1], *references[1:]]
        found = score_systems({"": references, "worse": worse}, references, 100)
        assert 50 < found["worse"]["bleu"]["score"] < 100
        assert f"tok:{tokenizer}|" in signatures(references, references)["bleu"]


def test_a_translator_that_decodes_greedily(pairs: Path, tmp_path: Path) -> None:
    train(pairs, tmp_path / "run", *FAST, "--num_beams", "1", "--length_penalty", "0.5", "--max_steps", "2")
    assert ml.load_run(str(tmp_path / "run"))[0].generation_config.num_beams == 1


def test_an_encoder_of_another_type_and_side_of_padding(pairs: Path, encoder: Path, tmp_path: Path) -> None:
    """Weights in bfloat16 are read as the decoder's, and padding to the left would not be seen by a translation."""
    AutoModel.from_pretrained(encoder, dtype=torch.bfloat16).save_pretrained(tmp_path / "encoder")
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    tokenizer.padding_side = "left"
    tokenizer.save_pretrained(tmp_path / "encoder")
    flags = ["--encoder", str(tmp_path / "encoder"), "--save_strategy", "steps", "--save_steps", "2"]
    train(pairs, tmp_path / "run", *FAST, *flags, "--max_steps", "2")
    again = ["--max_steps", "4", "--resume_from_checkpoint", "last"]
    assert train(pairs, tmp_path / "run", *FAST, *flags, *again)["training"]["steps"] == 4
    model, opened = ml.load_run(str(tmp_path / "run"))
    assert {one.dtype for one in model.parameters()} == {torch.float32} and opened.padding_side == "right"
    half = LstmForConditionalGeneration.from_pretrained(tmp_path / "run", dtype=torch.bfloat16)
    assert {one.dtype for one in half.parameters()} == {torch.bfloat16}
    assert half.generate(**opened(["the film"], return_tensors="pt"), max_new_tokens=3).shape[0] == 1


def test_an_encoder_without_a_place_for_each_token_is_refused(
    pairs: Path, encoder: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    """Two of RoBERTa's places are those of padding."""
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    config = RobertaConfig(vocab_size=len(tokenizer), max_position_embeddings=34, **sizes)
    RobertaModel(config).save_pretrained(tmp_path / "roberta")
    tokenizer.save_pretrained(tmp_path / "roberta")
    flags = ["train", *SMALL, *NAMES, "--dataset", pairs, "--output_dir", tmp_path / "run", "--max_length", "33"]
    assert "reads 32 tokens at most, found --max_length 33" in fails(*flags, "--encoder", tmp_path / "roberta")


def test_an_encoder_of_another_kind_is_refused(
    pairs: Path, trained: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    flags = ["train", *SMALL, *NAMES, "--dataset", pairs, "--output_dir", tmp_path / "run", "--encoder", trained]
    assert "is a model of type lstm, but --encoder needs a Transformer" in fails(*flags)


def test_a_run_without_the_tokenizer_of_its_translations_is_damaged(
    pairs: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    train(pairs, tmp_path / "run", *FAST, "--shared_vocabulary", "false", "--max_steps", "1")
    again = ["train", *SMALL, *NAMES, "--dataset", pairs, "--output_dir", tmp_path / "more"]
    assert "has separate source and target vocabularies" in fails(*again, "--transformer", tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "target_tokenizer")
    assert "target_tokenizer/tokenizer.json is missing" in fails("predict", tmp_path / "run", "a dog")


def test_other_commands_say_what_a_translator_is(
    run: Path, pairs: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    assert "is not a language model" in fails("generate", run, "a dog")
    assert "distill trains classifiers" in fails("distill", "--task", "translation", "--teacher", run)
    assert "Unknown task 'translatio'" in fails("compare", "--task", "translatio", "--systems", run)
    compare = ["compare", "--task", "translation", "--output_dir", tmp_path / "out", "--systems"]
    assert "takes NAME=FOLDER, found '=x'" in fails(*compare, "=x")
    (tmp_path / "out").touch()
    assert "is a file" in fails(*compare, run)


def test_texts_may_be_one_or_any_number(run: Path) -> None:
    translate = ml.Translator.from_run(str(run))
    expected = translate(["a dog", "two dogs"])
    for texts in (("a dog", "two dogs"), pandas.Series(["a dog", "two dogs"]), (one for one in ("a dog", "two dogs"))):
        assert translate(texts) == expected
    assert translate("a dog") == expected[:1] and translate(pandas.Series([], dtype=str)) == []
    with pytest.raises(ValueError, match="Text 2 must be a string, found None"):
        translate(["a dog", None])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--target_column", "de"], "has no column 'de'; its columns are en, es"),
        (["--encoder", "a", "--transformer", "b"], "--encoder and --transformer cannot be combined: keep only one"),
        (["--config_overrides", "a=1"], "--config_overrides is for --transformer_config or --transformer"),
        (["--encoder", "no/such"], "There is no tokenizer at 'no/such'"),
        (["--transformer", "no/such"], "There is no tokenizer at 'no/such'"),
        (["--transformer_config", "marain"], "such as marian, or a config.json; found 'marain'"),
        (["--transformer_config", "gpt2"], "gpt2 is not an encoder-decoder model: try marian"),
        (["--transformer_config", "marian", "--shared_vocabulary", "false"], "needs one vocabulary for both texts"),
        (["--transformer_config", "marian", "--config_overrides", "d_modl=3"], "--config_overrides takes NAME=VALUE"),
        (["--transformer_config", "marian", "--config_overrides", "vocab_size=9"], "vocab_size: the tokenizer decides"),
        (["--encoder_hidden_size", "0"], "encoder_hidden_size must be at least 1, found 0"),
        (["--num_encoder_layers", "0"], "num_encoder_layers must be at least 1, found 0"),
        (["--vocab_size", "3"], "vocab_size must be greater than 3"),
        (["--num_beams", "0"], "--num_beams must be at least 1, found 0"),
        (["--hidden_size", "0"], "hidden_size must be at least 1, found 0"),
        (["--adversarial_size", "0.2"], "--adversarial_size 0.2 cannot be used"),
        (["--metric_for_best_model", "accuracy"], "Unknown metric 'accuracy'"),
        (["--pooling", "max"], "unknown flag --pooling"),
        (["--source_colum", "en"], "unknown flag --source_colum: did you mean --source_column"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(
    flags: list[str], message: str, pairs: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    given = ["train", *SMALL, *NAMES, "--dataset", pairs, "--output_dir", tmp_path / "run", *flags]
    assert message in fails(*given)
    assert not (tmp_path / "run").exists()


def test_translators_are_compared(
    run: Path, pairs: Path, tmp_path: Path, fails: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    for seed in ("0", "1"):
        train(pairs, tmp_path / "none" / seed, "--attention", "none", "--max_steps", "4", "--seed", seed)
    (tmp_path / "lr=0.1").symlink_to(run)
    assert TranslatorRuns.open(str(tmp_path / "lr=0.1")).folders == [tmp_path / "lr=0.1"]
    systems = [f"luong={run}", f"none={tmp_path / 'none'}"]
    flags = ["--task", "translation", "--output_dir", str(tmp_path / "out"), "--resamples", "100", "--threads", "1"]
    occupied = ["--task", "translation", "--output_dir", str(tmp_path / "none"), "--systems", *systems]
    assert "is not empty and holds no comparison of translators" in fails("compare", *occupied)
    assert main(["compare", *flags, "--systems", *systems]) == 0
    found = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    luong, none = (found["systems"][name] for name in ("luong", "none"))
    texts, references = zip(*sentences()[1::4], strict=True)
    expected = score_translations(ml.Translator.from_run(str(run))(texts), references)
    assert {name: one["mean"] for name, one in luong["scores"].items()} == pytest.approx(expected)
    assert (
        none["scores"]["chrf"]["p"] < 0.05
        and len(none["scores"]["chrf"]["values"]) == 2
        and none["scores"]["bleu"]["sd"] is not None
    )
    assert (
        found["lengths"] == {"1 to 5": 12} and luong["by_length"]["1 to 5"]["bleu"] == luong["scores"]["bleu"]["mean"]
    )
    assert luong["costs"]["texts_per_second"] > 0 and "none" in (tmp_path / "out" / "comparison.md").read_text("utf-8")
    assert found["learned_from_other_rows"] == []
    also = "12 of the 12 test texts are also in train."
    assert also in caplog.text and also in (tmp_path / "out" / "comparison.md").read_text("utf-8")
    assert (tmp_path / "out" / "report.html").exists() and (tmp_path / "out" / "by_length.svg").exists()
    train(pairs, tmp_path / "turned", "--source_column", "es", "--target_column", "en", "--max_steps", "1")
    assert "translate different things: en to es, es to en" in fails(
        "compare", *flags, "--systems", systems[0], tmp_path / "turned"
    )
    train(pairs, tmp_path / "other", "--split_seed", "7", "--max_steps", "1")
    assert main(["compare", *flags, "--systems", systems[0], f"other={tmp_path / 'other'}"]) == 0
    assert "other was trained on other data than luong, or on other splits" in caplog.text
    assert "other: trained on other data" in (tmp_path / "out" / "comparison.md").read_text("utf-8")
    rows = (pairs / "test.csv").read_text(encoding="utf-8")
    (pairs / "test.csv").write_text(rows.replace(sentences()[1][1], "otra cosa"), encoding="utf-8")
    assert "The test rows of" in fails("compare", *flags, "--systems", *systems)
    (pairs / "test.csv").write_text(rows, encoding="utf-8")
    assert "Two systems have the same name: run" in fails("compare", *flags, "--systems", run, run)
    assert "There is no run folder" in fails("compare", *flags, "--systems", "a=./no/such")
    train(pairs, tmp_path / "mixed" / "lstm", "--max_steps", "1")
    train(pairs, tmp_path / "mixed" / "gru", "--cell_type", "gru", "--max_steps", "1")
    assert "different models (gru: gru, lstm: lstm)" in fails("compare", *flags, "--systems", tmp_path / "mixed")
    assert "nor a folder of run folders" in fails("compare", *flags, "--systems", tmp_path / "out")


def test_a_run_that_does_not_translate_is_refused(trained: Path) -> None:
    with pytest.raises(InputError, match="is not a translation model: train one with"):
        ml.Translator.from_run(str(trained))


def test_python_takes_the_same_way(pairs: Path, tmp_path: Path) -> None:
    record = ml.train(
        task="translation",
        dataset=str(pairs),
        source_column="en",
        target_column="es",
        output_dir=str(tmp_path / "run"),
        embedding_size=8,
        encoder_hidden_size=8,
        hidden_size=8,
        vocab_size=60,
        max_steps=1,
        use_cpu=True,
        disable_tqdm=True,
    )
    assert record["task"]["name"] == "translation" and str(record["command"]).startswith("modeling-lstm train --task")


@pytest.mark.parametrize("flags", [["--bf16", "true"], ["--average_epochs", "0.5"], ["--early_stopping_patience", "1"]])
def test_other_ways_to_train(flags: list[str], pairs: Path, tmp_path: Path) -> None:
    assert train(pairs, tmp_path / "run", *flags, "--num_train_epochs", "2")["metrics"]["validation"]["loss"] < 10


def test_accumulated_gradients_are_those_of_a_large_batch(pairs: Path, tmp_path: Path) -> None:
    """Though the batches have different numbers of tokens."""
    weights = []
    for name, batch, parts in (("large", "16", "1"), ("small", "4", "4")):
        flags = ["--per_device_train_batch_size", batch, "--gradient_accumulation_steps", parts, "--max_steps", "6"]
        train(pairs, tmp_path / name, *FAST, *flags, "--train_sampling_strategy", "sequential")
        weights.append(load_file(tmp_path / name / "model.safetensors"))
    for name, value in weights[0].items():
        np.testing.assert_allclose(value, weights[1][name], atol=2e-4, err_msg=name)


def test_a_checkpoint_and_a_folder_of_another_trainer_translate(pairs: Path, tmp_path: Path) -> None:
    """Though they hold no run.json; a vocabulary for the translations is saved with them."""
    flags = ["--shared_vocabulary", "false", "--max_steps", "2", "--save_strategy", "steps", "--save_steps", "1"]
    train(pairs, tmp_path / "run", *flags, "--eval_strategy", "no", "--load_best_model_at_end", "false")
    checkpoint = tmp_path / "run" / "checkpoint-2"
    texts = ["a dog sees a bird.", "a cat"]
    expected = ml.Translator.from_run(str(tmp_path / "run"))(texts)
    if not checkpoint.exists():  # a run that is complete keeps none
        model, tokenizer = ml.load_run(str(tmp_path / "run"))
        trainer = TranslationTrainer(
            model=model,
            args=LstmTrainingArguments(output_dir=str(tmp_path / "other"), use_cpu=True),
            processing_class=tokenizer,
            task=Translation("en", "es"),
        )
        checkpoint = tmp_path / "other" / "saved"
        trainer.save_model(str(checkpoint))
    assert not (checkpoint / "run.json").exists() and (checkpoint / "target_tokenizer").is_dir()
    assert ml.Translator.from_run(str(checkpoint))(texts) == expected
    assert [row["translation"] for row in predict(str(checkpoint), texts)] == expected


def write_marian(folder: Path) -> Path:
    """A Marian model with random weights, as those of OPUS-MT are saved: its tokenizer is written in Python."""
    sentencepiece = pytest.importorskip("sentencepiece")
    folder.mkdir()
    vocabulary: dict[str, int] = {}
    for name, texts in zip(("source", "target"), zip(*sentences(), strict=True), strict=True):
        options = {"vocab_size": 40, "hard_vocab_limit": False, "minloglevel": 2}
        prefix = str(folder / name)
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(texts), model_prefix=prefix, **options)
        (folder / f"{name}.model").rename(folder / f"{name}.spm")
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{name}.spm"))
        for number in range(pieces.get_piece_size()):
            vocabulary.setdefault(pieces.id_to_piece(number), len(vocabulary))
    words = [word for word in vocabulary if word not in ("</s>", "<unk>", "<s>")]
    numbers = {word: number for number, word in enumerate(["</s>", "<unk>", *words, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(numbers), encoding="utf-8")
    files = [str(folder / name) for name in ("source.spm", "target.spm", "vocab.json")]
    tokenizer = MarianTokenizer(*files, source_lang="en", target_lang="es")
    places = {"max_position_embeddings": 32, "num_beams": 1}
    sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    pad = numbers["<pad>"]
    ids = {"vocab_size": len(numbers), "pad_token_id": pad, "decoder_start_token_id": pad, "eos_token_id": 0}
    MarianMTModel(MarianConfig(**sizes, **heads, **ids, **places)).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    return folder / "model"


def test_a_translator_whose_tokenizer_is_written_in_python(
    pairs: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    marian = write_marian(tmp_path / "marian")
    flags = ["--transformer", str(marian), "--max_steps", "150", "--learning_rate", "0.01", *FAST]
    record = train(pairs, tmp_path / "run", *flags)
    assert record["metrics"]["validation"]["chrf"] > 35 and record["data"]["tokens"]["train"]["out_of_vocabulary"] == 0
    translator = ml.Translator.from_run(str(tmp_path / "run"))
    texts = ["a dog sees a bird.", "a cat hears a fish."]
    assert translator(texts) == [translator([text])[0] for text in texts] and translator(texts)[0].startswith("un ")
    assert main(["evaluate", str(tmp_path / "run"), "--resamples", "100"]) == 0
    (tmp_path / "shared").mkdir()
    for name, path in run_files(tmp_path / "run").items():
        shutil.copy(path, tmp_path / "shared" / name)
    assert ml.Translator.from_run(str(tmp_path / "shared"))(texts) == translator(texts)
    again = ["train", *SMALL, *NAMES, "--dataset", pairs, "--output_dir", tmp_path / "more", "--transformer", marian]
    assert "reads 32 tokens at most, found --max_length 64" in fails(*again, "--max_length", "64")


def test_files_with_a_column_of_translations_are_translated_from_the_language_of_the_training(
    run: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    rows = [{"translation": {"es": target, "en": source}} for source, target in sentences()[:6]]
    expected = ml.Translator.from_run(str(run))([source for source, _ in sentences()[:6]])
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    Dataset.from_list(rows).to_parquet(tmp_path / "rows.parquet")
    for name in ("rows.jsonl", "rows.parquet"):
        assert [row["translation"] for row in predict(str(run), input=str(tmp_path / name))] == expected
    assert "Name it with --text_column" in fails(
        "predict", run, "--input", write_csv(tmp_path / "two.csv", [("un perro",)], ("ES",))
    )
    rows[1]["translation"].pop("en")
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert "There is no text in line 2 of" in fails("predict", run, "--input", tmp_path / "rows.jsonl")
    other = write_csv(tmp_path / "other.csv", [(1, "un perro")], ("id", "es"))
    assert "Name it with --text_column: the columns are id, es" in fails("predict", run, "--input", other)
    assert predict(str(run), input=str(other), text_column=["es"])  # who names it gets it


def test_a_card_tells_how_translations_were_scored(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    trained = dict(read_record(run)) | {"signatures": {}, "intervals": {}}
    card = make_card(trained | {"metrics": {"validation": trained["metrics"]["validation"]}}, "me/tr")
    assert "Translations of validation were decoded greedily." in card and "beams" not in card.partition("## Train")[0]
    assert main(["evaluate", str(tmp_path / "run"), "--resamples", "100"]) == 0
    card = make_card(read_record(tmp_path / "run"), "me/tr")
    assert "bleu: sacrebleu's `nrefs:1|case:mixed" in card and "Translations of test were found with 2 beams." in card
    assert main(["evaluate", str(tmp_path / "run"), "--split", "validation", "--resamples", "100"]) == 0
    both = make_card(read_record(tmp_path / "run"), "me/tr")
    assert "Translations of validation and test were found with 2 beams." in both and "greedily" not in both
    score = read_record(tmp_path / "run")["metrics"]["test"]["bleu"]
    assert f"| BLEU | {score:.1f} (" in card


def test_an_evaluation_takes_no_columns(run: Path, pairs: Path, fails: Callable[..., str]) -> None:
    told = fails("evaluate", run, "--dataset", pairs, "--text_column", "en")
    assert "--text_column is for classifiers" in told


def test_other_kinds_of_transformers_from_scratch(pairs: Path, tmp_path: Path) -> None:
    """Changes are made before the configuration is, which derives one setting from another."""
    sizes = "d_model=16,d_ff=16,d_kv=8,num_heads=2,num_layers=1"
    train(pairs, tmp_path / "run", "--transformer_config", "t5", "--config_overrides", sizes, *FAST, "--max_steps", "1")
    config = ml.load_run(str(tmp_path / "run"))[0].config
    assert (config.num_layers, config.num_decoder_layers, config.d_model) == (1, 1, 16)


def test_a_training_that_fails_does_not_blame_the_settings_of_every_training(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: Callable[..., str]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("something odd")

    monkeypatch.setattr(TranslationTrainer, "training_step", fail)
    given = ["train", "--task", "translation", *NAMES, "--dataset", pairs, "--output_dir", tmp_path / "run"]
    with pytest.raises(RuntimeError, match="something odd"):
        main(list(map(str, given)))
    assert "one of the settings --optim:" in fails(*given, "--optim", "sgd", "--overwrite", "--disable_tqdm", "true")


def test_few_steps_are_told(pairs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train(pairs, tmp_path / "run", *FAST, "--num_train_epochs", "1", "--per_device_train_batch_size", "24")
    assert "Only 2 training steps" in caplog.text


def test_bf16_is_tried_out_on_pairs(pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "has_bf16", lambda device: True)
    monkeypatch.setattr(precision, "WORTH_A_TRIAL", 0)
    monkeypatch.setattr(precision, "GAIN", 0.0)
    assert train(pairs, tmp_path / "run", "--max_steps", "1")["training"]["bf16"] is True


def test_only_one_process_writes_the_tokenizers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library calls this in every process."""
    trainer: Any = object.__new__(TranslationTrainer)
    saved: list[Path] = []
    monkeypatch.setattr("modeling_lstm.translators.translation_trainer.save_tokenizer", lambda _, to: saved.append(to))
    monkeypatch.setattr(TaskTrainer, "_save", lambda *_: None)
    trainer.processing_class = None
    for should_save in (False, True):
        trainer.args = SimpleNamespace(should_save=should_save, output_dir=str(tmp_path))
        trainer._save(str(tmp_path / "checkpoint-1"))
    assert saved == [tmp_path / "checkpoint-1"]
