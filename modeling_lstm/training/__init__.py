"""From data and settings to a run folder."""
