"""`python -m modeling_lstm.cli COMMAND ...`."""

import sys

from . import main

sys.exit(main())
