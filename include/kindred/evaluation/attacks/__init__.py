"""Black-box attacks on a model that can only be asked: the methods, the loop, Spark's workers, the figures."""
