"""A SLURM of one node with pretend GPUs, run from a folder by whoever runs the tests."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue", "sinfo")

# Any two character devices will do: nothing opens them.
GPU_FILES = ("/dev/null", "/dev/zero")
SHARDS = 4
"""Shares of a GPU, of which every job may ask for some."""

SLURM_CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={controller_port}
SlurmdPort={node_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=1
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=3600
KillWait=1
GresTypes=gpu,shard
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=16000 Gres=gpu:{gpus},shard:{shards}
PartitionName=cpu Nodes={host} Default=YES MaxTime=120
PartitionName=gpu Nodes={host} MaxTime=120
"""


def missing_programs() -> list[str]:
    """What of SLURM and munge is not installed (Debian: slurm-wlm, munge)."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Cluster:
    """A running SLURM; `stop` ends its daemons."""

    folder: Path
    daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        """Start munged, slurmctld and slurmd, and wait until the node takes jobs."""
        for name in ("state", "spool", "bin"):
            (self.folder / name).mkdir(parents=True)
        host = socket.gethostname().split(".")[0]
        settings = {
            "host": host,
            "user": getpass.getuser(),
            "folder": self.folder,
            "controller_port": _free_port(),
            "node_port": _free_port(),
            "gpus": len(GPU_FILES),
            "shards": SHARDS * len(GPU_FILES),
        }
        (self.folder / "slurm.conf").write_text(SLURM_CONF.format(**settings))
        devices = [f"NodeName={host} Name=gpu File={file}\n" for file in GPU_FILES]
        devices += [f"NodeName={host} Name=shard Count={settings['shards']}\n"]
        (self.folder / "gres.conf").write_text("".join(devices))
        # Snakemake's plugin runs srun without the variables of SLURM, the one that says where this
        # cluster is included.
        srun = self.folder / "bin" / "srun"
        srun.write_text(
            f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {shutil.which("srun")} "$@"\n'
        )
        srun.chmod(0o700)
        self._start_munged()
        self._start("slurmctld", "-D")
        self._start("slurmd", "-D", "-N", host)
        self._wait_until_idle()

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which SLURM's commands find this cluster."""
        return {
            **os.environ,
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
        }

    def _start_munged(self) -> None:
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
        files = {
            "key-file": key,
            "socket": self.folder / "munge.socket",
            "pid-file": self.folder / "munged.pid",
            "log-file": self.folder / "munged.log",
            "seed-file": self.folder / "munged.seed",
        }
        options = [f"--{option}={file}" for option, file in files.items()]
        self._start("munged", "--foreground", "--force", *options)

    def _start(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.out").open("wb") as output:
            self.daemons.append(
                subprocess.Popen(
                    command, env=self.environment, stdout=output, stderr=subprocess.STDOUT
                )
            )

    def _wait_until_idle(self, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while self.ask("sinfo", "--noheader", "--format=%T").split()[:1] != ["idle"]:
            if time.monotonic() > end:
                logs = [path.read_text(errors="replace")[-2000:] for path in self.logs()]
                raise RuntimeError("\n".join(["SLURM does not start", *logs]))
            time.sleep(0.2)

    def logs(self) -> list[Path]:
        """What the daemons wrote."""
        return sorted([*self.folder.glob("*.log"), *self.folder.glob("*.out")])

    def ask(self, *command: str) -> str:
        """Output of one of SLURM's commands."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        return done.stdout

    def jobs(self) -> list[dict[str, str]]:
        """SLURM's own record of every job: what `scontrol show job` calls them, by name."""
        lines = self.ask("scontrol", "show", "job", "--oneliner", "--details").splitlines()
        return [
            dict(word.split("=", 1) for word in line.split() if "=" in word)
            for line in lines
            if line.startswith("JobId=")
        ]

    def stop(self) -> None:
        """End what runs in the cluster and the cluster."""
        for job in self.jobs():
            self.ask("scancel", "--signal=KILL", "--full", job["JobId"])
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(timeout=10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
