"""`python -m runner` is `reprun`."""

from runner.cli import main

if __name__ == "__main__":
    main()
