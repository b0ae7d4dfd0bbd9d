"""The files that define a tokenizer, and the tokens that were added to its vocabulary."""
