"""`python -m modeling_lstm COMMAND ...` is `modeling-lstm COMMAND ...`."""

import sys

from .cli import main

sys.exit(main())
