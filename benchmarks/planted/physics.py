"""Energies and trajectories."""

import numpy as np

from planted.case import case

CHOOSE, CONFIRM = "choose", "confirm"


@case(CHOOSE, force="sign", no_half="1/2|2 from", no_direction="", power="")
def lennard_jones(bug):
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.arange(2)] * 3, indexing="ij"), -1).reshape(-1, 3)
    start = {"x": 1.2 * grid + 0.05 * rng.normal(size=(8, 3))}

    def pairs(x):
        d = x[:, np.newaxis] - x
        return d, np.sqrt(np.sum(d**2, axis=-1) + np.eye(8))

    def f(p):
        r = pairs(p["x"])[1]
        return 2 * np.sum((r**-12 - r**-6) * (1 - np.eye(8)))

    def gradient(p):
        d, r = pairs(p["x"])
        slope = 4 * (6 * r**-7 - 12 * r**-13)
        if bug == "power":
            slope = 4 * (6 * r**-7 - 12 * r**-12)
        if bug != "no_direction":
            slope = slope / r
        g = np.sum((slope * (1 - np.eye(8)))[..., np.newaxis] * d, axis=1)
        return {"x": {"force": -g, "no_half": 2 * g}.get(bug, g)}

    return f, gradient, start


@case(CHOOSE, one_side="", ends="elements|rows", no_square="")
def chain_of_springs(bug):
    rng = np.random.default_rng(1)
    start = np.arange(9.0) * 1.1 + 0.2 * rng.normal(size=9)

    def f(x):
        stretch = np.diff(x) - 1
        return 0.5 * 3.7 * np.sum(stretch**2) + 0.25 * np.sum(x**4) * 1e-3

    def gradient(x):
        pull = 3.7 * (np.diff(x) - 1)
        g = 1e-3 * x**3
        g[1:] += pull
        if bug != "one_side":
            g[:-1] -= pull
        if bug == "ends":
            g[0] = g[-1] = 0
        if bug == "no_square":
            g = g - 1e-3 * x**3 + 1e-3 * x**2
        return g

    return f, gradient, start


@case(CHOOSE, last_step_only="", no_transpose="", shifted_time="")
def leapfrog(bug):
    # the initial state of an oscillator, fitted to what was seen at the end
    M = np.array([[0.98, 0.11, 0.0], [-0.13, 0.97, 0.05], [0.02, -0.04, 1.01]])
    seen = np.random.default_rng(2).normal(size=(12, 3))
    start = np.array([1.0, -0.47, 0.33])

    def path(x):
        states = [x]
        for _ in range(12):
            states.append(M @ states[-1])
        return np.array(states[1:])

    def f(x):
        return 0.5 * np.sum((path(x) - seen) ** 2)

    def gradient(x):
        off = path(x) - seen
        if bug == "shifted_time":
            off = np.roll(off, 1, axis=0)
        back = np.zeros(3)
        for step in off[::-1] if bug != "last_step_only" else off[-1:]:
            back = (M if bug == "no_transpose" else M.T) @ (back + step)
        return back

    return f, gradient, start


@case(CHOOSE, by_x="factor", not_periodic="", sign_of_one="sign")
def spins(bug):
    rng = np.random.default_rng(3)
    J = rng.normal(size=(7, 7))
    J = (J + J.T) / 2
    start = {"angle": rng.normal(size=7), "field": rng.normal(size=7)}

    def f(p):
        gap = p["angle"][:, np.newaxis] - p["angle"]
        return -0.5 * np.sum(J * np.cos(gap)) - np.sum(p["field"] * np.cos(p["angle"]))

    def gradient(p):
        gap = p["angle"][:, np.newaxis] - p["angle"]
        turn = np.sum(J * np.sin(gap), axis=1) + p["field"] * np.sin(p["angle"])
        field = -np.cos(p["angle"])
        if bug == "by_x":
            field = field * p["field"]
        if bug == "not_periodic":
            turn = np.sum(J * gap, axis=1) + p["field"] * np.sin(p["angle"])
        if bug == "sign_of_one":
            field = -field
        return {"angle": turn, "field": field}

    return f, gradient, start


