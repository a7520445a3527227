"""The native engine: weights files, the network in numpy, and the library written in C++."""
