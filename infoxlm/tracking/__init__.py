"""What a run leaves behind: curves, metrics, its record, log lines."""
