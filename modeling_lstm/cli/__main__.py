"""`python -m modeling_lstm.cli COMMAND ...`."""

import sys

from .commands import main

sys.exit(main())
