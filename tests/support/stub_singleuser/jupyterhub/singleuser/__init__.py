"""The package that the quick start of the server passes by."""
