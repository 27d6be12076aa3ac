"""What runs inside the sandbox: Python's own library, IPython, and nothing of the trusted side."""
