"""Runs that were made: their folders, records, resuming and comparing them."""
