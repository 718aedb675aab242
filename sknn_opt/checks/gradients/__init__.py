"""Is this the gradient of that function, and if not, where and why?"""
