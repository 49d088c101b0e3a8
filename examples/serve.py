"""
Serve an exported model over HTTP: requests that arrive together are answered in one batch.

    pip install litserve onnxruntime tokenizers
    python serve.py FOLDER [PORT]
    curl -X POST localhost:8000/predict -H "Content-Type: application/json" -d '{"text": "Great service."}'

FOLDER is what `modeling-lstm export` wrote. It holds `classify.py`, so the server needs neither torch nor this package.
"""

import sys
from pathlib import Path
from typing import Any

import litserve
from fastapi import HTTPException

TEXTS_IN_A_BATCH = 64
SECONDS_TO_WAIT = 0.002  # for other requests, after the first one of a batch
MAX_CHARACTERS = 100_000


class Classifier(litserve.LitAPI):
    """Answers `{"text": ...}` with `{"label": ..., "score": ...}`."""

    def __init__(self, folder: Path):
        super().__init__(max_batch_size=TEXTS_IN_A_BATCH, batch_timeout=SECONDS_TO_WAIT)
        self.folder = folder

    def setup(self, device: str) -> None:
        """Open the model, once in each process."""
        sys.path.insert(0, str(self.folder))
        from classify import TextClassifier

        self.classify = TextClassifier.from_onnx(self.folder, threads=1)

    def decode_request(self, request: dict[str, Any]) -> str:
        """Return the text of a request, or answer with an error if there is no valid one."""
        text = request.get("text")
        if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
            raise HTTPException(422, f'Send {{"text": "..."}} with at most {MAX_CHARACTERS:,} characters.')
        if any("\ud800" <= character <= "\udfff" for character in text):  # would fail the other texts in its batch
            raise HTTPException(422, "The text contains half of a character, such as an emoji cut in two.")
        return text

    def predict(self, texts: list[str]) -> list[dict[str, Any]]:
        """Return label and score of each text."""
        return self.classify(texts, batch_size=TEXTS_IN_A_BATCH)


if __name__ == "__main__":
    folder, port = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 8000
    server = litserve.LitServer(Classifier(folder), accelerator="cpu", workers_per_device=1)
    server.run(port=port, generate_client_file=False)
