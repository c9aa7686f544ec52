"""`python -m entryway`, the same as the command `entryway`."""

from entryway.cli import main

if __name__ == "__main__":
    main()
