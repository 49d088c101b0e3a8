"""Read label columns, with one module for each kind of label: names, lists of names, or numbers."""
