"""Stands in for JupyterHub on the node, found first through PYTHONPATH."""
