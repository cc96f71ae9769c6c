"""Where a trained network is sure, and the label says otherwise."""
