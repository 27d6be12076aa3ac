"""From a learner's submission to a score and feedback, without running their code with anyone else's rights."""
