"""Writes the handwritten digits that ship with scikit-learn as CSV: 64 pixels and the digit, one digit a line."""

import sys

import numpy
from sklearn.datasets import load_digits

digits = load_digits()
table = numpy.column_stack([digits.data, digits.target]).astype(int)
numpy.savetxt(sys.argv[1], table, fmt="%d", delimiter=",")
print(f"{len(table)} digits")
