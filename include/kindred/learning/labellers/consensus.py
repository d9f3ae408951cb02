"""The base model, the nearest neighbours and the clusters together: the product of their probabilities, each to a
power that is fitted on given labels which none of them knew.
"""

THRESHOLD = 0.0
MEMBERS = ("confidence", "neighbours", "heads")
UNCALIBRATED_MEMBERS = ("neighbours", "heads")  # a base model of one label a class is the least of them
