"""Two machines of a LAN: network namespaces joined by a cable that can be slow, jittery and lossy, with a state
directory each. Needs root, `ip` and /dev/net/tun; what uses it skips otherwise.

The cable is a pair of TUN devices and a process that carries packets between them, which records what passes and, unlike
tc's netem, is there on every kernel."""

import fcntl
import hashlib
import heapq
import json
import os
import pathlib
import random
import selectors
import shutil
import struct
import subprocess
import sys
import tempfile
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
PACKET_MAX = 65536


def why_not():
    """Why there can be no two machines here; empty when there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool in ("ip", "openssl"):
        if not shutil.which(tool):
            return f"the tool {tool} is missing"
    if not os.path.exists("/dev/net/tun"):
        return "/dev/net/tun is missing"
    name = f"troupe-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if made.returncode != 0:
        return "this process may not make network namespaces"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return ""


class machine:
    def __init__(self, name, address, folder):
        self.name = name
        self.namespace = f"troupe-{name}-{os.getpid()}"
        self.address = address
        self.state = folder / name
        self.state.mkdir(mode=0o700)
        pem = self.state / "identity.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", pem], check=True, capture_output=True)
        pem.chmod(0o600)
        public = subprocess.run(["openssl", "pkey", "-in", pem, "-pubout", "-outform", "DER"], check=True,
                                capture_output=True).stdout
        self.key = hashlib.sha256(public).hexdigest()

    def trust(self, *peers):
        """Replaces the list of paired machines by (machine, role) pairs."""
        listed = [{"key": peer.key, "name": peer.name, "role": role, "addresses": []} for peer, role in peers]
        fresh = self.state / "peers.json.new"
        fresh.write_text(json.dumps({"version": 1, "peers": listed}))
        fresh.rename(self.state / "peers.json")

    def command(self, *words):
        return ["ip", "netns", "exec", self.namespace, *map(str, words)]


class two_machines:
    """A context: `a` and `b`, and what passed between them in `captured()`."""

    def __init__(self, delay_s=0.0, jitter_s=0.0, loss=0.0, bytes_per_s=None, seed=1):
        self.line = [delay_s, jitter_s, loss, bytes_per_s or 0, seed]

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="troupe_lan_"))
        self.a = machine("a", "10.77.0.1", self.folder)
        self.b = machine("b", "10.77.0.2", self.folder)
        self.namespaces, self.carrier = [], None
        try:
            for each in (self.a, self.b):
                subprocess.run(["ip", "netns", "add", each.namespace], check=True)
                self.namespaces.append(each.namespace)
                subprocess.run(each.command("ip", "link", "set", "lo", "up"), check=True)
            self.record = self.folder / "captured"
            self.carrier = subprocess.Popen(
                [sys.executable, __file__, self.a.namespace, self.b.namespace, self.record, *map(str, self.line)],
                stdout=subprocess.PIPE)
            if self.carrier.stdout.readline() != b"ready\n":
                raise RuntimeError("the cable between the namespaces cannot be made")
            for here, there in ((self.a, self.b), (self.b, self.a)):
                subprocess.run(here.command("ip", "addr", "add", here.address, "peer", there.address, "dev", "cable"),
                               check=True)
                subprocess.run(here.command("ip", "link", "set", "cable", "up"), check=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.carrier:
            self.carrier.kill()
            self.carrier.communicate()
        for namespace in self.namespaces:
            subprocess.run(["ip", "netns", "del", namespace], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def captured(self):
        return self.record.read_bytes()


def open_tun(namespace):
    """A TUN device `cable` within the namespace: a child makes it there and hands the descriptor back."""
    import socket
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            import ctypes
            libc = ctypes.CDLL(None, use_errno=True)
            with open(f"/var/run/netns/{namespace}", "rb") as wanted:
                if libc.setns(wanted.fileno(), 0) != 0:
                    os._exit(1)
            tun = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", b"cable", IFF_TUN | IFF_NO_PI))
            socket.send_fds(theirs, [b"x"], [tun])
            os._exit(0)
        finally:
            os._exit(1)
    theirs.close()
    _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    os.waitpid(child, 0)
    if not descriptors:
        raise RuntimeError("no TUN device")
    os.set_blocking(descriptors[0], False)
    return descriptors[0]


def carry(namespaces, record, delay_s, jitter_s, loss, bytes_per_s, seed):
    """Carries packets both ways until killed: late by the delay and up to the jitter more (later packets may overtake),
    lost at random, and no faster than the line."""
    ends = [open_tun(namespace) for namespace in namespaces]
    chance = random.Random(seed)
    free_at = [0.0, 0.0]  # when the line of each direction has sent what it took
    under_way = []
    count = 0
    with selectors.DefaultSelector() as ready, open(record, "wb", buffering=0) as file:
        for side, end in enumerate(ends):
            ready.register(end, selectors.EVENT_READ, side)
        print("ready", flush=True)
        while True:
            wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
            for key, _ in ready.select(wait):
                for _ in range(64):
                    try:
                        packet = os.read(key.fd, PACKET_MAX)
                    except BlockingIOError:
                        break
                    file.write(packet)
                    now = time.monotonic()
                    side = key.data
                    if loss and chance.random() < loss:
                        continue
                    if bytes_per_s:
                        backlog = max(free_at[side], now)
                        if backlog - now > 0.2:
                            continue  # a router's queue is full
                        free_at[side] = backlog + len(packet) / bytes_per_s
                        now = free_at[side]
                    count += 1
                    heapq.heappush(under_way, (now + delay_s + chance.random() * jitter_s, count, 1 - side, packet))
            while under_way and under_way[0][0] <= time.monotonic():
                _, _, side, packet = heapq.heappop(under_way)
                try:
                    os.write(ends[side], packet)
                except OSError:
                    pass  # the device is not up yet


if __name__ == "__main__":
    carry(sys.argv[1:3], sys.argv[3], *map(float, sys.argv[4:9]))
