"""A SLURM of one machine, on loopback only, in a folder of its own."""

import os
import shutil
import subprocess
import time
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged")
CONFIGURATION = """\
ClusterName=mlfix
SlurmctldHost={host}(127.0.0.1)
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort=6917
SlurmdPort=6918
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=1,default_queue_depth=1000
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4096 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def is_there() -> str:
    """Why there is no SLURM here, after an attempt to install it; empty if there is."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    if os.geteuid() != 0:
        return "SLURM's daemons want to be root"
    if not all(shutil.which(program, path=path) for program in PROGRAMS):
        packages = ["slurmctld", "slurmd", "slurm-client", "munge"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
        # Debian would start the daemons at once, with a configuration that is not there.
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages]):
            subprocess.run(command, **quiet)
    missing = [program for program in PROGRAMS if not shutil.which(program, path=path)]
    return f"{', '.join(missing)} could not be installed" if missing else ""


class Slurm:
    """Use it with `with`; `sbatch` waits for the job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: list[subprocess.Popen] = []

    def __enter__(self) -> "Slurm":
        folder = self.folder
        for name in ("state", "spool"):
            (folder / name).mkdir(parents=True)
        host = os.uname().nodename.split(".")[0]
        conf = folder / "slurm.conf"
        conf.write_text(CONFIGURATION.format(host=host, folder=folder))
        # Munge takes its key only from a folder into which nobody else may write.
        key = folder / "munge" / "munge.key"
        key.parent.mkdir(mode=0o700)
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        self.environment = os.environ | {"SLURM_CONF": str(conf), "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
        munge = ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket",
                 f"--pid-file={folder}/munge/pid", f"--seed-file={folder}/munge/seed"]
        self.start("munged", munge)
        self.start("slurmctld", ["slurmctld", "-D", "-c", "-f", str(conf)])
        self.start("slurmd", ["slurmd", "-D", "-f", str(conf), "-N", host])
        for _ in range(300):
            said = subprocess.run(["sinfo", "-h", "-o", "%T"], env=self.environment, capture_output=True, text=True)
            if "idle" in said.stdout:
                return self
            time.sleep(0.1)
        logs = "\n".join(f"{path.name}: {path.read_text()[-1500:]}" for path in folder.glob("*.log"))
        self.__exit__()
        raise RuntimeError(f"SLURM does not start: {said.stdout}{said.stderr}\n{logs}")

    def start(self, name: str, command: list[str]) -> None:
        log = (self.folder / f"{name}.log").open("w")
        self.daemons.append(subprocess.Popen(command, env=self.environment, stdout=log, stderr=log))
        if name == "munged":
            for _ in range(100):
                if (self.folder / "munge.socket").exists():
                    break
                time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()

    def sbatch(self, script: Path, *options: str, environment: dict[str, str] | None = None) -> int:
        """Submits it, and returns the exit code of the job: the highest of all its elements."""
        command = ["sbatch", "--wait", "--quiet", *options, str(script)]
        environment = self.environment | (environment or {})
        return subprocess.run(command, cwd=script.parent, env=environment, stdout=subprocess.DEVNULL, timeout=3000).returncode
