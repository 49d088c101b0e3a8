"""Read datasets from the Hub or from files, and turn them into checked splits of texts and labels."""
