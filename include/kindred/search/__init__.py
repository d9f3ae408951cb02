"""The exact nearest and farthest images of a vector."""
