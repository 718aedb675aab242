"""Pictures: Display classes after scikit-learn's convention; matplotlib is imported when drawing."""
