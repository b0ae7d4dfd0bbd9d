"""Train: windows of examples, exact gradients, optimizer steps, checkpoints."""
