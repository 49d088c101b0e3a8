"""The Hub: finding files there, and pushing files."""
