"""Evaluation of denoisers: items, systems, measures, confidence, reports."""
