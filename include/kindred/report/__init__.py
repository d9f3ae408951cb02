"""Pages for people: the report of a run, and runs side by side."""
