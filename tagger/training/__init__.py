"""Data to engine; needs the train extra, and serving never imports it."""
