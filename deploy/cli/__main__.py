"""`python -m deploy.cli`: the `maitred` command without an installed package."""

from deploy.cli.main import main

if __name__ == "__main__":
    main()
