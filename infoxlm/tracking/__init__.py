"""Tracking of a run: VisualDL, metrics.jsonl, progress bars, timings."""
