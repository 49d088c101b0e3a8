"""What differs between tasks, one file for each task."""
