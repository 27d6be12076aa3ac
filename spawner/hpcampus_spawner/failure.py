"""A start that failed, in the shape that JupyterHub shows and counts."""

from jupyterhub.spawner import SpawnException


class SpawnFailed(SpawnException):
    """A sentence for the learner, perhaps as HTML that is already escaped, and a reason for the metrics."""

    def __init__(self, sentence: str, *, reason: str, html: str = "", status: int = 400) -> None:
        super().__init__(sentence, reason=reason, message_html=html, status_code=status)
        # JupyterHub's pages look for these two names.
        self.jupyterhub_message = sentence
        self.jupyterhub_html_message = html or None
