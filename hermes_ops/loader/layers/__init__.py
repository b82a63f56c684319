"""Variables, layer upon layer: precedence, merging, expressions."""
