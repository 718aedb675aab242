"""What a search of hyperparameters costs, and what matters in it."""
