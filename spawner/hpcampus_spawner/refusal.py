"""The one way to say no: a reason for the operator's metrics, a sentence for the person who asked."""


class Refused(Exception):
    """Something a person asked for and can't have.

    `reason` is a short label that groups refusals; `sentence` says what happened, what it
    means and what to do.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence
