"""Grading many submissions: on this machine's cores, or in jobs of a cluster."""
