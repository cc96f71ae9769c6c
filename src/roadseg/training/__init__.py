"""Training: losses, schedules, an epoch, and the processes that share it."""
