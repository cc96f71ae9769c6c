"""Training: losses, schedules, an epoch, what fine-tuning freezes, averages and pulls, and sharing by processes."""
