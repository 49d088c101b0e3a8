"""Word vectors in a model: matching, coverage, reduction and scale, learning rates, and the tokenizers they bring."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    pipeline,
)

from modeling_lstm import LstmForSequenceClassification, LstmTokenizer
from modeling_lstm.cli import main
from modeling_lstm.training.job import TrainingJob
from modeling_lstm.training.lstm_trainer import LstmTrainer
from modeling_lstm.training.trainer_arguments import LstmTrainingArguments
from modeling_lstm.utils.errors import InputError
from modeling_lstm.vectors import WordVectors
from modeling_lstm.vectors.initial_embeddings import InitialEmbeddings, match_embeddings
from modeling_lstm.vectors.token_table import TokenTable
from modeling_lstm.vectors.word_matching import find_whole_words
from modeling_lstm.vectors.word_sources import WordSource, open_vectors
from tests.conftest import TRAIN_FLAGS, opinion_rows, tiny_model

TEXTS = [text for text, _ in opinion_rows(90)]
KNOWN = ["the", "film", "was", "Great", "awful", "unrelated"]
AS_IS = ["--center_embeddings", "false", "--scale_embeddings", "false"]


@pytest.fixture(scope="module")
def glove(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("glove") / "glove.txt"
    numbers = np.random.default_rng(3).normal(size=(len(KNOWN), 8)).round(4)
    path.write_text(
        "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in zip(KNOWN, numbers, strict=True)),
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="module")
def transformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT with a WordPiece tokenizer that puts [CLS] and [SEP] around a text."""
    folder = tmp_path_factory.mktemp("bert")
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    backend.train_from_iterator(TEXTS, trainers.WordPieceTrainer(vocab_size=60, special_tokens=special))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=64,  # some tables have rows that no token needs
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
    )
    assert len(tokenizer) <= 64
    BertModel(config).save_pretrained(folder)
    return folder


def run(data: Path, folder: Path, *flags: object) -> tuple[LstmForSequenceClassification, LstmTokenizer, dict]:
    assert main(["train", "--dataset", str(data), "--output_dir", str(folder), *TRAIN_FLAGS, *map(str, flags)]) == 0
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder), record


def rows_of(texts: list[str], tokenizer: LstmTokenizer) -> Dataset:
    return Dataset.from_dict({"input_ids": tokenizer(texts)["input_ids"]})


def test_a_frozen_model_holds_the_vectors_of_the_file(data_folder: Path, glove: Path, tmp_path: Path) -> None:
    flags = ["--embeddings", glove, *AS_IS, "--embedding_learning_rate", 0]
    model, tokenizer, record = run(data_folder, tmp_path / "run", *flags)
    table = model.get_input_embeddings().weight.detach().numpy()
    source = WordVectors.from_file(glove)
    for word in ("the", "film", "was", "awful"):
        assert np.array_equal(table[tokenizer.convert_tokens_to_ids(word)], source.vector(word)), word
    assert np.array_equal(table[tokenizer.convert_tokens_to_ids("great")], source.vector("Great"))
    assert not table[tokenizer.pad_token_id].any()
    found = record["embeddings"]
    assert found["source"] == str(glove) and found["dimension"] == 8
    assert found["found"] == {"exact": 4, "other spelling": 1}
    assert record["training"]["embedding_learning_rate"] == 0


def test_coverage_is_counted_on_running_tokens_and_on_the_vocabulary(glove: Path) -> None:
    texts = ["the film was good", "the film was great", "the plot"]
    tokenizer = LstmTokenizer.from_words(["the", "film", "was", "good", "great", "plot"])
    found = match_embeddings(open_vectors(glove), tokenizer, rows_of([*texts, "the zzz"], tokenizer)).report
    # known: the x 4, film x 2, was x 2, great; unknown: good, plot, and zzz, which is out of vocabulary
    assert found["running_tokens_covered"] == round(9 / 12, 4)
    assert found["vocabulary_covered"] == round(4 / 7, 4)
    assert found["commonest_missing"] == {"[UNK]": 1, "good": 1, "plot": 1}


def test_words_without_a_vector_keep_a_random_one_of_the_same_spread(
    data_folder: Path, glove: Path, tmp_path: Path
) -> None:
    flags = ["--embeddings", glove, "--embedding_learning_rate", 0, "--embedding_range", 0.25]
    model, tokenizer, _ = run(data_folder, tmp_path / "run", *flags)
    table = model.get_input_embeddings().weight.detach().numpy()
    known = [tokenizer.convert_tokens_to_ids(word) for word in ("the", "film", "was", "awful", "great")]
    assert abs(table[known].std() - 0.25) < 1e-4 and np.abs(table[known].mean(axis=0)).max() < 1e-6
    others = [n for n in range(2, len(tokenizer)) if n not in known]
    assert 0.15 < table[others].std() < 0.35 and len({tuple(row) for row in table[others]}) == len(others)


