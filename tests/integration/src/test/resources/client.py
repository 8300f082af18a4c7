"""What a program does with Docker's Python library; ends with an error at the first surprise."""

import io
import sys
import tarfile
import time

import docker

IMAGE = sys.argv[1]
client = docker.DockerClient(base_url="unix://" + sys.argv[2], timeout=120)


def eventually(what, condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def check(got, wanted):
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"


def status(container):
    container.reload()
    return container.status


def health(container):
    container.reload()
    return container.attrs["State"]["Health"]["Status"]


def lives():
    c = client.containers.run(
        IMAGE,
        ["sh", "-c", "echo a; echo b >&2; exec sleep 1000"],
        detach=True,
        name="py",
        stop_signal="KILL",
        labels={"a": "1"},
        environment={"WORD": "x"},
        volumes={"py-volume": {"bind": "/v", "mode": "rw"}},
        mem_limit="64m",
        healthcheck={"test": ["CMD", "true"], "interval": 200000000},
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 2},
    )
    eventually("output", lambda: sorted(c.logs().split()) == [b"a", b"b"])
    check(c.logs(stderr=False), b"a\n")
    eventually("health", lambda: health(c) == "healthy")
    check(c.labels, {"a": "1"})
    check([m["Name"] for m in c.attrs["Mounts"]], ["py-volume"])
    # the library loses output that comes in one piece with the answer's head: a busy machine's does
    said = lambda: c.exec_run(["sh", "-c", "echo $WORD; exit 3"])
    eventually("exec", lambda: said() == (3, b"x\n"))
    both = lambda: c.exec_run(["sh", "-c", "echo o; echo e >&2"], demux=True).output
    eventually("exec of two streams", lambda: both() == (b"o\n", b"e\n"))
    assert c.stats(stream=False)["memory_stats"]["limit"] == 64 << 20
    assert any("sleep 1000" in " ".join(p) for p in c.top()["Processes"])
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("f.txt")
        entry.size = 3
        tar.addfile(entry, io.BytesIO(b"abc"))
    assert c.put_archive("/tmp", packed.getvalue())
    chunks, stat = c.get_archive("/tmp/f.txt")
    check((stat["name"], stat["size"], stat["mtime"]), ("f.txt", 3, "1970-01-01T00:00:00Z"))
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        check(tar.extractfile("f.txt").read(), b"abc")
    assert {"Path": "/tmp/f.txt", "Kind": 1} in c.diff()
    c.pause()
    check(status(c), "paused")
    c.unpause()
    c.update(mem_limit="128m", memswap_limit="256m")
    c.rename("py-renamed")
    c.restart(timeout=0)
    check(status(c), "running")
    c.stop(timeout=0)
    check(c.wait()["StatusCode"], 137)
    image = c.commit("py-image", "v1")
    check(image.tags, ["py-image:v1"])
    network = client.networks.create("py-network")
    network.connect(c)
    c.start()
    network.reload()
    check([n.name for n in network.containers], ["py-renamed"])
    network.disconnect(c)
    c.remove(force=True, v=True)
    network.remove()
    client.images.remove("py-image:v1")
    client.volumes.get("py-volume").remove()


def talks():
    c = client.api.create_container(IMAGE, "cat", stdin_open=True, tty=True)
    client.api.start(c)
    stream = client.api.attach_socket(c, {"stdin": 1, "stdout": 1, "stream": 1})
    stream._sock.sendall(b"hey\n")
    seen = b""
    while seen.count(b"hey") < 2:
        seen += stream._sock.recv(100)
    stream._sock.close()
    client.api.remove_container(c, force=True)


def fails():
    try:
        client.containers.run(IMAGE, ["sh", "-c", "echo bad >&2; exit 4"], remove=True)
        assert False, "no error"
    except docker.errors.ContainerError as e:
        check((e.exit_status, e.stderr), (4, b"bad\n"))
    try:
        client.containers.get("nobody")
        assert False, "no error"
    except docker.errors.NotFound as e:
        check(e.explanation, "No such container: nobody")
    try:
        client.images.get("no-such-image")
        assert False, "no error"
    except docker.errors.ImageNotFound:
        pass


def knows():
    assert client.ping()
    assert client.info()["OSType"] == "linux"
    check(client.containers.run(IMAGE, ["echo", "hello"], remove=True), b"hello\n")
    now = int(time.time())
    actions = [e["Action"] for e in client.events(since=now - 30, until=now + 1, decode=True)]
    assert "die" in actions, actions
    usage = set(client.df())  # single objects up to API 1.52, sums from there on
    sums = {"ImageUsage", "ContainerUsage", "VolumeUsage", "BuildCacheUsage"}
    assert usage >= sums or usage >= {"Images", "Containers", "Volumes", "LayersSize"}, usage
    saved = b"".join(client.images.get(IMAGE).save(named=True))
    check(client.images.load(saved)[0].tags, [IMAGE])


for part in (lives, talks, fails, knows):
    part()
print("all is well")
