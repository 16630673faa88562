"""What checking found: what is right, what is wrong, what could not be checked."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mtnas.runtime.errors import MtnasError


@dataclass
class Outcome:
    """Sentences, in the order in which they were found."""

    right: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # each names the file and what makes it again
    unchecked: list[str] = field(default_factory=list)

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Let an error of this block be something wrong, once."""
        try:
            yield
        except MtnasError as error:
            self.note(str(error))

    def note(self, wrong: str) -> None:
        """Note what is wrong, unless it was already."""
        if wrong not in self.wrong:
            self.wrong.append(wrong)

    def text(self) -> str:
        """Return a line for each, what is wrong last."""
        marked = {"ok": self.right, "not checked": self.unchecked, "WRONG": self.wrong}
        return "\n".join(f"{mark:<12} {said}" for mark, own in marked.items() for said in own)
