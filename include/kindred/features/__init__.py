"""Images as vectors: extractors and their ONNX graphs, k-means, the graph of neighbours."""
