"""Scores of predictions and class weights, both from counts of pixels."""
