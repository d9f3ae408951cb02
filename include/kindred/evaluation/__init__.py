"""How good a run is: scores, intervals, retrieval, attacks."""
