"""Reports of a batch: CSV, JSON and the HTML page."""
