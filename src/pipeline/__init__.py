"""What the scripts share: parameters, paths, the machine's facts, commands, and how a stage ends and writes."""
