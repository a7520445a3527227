"""Hyperparameter search with Optuna, and its plots."""
