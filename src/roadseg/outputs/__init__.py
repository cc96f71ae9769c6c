"""What a prediction on frames from anywhere leaves: overlays, videos and a table of what was seen."""
