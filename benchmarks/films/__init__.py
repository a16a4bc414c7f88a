"""Films and clips that benchmarks draw: of a known camera, with depth, with people."""
