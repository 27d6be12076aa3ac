"""From a submission to a score and feedback, without running learners' code with anyone else's rights."""
