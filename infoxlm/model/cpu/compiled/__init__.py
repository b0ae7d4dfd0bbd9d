"""The operations between the products in C, compiled on first use; NumPy's where that cannot be.

They read and write each number once, where NumPy's go over memory in ten passes, and attention
never writes its weights down at all.
"""
