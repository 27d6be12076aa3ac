"""How a check keeps the kernel apart from the answers: its source is read, rebuilt and run elsewhere."""
