"""Check a gradient block by block, whatever function it belongs to.

A source takes derivatives, the judge compares them with what is claimed, and what is wrong is
explained once the verdicts are known.
"""

from dataclasses import replace

import numpy as np

from sknn_opt.checks.gradients.explain import explain
from sknn_opt.checks.gradients.inputs import hints_of_inputs
from sknn_opt.checks.gradients.judge import (
    MANY,
    Comparison,
    decide,
    forgive,
    judge_all,
    list_elements,
    name_worst,
    report_on,
)
from sknn_opt.checks.gradients.preflight import Guarded, Raised
from sknn_opt.checks.gradients.report import INCONCLUSIVE, KINK, OK, WRONG, PointCheck

N_DIRECTIONS = 3
MOST_LISTED = 1000  # elements of wrong blocks that are compared one by one
ASIDE = 1e-2  # how far beside a kink the gradient is checked, of the parameters' size


def check_problem(problem, method="auto"):
    """Compare the claimed gradient with derivatives at x0; returns a PointCheck."""
    with np.errstate(all="ignore"):  # what overflows is judged, not warned of
        return _Check(problem, method).run()


class _Check:
    def __init__(self, problem, method):
        problem.look()
        self.problem = problem
        self.rng = np.random.default_rng(0)
        self.f = Guarded(problem.value, problem.x0)
        self.source = problem.source(self.f, method, self.rng)

    def run(self):
        problem = self.problem
        compared = {block: self.compare(block) for block in problem.blocks}
        compared = self.source.settle(compared, self.compare, self.rng)
        checks = self._look_beside_kinks(self._judge(compared)) + problem.more_checks()
        found = explain(problem, compared, checks, self.source, self.rng)
        found = (*found[:2], (*found[2], *hints_of_inputs(problem, self.f.edge, checks)))
        checks.append(judge_all(problem, list(compared.values()), checks))
        method = f"by {self.source.describe()}"
        if problem.single:
            method = f"float32 against float64 {method} (tolerance {problem.tolerance:g})"
        n_calls = self.f.n_calls
        return PointCheck(problem.name, method, tuple(checks), *found, n_calls, *problem.whole)

    def compare(self, block, source=None, *, wrong=False, n=N_DIRECTIONS):
        """What is claimed of a block, and what a source finds."""
        source, directions = source or self.source, None
        if n == MANY or not source.lists(block, wrong=wrong):
            directions = source.directions(block, n, self.rng)
        gradient = self.problem.claimed[self.problem.blocks[block].slice]
        claimed = gradient if directions is None else directions @ gradient
        estimates = source.along(block, directions, claimed)
        return Comparison(block, gradient, directions, claimed, estimates, source)

    def _judge(self, compared):
        """The checks of all blocks; one that is wrong is looked at element by element."""
        problem = self.problem
        whole_norm = np.linalg.norm([each.source.size(each) for each in compared.values()])
        checks = []
        for block, found in compared.items():
            verdict, note = decide(problem, found, whole_norm)
            if verdict == INCONCLUSIVE and found.source.insists(found):
                found, verdict, note = self._insist(block, found, verdict, note)
                compared[block] = found
            unlisted = verdict == WRONG and found.directions is not None
            if unlisted and found.source.lists(block, wrong=True):
                found = compared[block] = self.compare(block, found.source, wrong=True)
                verdict, note = decide(problem, found, whole_norm)
            checks.append(self._report(found, verdict, note))
        return self._list_wrong(compared, checks)

    def _list_wrong(self, compared, checks):
        """Wrong blocks by element where that is cheap, the last first, as backprop runs."""
        left = MOST_LISTED
        for k in reversed(range(len(checks))):
            found = compared[checks[k].block]
            if checks[k].verdict == WRONG and len(found.gradient) <= left:
                listed = list_elements(found)
                if listed:
                    compared[found.block], left = listed, left - len(found.gradient)
                    checks[k] = name_worst(listed, checks[k])
        return checks

    def _report(self, found, verdict, note):
        check = report_on(self.problem, found, verdict, note, self.rng)
        return forgive(self.problem, found, check)

    def _verdict(self, block):
        found = self.compare(block)
        return self._report(found, *decide(self.problem, found)).verdict

    def _insist(self, block, found, *said):
        """More directions for a block that noise hides: what they say, if they can."""
        more = self.compare(block, n=MANY)
        verdict, note = decide(self.problem, more)
        return (more, verdict, note) if verdict in (OK, WRONG) else (found, *said)

    def _look_beside_kinks(self, checks):
        """Where x0 lies on a kink, check the gradient a little beside it, where it has one."""
        problem = self.problem
        kinks = {check.block for check in checks if check.verdict == KINK}
        if not kinks or not problem.moves:
            return checks
        aside = ASIDE * problem.scale * self.rng.normal(size=problem.x0.size)
        if not np.isfinite(self.f(problem.x0 + aside)):
            return checks
        try:
            beside = _Check(replace(problem, x0=problem.x0 + aside), "real")
        except Raised:  # the gradient is not defined there
            return checks
        found = {block: beside._verdict(block) for block in kinks}
        self.f.n_calls += beside.f.n_calls
        consequences = {
            OK: {"passed": True, "note": "correct a little beside it"},
            WRONG: {"verdict": WRONG, "note": "a kink here, and wrong a little beside it"},
        }
        return [replace(c, **consequences.get(found.get(c.block), {})) for c in checks]
