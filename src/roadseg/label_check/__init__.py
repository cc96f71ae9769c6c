"""Where the label is improbable to a trained network."""
