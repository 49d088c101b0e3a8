"""Write model cards, and push runs to the Hub."""
