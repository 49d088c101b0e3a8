"""Find files on the Hub, and push files to it."""
