"""Files as tables, one module for each format: values are read as they are written, and nothing is guessed."""
