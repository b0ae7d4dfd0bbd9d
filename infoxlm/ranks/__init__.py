"""One training run in several processes, the ranks: on several devices, on several machines."""
