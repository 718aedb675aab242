"""What plugs into scikit-learn."""
