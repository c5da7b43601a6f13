"""A sweep through Ray: each task runs one part and returns its lines.

usage: ray_sweep.py PLAN.toml RESULTS.jsonl PARTS [PROCESSES]

Needs `pip install ray` and `halfclose` on the PATH of every node. Without a
cluster (RAY_ADDRESS) it starts a local one with PROCESSES workers.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import ray


@ray.remote(num_cpus=1)
def part(plan: bytes, index: int, parts: int) -> tuple[int, bytes]:
    """Which process this is, and the results of part `index` as the program wrote them."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "plan.toml")
        file.write_bytes(plan)
        out = pathlib.Path(folder, "part.jsonl")
        command = ["halfclose", "sweep", str(file), "--shard", f"{index}/{parts}", "-o", str(out)]
        # One CPU for each task: one run at a time.
        environment = os.environ | {"RAYON_NUM_THREADS": "1"}
        subprocess.run(command, check=True, capture_output=True, env=environment)
        return os.getpid(), out.read_bytes()


def main() -> None:
    plan, results, parts = sys.argv[1], sys.argv[2], int(sys.argv[3])
    processes = int(sys.argv[4]) if len(sys.argv) > 4 else None
    # Workers inherit the PATH; a cluster's nodes have their own.
    if "RAY_ADDRESS" in os.environ:
        ray.init()
    else:
        ray.init(num_cpus=processes, include_dashboard=False)
    text = pathlib.Path(plan).read_bytes()
    done = ray.get([part.remote(text, index, parts) for index in range(parts)])
    print(f"Ray {ray.__version__}: {parts} parts by {len({worker for worker, _ in done})} processes", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for index, (_, content) in enumerate(done):
            file = pathlib.Path(folder, f"part-{index}.jsonl")
            file.write_bytes(content)
            files.append(str(file))
        subprocess.run(["halfclose", "merge", plan, *files, "-o", results], check=True)


if __name__ == "__main__":
    main()
