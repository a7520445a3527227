"""The web page: one HTML file that cleans recordings in a browser, without a network."""
