"""The memory of a process, for benchmarks; imports nothing that would add to it."""


def peak_megabytes() -> float:
    """The most memory that this process has had; not by `getrusage`, whose maximum is inherited from the parent."""
    with open("/proc/self/status", encoding="utf-8") as file:
        return int(next(line for line in file if line.startswith("VmHWM")).split()[1]) / 1024
