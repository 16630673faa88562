"""The answer of a study, in sentences: what was asked, what was found, how sure, what to do.

Every sentence is derived from numbers. `read_answer` reads what rule `answer` wrote.
"""

from mtnas.report.answer.form import Answer, Interval, Statement, read_answer

__all__ = ["Answer", "Interval", "Statement", "read_answer"]
