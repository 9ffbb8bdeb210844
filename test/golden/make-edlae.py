# Makes baselines/edlae*.json: EDLAE (Steck 2020, full rank) in float64 by numpy's own inverse, which shares nothing with ours.
#   python test/golden/make-edlae.py test/golden/baselines
import json
import sys

import numpy as np


def case(name, seed, items, users, lam, dropout):
    draws = np.random.RandomState(seed)
    batch = [np.sort(draws.choice(items, size=draws.randint(2, 7), replace=False)).tolist() for _ in range(users)]
    x = np.zeros((users, items))
    for user, row in enumerate(batch):
        x[user, row] = 1
    gram = x.T @ x
    p = np.linalg.inv(gram + lam * np.eye(items) + dropout / (1 - dropout) * np.diag(np.diag(gram)))
    weights = -p / np.diag(p)
    np.fill_diagonal(weights, 0)
    fold_in = [[], [0], [1, 5], np.sort(draws.choice(items, size=6, replace=False)).tolist()]
    scores = [weights[row].sum(axis=0).tolist() if row else [0.0] * items for row in fold_in]
    config = {"lambda": lam, "dropout": dropout}
    return {"name": name, "model": "edlae", "config": config, "items": items, "batch": batch,
            "weights": weights.round(12).tolist(), "foldIn": fold_in, "scores": np.round(scores, 12).tolist()}


for name, *settings in [("edlae", 7, 13, 26, 2.5, 0.33), ("edlae-strong", 8, 17, 60, 0.7, 0.8), ("edlae-zero", 9, 11, 30, 4.0, 0.0)]:
    with open(f"{sys.argv[1]}/{name}.json", "w") as file:
        json.dump(case(name, *settings), file)
