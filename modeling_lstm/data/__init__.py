"""From a data set as somebody keeps it to checked splits of texts and labels."""
