"""The teacher: a model that writes, rewrites and judges material for data sets.

in:  the name of a prompt, its slots, pictures
out: Reply; Rejected where a reply is no use
not covered: what is asked of it (taught/, posts/), the pipeline (build.py)

    teacher.ask("chart_write-1", {"kind": "bar", ...}, [png]) -> Reply
    code_of(reply, "python") -> str                 raises Rejected: refusal, half_reply, ...
    reply.meta()                                    what stands in a sample: model, prompt, hashes
"""

from viscodex.data.teacher.prompts import Prompt, read_prompt
from viscodex.data.teacher.reading import code_of, codes_of, object_of, text_of
from viscodex.data.teacher.settings import TeacherSettings
from viscodex.data.teacher.teacher import Reply, Request, Teacher

__all__ = [
    "Prompt",
    "Reply",
    "Request",
    "Teacher",
    "TeacherSettings",
    "code_of",
    "codes_of",
    "object_of",
    "read_prompt",
    "text_of",
]
