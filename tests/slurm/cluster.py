"""A SLURM cluster on one machine: munge, a controller, two nodes with a pretended GPU each.

    sudo .venv/bin/python tests/slurm/cluster.py     # up, from nothing; down again when you leave

Everything is in one temporary folder: key, configuration, state, logs. Nothing listens beyond
127.0.0.1, and a SLURM or munge that the machine already runs is not touched. The cluster lives as
long as its standard input is open, so it ends with whoever started it, even by `kill -9`.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")  # slurm-wlm, and munge
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged")
QUIET = {"DEBIAN_FRONTEND": "noninteractive"}
SYSTEM_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin"
NODES = ("node1", "node2")
CPUS, MEMORY_MB = 16, 64_000  # of a node; what the machine really has does not count
PATIENCE = 60  # seconds for anything to start or end

# No cgroups, since a container may not have them: memory is limited by looking at it every second.
CONFIGURATION = """\
ClusterName={name}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdPidFile={folder}/%n.pid
SlurmdLogFile={folder}/%n.log
SlurmdSpoolDir={folder}/spool.%n
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=1,sched_interval=2,bf_interval=2
GresTypes=gpu
ReturnToService=2
SlurmdTimeout=10
KillWait=10
MinJobAge=3600
NodeName=DEFAULT CPUs={cpus} Boards=1 SocketsPerBoard=1 CoresPerSocket={cpus} ThreadsPerCore=1
NodeName=DEFAULT RealMemory={memory} Gres=gpu:1
NodeName={nodes[0]} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} Feature=lasting
NodeName={nodes[1]} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]}
PartitionName=cpu Nodes=ALL Default=YES
PartitionName=gpu Nodes=ALL
"""

# The step of a job starts `srun` with an environment free of SLURM_CONF.
SRUN = """\
#!/bin/sh
SLURM_CONF={folder}/slurm.conf exec {srun} "$@"
"""


class UnavailableError(Exception):
    """SLURM is not here and cannot be had; the message says why."""


class Cluster:
    """The daemons and files of one cluster."""

    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        self.name = "".join(filter(str.isalnum, self.folder.name))  # all that SLURM allows

    def up(self):
        """Install what is missing, write the configuration, start the daemons, wait for them."""
        install()
        self._write()
        start = {**os.environ, "PATH": SYSTEM_PATH}
        files = {"key-file": "key", "socket": "socket", "log-file": "log", "seed-file": "seed"}
        munge = [f"--{option}={self.folder}/munge.{end}" for option, end in files.items()]
        _succeed("munged", *munge, f"--pid-file={self.folder}/munged.pid", env=start)
        _succeed("slurmctld", "-f", self.folder / "slurm.conf", env=start)
        for node in NODES:
            self.start(node)
        _wait(lambda: self.nodes() == dict.fromkeys(NODES, "idle"), "idle nodes", self.log)

    def start(self, node):
        """Start the daemon of a node."""
        conf = self.folder / "slurm.conf"
        _succeed("slurmd", "-f", conf, "-N", node, env={**os.environ, "PATH": SYSTEM_PATH})

    def lose(self, node):
        """Let a node go down as in a power cut: nothing on it lives to report an end."""
        for pid in self._daemons(node):
            _kill(pid, signal.SIGKILL)
        for _ in range(10):  # a process that was just being started is seen a moment later
            tasks = [p for p in self.processes() if _environment(p).get("SLURMD_NODENAME") == node]
            steps = {a for p in tasks for a in _ancestors(p) if _command(a) == "slurmstepd"}
            for pid in [*steps, *tasks]:
                _kill(pid, signal.SIGKILL)
            time.sleep(0.1)

    def down(self):
        """Cancel what runs, stop the daemons, end what is left of jobs and of their Snakemakes."""
        if self._daemons("slurmctld"):
            self.client("scancel", "--user", getpass.getuser())
        for name in (*NODES, "slurmctld", "munged"):
            for pid in self._daemons(name):
                _kill(pid, signal.SIGTERM)
                _wait(lambda pid=pid: not alive(pid), f"the end of {name}", self.log)
        for pid in self.processes():
            _kill(pid, signal.SIGKILL)

    def environment(self):
        """Return what the commands of this cluster need, and what marks their processes."""
        return {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "SLURM_CLUSTER_NAME": self.name,  # SLURM gives it to all processes of a job
            "PATH": f"{self.folder}/bin:{SYSTEM_PATH}",
        }

    def client(self, *command):
        """Run a SLURM command; return what it printed."""
        environment = {**os.environ, **self.environment()}
        return _succeed(*command, env=environment)

    def nodes(self):
        """Return the state of each node."""
        rows = self.client("sinfo", "-h", "-N", "-p", "cpu", "-o", "%N %T").splitlines()
        return dict(row.split() for row in rows)

    def processes(self):
        """Return the ids of all processes of jobs, and of the Snakemakes of tests."""
        found = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()]
        return [p for p in found if _environment(p).get("SLURM_CLUSTER_NAME") == self.name]

    def listening(self):
        """Return the addresses that the cluster listens on."""
        ours = [*self.processes()]
        for name in (*NODES, "slurmctld", "munged"):
            ours += self._daemons(name)
        sockets = {link for pid in ours for link in _opened(pid)}
        tables = [Path(f"/proc/net/{t}").read_text().splitlines()[1:] for t in ("tcp", "tcp6")]
        rows = [row.split() for table in tables for row in table]
        return {r[1] for r in rows if r[3] == "0A" and f"socket:[{r[9]}]" in sockets}

    def log(self):
        """Return the last lines of every log."""
        files = sorted(self.folder.glob("*.log"))
        return "\n".join(f"{f}:\n{f.read_text(errors='replace')[-2000:]}" for f in files)

    def _write(self):
        (self.folder / "bin").mkdir()
        self.folder.chmod(0o755)
        for name in ("state", *(f"spool.{node}" for node in NODES)):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
        text = CONFIGURATION.format(
            name=self.name,
            host=socket.gethostname(),
            user=getpass.getuser(),
            folder=self.folder,
            nodes=NODES,
            ports=_free_ports(1 + len(NODES)),
            cpus=CPUS,
            memory=MEMORY_MB,
        )
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")
        srun = self.folder / "bin" / "srun"
        srun.write_text(SRUN.format(folder=self.folder, srun=shutil.which("srun")))
        srun.chmod(0o755)

    def _daemons(self, name):
        """Return the process of a daemon, if it lives; its id may have gone to another program."""
        file = self.folder / f"{name}.pid"
        pid = int(file.read_text()) if file.exists() and file.read_text().strip() else 0
        command = "slurmd" if name in NODES else name
        return [pid] if pid and alive(pid) and _command(pid) == command else []


def install():
    """Install SLURM from apt if it is not here; `UnavailableError` if that cannot be."""
    host = socket.gethostname()
    if not _resolved(host).startswith("127."):
        raise UnavailableError(f"{host} is {_resolved(host)}: SLURM would listen beyond loopback")
    missing = [name for name in PROGRAMS if shutil.which(name, path=SYSTEM_PATH) is None]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise UnavailableError(
            f"no {', '.join(missing)}; `apt-get install {' '.join(PACKAGES)}` needs root and Debian"
        )
    with _no_services():
        for command in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
            try:
                _succeed("apt-get", "-qq", *command, env={**os.environ, **QUIET}, seconds=300)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                raise UnavailableError(str(error).strip().replace("\n", "; ")) from None


@contextmanager
def _no_services():
    """Keep packages from starting their services: Debian asks this file before it does."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


