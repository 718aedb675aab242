"""Have new data left the distribution of the training data?"""
