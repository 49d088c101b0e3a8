"""The tests of the package; its folders are those of the package."""

import gc

gc.set_threshold(100_000, 50, 100)  # as the command line does: what the tests import takes a second less
