"""`python -m anxin`: the same as the `anxin` command."""

from anxin.cli import main

if __name__ == "__main__":
    main()
