#!/usr/bin/env python3
"""Draws what troupe_elastic_bench measured: answers a second over time, with the moments when nodes join and leave.

    build/release/tests/perf/troupe_elastic_bench sample_apps/models/digits.onnx > measured.json
    tests/perf/plot_elastic.py measured.json docs/elastic_nodes.svg
"""

import json
import pathlib
import sys

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 260, 60, 20, 40, 45


def text(x, y, content, anchor="middle", colour="#333"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{content}</text>'


def draw(measured):
    step = measured["interval_s"]
    rates = [count / step for count in measured["answers"]][:-1]  # the last interval is not whole
    span, top = len(rates) * step, max(rates) * 1.1
    bottom = HEIGHT - BOTTOM

    def across(seconds):
        return LEFT + (WIDTH - LEFT - RIGHT) * seconds / span

    def up(rate):
        return bottom - (bottom - TOP) * rate / top
    path = " ".join(f"{across((place + 0.5) * step):.1f},{up(rate):.1f}" for place, rate in enumerate(rates))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
             f'font-size="12">', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
             f'<path d="M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}" fill="none" stroke="#999"/>',
             f'<polyline points="{path}" fill="none" stroke="#1f6fb4" stroke-width="2"/>',
             text(LEFT, 18, "answers a second", "start", "#1f6fb4"), text(WIDTH / 2, HEIGHT - 8, "seconds")]
    parts += [text(LEFT - 8, up(top * part / 4) + 4, f"{top * part / 4:.0f}", "end") for part in range(5)]
    parts += [text(across(span * part / 6), bottom + 18, f"{span * part / 6:.0f}") for part in range(7)]
    for event in measured["events"]:
        x = across(event["at_s"])
        parts.append(f'<path d="M{x:.1f} {TOP}V{bottom}" stroke="#c2561a" stroke-dasharray="4 3"/>')
        parts.append(text(x, TOP - 6, event["what"], "middle", "#c2561a"))
    return "\n".join(parts + ["</svg>"]) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    measured = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    pathlib.Path(sys.argv[2]).write_text(draw(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