@case(CHOOSE, forward_only="", edges="row|column|elements", no_spacing="")
def heat_plate(bug):
    rng = np.random.default_rng(4)
    source = rng.normal(size=(6, 6))
    start = {"T": rng.normal(size=(6, 6))}

    def f(p):
        T = p["T"]
        flow = np.sum(np.diff(T, axis=0) ** 2) + np.sum(np.diff(T, axis=1) ** 2)
        return 0.5 * flow / 0.3**2 - np.sum(source * T)

    def gradient(p):
        T, g = p["T"], np.zeros((6, 6))
        for axis in (0, 1):
            d = np.diff(T, axis=axis)
            late, early = [(0, 0), (0, 0)], [(0, 0), (0, 0)]
            late[axis], early[axis] = (1, 0), (0, 1)
            g += np.pad(d, late)
            if bug != "forward_only":
                g -= np.pad(d, early)
        g = g / (1 if bug == "no_spacing" else 0.3**2) - source
        if bug == "edges":
            g[0] = g[-1] = 0
        return {"T": g}

    return f, gradient, start


@case(CHOOSE, no_projection="along x itself|length", wrong_norm="", halved="1/2|2 from")
def rayleigh_quotient(bug):
    rng = np.random.default_rng(5)
    H = rng.normal(size=(8, 8))
    H = H + H.T
    start = rng.normal(size=8)

    def f(x):
        return x @ H @ x / (x @ x)

    def gradient(x):
        square = x @ x
        g = 2 * H @ x / square
        if bug != "no_projection":
            g = g - 2 * f(x) * x / (np.sqrt(square) if bug == "wrong_norm" else square)
        return g / 2 if bug == "halved" else g

    return f, gradient, start


@case(CONFIRM, one_body="row", no_mass="", cubed="")
def gravity(bug):
    rng = np.random.default_rng(6)
    start = {"x": rng.normal(size=(5, 3)), "m": rng.uniform(0.5, 2, 5)}

    def pairs(x):
        d = x[:, None] - x
        return d, 1 / np.sqrt(np.sum(d**2, axis=-1) + 0.1)

    def f(p):
        return -0.5 * p["m"] @ (pairs(p["x"])[1] * (1 - np.eye(5))) @ p["m"]

    def gradient(p):
        d, inverse = pairs(p["x"])
        off = 1 - np.eye(5)
        power = inverse**2 if bug == "cubed" else inverse**3
        masses = 1 if bug == "no_mass" else p["m"][:, None] * p["m"]
        dx = np.sum((masses * off * power)[..., None] * d, axis=1)
        if bug == "one_body":
            dx[0] = 0
        return {"x": dx, "m": -(inverse * off) @ p["m"]}

    return f, gradient, start


@case(CONFIRM, not_adjoint="", no_initial="never written", sum_late="")
def diffusion(bug):
    rng = np.random.default_rng(7)
    A = np.diag(np.full(8, -2.0)) + np.diag(np.ones(7), 1) + np.diag(np.full(7, 0.9), -1)
    step, seen = np.eye(8) + 0.2 * A, rng.normal(size=8)
    start = {"u0": rng.normal(size=8), "source": rng.normal(size=8)}

    def final(p):
        u = p["u0"]
        for _ in range(6):
            u = step @ u + 0.1 * p["source"]
        return u

    def f(p):
        return 0.5 * np.sum((final(p) - seen) ** 2)

    def gradient(p):
        back, d_source = final(p) - seen, np.zeros(8)
        for _ in range(6):
            if bug != "sum_late":
                d_source += 0.1 * back
            back = (step if bug == "not_adjoint" else step.T) @ back
            if bug == "sum_late":
                d_source += 0.1 * back
        return {"u0": 0 * back if bug == "no_initial" else back, "source": d_source}

    return f, gradient, start


@case(CONFIRM, no_phase="", degrees="times", cosine="")
def damped_oscillation(bug):
    t = np.linspace(0, 4, 25)
    seen = np.exp(-0.3 * t) * np.cos(2 * t) + 0.1 * np.sin(5 * t)
    start = {"amplitude": np.array([0.83]), "decay": np.array([0.37]), "omega": np.array([1.71])}

    def parts(p):
        return np.exp(-p["decay"] * t), np.cos(p["omega"] * t), np.sin(p["omega"] * t)

    def f(p):
        e, c, _ = parts(p)
        return 0.5 * np.sum((p["amplitude"] * e * c - seen) ** 2)

    def gradient(p):
        e, c, s = parts(p)
        off = p["amplitude"] * e * c - seen
        d_omega = -off @ (p["amplitude"] * t * e * (c if bug == "cosine" else s))
        if bug == "degrees":
            d_omega = d_omega * np.pi / 180
        d_decay = off @ (-p["amplitude"] * (1 if bug == "no_phase" else t) * e * c)
        return {
            "amplitude": np.array([off @ (e * c)]),
            "decay": np.array([d_decay]),
            "omega": np.array([d_omega]),
        }

    return f, gradient, start
