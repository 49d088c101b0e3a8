"""What every room uses: errors, files, figures, processes."""
