"""The lines that a report ends with at the terminal."""

from archbench.page.first_lines import first_lines
from archbench.page.section import Answer, Section
from archbench.page.site import Page


def page(*sections, summary=("9 of 9 runs finished.", "Data: digits.", "Trained on a laptop.")):
    return Page("A report", "tour", list(summary), list(sections))


def asked(question, choose=("a",), shows=False, gain="+0.01\u00a0±\u00a00.02 over b", sure="no difference shown"):
    return Section(question, question, [], answer=Answer(question, list(choose), gain, sure=sure, shows=shows))


def test_what_is_shown_comes_before_what_is_not_and_unanswered_questions_are_left_out():
    found = first_lines(
        page(
            asked("Which net?"),
            asked("Which head?", choose=()),
            asked("Which rate?", choose=("c", "d"), shows=True, gain="+0.3 over a", sure="surely better, p = 0.01"),
            asked("Which clip?", shows=True, gain="+0.1 over a", sure="surely better, p = 0.02"),
        )
    )
    assert found == [
        "9 of 9 runs finished.",
        "Which rate? c, or d (+0.3 over a; surely better, p = 0.01)",
        "Which clip? a (+0.1 over a; surely better, p = 0.02)",
    ]
    assert first_lines(page(asked("Which net?")))[1] == "Which net? a (+0.01 ± 0.02 over b; no difference shown)"


def test_what_failed_fills_up_and_then_the_data():
    gaps = Section("gaps", "Gaps", [], lead="2 runs did not finish.", at_home=True)
    assert first_lines(page(gaps)) == ["9 of 9 runs finished.", "2 runs did not finish.", "Data: digits."]
    assert first_lines(page(summary=["No benchmark is listed in params.yaml."])) == [
        "No benchmark is listed in params.yaml."
    ]
