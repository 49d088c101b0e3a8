"""
Train an LSTM with a plain `Trainer`, in ten steps: `python examples/train_with_trainer.py`.

Needs no network and takes less than a minute on two CPU cores. Only the model, the tokenizer and the dataset come from
this package. You can use any other dataset with the columns `text` and `label`.
"""

import os

import numpy as np
from datasets import disable_progress_bars
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    EvalPrediction,
    Trainer,
    TrainingArguments,
    pipeline,
    set_seed,
)

from modeling_lstm import LstmConfig, LstmForSequenceClassification, LstmTokenizer
from modeling_lstm.data.order_matters import load_order_matters

FOLDER = "runs/example"
ROWS = int(os.environ.get("EXAMPLE_ROWS", "16800"))  # fewer for a quick try
disable_progress_bars()
set_seed(0)  # first weights, order of the rows, dropout

# 1. Data: three splits of sentences that differ only in the order of their words
data = load_order_matters()
data["train"] = data["train"].shuffle(seed=0).select(range(ROWS))
labels = data["train"].features["label"].names
print(data["train"][0])

# 2. Tokenizer: its vocabulary comes from the training texts only
tokenizer = LstmTokenizer.train(data["train"]["text"])
print(len(tokenizer), "words, for example", tokenizer.tokenize("it isn't bad"))

# 3. Texts to numbers
data = data.map(lambda rows: tokenizer(rows["text"], truncation=True, max_length=128), batched=True)

# 4. Model: a small LSTM that reads once, from the first word to the last
config = LstmConfig(
    vocab_size=len(tokenizer),
    embedding_size=64,
    hidden_size=128,
    word_dropout=0.3,
    id2label=dict(enumerate(labels)),
    label2id={name: number for number, name in enumerate(labels)},
)
model = LstmForSequenceClassification(config)
print(f"{model.num_parameters():,} parameters")


# 5. What to measure
def accuracy(found: EvalPrediction) -> dict[str, float]:
    """Return the share of right answers."""
    return {"accuracy": float(np.mean(np.argmax(found.predictions, axis=-1) == found.label_ids))}


# 6. How to train
arguments = TrainingArguments(
    FOLDER,
    num_train_epochs=3,
    learning_rate=5e-3,
    per_device_train_batch_size=64,
    per_device_eval_batch_size=128,
    train_sampling_strategy="group_by_length",  # texts of similar length share a batch
    eval_strategy="epoch",
    save_strategy="epoch",
    load_best_model_at_end=True,
    metric_for_best_model="accuracy",
    dataloader_pin_memory=False,
    disable_tqdm=True,
)
trainer = Trainer(
    model,
    arguments,
    train_dataset=data["train"],
    eval_dataset=data["validation"],
    processing_class=tokenizer,
    data_collator=DataCollatorWithPadding(tokenizer),  # padding does not change an answer
    compute_metrics=accuracy,
)

# 7. Train; the checkpoint with the best accuracy on validation is kept
trainer.train()

# 8. Test, once
print("test accuracy", trainer.evaluate(data["test"], metric_key_prefix="test")["test_accuracy"])

# 9. Save weights, configuration, tokenizer, and the source of the model for people without this package
trainer.save_model(FOLDER)

# 10. Load and use it like any model
classify = pipeline(
    "text-classification",
    model=AutoModelForSequenceClassification.from_pretrained(FOLDER),
    tokenizer=AutoTokenizer.from_pretrained(FOLDER),
)
for text in (
    "the rumours said bad , but the lesson itself is a triumph .",
    "the rumours said a triumph , but the lesson itself is bad .",
):
    print(classify(text)[0], text)
