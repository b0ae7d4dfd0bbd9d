"""`python -m infoxlm`, the same as `infoxlm`."""

from infoxlm.cli import main

if __name__ == "__main__":
    main()
