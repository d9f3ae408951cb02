"""Kindred: from a pile of images and a few labels to a classifier and a search index."""

__version__ = "0.1.0"
