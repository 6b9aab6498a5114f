"""A server under load while everything goes wrong: soak.py PROGRAM SECONDS

Writers find out what the server can take and then send 70 % of that, over TLS and with tokens. All
the while backups are made, and in turn the server is killed, its certificate is replaced, and its disk
is full. At the end every write that was acknowledged must be in the log where its receipt says, the log
must verify, with every posterior and score computed anew, and the server must not have grown. The
Python package of the build is on the path. As root the ledger is on a file system of its own, which can
be full; else that part is left out. Prints what was done, and fails with what was wrong.
"""

import array
import datetime
import itertools
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import credence
from credence import errors, v1

ORIGIN = "soak.test/ledger"
WRITERS = 8
QUESTIONS = 50
EVIDENCE_SHARE = 0.01
SHARE_OF_CAPACITY = 0.7
TILE_WIDTH, HASH_BYTES = 256, 32
DISK_BYTES = 8 << 30
START_SECONDS = 120
# The part of the time in which the capacity is measured, and the most that this may take.
MEASURED_PART, MEASURED_SECONDS_MAX = 0.1, 20.0
# What a server may grow by between two parts of the run that do the same.
GROWTH, GROWTH_KIB = 1.3, 64 << 10


class Failure(Exception):
    """What must not happen."""


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], text=True, capture_output=True,
                          check=False, **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}: exit code {done.returncode}\n"
                      f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


class Disk:
    """A file system of its own for the ledger, which can be filled."""

    def __init__(self, folder):
        self.path = folder / "disk"
        self.path.mkdir()
        self.ballast = self.path / "ballast"
        self.mounted = os.geteuid() == 0 and self.mount(folder / "disk.image")

    def mount(self, image):
        with open(image, "wb") as file:
            file.truncate(DISK_BYTES)
        try:
            run("mkfs.ext4", "-q", "-m", "0", image)
            run("mount", "-o", "loop", image, self.path)
        except (Failure, FileNotFoundError):
            image.unlink()
            return False
        return True

    def fill(self):
        """Takes all the room; what is being written ends in the middle."""
        with open(self.ballast, "wb") as file:
            while True:
                state = os.statvfs(self.path)
                left = state.f_bavail * state.f_frsize
                if left == 0:
                    return
                try:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, left)
                except OSError:
                    return

    def empty(self):
        self.ballast.unlink(missing_ok=True)

    def close(self):
        if self.mounted:
            run("umount", "-l", self.path)


