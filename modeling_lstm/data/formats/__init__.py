"""Read files as tables, with one module per format. Values are read as written, and nothing is guessed."""
