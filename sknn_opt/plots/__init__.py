"""Pictures: Display classes in scikit-learn's convention; matplotlib is imported when drawing."""
