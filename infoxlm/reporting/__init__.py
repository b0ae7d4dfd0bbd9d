"""How tables, sections and pictures are shown."""
