"""`infoxlm pretrain`: train on text and translations; the loop is that of `infoxlm train`."""

from infoxlm.commands.train import run

__all__ = ["run"]
