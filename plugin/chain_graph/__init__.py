"""The running of chains: flattening, stages, branches, latency compensation."""
