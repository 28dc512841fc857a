"""How a person asks: many wordings of each task.

in:  nothing
out: CODE, DESCRIBE, TABLE, OCR: instructions; a "{form}" or "{panel}" in them is filled in
not covered: single questions (questions.py)
"""

from __future__ import annotations

CODE: tuple[str, ...] = (
    "Write Python code that reproduces this chart.",
    "Recreate this figure with matplotlib. Give the complete script.",
    "Generate the plotting code for the chart in the picture.",
    "Please write a self-contained Python script that draws this plot.",
    "I need the code behind this figure. Use Python.",
    "Convert this chart image to matplotlib code.",
    "Which Python code would produce this picture? Give all of it.",
    "Look at the chart and write code that renders the same picture: data, labels, colors and layout.",
    "Reproduce the figure as closely as you can in Python.",
    "Turn the chart into code. The script should run as it is.",
    "You are given a chart. Write Python code to redraw it, with the data in the script.",
    "Can you replicate this visualization in Python?",
    "Write a script that plots this figure, matching its title, axes, legend and style.",
    "Redraw this chart with Python; keep the size, the colors and the text.",
    "Produce executable Python code that generates this image.",
    "How would you plot this in Python? Show the full code.",
)

DESCRIBE: tuple[str, ...] = (
    "Describe this chart.",
    "What does this figure show?",
    "Describe the chart for somebody who cannot see it.",
    "Summarize what can be read from this plot.",
    "Write a short description of the picture: type of chart, axes, series and main findings.",
    "Explain this figure in a few sentences.",
    "Give an alt text for this chart, with its most important values.",
    "What is plotted here, and what stands out?",
    "Please describe the visualization and its data.",
    "Put the content of this chart into words.",
)

TABLE: tuple[str, ...] = (
    "Write the data of this chart{panel} as a {form} table.",
    "Extract the plotted values{panel} into a {form} table.",
    "Read the numbers off the figure{panel}. Answer with a {form} table.",
    "Convert the chart{panel} to a table in {form} format.",
    "Give me the underlying data{panel} as {form}.",
    "List the data points shown{panel}, as a {form} table.",
    "Turn this picture{panel} back into data. Format: {form}.",
    "What data does the chart show{panel}? Use a {form} table, estimating where no values are printed.",
)

OCR: tuple[str, ...] = (
    "Read all text in the picture, from top to bottom. One piece of text a line.",
    "List every text of this chart in reading order, one a line.",
    "Transcribe the text in this figure: title, labels, ticks, legend and annotations, one per line.",
    "What text appears in the image? Write each piece on a line of its own, top to bottom, left to right.",
    "Do OCR on this chart. One text per line, in reading order.",
    "Extract all visible text from the plot, line by line.",
)

QUESTION_LEADS: tuple[str, ...] = (
    "{question}", "{question}", "{question}", "{question} Answer briefly.", "{question} Give a short answer.",
    "Look at the chart. {question}", "Answer from the figure: {question}",
)  # fmt: skip
