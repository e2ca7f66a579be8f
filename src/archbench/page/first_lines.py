"""The three lines of a report that a terminal shows when it is written."""

from __future__ import annotations

from archbench.page.answers import choice_words
from archbench.page.section import Answer
from archbench.page.site import Page

LINES = 3


def first_lines(page: Page) -> list[str]:
    """What ended; then the answers: those that show a gain before those that do not, in the order of the report.

    What failed, is missing or falls short fills up where fewer questions are answered.
    """
    answers = [section.answer for section in page.sections if section.answer and section.answer.choose]
    surest = sorted(answers, key=lambda answer: not answer.shows)
    leads = [section.lead for section in page.sections if section.at_home]
    lines = [*page.summary[:1], *map(_line, surest), *leads, *page.summary[1:]]
    return [line.replace("\u00a0", " ") for line in lines[:LINES]]


def _line(answer: Answer) -> str:
    """`Which network on digits? lenet5 (+0.0120 ± 0.0032 over vgg11; surely better, p = 0.003)`."""
    return f"{answer.question} {choice_words(answer.choose)} ({answer.gain}; {answer.sure})"
