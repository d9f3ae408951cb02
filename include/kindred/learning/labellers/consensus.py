"""What the base model and the nearest neighbours say together: the product of their probabilities, each to a power that
is fitted on given labels which neither knew; or one of the two alone, where that suits these labels better.
"""

THRESHOLD = 0.0
PARTS = ("confidence", "neighbours")
