"""The command line: `infoxlm COMMAND KEY=VALUE ...`."""

from infoxlm.cli.entry import main

__all__ = ["main"]
