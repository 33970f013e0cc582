"""Burns CPU, about one core of it, until it has used SECONDS of CPU time; a script whose cost is known.

    curl -F file=@examples/burn.py http://HOST/reencrypt

On a busy machine it takes longer and uses the same. It gives up, and ends with 1, after WALL_SECONDS.
"""

import sys
import time

SECONDS = 1.0
WALL_SECONDS = 120.0


def work():
    """A little pure arithmetic, well under a millisecond."""
    total = 0
    for number in range(2000):
        total = (total * 31 + number) % 1_000_003
    return total


def main():
    begin = time.monotonic()
    rounds = 0
    # Counts the CPU time of starting Python, too: that is what the machine pays.
    while time.process_time() < SECONDS:
        if time.monotonic() - begin > WALL_SECONDS:
            sys.exit(f"gave up: {time.process_time():.3f} s of CPU time in {WALL_SECONDS:.0f} s")
        work()
        rounds += 1
    wall = time.monotonic() - begin
    print(f"used {time.process_time():.3f} s of CPU time in {wall:.3f} s: {rounds} rounds")


if __name__ == "__main__":
    main()
