"""Answers over HTTP: requests that wait are batched and scored by processes next to the server.

Nothing here imports paddle; the processes that load the model do.
"""
