#!/usr/bin/env python3
"""Draws what `troupe bench MODEL.gguf --sessions K --json` measured: tokens a second in all, and the time to a session's
next token, over the number of sessions.

    troupe bench model.gguf --sessions 64 --json > measured.json
    tests/perf/plot_sessions.py measured.json docs/language_sessions.svg
"""

import json
import math
import pathlib
import sys

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 300, 60, 60, 30, 45


def line(points, colour):
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'


def text(x, y, content, anchor="middle", colour="#333"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{content}</text>'


def axis(values, x, anchor, colour):
    """Marks at quarters of a round number above all values; and where a value is."""
    unit = 10 ** math.floor(math.log10(max(values)))
    top = next(unit * step for step in (1, 2, 4, 6, 8, 10) if unit * step >= max(values))

    def at(value):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top
    return at, "".join(text(x, at(top * part / 4) + 4, f"{top * part / 4:g}", anchor, colour) for part in range(5))


def draw(measured):
    sessions = [one["sessions"] for one in measured]
    by_cpu = all("tokens_per_second_of_cpu" in one for one in measured)
    speeds = [one["tokens_per_second_of_cpu" if by_cpu else "tokens_per_second"] for one in measured]
    waits = [one["latency_ms"] for one in measured]
    span = max(math.log2(max(sessions)), 1)
    across = [LEFT + (WIDTH - LEFT - RIGHT) * math.log2(count) / span for count in sessions]
    speed_at, speed_marks = axis(speeds, LEFT - 8, "end", "#1f6fb4")
    wait_at, wait_marks = axis(waits, WIDTH - RIGHT + 8, "start", "#c2561a")
    bottom = HEIGHT - BOTTOM
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
             f'font-size="12">', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
             f'<path d="M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}V{TOP}" fill="none" stroke="#999"/>',
             speed_marks, wait_marks, line(list(zip(across, map(speed_at, speeds))), "#1f6fb4"),
             line(list(zip(across, map(wait_at, waits))), "#c2561a"),
             text(LEFT, 18, "tokens/s in all" + (" (by processor time)" if by_cpu else ""), "start", "#1f6fb4"),
             text(WIDTH - RIGHT, 18, "ms to the next token (by the clock)", "end", "#c2561a"),
             text(WIDTH / 2, HEIGHT - 8, "sessions")]
    parts += [text(x, bottom + 18, str(count)) for x, count in zip(across, sessions)]
    return "\n".join(parts + ["</svg>"]) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    measured = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    pathlib.Path(sys.argv[2]).write_text(draw(measured["sessions"]), encoding="utf-8")


if __name__ == "__main__":
    main()
