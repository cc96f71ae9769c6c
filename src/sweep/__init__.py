"""Many experiments: their names and values, DVC's runs of them, and a Ray cluster to run them on."""
