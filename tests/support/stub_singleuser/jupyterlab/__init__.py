"""Stands in for JupyterLab, whose import takes long."""