def _resolved(host):
    try:
        return socket.gethostbyname(host)
    except OSError as error:
        return f"unknown ({error})"


def _free_ports(number):
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _succeed(*command, env, seconds=PATIENCE):
    done = subprocess.run(
        [str(part) for part in command],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=seconds,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stdout}")
    return done.stdout


def _wait(condition, what, log):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"no {what} after {PATIENCE} s\n{log()}")
        time.sleep(0.1)


def _read(pid, file):
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:  # it ended, or is not ours
        return b""


def alive(pid):
    """Say whether a process lives."""
    state = _read(pid, "stat").rpartition(b") ")[2]
    return bool(state) and not state.startswith(b"Z")  # in a container nobody may reap it


def _command(pid):
    return _read(pid, "comm").decode(errors="replace").strip()


def _environment(pid):
    pairs = _read(pid, "environ").decode(errors="replace").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def _ancestors(pid):
    while pid > 1:
        pid = int(_read(pid, "stat").rpartition(b") ")[2].split()[1:2][0] or 0)
        yield pid


def _opened(pid):
    try:
        return {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        return set()


def _kill(pid, number):
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def main(folder):
    """Hold a cluster until standard input ends."""
    cluster = Cluster(folder)
    try:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        cluster.up()
        print(f"up: {cluster.folder}", flush=True)
        print(*(f"export {k}={v}" for k, v in cluster.environment().items()), sep="\n", flush=True)
        sys.stdin.read()
    except UnavailableError as error:
        print(f"unavailable: {error}", flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        cluster.down()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="slurmtest-") as temporary:
        main(temporary)
