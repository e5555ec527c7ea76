"""``python -m kubectl_netpol``: the same as ``kubectl netpol``."""

from .cli.main import main

if __name__ == "__main__":
    main()
