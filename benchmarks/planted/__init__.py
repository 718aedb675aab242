"""Functions of many fields with gradients by hand, and the bugs that people put into them."""