class Authority:
    """Signs the server's certificates."""

    def __init__(self, folder):
        self.folder = folder
        self.count = 0
        self.openssl("req", "-x509", *self.key("ca"), "-days", "3650", "-subj", "/CN=Authority",
                     "-out", "ca.pem")
        (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1", encoding="utf-8")
        self.renew()

    def openssl(self, *arguments):
        run("openssl", *arguments, cwd=self.folder)

    @staticmethod
    def key(name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", f"{name}.key")

    def renew(self):
        """Replaces key and certificate whole, the key first."""
        self.count += 1
        self.openssl("req", *self.key("next"), "-subj", f"/CN=server-{self.count}",
                     "-out", "next.csr")
        self.openssl("x509", "-req", "-in", "next.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                     "-CAcreateserial", "-days", "3650", "-extfile", "names", "-out", "next.pem")
        os.replace(self.folder / "next.key", self.folder / "server.key")
        os.replace(self.folder / "next.pem", self.folder / "server.pem")


class Server:
    """The program, started again on the same ports after each end."""

    def __init__(self, program, folder, disk):
        self.program, self.folder, self.data = program, folder, disk.path / "ledger"
        self.key = run(program, "init", "--data", self.data, "--origin", ORIGIN).strip()
        self.ports = {"port": "0", "http-port": "0"}
        self.process, self.log = None, open(folder / "server.log", "ab")

    def token(self, principal, role):
        return run(self.program, "token", "create", "--data", self.data, "--principal", principal,
                   "--role", role).strip()

    def start(self):
        files = {name: self.folder / name for name in self.ports}
        for path in files.values():
            path.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [self.program, "serve", "--data", self.data, "--access", "required",
             "--tls-cert", "server.pem", "--tls-key", "server.key",
             "--backup-dir", self.folder / "backups", "--backup-minutes", "525600",
             "--caller-calls-per-second", "0",
             "--listen", f"127.0.0.1:{self.ports['port']}", "--port-file", files["port"],
             "--http", f"127.0.0.1:{self.ports['http-port']}", "--http-port-file", files["http-port"]],
            cwd=self.folder, stderr=self.log)
        limit = time.monotonic() + START_SECONDS
        while not all(path.exists() and path.read_text() for path in files.values()):
            if self.process.poll() is not None:
                raise Failure(f"the server does not start: exit code {self.process.returncode}")
            if time.monotonic() > limit:
                raise Failure("the server does not start in time")
            time.sleep(0.05)
        self.ports = {name: path.read_text(encoding="utf-8").strip() for name, path in files.items()}

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(START_SECONDS)
        if code != 0:
            raise Failure(f"the server ends with exit code {code}")

    @property
    def endpoint(self):
        return f"localhost:{self.ports['port']}"

    def resident_kib(self):
        try:
            text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
            return int(text.partition("VmRSS:")[2].split()[0])
        except (OSError, IndexError):
            return 0


class Load:
    """Writers that remember what was acknowledged."""

    def __init__(self, server, tls, token):
        self.server, self.tls, self.token = server, tls, token
        self.stopping = threading.Event()
        # Seconds between two writes of all writers together; 0 for as fast as they can.
        self.interval = 0.0
        self.next_time = time.monotonic()
        self.lock = threading.Lock()
        self.positions, self.hashes = array.array("q"), bytearray()
        self.refused = 0
        self.threads = [threading.Thread(target=self.write, args=(number,))
                        for number in range(WRITERS)]

    def client(self, **options):
        return credence.Client(self.server.endpoint, token=self.token, tls=self.tls, **options)

    def prepare(self):
        with self.client() as client:
            for number in range(QUESTIONS):
                request = v1.CreateQuestionRequest(question_id=f"q-{number}")
                request.question.title = f"Does {number} happen?"
                request.question.close_time.FromDatetime(datetime.datetime(2040, 1, 1))
                request.question.prior.fixed.probabilities.extend([0.3, 0.7])
                client.create_question(request)
            for number in range(WRITERS):
                client.create_forecaster(v1.CreateForecasterRequest(forecaster_id=f"f-{number}"))

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(120)
            if thread.is_alive():
                raise Failure("a writer has waited for two minutes")

    def pace(self, writes_per_second):
        with self.lock:
            self.interval = 1.0 / writes_per_second
            self.next_time = time.monotonic()

    def turn(self):
        """Waits until it is time for one more write."""
        with self.lock:
            # What was missed while the server was away is not made up for.
            self.next_time = max(self.next_time + self.interval, time.monotonic() - 1.0)
            wait = self.next_time - time.monotonic()
        if wait > 0:
            self.stopping.wait(wait)

    def write(self, number):
        draw = random.Random(number)
        with self.client(timeout=60.0, retries=100, backoff=0.05, backoff_max=0.5,
                         read_your_writes=False) as client:
            while not self.stopping.is_set():
                self.turn()
                try:
                    receipt = self.one(client, number, draw)
                except errors.CredenceError:
                    self.refused += 1
                    self.stopping.wait(0.2)
                    continue
                with self.lock:
                    self.positions.append(receipt.position)
                    self.hashes += receipt.leaf_hash

    @staticmethod
    def one(client, number, draw):
        question = f"q-{draw.randrange(QUESTIONS)}"
        if draw.random() < EVIDENCE_SHARE:
            request = v1.CreateEvidenceRequest(parent=f"questions/{question}")
            request.evidence.model.node = question
            request.evidence.model.summary = "a report"
            request.evidence.model.likelihood_ratio = draw.uniform(0.8, 1.25)
            return client.create_evidence(request).receipt
        forecast = v1.Forecast(forecaster=f"forecasters/f-{number}", rationale="as seen from here",
                               probability=draw.uniform(0.01, 0.99))
        return client.create_forecast(
            v1.CreateForecastRequest(parent=f"questions/{question}", forecast=forecast)).receipt


class Memory:
    """Samples what the server holds, with the time since its start."""

    def __init__(self, server):
        self.server, self.samples = server, []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        while not self.stopping.wait(1.0):
            resident = self.server.resident_kib()
            if resident > 0:
                self.samples.append(resident)

    def stop(self):
        self.stopping.set()
        self.thread.join()

    def parts(self):
        """The middle of the second and of the last quarter."""
        quarter = max(1, len(self.samples) // 4)
        return (statistics.median(self.samples[quarter:2 * quarter]),
                statistics.median(self.samples[-quarter:]))


class Backups:
    """One backup after another, each read back."""

    def __init__(self, server, folder, token):
        self.server, self.folder = server, folder
        (folder / "admin.token").write_text(token, encoding="utf-8")
        self.made = self.failed = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.make)

    def environment(self):
        return {**os.environ, "CREDENCE_ENDPOINT": self.server.endpoint,
                "CREDENCE_TLS_CA": str(self.folder / "ca.pem"), "CREDENCE_TIMEOUT": "60s",
                "CREDENCE_TOKEN_FILE": str(self.folder / "admin.token")}

    def call(self, *arguments):
        return subprocess.run([self.server.program, "backup", *map(str, arguments)],
                              env=self.environment(), capture_output=True, check=False)

    def make(self):
        while not self.stopping.wait(1.0):
            done = self.call("create", "--verify")
            if done.returncode == 0:
                self.made += 1
                self.call("prune", "--backup-dir", self.folder / "backups", "--keep", "2")
            else:
                # The server was killed, or its disk was full.
                self.failed += 1

    def stop(self):
        self.stopping.set()
        self.thread.join()


class Troubles:
    """What goes wrong, in turn."""

    def __init__(self, server, disk, authority):
        self.server, self.disk, self.authority = server, disk, authority
        self.counts = {}
        acts = [self.kill, self.renew]
        if disk.mounted:
            acts.append(self.fill)
        self.acts = itertools.cycle(acts)

    def next(self):
        act = next(self.acts)
        print(f"  {time.strftime('%H:%M:%S')} {act.__doc__}")
        act()
        self.counts[act.__doc__] = self.counts.get(act.__doc__, 0) + 1

    def kill(self):
        """kills"""
        self.server.kill()
        self.server.start()

    def renew(self):
        """certificates replaced"""
        self.authority.renew()

    def fill(self):
        """times that the disk was full"""
        self.disk.fill()
        time.sleep(3)
        self.disk.empty()
        # As the runbook has it.
        self.server.stop()
        self.server.start()


def check_acknowledged(load, export):
    """Each acknowledged write is where its receipt says, by the leaf hashes of the verified tiles."""
    tiles = {}
    for index, position in enumerate(load.positions):
        number = position // TILE_WIDTH
        if number not in tiles:
            tiles[number] = read_tile(export, number)
        at = position % TILE_WIDTH * HASH_BYTES
        leaf = bytes(load.hashes[index * HASH_BYTES:(index + 1) * HASH_BYTES])
        if tiles[number][at:at + HASH_BYTES] != leaf:
            raise Failure(f"what was acknowledged at position {position} is not there")


def read_tile(export, number):
    """Leaf hashes of one tile (C2SP tlog-tiles): the whole one, or the widest part."""
    parts = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        parts.insert(0, f"x{number % 1000:03d}")
    path = export.joinpath("tile", "0", *parts)
    if not path.exists():
        partial = list(path.parent.glob(f"{path.name}.p/*"))
        if not partial:
            raise Failure(f"the export has no {path}")
        path = max(partial, key=lambda found: int(found.name))
    return path.read_bytes()


def measure(load, seconds):
    """Writes a second when nobody waits."""
    load.start()
    time.sleep(min(2.0, seconds))
    before, began = len(load.positions), time.monotonic()
    time.sleep(seconds)
    return (len(load.positions) - before) / (time.monotonic() - began)


def trouble_for(seconds, troubles):
    """Each kind at least once, and then one every half minute or so."""
    end = time.monotonic() + seconds
    pause = min(30.0, seconds / 12)
    while time.monotonic() + pause < end:
        time.sleep(pause)
        troubles.next()
    time.sleep(max(0.0, end - time.monotonic()))


def judge(server, load, memory, folder):
    server.stop()
    run(server.program, "fsck", "--data", server.data)
    run(server.program, "export", "--data", server.data, folder / "export")
    run(server.program, "verify", folder / "export", "--key", server.key, "--recompute")
    run(server.program, "backup", "verify", "--backup-dir", folder / "backups")
    check_acknowledged(load, folder / "export")
    before, after = memory.parts()
    print(f"{len(load.positions)} writes acknowledged, {load.refused} refused; memory "
          f"{before / 1024:.0f} MiB, at the end {after / 1024:.0f} MiB")
    if len(load.positions) == 0:
        raise Failure("nothing was written")
    if after > before * GROWTH + GROWTH_KIB:
        raise Failure("the server grows")


def soak(program, seconds, folder):
    disk, authority = Disk(folder), Authority(folder)
    try:
        server = Server(program, folder, disk)
        admin = server.token("operator-1", "admin")
        server.start()
        load = Load(server, credence.Tls(authority=str(folder / "ca.pem")), admin)
        load.prepare()
        capacity = measure(load, min(MEASURED_SECONDS_MAX, seconds * MEASURED_PART))
        load.pace(capacity * SHARE_OF_CAPACITY)
        print(f"the writers reach {capacity:.0f} writes a second; now {SHARE_OF_CAPACITY:.0%} of it")
        backups, memory = Backups(server, folder, admin), Memory(server)
        backups.thread.start()
        troubles = Troubles(server, disk, authority)
        try:
            trouble_for(seconds, troubles)
        finally:
            disk.empty()
            load.stop()
            memory.stop()
            backups.stop()
        for what, count in troubles.counts.items():
            print(f"{count} {what}")
        print(f"{backups.made} backups made and read back, {backups.failed} given up")
        if backups.made == 0:
            raise Failure("no backup was made")
        judge(server, load, memory, folder)
    finally:
        if server.process is not None and server.process.poll() is None:
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
        disk.close()


def main():
    sys.stdout.reconfigure(line_buffering=True)
    program, seconds = str(pathlib.Path(sys.argv[1]).resolve()), float(sys.argv[2])
    folder = pathlib.Path(tempfile.mkdtemp(prefix="credence-soak-"))
    try:
        soak(program, seconds, folder)
    except Failure as failure:
        print(f"the soak failed: {failure}\neverything is kept in {folder}", file=sys.stderr)
        sys.exit(1)
    shutil.rmtree(folder)
    print("the soak passed")


if __name__ == "__main__":
    main()
