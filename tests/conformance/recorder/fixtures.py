#!/usr/bin/env python3
"""Makes the images that the scenarios use: usage: fixtures.py SOCKET

With REGISTRY=HOST:PORT it also puts into that registry what a mirror of the Hub would have.

All hold Debian's static busybox with its applets; they differ in name, platform and configuration as the ones of the
recording did.
"""
import io, os, shutil, subprocess, sys, tarfile, time
from urllib.parse import quote
from recorder import Exchange, mktar

PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PASSWD = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n"
GROUP = "root:x:0:\naudio:x:29:\nmail:x:8:\nnogroup:x:65534:\n"


def root(marker):
    """a root file system as a tar archive; the marker makes its layer differ from others"""
    program = shutil.which("busybox") or sys.exit("needs a static busybox")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        def add(name, content=None, kind=tarfile.REGTYPE, link="", mode=0o644):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.mode, entry.mtime = kind, link, mode, 1700000000
            entry.size = len(content) if content else 0
            tar.addfile(entry, io.BytesIO(content) if content else None)
        for folder, mode in (("bin", 0o755), ("dev", 0o755), ("etc", 0o755), ("home", 0o755), ("proc", 0o755), ("root", 0o700),
                             ("sys", 0o755), ("tmp", 0o1777), ("usr", 0o755), ("var", 0o755)):
            add(folder, kind=tarfile.DIRTYPE, mode=mode)
        add("bin/busybox", open(program, "rb").read(), mode=0o755)
        for applet in subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split():
            if applet != "busybox": add("bin/" + applet, kind=tarfile.SYMTYPE, link="busybox", mode=0o777)
        add("etc/passwd", PASSWD.encode()); add("etc/group", GROUP.encode()); add("etc/marker", marker.encode())
    return out.getvalue()


def load(sock, name, changes, platform="linux/amd64", marker=""):
    repo, tag = name.rsplit(":", 1)
    target = "/images/create?fromSrc=-&repo=%s&tag=%s&platform=%s" % (quote(repo), tag, quote(platform))
    target += "".join("&changes=" + quote(c) for c in changes)
    x = Exchange(sock, "POST", target, {"Content-Type": "application/x-tar"}, root(marker or name), 60)
    x.read_head(); x.read_body()
    if x.status != 200 or b"error" in x.body: sys.exit("import of %s: %d %s" % (name, x.status, x.body))


def tag(sock, name, repo, new):
    x = Exchange(sock, "POST", "/images/%s/tag?repo=%s&tag=%s" % (name, repo, new), {}, None, 60)
    x.read_head(); x.read_body()


def forget(sock, name):
    x = Exchange(sock, "DELETE", "/images/%s?force=1" % name, {}, None, 60)
    x.read_head(); x.read_body()


def done(sock, method, target, headers=None, body=None):
    x = Exchange(sock, method, target, headers or {}, body, 60)
    x.read_head(); x.read_body()
    if x.status >= 400 or b"errorDetail" in x.body: sys.exit("%s %s: %d %s" % (method, target, x.status, x.body))


def mirror(sock, registry):
    """the same names as in the Hub's library; nginx has two small layers on top of busybox"""
    context = mktar({"Dockerfile": "FROM busybox:latest\nCOPY a /a\nCOPY b /b\n", "a": "a" * 100, "b": "b"})
    done(sock, "POST", "/build?t=nginx:latest", {"Content-Type": "application/x-tar"}, context)
    for name in ("busybox", "nginx", "hello-world"):
        there = "%s/library/%s" % (registry, name)
        done(sock, "POST", "/images/%s:%s/tag?repo=%s&tag=latest" % (name, "frozen" if name == "hello-world" else "latest", there))
        done(sock, "POST", "/images/%s/push?tag=latest" % there, {"X-Registry-Auth": "e30="})
        forget(sock, there + ":latest")
    forget(sock, "nginx:latest")
    done(sock, "POST", "/build/prune?all=1")


def main(sock):
    forget(sock, "hello-world:latest")  # the built-in image: the recording's daemon had none
    # in the order in which the recording's images were made
    load(sock, "alpine:3.10", [PATH, 'CMD ["/bin/sh"]'])
    load(sock, "alpine:latest", [PATH, 'CMD ["/bin/sh"]'])
    load(sock, "busybox:latest", [PATH, 'CMD ["sh"]'])
    load(sock, "busybox:glibc", [PATH, 'CMD ["sh"]'])
    load(sock, "hello-world:arm64", [PATH, 'CMD ["/hello"]'], "linux/arm64")
    load(sock, "arm32v7/hello-world:latest", [PATH, 'CMD ["/hello"]'], "linux/arm/v7")
    load(sock, "hello-world:amd64", [PATH, 'CMD ["/hello"]']); tag(sock, "hello-world:amd64", "hello-world", "frozen")
    if os.environ.get("REGISTRY"): mirror(sock, os.environ["REGISTRY"])
    load(sock, "debian:bookworm-slim", [PATH, 'CMD ["bash"]'])


if __name__ == "__main__":
    main(sys.argv[1])
