"""The command that tries the suggestions tells right answers from wrong ones; one small notebook, no TensorFlow."""

from cvhelpers.course import try_it


def small_notebook():
    from nbformat import v4

    notebook = v4.new_notebook()
    for heading, code, printed in (("One", "a = [1]\nprint(len(a))", "1"), ("Two", "a.append(2)\nprint(len(a))", "2")):
        output = v4.new_output("stream", name="stdout", text=printed)
        notebook.cells += [v4.new_markdown_cell(f"## {heading}"), v4.new_code_cell(code, outputs=[output])]
    output = v4.new_output("stream", name="stdout", text="end")
    notebook.cells.append(v4.new_code_cell("print('end')", outputs=[output]))
    return notebook


def test_each_suggestion_starts_from_the_unchanged_lesson_and_wrong_answers_are_found(tmp_path):
    chosen = [
        try_it.Suggestion(1, "Two", [("append(2)", "extend([2, 3])")], [], ["3"]),
        try_it.Suggestion(2, "Two", [("append(2)", "extend([2, 3, 4])")], [], ["4"]),  # 6 after what number 1 left
        try_it.Suggestion(3, "Two", [("append(2)", "append(2) / 0")], [], ["TypeError"]),  # an error may be promised
        try_it.Suggestion(4, "Two", [("append(2)", "append(2) / 0")], [], ["end"]),  # does not run after the error
        try_it.Suggestion(5, "Two", [], ["print('end')"], ["end"]),
        try_it.Suggestion(6, "One", [("[1]", "[1, 1]")], [], ["7"]),
        try_it.Suggestion(7, "One", [("[2]", "[1, 1]")], [], ["7"]),
    ]
    problems = {one.number: problem for one, problem in try_it.try_lesson(small_notebook(), chosen, tmp_path)}
    assert [problems[number] for number in (1, 2, 3)] == [None] * 3
    assert problems[4].startswith("wanted `end`, got: TypeError")
    assert problems[5] == "`end` also stands in the unchanged lesson: it shows nothing"
    assert problems[6] == "wanted `7`, got: 2"
    assert problems[7] == "`[2]` stands 0 times in the code of *One*: wanted once"
