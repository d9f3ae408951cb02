"""The study of label propagation with few labels: its cells, its network, its table."""
