"""Training: losses, learning rate, averages of weights, validation, checkpoints, and sharing by processes."""
