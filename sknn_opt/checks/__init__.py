"""Can the gradient be trusted?"""
