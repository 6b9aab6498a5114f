#!/usr/bin/env python3
"""Plots how the probability of a question moved: plot.py QUESTION [FILE.svg]

Written in cells, as for a notebook. Without a file it prints a small chart; the table of the
numbers comes from credence.frames, with pandas or without it.
"""

# %% The published posteriors of a question, oldest first.
import html
import os
import sys
from datetime import datetime
from typing import Any

from credence import Client, frames, v1

WIDTH, HEIGHT, LEFT, BOTTOM = 860, 320, 60, 40


def read_history(question: str) -> list[dict[str, Any]]:
    """Rows with `effective_time` and `probabilities.STATE`, by the time that they count from."""
    with Client(os.environ.get("CREDENCE_ENDPOINT", "127.0.0.1:7700")) as client:
        request = v1.ListPosteriorsRequest(parent=f"questions/{question}")
        rows = frames.rows(client.iterate_posteriors(request))
    return sorted(rows, key=lambda row: row["effective_time"])


# %% A belief holds until it is changed: the line goes in steps.
def steps(rows: list[dict[str, Any]], column: str) -> list[tuple[datetime, float]]:
    points: list[tuple[datetime, float]] = []
    for row in rows:
        if points:
            points.append((row["effective_time"], points[-1][1]))
        points.append((row["effective_time"], row[column]))
    return points


def svg(title: str, points: list[tuple[datetime, float]]) -> str:
    first, last = points[0][0], points[-1][0]
    span = max((last - first).total_seconds(), 1.0)

    def place(time: datetime, probability: float) -> str:
        x = LEFT + (WIDTH - LEFT) * (time - first).total_seconds() / span
        return f"{x:.1f},{(HEIGHT - BOTTOM) * (1 - probability):.1f}"

    grid = "".join(
        f'<path d="M{LEFT} {y:.1f}H{WIDTH}" stroke="#ccc"/>'
        f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>'
        for percent in (0, 25, 50, 75, 100)
        for y in [(HEIGHT - BOTTOM) * (1 - percent / 100)])
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -40 {WIDTH + 20} {HEIGHT + 50}" '
            f'font-family="sans-serif" font-size="13"><text y="-18">{html.escape(title)}</text>{grid}'
            f'<text x="{LEFT}" y="{HEIGHT - 12}">{first:%Y-%m-%d}</text>'
            f'<text x="{WIDTH}" y="{HEIGHT - 12}" text-anchor="end">{last:%Y-%m-%d}</text>'
            f'<polyline fill="none" stroke="#0b62a4" stroke-width="2" '
            f'points="{" ".join(place(*point) for point in points)}"/></svg>\n')


def bars(rows: list[dict[str, Any]], column: str) -> str:
    return "".join(f"{row['effective_time']:%Y-%m-%d}  {row[column]:7.2%}  "
                   f"{'#' * round(50 * row[column])}\n" for row in rows)


# %% Draw it.
def main() -> int:
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    rows = read_history(sys.argv[1])
    columns = [name for name in (rows[0] if rows else {}) if name.startswith("probabilities.")]
    if not columns:
        print(f"questions/{sys.argv[1]} has no published probabilities", file=sys.stderr)
        return 1
    if len(sys.argv) == 2:
        print(f"{sys.argv[1]}: {columns[0].removeprefix('probabilities.')}")
        print(bars(rows, columns[0]), end="")
        return 0
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(svg(f"Probability of {sys.argv[1]}", steps(rows, columns[0])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
