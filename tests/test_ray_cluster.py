"""How a cluster is shared: by workers and by the tasks that read, on machines of any size."""

import math

import pytest

from modeling_lstm.utils.ray_cluster import READER_CPUS, WORKERS_A_READER, Cluster


@pytest.mark.parametrize(
    ("nodes", "workers", "threads"),
    [
        ([8.0], 1, 8),
        ([8.0], 3, 2),
        ([2.0], 4, 1),
        ([4.0, 4.0], 1, 4),
        ([4.0] * 4, 2, 4),
        ([4.0] * 4, 5, 2),
        ([16.0, 2.0], 2, 8),
        ([5.0, 1.0], 3, 1),
        ([4.0, 4.0], 20, 1),
        ([64.0] * 16, 1024, 1),
        ([1.0], 1, 1),
    ],
)
def test_each_worker_fits_on_a_machine_and_leaves_room_for_readers(
    nodes: list[float], workers: int, threads: int
) -> None:
    cluster = Cluster(None, nodes, workers)
    assert cluster.threads == threads
    assert 0 < cluster.cpus <= threads
    placed = readers = 0
    for cores in nodes:
        here = min(int(cores / cluster.cpus + 1e-9), workers - placed)
        while here and cores - here * cluster.cpus < READER_CPUS * math.ceil(here / WORKERS_A_READER) - 1e-9:
            here -= 1
        placed += here
        readers += math.ceil(here / WORKERS_A_READER)
    assert placed == workers and readers >= math.ceil(workers / WORKERS_A_READER)


def test_each_worker_gets_a_gpu_of_its_own_or_none_sees_any() -> None:
    assert Cluster(None, [2.0], 2).resources() == {"num_cpus": 0.87}
    assert Cluster(None, [2.0], 2, gpus=2).resources() == {"num_cpus": 0.87, "num_gpus": 1}
    hidden = Cluster(None, [2.0], 2, gpus=1).resources()
    assert hidden == {"num_cpus": 0.87, "runtime_env": {"env_vars": {"CUDA_VISIBLE_DEVICES": ""}}}
