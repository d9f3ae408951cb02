"""The base model and the nearest neighbours together: the product of their probabilities, each to a power that is
fitted on given labels which neither knew; or one of the two alone, where that suits these labels better.
"""

THRESHOLD = 0.0
MEMBERS = ("confidence", "neighbours")
