"""`python -m infoxlm`, the same as `infoxlm`."""

from infoxlm.cli.entry import main

if __name__ == "__main__":
    main()
