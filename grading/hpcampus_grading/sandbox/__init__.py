"""Runs learners' cells where they can reach nothing, and reads what comes out as hostile data."""
