"""The study of label propagation with few labels: its cells, what they learn from, its network, its table."""
