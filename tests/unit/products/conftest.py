"""The example's packages are not installed: each of its processes finds its own beside it."""

import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[3] / "examples" / "products"
sys.path[:0] = [str(EXAMPLE / "onpremise"), str(EXAMPLE / "backend")]
