"""`python -m deploy.cli`: the command where nothing is installed."""

from deploy.cli.main import main

if __name__ == "__main__":
    main()
