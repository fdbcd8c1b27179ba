"""Fails with an exception, and says much more when it ends."""

import atexit


def farewell():
    for line in range(60):
        print(f"closing connection {line} to the pump, which takes the time that it takes", flush=True)


atexit.register(farewell)
raise RuntimeError("pump 7 has no curve: add it to curves.json")
