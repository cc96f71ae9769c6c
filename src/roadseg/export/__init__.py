"""What a release holds besides the weights: files that other programs load, each measured against the network."""
