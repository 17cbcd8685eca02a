"""`python -m alphaforge`: the same door as the `alphaforge` command; must never do more."""

from alphaforge.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
