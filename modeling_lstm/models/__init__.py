"""The networks and their tokenizer. These files are copied beside a model's weights, as remote code."""
