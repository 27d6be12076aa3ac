"""What grading keeps of a person: to be given to them, or to be erased."""