def test_the_trained_model_is_one_artifact(data_folder: Path, glove: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.txt"
    copy.write_bytes(glove.read_bytes())
    run(data_folder, tmp_path / "run", "--embeddings", copy)
    copy.unlink()
    classify = pipeline("text-classification", model=str(tmp_path / "run"))
    assert classify("the film was great")[0]["label"] in ("negative", "neutral", "positive")
    assert main(["evaluate", str(tmp_path / "run"), "--split", "test"]) == 0


def test_zero_coverage_stops(data_folder: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    path = tmp_path / "russian.txt"
    path.write_text("и 1 2 3\nв 4 5 6\n", encoding="utf-8")
    message = fails("train", "--dataset", data_folder, "--output_dir", tmp_path / "run", "--embeddings", path)
    assert "Not one of the" in message and "--tokenizer_algorithm word" in message
    assert not (tmp_path / "run" / "run.json").exists()


def test_principal_components_keep_what_varies() -> None:
    random = np.random.default_rng(0)
    plane = random.normal(size=(200, 3)) @ random.normal(size=(3, 10)) + 5
    vectors = InitialEmbeddings(plane.astype(np.float32), np.arange(200), {})
    reduced = vectors.reduce(3)
    assert reduced.dimension == 3 and reduced.report["variance_kept"] == 1.0 and reduced.report["reduced_from"] == 10
    distances = [np.linalg.norm(v.vectors[:1] - v.vectors, axis=1) for v in (vectors, reduced)]
    assert np.allclose(*distances, rtol=1e-3)
    means = [one.vectors.mean(axis=0) for one in (vectors, reduced)]
    assert np.linalg.norm(means[1]) > 0.1, "not centered"
    assert np.allclose(
        np.linalg.norm(reduced.center().vectors, axis=1), np.linalg.norm(vectors.center().vectors, axis=1), rtol=1e-3
    )
    assert vectors.reduce(10) is vectors
    with pytest.raises(InputError, match="--embedding_size 11 is more than the vectors allow.*at most 10"):
        vectors.reduce(11)


def test_centring_and_scaling() -> None:
    numbers = np.random.default_rng(0).normal(2, 3, size=(50, 4)).astype(np.float32)
    vectors = InitialEmbeddings(numbers, np.arange(50), {})
    assert np.abs(vectors.center().vectors.mean(axis=0)).max() < 1e-5
    assert abs(vectors.scale(0.1).vectors.std() - 0.1) < 1e-6
    assert np.allclose(np.corrcoef(vectors.scale(0.1).vectors.ravel(), numbers.ravel())[0, 1], 1)


def test_the_size_of_the_vectors_is_the_model_s_unless_named(data_folder: Path, glove: Path, tmp_path: Path) -> None:
    # the last one counts: TRAIN_FLAGS name a size of 8, as the file has
    model, _, record = run(data_folder, tmp_path / "smaller", "--embeddings", glove, "--embedding_size", 3)
    assert model.config.embedding_size == 3 and record["embeddings"]["reduced_from"] == 8
    flags = [flag for flag in TRAIN_FLAGS if flag not in ("--embedding_size",)]
    flags.remove("8")  # its value; that of --hidden_size stays
    arguments = ["train", "--dataset", str(data_folder), "--output_dir", str(tmp_path / "theirs"), *flags]
    assert main([*arguments, "--embeddings", str(glove)]) == 0
    assert AutoModelForSequenceClassification.from_pretrained(tmp_path / "theirs").config.embedding_size == 8


@pytest.mark.parametrize(("rate", "expected"), [(None, 1.0), (0.25, 0.25)])
def test_the_word_vectors_have_their_own_learning_rate(tmp_path: Path, rate: float | None, expected: float) -> None:
    args = LstmTrainingArguments(
        output_dir=str(tmp_path), learning_rate=1.0, embedding_learning_rate=rate, use_cpu=True
    )
    args.eval_strategy = "no"  # nothing is trained here
    model = tiny_model()
    trainer = LstmTrainer(model=model, args=args)
    for _ in range(2):  # a second call makes no second group
        optimizer = trainer.create_optimizer()
    table = model.get_input_embeddings().weight
    groups = [group for group in optimizer.param_groups if any(one is table for one in group["params"])]
    assert [group["lr"] for group in groups] == [expected]
    assert all(group["lr"] == 1.0 for group in optimizer.param_groups if group is not groups[0])
    counted = sum(len(group["params"]) for group in optimizer.param_groups)
    assert counted == len(list(model.parameters()))
    assert len(optimizer.param_groups) == (2 if rate is None else 3)


def test_a_transformer_brings_vectors_and_tokenizer(data_folder: Path, transformer: Path, tmp_path: Path) -> None:
    flags = ["--embeddings", f"transformer:{transformer}", *AS_IS, "--embedding_learning_rate", 0]
    model, tokenizer, record = run(data_folder, tmp_path / "run", *flags)
    theirs = BertModel.from_pretrained(transformer).get_input_embeddings().weight.detach()
    table = model.get_input_embeddings().weight.detach()
    assert torch.equal(table[1:], theirs[1 : len(tokenizer)]) and not table[0].any()
    own = AutoTokenizer.from_pretrained(transformer)
    assert tokenizer("the film")["input_ids"] == own("the film", add_special_tokens=False)["input_ids"]
    assert tokenizer("the &amp;film<br />")["input_ids"] == own("the &film", add_special_tokens=False)["input_ids"]
    assert record["embeddings"]["running_tokens_covered"] == 1.0
    assert record["tokenizer"]["vocabulary"] == len(own)


def test_flags_of_a_new_tokenizer_are_not_ignored_without_a_word(
    data_folder: Path, transformer: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number, begun in enumerate((["--embeddings", f"transformer:{transformer}"], ["--tokenizer", transformer])):
        caplog.clear()
        _, _, record = run(data_folder, tmp_path / str(number), *begun, "--lowercase", "false")
        assert f"{begun[1]} comes with its own tokenizer: --min_frequency, --lowercase has no effect." in caplog.text
        assert not {"min_frequency", "lowercase"} & record["tokenizer"].keys()
        assert record["tokenizer"]["tokenizer"] == str(begun[1])


def test_a_trained_run_is_a_source_too(trained: Path) -> None:
    source = open_vectors(f"transformer:{trained}")
    assert isinstance(source, TokenTable)
    model = AutoModelForSequenceClassification.from_pretrained(trained)
    assert np.array_equal(source.vectors, model.get_input_embeddings().weight.detach().numpy())


def test_a_tokenizer_without_padding_gets_some() -> None:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=300, show_progress=False))
    size = backend.get_vocab_size()
    tokenizer = LstmTokenizer.adopt(backend, None, None)
    source = TokenTable(tokenizer, np.ones((size, 4), np.float32))
    assert tokenizer.pad_token_id == size and not source.vectors[size].any() and source.vectors[:size].all()
    batch = tokenizer(["the film", "the"], padding=True)
    assert batch["input_ids"][1][-1] == size and batch["attention_mask"][1][-1] == 0
    report = match_embeddings(source, tokenizer, rows_of(TEXTS, tokenizer)).report
    assert report["running_tokens_covered"] == 1.0


@pytest.mark.parametrize("algorithm", ["word", "bpe", "wordpiece", "unigram"])
def test_a_trimmed_vocabulary_cuts_what_it_was_kept_for_as_before(algorithm: Any) -> None:
    frequent, rare = ["the film was awful, truly awful", "the film was great"], "a harrowing wreck"
    whole = LstmTokenizer.train([*frequent * 3, rare] * 9, vocab_size=120, min_frequency=1, algorithm=algorithm)
    table = TokenTable(whole, np.arange(len(whole) * 2, dtype=np.float32).reshape(-1, 2))
    part = table.trim([frequent], 1)
    assert len(part.tokenizer) == len(part.vectors) < len(whole)
    assert part.tokenizer.pad_token_id == whole.pad_token_id == 0 and part.tokenizer.unk_token == whole.unk_token
    for text in frequent:
        tokens, before = part.tokenizer.tokenize(text), whole.tokenize(text)
        assert tokens == before
        rows = [table.vectors[number] for number in whole.convert_tokens_to_ids(before)]
        assert np.array_equal(part.vectors[part.tokenizer.convert_tokens_to_ids(tokens)], rows)
    assert (part.tokenizer.unk_token in part.tokenizer.tokenize(rare)) == (algorithm == "word")
    assert len(part.tokenizer.tokenize(rare)) >= len(whole.tokenize(rare))
    assert len(table.trim([frequent], 9).tokenizer) <= len(part.tokenizer)


def test_byte_level_merges_are_trimmed_with_their_results() -> None:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(TEXTS, trainer)
    tokenizer = LstmTokenizer.adopt(backend, None, None)
    table = TokenTable(tokenizer, np.random.default_rng(0).normal(size=(len(tokenizer), 3)).astype(np.float32))
    part = table.trim([["the film"]], 1)
    assert part.tokenizer.tokenize("the film") == tokenizer.tokenize("the film")
    assert len(alphabet) < len(part.tokenizer) < len(tokenizer)
    assert part.tokenizer.pad_token_id == len(part.tokenizer) - 1
    spelled = part.tokenizer.convert_tokens_to_string(part.tokenizer.tokenize("was ü 映"))
    assert spelled == "was ü 映"  # no sign is lost


def test_a_run_with_a_trimmed_vocabulary(data_folder: Path, transformer: Path, tmp_path: Path) -> None:
    flags = ["--embeddings", f"transformer:{transformer}"]
    whole, *_ = run(data_folder, tmp_path / "whole", *flags)
    model, tokenizer, record = run(data_folder, tmp_path / "run", *flags, "--trim_vocabulary", 8)
    assert record["tokenizer"]["trim_vocabulary"] == 8
    assert record["tokenizer"]["vocabulary"] == model.config.vocab_size == len(tokenizer) < whole.config.vocab_size
    assert pipeline("text-classification", model=str(tmp_path / "run"))("the film was awful")[0]["score"] > 0


def test_static_models_of_both_kinds(transformer: Path, tmp_path: Path) -> None:
    own = AutoTokenizer.from_pretrained(transformer)
    numbers = np.random.default_rng(0).integers(-127, 127, size=(10, 5)).astype(np.int8)
    mapping = np.arange(len(own)) % 10
    weights = np.linspace(0.5, 1.5, len(own)).astype(np.float32)
    tables = {
        "model2vec": {"embeddings": numbers, "mapping": mapping, "weights": weights},
        "sentence_transformers": {"embedding.weight": np.ones((len(own), 5), np.float16)},
        "transformer": {"bert.weight": np.ones((2, 2), np.float32)},
        "short": {"embeddings": np.ones((3, 5), np.float32)},
        "nan": {"embeddings": np.full((len(own), 5), np.nan, np.float32)},
    }
    for name, tensors in tables.items():
        own.save_pretrained(tmp_path / name)
        save_file(tensors, tmp_path / name / "model.safetensors")
    source = open_vectors(tmp_path / "model2vec")
    assert isinstance(source, TokenTable)
    assert np.allclose(source.vectors, numbers[mapping].astype(np.float32) * weights[:, None])
    older = tmp_path / "older"
    shutil.copytree(tmp_path / "sentence_transformers", older / "0_StaticEmbedding")
    for folder in (tmp_path / "sentence_transformers", older):
        source = open_vectors(folder)
        assert isinstance(source, TokenTable) and source.vectors.dtype == np.float32 and source.dimension == 5
    with pytest.raises(InputError, match="is not a static model.*transformer:"):
        open_vectors(tmp_path / "transformer")
    with pytest.raises(InputError, match="only 3 vectors"):
        open_vectors(tmp_path / "short")
    with pytest.raises(InputError, match="NaN"):
        open_vectors(tmp_path / "nan")
    (tmp_path / "nan" / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(InputError, match="no readable static model"):
        open_vectors(tmp_path / "nan")


def test_own_vectors_are_matched_word_by_word(data_folder: Path, tmp_path: Path) -> None:
    words = WordVectors(KNOWN, np.random.default_rng(0).normal(size=(len(KNOWN), 8)))
    words.save_pretrained(tmp_path / "vectors")
    assert isinstance(open_vectors(tmp_path / "vectors"), WordSource)
    _, tokenizer, record = run(data_folder, tmp_path / "run", "--embeddings", tmp_path / "vectors")
    assert "bad" in tokenizer.get_vocab()  # learned from the training texts, though it has no vector
    assert record["embeddings"]["found"] == {"exact": 4, "other spelling": 1}


def test_a_cached_repository_of_the_hub_is_found(
    data_folder: Path, glove: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Hub's own cache layout, without a network: a file by ID:FILE and a folder by ID."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = tmp_path / "hub" / "models--me--vectors"
    snapshot = folder / "snapshots" / "0123456789abcdef0123456789abcdef01234567"
    WordVectors(KNOWN, np.ones((len(KNOWN), 8))).save_pretrained(snapshot)
    (snapshot / "glove.txt").write_bytes(glove.read_bytes())
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(snapshot.name, encoding="utf-8")
    with zipfile.ZipFile(snapshot / "glove.zip", "w") as archive:
        archive.write(glove, "glove.8d.txt")
        archive.writestr("other.txt", "a 1\n")
    for source in ("me/vectors", "me/vectors:glove.txt", "me/vectors:glove.zip:glove.8d.txt"):
        opened = open_vectors(source)
        assert isinstance(opened, WordSource) and opened.find(["film"])[1] == {"film": "exact"}
    with pytest.raises(InputError, match="me/vectors:absent.txt"):
        open_vectors("me/vectors:absent.txt")


@pytest.mark.parametrize("algorithm", ["word", "bpe", "wordpiece", "unigram"])
def test_pieces_of_words_are_no_words(algorithm: str) -> None:
    tokenizer = LstmTokenizer.train(TEXTS, vocab_size=80, min_frequency=1, algorithm=algorithm)  # type: ignore[arg-type]
    words = find_whole_words(tokenizer)
    assert len(words) == len(tokenizer) and words[:2] == [None, None]
    assert ({"f", "a"} if algorithm == "unigram" else {"film", "was"}) <= set(words)  # few texts, short pieces
    assert not any(word and any(sign in word for sign in ("</w>", "##", "\u2581")) for word in words)
    if algorithm != "word":
        assert None in words[2:]


def test_conflicting_settings(
    data_folder: Path, transformer: Path, glove: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    common = ["train", "--dataset", data_folder, "--output_dir", tmp_path / "run"]
    message = fails(*common, "--embeddings", f"transformer:{transformer}", "--tokenizer", transformer)
    assert "comes with its own tokenizer" in message
    message = fails(*common, "--embeddings", glove, "--embeddings_revision", "v2")
    assert "are not on the Hub, so they have no revision 'v2': leave that out" in message
    assert "at most" in fails(*common, "--embeddings", glove, "--embedding_size", "9")
    assert "There is no file or folder './absent'" in fails(*common, "--embeddings", "./absent")
    assert "use --min_frequency" in fails(*common, "--embeddings", glove, "--trim_vocabulary", "3")
    assert "must be 0 or more" in fails(*common, "--trim_vocabulary", "-1")
    assert "--embedding_size must be at least 1" in fails(*common, "--embedding_size", "0")
    assert "embedding_learning_rate" in fails(*common, "--embedding_learning_rate", "-1")


def test_resuming_with_word_vectors_ends_with_the_same_weights(
    data_folder: Path, glove: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    flags = ["--embeddings", glove, "--num_train_epochs", 3, "--save_total_limit", 5]
    model, _, record = run(data_folder, tmp_path / "run", *flags)
    assert record["training"]["embedding_learning_rate"] == pytest.approx(0.3 * 2e-3)
    first = min(tmp_path.glob("run/checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    kept = tmp_path / "again" / first.name
    shutil.copytree(first, kept)
    again = ["--resume_from_checkpoint", "last"]
    resumed, _, _ = run(data_folder, tmp_path / "again", *flags, *again)
    for (name, one), other in zip(model.named_parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other), name
    shutil.rmtree(tmp_path / "again")
    shutil.copytree(first, kept)
    common = ["train", "--dataset", data_folder, "--output_dir", tmp_path / "again", *TRAIN_FLAGS, *flags, *again]
    assert "trained with another --embedding_learning_rate (0.0006)" in fails(*common, "--embedding_learning_rate", "0")


def test_python_callers_give_vectors_in_memory(data_folder: Path, tmp_path: Path) -> None:
    words = WordVectors(KNOWN, np.random.default_rng(0).normal(size=(len(KNOWN), 8)))
    settings = {name.removeprefix("--"): value for name, value in zip(TRAIN_FLAGS[::2], TRAIN_FLAGS[1::2], strict=True)}
    settings |= {name: json.loads(value) for name, value in settings.items()}
    job = TrainingJob(dataset=data_folder, output_dir=tmp_path / "run", embeddings=words, **settings)
    record: Any = job.run()
    assert record["embeddings"]["source"] == "WordVectors(6 words, 8 dimensions)"
    assert json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["embeddings"]["dimension"] == 8


def test_a_bag_of_words_takes_vectors_too(data_folder: Path, glove: Path, tmp_path: Path) -> None:
    flags = ["--embeddings", glove, *AS_IS, "--embedding_learning_rate", 0, "--model_type", "bag-of-words"]
    model, tokenizer, _ = run(data_folder, tmp_path / "run", *flags)
    table = model.get_input_embeddings().weight.detach().numpy()
    assert np.array_equal(table[tokenizer.convert_tokens_to_ids("film")], WordVectors.from_file(glove).vector("film"))
