"""How alike submissions are: a hint where a person might look, and never a verdict."""
