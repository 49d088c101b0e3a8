"""The memory of a process, for benchmarks. Imports nothing that would add to it."""


def peak_megabytes() -> float:
    """Return the peak memory of this process. `getrusage` is not used because its maximum includes the parent's."""
    with open("/proc/self/status", encoding="utf-8") as file:
        return int(next(line for line in file if line.startswith("VmHWM")).split()[1]) / 1024
