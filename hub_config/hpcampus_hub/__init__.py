"""The hub: its configuration, its pages, and the `campus` command."""
