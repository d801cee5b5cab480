"""The command of `deploy.compose_traffic`, by the name that earlier images know."""

import sys

from deploy.compose_traffic import main

if __name__ == "__main__":
    main(sys.argv[1:])
