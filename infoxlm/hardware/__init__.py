"""The machine: what paddle must find in its environment, and which process this is."""
