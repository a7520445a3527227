"""How a chain runs: flattening, stages, branches, latency compensation."""
