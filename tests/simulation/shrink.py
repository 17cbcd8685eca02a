"""Makes a failing seed small: leaves out kinds of faults, then single faults, while it still fails.

What is left is the shortest script found, with the trace of the order that the failure names.
"""

import re
from collections.abc import Callable

from msgspec.structs import replace

from tests.simulation.disk import Template
from tests.simulation.faults import KINDS
from tests.simulation.world import Options, Verdict, run_seed

MOST_RUNS = 400
"""Runs after which what was found so far has to do."""


class Shrinker:
    """Shrinks one seed; `said` takes a line whenever something could be left out."""

    def __init__(
        self, seed: int, template: Template, said: Callable[[str], None], options: Options
    ) -> None:
        self._seed = seed
        self._template = template
        self._said = said
        self.runs = 0
        self.options = options

    def shrink(self) -> Verdict | None:
        """The verdict of the smallest script that still fails, traced; None if none fails."""
        verdict = self._run(self.options)
        if not verdict.violation:
            return None
        family = kind_of(verdict.violation)
        self._drop_kinds(family)
        self._drop_single(family)
        return self._run(replace(self.options, keep_trace=True))

    def _run(self, options: Options) -> Verdict:
        self.runs += 1
        return run_seed(self._seed, self._template, options)

    def _still_fails(self, options: Options, family: str) -> Verdict | None:
        if self.runs >= MOST_RUNS:
            return None
        verdict = self._run(options)
        return verdict if kind_of(verdict.violation) == family else None

    def _drop_kinds(self, family: str) -> None:
        for kind in KINDS:
            if kind in self.options.without:
                continue
            tried = replace(self.options, without=frozenset({*self.options.without, kind}))
            if self._still_fails(tried, family) is not None:
                self.options = tried
        left = [kind for kind in KINDS if kind not in self.options.without]
        self._said(f"kinds of faults that are needed: {', '.join(left) or 'none'}")

    def _drop_single(self, family: str) -> None:
        """Halves first, then one by one."""
        verdict = self._run(self.options)
        script = [(each.kind, each.ordinal) for each in verdict.struck]
        size = max(len(script) // 2, 1)
        while script and self.runs < MOST_RUNS:
            index = 0
            while index < len(script):
                part = script[index : index + size]
                spared = frozenset({*self.options.spared, *part})
                tried = replace(self.options, spared=spared)
                found = self._still_fails(tried, family)
                if found is None:
                    index += size
                else:
                    self.options = tried
                    script = [(each.kind, each.ordinal) for each in found.struck]
            if size == 1:
                break
            size = max(size // 2, 1)
        self._said(f"single faults that are needed: {len(script)}")


def kind_of(violation: str) -> str:
    """What a failure is called without its numbers: `I9`, `books differ`, …"""
    return re.split(r"[:(]", violation, maxsplit=1)[0].strip()


def about_its_order(verdict: Verdict) -> list[str]:
    """The lines of a trace that name the order the failure is about, and what struck."""
    named = re.findall(r"af[0-9a-f]{30}|\b[ox]-\d{6}\b|\bv\d+\b", verdict.violation)
    if not named:
        return verdict.trace[-120:]
    wanted = re.compile("|".join(re.escape(name) + r"\b" for name in named))
    more = {
        match
        for line in verdict.trace
        if wanted.search(line)
        for match in re.findall(r"af[0-9a-f]{30}|\bo-\d{6}\b|\bexternal-\d+\b", line)
    }
    if len(more) <= 6:
        wanted = re.compile("|".join(re.escape(name) + r"\b" for name in {*named, *more}))
    plain = re.compile(r"^\s*[\d.]+  (?!#|    )")
    return [line for line in verdict.trace if wanted.search(line) or plain.match(line)]
