"""The commands: one module each, with one `run()`."""
