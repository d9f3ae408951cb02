"""Black-box attacks on a model that answers queries only: the methods, the loop, Spark's workers, the figures."""
