"""The exchange: assignments out, submissions in, feedback back, over HTTP with the hub's tokens."""
