"""What gives a label away in a prepared table, before anything is trained on it."""

from mtnas.evidence.leaks.find import Leaks, find_leaks

__all__ = ["Leaks", "find_leaks"]
