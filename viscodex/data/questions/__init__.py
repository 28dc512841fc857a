"""Programming questions about pictures that are made here, with verified answers.

in:  a seed and an index
out: QuestionSource, the "qa" source of a build
not covered: questions of forums, questions that a teacher writes
"""

from viscodex.data.questions.source import QuestionSource

__all__ = ["QuestionSource"]
