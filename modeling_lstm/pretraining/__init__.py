"""Language models of one's own text."""
