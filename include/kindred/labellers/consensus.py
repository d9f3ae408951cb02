"""What the base model and the nearest neighbours say together: the product of their probabilities, each to a power that
is fitted on given labels which neither knew.
"""

THRESHOLD = 0.0
PARTS = ("confidence", "neighbours")
