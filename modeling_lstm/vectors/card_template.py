"""The model card of word vectors."""

import json
import shlex
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData

from ..hub.card_marks import mark_card
from ..utils.files import write_text
from ..utils.markdown import inline_code, make_table

_BODY = """# Word vectors

{words:,} words, {dimension} dimensions.{made}

## Use

To initialize a text classifier, with the package `modeling-lstm`:

```
modeling-lstm train --embeddings {typed} --dataset ... --output_dir ...
```

To explore them:

```python
from modeling_lstm.vectors import WordVectors

vectors = WordVectors.from_pretrained({quoted})
vectors.nearest("good")
```

`model2vec.StaticModel.from_pretrained` reads them too.
{record}
## Limits

The vectors reflect the texts that they were trained on, including their biases. A word has one vector for all of its
meanings.
"""


def write_vectors_card(folder: Path, source: str, words: int, dimension: int, record: dict[str, Any]) -> None:
    """Write `README.md` from the record of how the vectors were made, leaving out what is not known."""
    known = {name: value for name, value in record.items() if value is not None}
    for name in known.keys() & {"dataset", "data_files"}:  # a path could look like the id of a dataset on the Hub
        paths = known[name] if isinstance(known[name], list) else str(known[name]).split(", ")
        known[name] = ", ".join(Path(one).name if one.startswith(("/", "~", ".")) else one for one in paths)
    rows = [[name.replace("_", " "), inline_code(value)] for name, value in known.items()]
    kinds = [str(record["algorithm"])] if "algorithm" in record else []
    data = ModelCardData(library_name="modeling-lstm", tags=["word-vectors", *kinds, "static-embeddings"])
    body = _BODY.format(
        typed=shlex.quote(source),
        quoted=json.dumps(source, ensure_ascii=False),
        words=words,
        dimension=dimension,
        made=f" Trained with {inline_code(record['algorithm'])}." if "algorithm" in record else "",
        record=f"\n## Training\n\n{make_table(['setting', 'value'], rows)}\n" if record else "",
    )
    write_text(folder / "README.md", mark_card(f"---\n{data.to_yaml()}\n---\n\n{body}"))
