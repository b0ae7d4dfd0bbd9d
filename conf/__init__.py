"""The configurations; this file lets the wheel carry them as infoxlm.conf."""
