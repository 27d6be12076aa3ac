"""What a sandbox says, checked as if an enemy wrote it: known kinds, nothing that a browser runs."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

# Text is escaped and images are only shown. HTML, SVG, Markdown, LaTeX and JavaScript would run in the page
# of the instructor who looks at them, so they are dropped; what has them has plain text as well.
_IMAGES = ("image/png", "image/jpeg")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]*={0,2}\s*")


class _Untrusted(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


def _only_harmless(data: dict[str, str]) -> dict[str, str]:
    kept = {mime: text for mime, text in data.items() if mime == "text/plain"}
    kept.update({m: data[m] for m in _IMAGES if m in data and _BASE64.fullmatch(data[m])})
    return kept


def _with_text(data: dict[str, str]) -> dict[str, str]:
    # nbgrader fails the whole submission over a value without text.
    return data if data.get("text/plain") else {**data, "text/plain": "(a value without a text)"}


Bundle = Annotated[dict[str, str], AfterValidator(_only_harmless)]


class Stream(_Untrusted):
    """Printed text; always stdout."""

    output_type: Literal["stream"] = "stream"
    name: Literal["stdout"] = "stdout"
    text: str


class Display(_Untrusted):
    """Something shown."""

    output_type: Literal["display_data"]
    data: Bundle


class Result(_Untrusted):
    """The value of a cell's last line; nbgrader reads partial credit from it."""

    output_type: Literal["execute_result"]
    data: Annotated[Bundle, AfterValidator(_with_text)]
    execution_count: int | None = None


class Failure(_Untrusted):
    """An exception."""

    output_type: Literal["error"] = "error"
    ename: str
    evalue: str
    traceback: tuple[str, ...]


Output = Annotated[Stream | Display | Result | Failure, Field(discriminator="output_type")]


class Sign(_Untrusted):
    """Something that speaks for tampering, in the words of the side that nobody has to believe."""

    kind: Literal["hook", "replaced", "equal"]
    evidence: Annotated[str, StringConstraints(max_length=2000)]


class Answer(_Untrusted):
    """The answer to one cell; `nonce` is the question's."""

    nonce: str
    evidence: Annotated[tuple[Sign, ...], Field(max_length=10)] = ()
    outputs: Annotated[tuple[Output, ...], Field(max_length=2000)]
    execution_count: Annotated[int, Field(ge=0, le=1_000_000)]


ANSWER = TypeAdapter(Answer)


def shown(output: Result) -> Display:
    """The same, as something that counts for nothing."""
    return Display(output_type="display_data", data=output.data)


def failure(name: str, sentence: str) -> Failure:
    """An error output in our own words."""
    return Failure(ename=name, evalue=sentence, traceback=(f"{name}: {sentence}",))


def as_notebook_output(output: Stream | Display | Result | Failure) -> dict[str, Any]:
    """The output as nbformat writes it."""
    fields: dict[str, Any] = output.model_dump(mode="json")
    if isinstance(output, Display | Result):
        fields["metadata"] = {}
    return fields
