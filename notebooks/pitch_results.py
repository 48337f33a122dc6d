"""The results of `pitch study`, for the notebooks of this folder: loaded, checked, drawn.

    import pitch_results as pr
    pr.style()
    answers = pr.load("fundamental-law")  # a DataFrame: one row a cell, question and engine
    given = pr.params("fundamental-law")  # what the study holds fixed

They are looked for in the folder that the environment variable PITCH_RESULTS names, seen from
here if it is relative; by default in out/ of the checkout.
"""

import os
import pathlib
import re
import shlex
import textwrap
import tomllib

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
RESULTS = (HERE / os.environ.get("PITCH_RESULTS", "../out")).resolve()

TEXT = ["study", "role", "varied", "ask", "measure", "unit", "engine", "method",
        "note", "error", "version", "input"]


class Missing(FileNotFoundError):
    """A study has no results yet. The message says which command makes them."""


class Unusable(ValueError):
    """The results of a study are not what one run of it writes."""


def load(name):
    """The answers of a study, if they are those of one run without errors."""
    answers = pd.read_csv(_file(name, f"{name}.csv"), dtype=dict.fromkeys(TEXT, str))

    def must(ok, complaint):
        if not ok:
            raise Unusable(f"{name}.csv: {complaint}; run again: {_command(name)}")

    must(len(answers) > 0, "no rows")
    for column in ("study", "version", "input"):
        must(answers[column].nunique(dropna=False) == 1, f"more than one value of {column}")
    must(answers["study"].iloc[0] == name, f"the study is {answers['study'].iloc[0]}")
    must(answers["error"].isna().all(), "some questions have no answer, but an error")
    must(np.isfinite(answers["value"]).all(), "some values are not finite")
    has = answers["low"].notna()
    inside = answers["value"].between(answers["low"], answers["high"])
    must(inside[has].all(), "some values lie outside of their own intervals")
    return answers


def params(name):
    """The inputs that the study holds fixed, from the copy of its file beside the results."""
    return tomllib.loads(_file(name, "study.toml").read_text("utf-8")).get("params", {})


def table(answers, ask, columns, rows="n", value="value", engine="best"):
    """One question as a table: a row for each value of one input, a column for each of another."""
    one = answers[(answers["ask"] == ask) & (answers["engine"] == engine)]
    if one.empty:
        raise Unusable(f"there is no question {ask!r}, only {sorted(answers['ask'].unique())}")
    return one.pivot(index=rows, columns=columns, values=value)


def _file(name, file):
    path = RESULTS / name / file
    if not path.exists():
        raise Missing(f"{path} is not there. Run, in the root of the checkout:\n\n"
                      f"    make build\n    {_command(name)}\n")
    return path


def _command(name):
    out = RESULTS.relative_to(ROOT) if RESULTS.is_relative_to(ROOT) else RESULTS
    return f"bin/pitch study studies/{name}.toml --out {shlex.quote(str(out))}"


# What follows makes pictures that one can read without colour: each curve has a marker of its own.

MARKS = [("o", "#0072B2"), ("s", "#D55E00"), ("^", "#009E73"), ("D", "#CC79A7"), ("v", "#7A5C00")]
DASHES = ["-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (9, 3))]


def style():
    """One look for all pictures, and numbers of a length that one can read."""
    plt.rcParams.update({
        "figure.dpi": 110, "figure.figsize": (9, 5), "figure.constrained_layout.use": True,
        "font.size": 10, "axes.titlesize": 11, "axes.titleweight": "bold", "axes.grid": True,
        "grid.color": "#dddddd", "grid.linewidth": 0.6, "axes.axisbelow": True,
        "axes.spines.top": False, "axes.spines.right": False,
        "legend.frameon": False, "legend.fontsize": 9, "legend.handlelength": 3.6,
        "axes.formatter.use_mathtext": True,
    })
    pd.options.display.float_format = num


def curves(ax, lines, name="{}", dash=None, width=1.4, low=None, high=None):
    """Draws the columns of a table over its index; `name` makes the labels out of the columns."""
    for i, column in enumerate(lines.columns):
        mark, colour = MARKS[i % len(MARKS)]
        ys = lines[column].dropna()
        ax.plot(ys.index, ys, color=colour, marker=mark, markersize=5, linewidth=width,
                markevery=max(1, len(ys) // 9), markerfacecolor="white",
                linestyle=DASHES[i % len(DASHES)] if dash is None else dash,
                label=name.format(column))
        if low is not None:
            ax.fill_between(ys.index, low[column].fillna(ys), high[column].fillna(ys),
                            color=colour, alpha=0.2, linewidth=0)


def axes(ax, title, x, y, log="xy"):
    """Titles an axis, names its sides with their units, and makes them logarithmic."""
    ax.set(title=title, xlabel=x, ylabel=y)
    if "x" in log:
        ax.set_xscale("log")
    if "y" in log:
        ax.set_yscale("log")


def source(fig, *frames, asks=None):
    """Says below a figure where it comes from: study, measures, methods, version and input."""
    lines = []
    for answers in frames:
        used = answers if asks is None else answers[answers["ask"].isin(asks)]
        what = "; ".join(f"{measure} ({', '.join(sorted(rows['method'].unique()))})"
                         for measure, rows in used.groupby("measure"))
        first = answers.iloc[0]
        lines.append(f"Source: study {first['study']}, {what}; "
                     f"pitch {first['version']}, input {first['input']}")
    wide = int(19 * fig.get_figwidth())
    fig.supxlabel("\n".join(part for line in lines for part in textwrap.wrap(line, wide)), x=0.01, ha="left", fontsize=7, color="#555555")


def say(text):
    """Shows sentences whose numbers were computed. Lines are joined, but for those of a list."""
    display(Markdown(re.sub(r"\n(?!- )", " ", text)))


def num(x):
    """A number with three digits that count: 0.0123, 4,567, 4.36e-6."""
    if x == 0 or not np.isfinite(x):
        return f"{x:g}"
    if 1e-3 <= abs(x) < 1e6:
        digits = max(0, 2 - int(np.floor(np.log10(abs(x)))))
        text = f"{x:,.{digits}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, exponent = f"{x:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def slope(line, first, last):
    """The slope of a line in a log-log picture, between two values of its index: least squares."""
    part = line.loc[first:last]
    return np.polyfit(np.log(part.index), np.log(part), 1)[0]


def nearest(index, value):
    """The point of a grid that is nearest to a value, on a logarithmic scale."""
    return min(index, key=lambda x: abs(np.log(x / value)))


def near(value, expected, within):
    """Whether values are within a relative distance of what is expected."""
    return bool(np.all(np.abs(np.asarray(value) / np.asarray(expected) - 1) <= within))
