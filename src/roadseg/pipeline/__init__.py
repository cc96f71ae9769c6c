"""What every stage shares: parameters, paths, facts of the machine, and how a stage starts, writes and stops."""
