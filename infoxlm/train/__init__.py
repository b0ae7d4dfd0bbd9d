"""Train: batches of examples, exact gradients, optimizer steps, checkpoints."""
