"""Planning a batch: inputs, outputs, recipe, journal, results, storage."""
