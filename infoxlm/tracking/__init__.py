"""Numbers of a run while it goes on: VisualDL, metrics.jsonl, progress bars, timings."""
