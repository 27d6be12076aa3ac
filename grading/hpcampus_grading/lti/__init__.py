"""Grades for a learning platform: LTI 1.3, Assignment and Grade Services 2.0 (1EdTech)."""
