#!/usr/bin/env python3
"""Records HTTP exchanges with a Docker-compatible daemon as JSON lines (stdlib only).

usage: recorder.py SOCKET OUTDIR SCENARIO.py...
env:   PLACEHOLDERS='literal=>placeholder;...'  extra host literals to hide (data root, binary folder ...)
       BRIDGE=172.30.0.1/16                     address of the default bridge
       PLAIN=/v1.51                             what paths without a version get: the newest that the recorded daemon had
       POOL=172.31.0.0/16                       where new networks get their subnets (of size 24)
Each scenario file defines run(rec). See README.md for the record's shape and the placeholders.
"""
import base64, importlib.util, io, ipaddress, json, os, re, socket, struct, sys, tarfile, threading, time
from urllib.parse import quote, urlencode

ALL = ["v1.24", "v1.41", "v1.44", "v1.47", "v1.51", ""]
HEX64 = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
HEX12 = re.compile(r"(?<![0-9a-zA-Z:.\-])[0-9a-f]{12}(?![0-9a-zA-Z])")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d| [+-]\d{4} [A-Z]+)?")
MAC = re.compile(r"(?<![0-9a-f:])(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?![0-9a-f:])")
KEYTYPE = {"NetworkID": "network", "EndpointID": "endpoint", "SandboxID": "sandbox", "ContainerID": "container",
           "execID": "exec", "ExecIDs": "exec", "Parent": "image", "Image": "image", "ImageID": "image", "Layers": "layer",
           "digest": "digest", "Digest": "digest", "container": "container", "Containers": "container",
           "Volumes": "volume", "id": "hex", "Deleted": "image", "Container": "container", "ParentId": "image", "Name": "volume"}
BRIDGE = ipaddress.ip_interface(os.environ.get("BRIDGE", "172.30.0.1/16"))
PLAIN = os.environ.get("PLAIN", "")
POOL = ipaddress.ip_network(os.environ.get("POOL", "172.31.0.0/16"))


class Norm:
    """Consistent placeholders inside one scenario."""
    def __init__(self, literals=()):
        self.map, self.count, self.literals, self.keep = {}, {}, list(literals), set()

    def new(self, kind, value, show=None):
        if value not in self.map:
            self.count[kind] = self.count.get(kind, 0) + 1
            self.map[value] = show or "<%s:%d>" % (kind, self.count[kind])
        return self.map[value]

    def reg(self, kind, value, show=None):
        if value:
            v = value.replace("sha256:", "")
            return self.new(kind, v, show)

    def hex64(self, v, key, text):
        if v in self.map:
            return self.map[v]
        if len(set(v)) <= 2:
            return v
        i = text.find(v)
        before = text[max(0, i - 40):i]
        if "overlay2/" in before: kind = "overlay"
        elif "@sha256:" in before: kind = "digest"
        elif key in KEYTYPE: kind = KEYTYPE[key]
        elif "/volumes/" in before: kind = "volume"
        elif "blobs/sha256/" in before: kind = "digest"
        elif "sha256:" in before: kind = "digest"
        else: kind = "hex"
        return self.new(kind, v)

    def hex12(self, v, text):
        if v.isdigit():
            return v
        for k, p in self.map.items():
            if len(k) == 64 and k.startswith(v):
                return p[:-1] + "/short>"
        i = text.find(v)
        before = text[max(0, i - 14):i]
        kind = "build-container" if ("Running in " in before or "container " in before) else "build-image" if "---> " in before else "short"
        return self.new(kind, v)

    def s(self, t, key=""):
        if key == "name" and re.fullmatch(r"[a-z]{4,}_[a-z]{3,}\d?", t): return self.new("random-name", "/" + t)
        for a, b in self.literals:
            t = t.replace(a, b)
        t = HEX64.sub(lambda m: self.hex64(m.group(0), key, t), t)
        t = re.sub(r"/l/[A-Z0-9]{26}", lambda m: "/l/" + self.new("overlay-link", m.group(0)), t)
        t = HEX12.sub(lambda m: self.hex12(m.group(0), t), t)
        def tm(m):
            v = m.group(0)
            if v.startswith("0001-01-01") or v in self.keep: return v
            return self.new("time" if m.group(1) else "time-s", v)
        t = TIME.sub(tm, t)
        t = MAC.sub(lambda m: m.group(0) if m.group(0) in self.keep or m.group(0) == "00:00:00:00:00:00" else self.new("mac", m.group(0)), t)
        def ip(m):
            v = m.group(0)
            a, _, p = v.partition("/")
            try: address = ipaddress.ip_address(a)
            except ValueError: return v
            size = "/16" if p == str(BRIDGE.network.prefixlen) else "/" + p if p else ""  # the recording's bridge is a /16
            if v in self.keep: return v
            if address == BRIDGE.ip: return "<bridge-gateway>" + size
            if v == str(BRIDGE.network): return "<bridge-subnet>"
            if address in BRIDGE.network: return self.new("bridge-ip", a) + size
            if v == str(POOL): return "<pool>"
            if address not in POOL: return v
            if a.endswith(".0"): return self.new("pool-subnet", a) + ("/" + p if p else "")
            if a.endswith(".1"): return self.new("pool-gateway", a) + ("/" + p if p else "")
            return self.new("pool-ip", a) + ("/" + p if p else "")
        t = re.sub(r"(?<![0-9.])\d{1,3}(?:\.\d{1,3}){3}(/\d+)?(?![0-9.]\d)", ip, t)
        t = re.sub(r"(?<![0-9a-z/])(?=[a-z]*[0-9])[0-9a-z]{25}(?![0-9a-z])", lambda m: self.new("cache", m.group(0)), t)
        t = re.sub(r"lookup (\S+) on \S+:53", r"lookup \1 on <dns>:53", t)
        t = re.sub(r"(read|dial) (udp|tcp) \S+:\d+->\S+:53", r"\1 \2 <local>-><dns>:53", t)
        t = re.sub(r"dial (udp|tcp) \S+:53", r"dial \1 <dns>:53", t)
        t = re.sub(r"docker-(tarextract|builder|import|remote|archive|export-)-?\d{4,}", r"docker-\1<n>", t)
        t = re.sub(r"(containerd-mount|runc-process|docker-build|buildkit-mount)\d+", r"\1<n>", t)
        return t

    def num(self, kind, v):
        return v if v == 0 else "<#" + self.new("#" + kind, "%s=%s" % (kind, v))[2:]

    def j(self, x, key="", path=""):
        if isinstance(x, dict):
            return {self.s(k, key): self.j(v, k, path + "/" + k) for k, v in x.items()}
        if isinstance(x, list):
            return [self.j(v, key, path) for v in x]
        if isinstance(x, str):
            if key == "HostPort" and x.isdigit() and 32768 <= int(x) <= 60999: return self.new("ephemeral-port", "p" + x)
            return self.s(x, key)
        if isinstance(x, bool) or x is None:
            return x
        if isinstance(x, (int, float)):
            if key in ("Pid", "pid"): return self.num("pid", x)
            if key == "PID": return self.num("pid", x)
            if 1700000000 < x < 1900000000: return self.num("unix", x)
            if 1700000000 * 10**9 < x < 1900000000 * 10**9: return self.num("unixnano", x)
            if key == "NCPU": return "<#host:ncpu>"
            if key == "MemTotal": return "<#host:mem>"
            if key in ("NFd", "NGoroutines"): return "<#host:%s>" % key
            if key == "PublicPort" and 32768 <= x <= 60999: return "<#" + self.new("ephemeral-port", "p%d" % x)[1:]
            if self.statmode and x != 0: return "<#n>"
            return x
        return x
    statmode = False


def frames(b):
    out, i = [], 0
    while i < len(b):
        if i + 8 > len(b) or b[i] > 3 or b[i + 1:i + 4] != b"\0\0\0":
            return None
        n = struct.unpack(">I", b[i + 4:i + 8])[0]
        if i + 8 + n > len(b):
            return None
        out.append((b[i], b[i + 8:i + 8 + n]))
        i += 8 + n
    return out


def text_or_b64(b):
    try:
        return b.decode("utf-8"), "text"
    except UnicodeDecodeError:
        return base64.b64encode(b).decode(), "base64"


def tar_listing(b, limit=60):
    out = []
    try:
        tf = tarfile.open(fileobj=io.BytesIO(b))
        for m in tf:
            e = {"name": m.name, "type": {b"0": "file", b"\0": "file", b"5": "dir", b"2": "symlink", b"1": "hardlink", b"3": "char"}.get(m.type, str(m.type)),
                 "mode": oct(m.mode), "uid": m.uid, "gid": m.gid, "size": m.size}
            if m.uname or m.gname: e["uname"], e["gname"] = m.uname, m.gname
            if m.linkname: e["link"] = m.linkname
            if m.pax_headers: e["pax"] = sorted(m.pax_headers)
            if m.isfile() and m.size <= 4000:
                t, enc = text_or_b64(tf.extractfile(m).read())
                if enc == "text":
                    try: e["json"] = json.loads(t) if t[:1] in "[{" else None
                    except ValueError: e["json"] = None
                    if e["json"] is None:
                        del e["json"]; e["text"] = t
            out.append(e)
    except tarfile.TarError as ex:
        if not out: return None
        out.append({"error": str(ex)})
    n = len(out)
    return out if n <= limit else out[:limit] + [{"more_entries": n - limit}]


def mktar(files):
    """files: {name: str|bytes|None(dir)|('link',target)|(mode,content)}"""
    bio = io.BytesIO()
    tf = tarfile.open(fileobj=bio, mode="w", format=tarfile.USTAR_FORMAT)
    for n, c in files.items():
        ti = tarfile.TarInfo(n); ti.mtime = 1700000000; ti.mode = 0o644
        if c is None: ti.type = tarfile.DIRTYPE; ti.mode = 0o755; tf.addfile(ti); continue
        if isinstance(c, tuple) and c[0] == "link": ti.type = tarfile.SYMTYPE; ti.linkname = c[1]; tf.addfile(ti); continue
        if isinstance(c, tuple): ti.mode, c = c
        if isinstance(c, str): c = c.encode()
        ti.size = len(c); tf.addfile(ti, io.BytesIO(c))
    tf.close()
    return bio.getvalue()


class Conn:
    def __init__(self, sock, timeout=30):
        self.s = socket.socket(socket.AF_UNIX); self.s.settimeout(timeout); self.s.connect(sock); self.buf = b""; self.eof = False

    def fill(self):
        d = self.s.recv(65536)
        if not d: self.eof = True
        self.buf += d
        return d

    def line(self):
        while b"\n" not in self.buf:
            if not self.fill(): break
        l, sep, self.buf = self.buf.partition(b"\n")
        return l.rstrip(b"\r")

    def exact(self, n):
        while len(self.buf) < n and not self.eof: self.fill()
        d, self.buf = self.buf[:n], self.buf[n:]
        return d

    def head(self):
        st = self.line().decode("latin1")
        h = []
        while True:
            l = self.line().decode("latin1")
            if not l: break
            k, _, v = l.partition(":"); h.append((k, v.strip()))
        return st, h


class Exchange:
    """One request; read the head, then the body as it comes."""
    def __init__(self, sock, method, target, headers, body, timeout=30):
        self.t0 = time.time()
        self.c = Conn(sock, timeout)
        h = {"Host": "docker"}; h.update(headers)
        if body is not None and "Content-Length" not in h and h.get("Transfer-Encoding") != "chunked":
            h["Content-Length"] = str(len(body))
        elif body is None and method in ("POST", "PUT") and "Content-Length" not in h:
            h["Content-Length"] = "0"
        h = {k: v for k, v in h.items() if v is not None}
        raw = "%s %s HTTP/1.1\r\n%s\r\n" % (method, target, "".join("%s: %s\r\n" % kv for kv in h.items()))
        try:
            self.c.s.sendall(raw.encode() + (body or b""))
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.method = method; self.chunks = 0; self.chunk_list = []; self.body = b""; self.timed_out = False; self.trailer = None

    def read_head(self):
        self.status_line, self.headers = self.c.head()
        self.headers_ms = int((time.time() - self.t0) * 1000)
        self.hd = {k.lower(): v for k, v in self.headers}
        p = self.status_line.split(" ", 2)
        self.status = int(p[1]) if len(p) > 1 and p[1].isdigit() else 0

    def read_body(self, until=None, limit=64 << 20):
        """until: seconds to read at most, or a function(body)->bool"""
        end = time.time() + until if isinstance(until, (int, float)) else None
        try:
            if self.method == "HEAD" or self.status in (204, 304):
                self.framing = "none"
            elif self.status == 101 or (self.hd.get("content-type", "").startswith("application/vnd.docker.") and "transfer-encoding" not in self.hd and "content-length" not in self.hd):
                self.framing = "hijacked"
                self._eof(end, until)
            elif self.hd.get("transfer-encoding") == "chunked":
                self.framing = "chunked"
                while True:
                    if end: self.c.s.settimeout(max(0.01, end - time.time()))
                    l = self.c.line()
                    if not l and self.c.eof: self.framing = "chunked (cut off)"; break
                    n = int(l.split(b";")[0] or b"0", 16)
                    d = self.c.exact(n)
                    if n == 0:
                        self.c.line(); break
                    self.c.line()
                    self.chunks += 1; self.body += d
                    if len(self.chunk_list) < 300: self.chunk_list.append(d)
                    if callable(until) and until(self.body): self.timed_out = True; break
                    if end and time.time() > end: self.timed_out = True; break
            elif "content-length" in self.hd:
                self.framing = "content-length"
                self.body = self.c.exact(int(self.hd["content-length"]))
            else:
                self.framing = "eof"
                self._eof(end, until)
        except (TimeoutError, socket.timeout):
            self.timed_out = True
        except ConnectionResetError:
            self.framing += " (reset)"
        self.duration_ms = int((time.time() - self.t0) * 1000)
        self.c.s.close()

    def _eof(self, end, until):
        self.body += self.c.buf; self.c.buf = b""
        while not self.c.eof:
            if callable(until) and until(self.body): self.timed_out = True; return
            if end:
                left = end - time.time()
                if left <= 0: self.timed_out = True; return
                self.c.s.settimeout(left)
            self.c.fill(); self.body += self.c.buf; self.c.buf = b""


class Events(threading.Thread):
    def __init__(self, sock):
        super().__init__(daemon=True)
        self.items, self.taken = [], 0
        self.x = Exchange(sock, "GET", "/v1.51/events", {}, None, timeout=None); self.x.read_head(); self.start()

    def run(self):
        try:
            while True:
                n = int(self.x.c.line() or b"0", 16)
                if not n: return
                d = self.x.c.exact(n); self.x.c.line()
                for l in d.split(b"\n"):
                    if l.strip(): self.items.append(json.loads(l))
        except (OSError, ValueError):
            pass

    def take(self):
        n = len(self.items); out = self.items[self.taken:n]; self.taken = n
        return out

    def close(self):
        try: self.x.c.s.shutdown(2)
        except OSError: pass


class Recorder:
    def __init__(self, sock, path, literals):
        self.sock, self.path = sock, path
        self.f = open(path, "w"); self.n = 0
        self.norm = Norm(literals); self.api = "v1.51"
        self.ev = Events(sock); self.settle = 0.06
        for im in self.q("GET", "/images/json?all=1")[1] or []:
            tags = [t for t in (im.get("RepoTags") or []) if t != "<none>:<none>"]
            name = tags[0] if tags else None
            self.norm.reg("image", im["Id"], "<image:%s>" % name if name else None)
        for nw in self.q("GET", "/networks")[1] or []:
            if nw["Name"] in ("bridge", "host", "none"): self.norm.reg("network", nw["Id"], "<network:%s>" % nw["Name"])

    # ---- not recorded
    def q(self, method, path, body=None, headers=None, timeout=60):
        h = dict(headers or {})
        if isinstance(body, (dict, list)): body = json.dumps(body).encode(); h.setdefault("Content-Type", "application/json")
        x = Exchange(self.sock, method, "/v1.51" + path, h, body, timeout); x.read_head(); x.read_body()
        try: return x.status, json.loads(x.body) if x.body.strip() else None
        except ValueError: return x.status, x.body

    def create(self, name=None, image="busybox:latest", cmd=("sleep", "600"), start=True, host=None, **cfg):
        """not recorded: makes a container, returns its id"""
        b = {"Image": image, "Cmd": list(cmd) if cmd else None, "HostConfig": host or {}}; b.update(cfg)
        st, r = self.q("POST", "/containers/create" + ("?name=" + name if name else ""), b)
        if st != 201: raise RuntimeError(r)
        self.norm.reg("container", r["Id"], "<container:%s>" % name if name else None)
        if start:
            st2, r2 = self.q("POST", "/containers/%s/start" % r["Id"])
            if st2 != 204: raise RuntimeError(r2)
        self.drain()
        return r["Id"]

    def clean(self):
        for c in self.q("GET", "/containers/json?all=1")[1] or []:
            if c["State"] == "paused": self.q("POST", "/containers/%s/unpause" % c["Id"])
            self.q("DELETE", "/containers/%s?force=1&v=1" % c["Id"])
        for nw in self.q("GET", "/networks")[1] or []:
            if nw["Name"] not in ("bridge", "host", "none"): self.q("DELETE", "/networks/" + nw["Id"])
        for v in (self.q("GET", "/volumes")[1] or {}).get("Volumes") or []: self.q("DELETE", "/volumes/" + v["Name"] + "?force=1")
        self.drain()

    def drain(self):
        time.sleep(self.settle); self.ev.take()

    def bridge(self, host):
        """an address of the default bridge"""
        return str(BRIDGE.network.network_address + host)

    # ---- recorded
    def call(self, name, method, path, query=None, body=None, headers=None, api=None, note=None, until=None, timeout=40,
             as_=None, hijack=None, stat=False, bg=False, raw_target=None, kind=None, slim=None):
        api = self.api if api is None else api
        h = dict(headers or {})
        rawbody, shown = None, None
        if body is not None:
            if isinstance(body, (dict, list)): rawbody = json.dumps(body).encode(); shown = body; h.setdefault("Content-Type", "application/json")
            elif isinstance(body, str): rawbody = body.encode(); shown = {"text": body}
            else:
                rawbody = body; l = tar_listing(body)
                shown = {"tar": l} if l else {"base64": base64.b64encode(body).decode()} if len(body) < 3000 else {"bytes": len(body)}
        qs = ""
        if query:
            if isinstance(query, str): qs = "?" + query
            else:
                items = []
                for k, v in query.items():
                    for w in v if isinstance(v, list) else [v]:
                        if isinstance(w, (dict,)): w = json.dumps(w, separators=(",", ":"))
                        items.append((k, str(w)))
                qs = "?" + urlencode(items)
        target = raw_target or (("/" + api if api else PLAIN) + path + qs)
        if h.get("Transfer-Encoding") == "chunked": rawbody = b"%x\r\n" % len(rawbody) + rawbody + b"\r\n0\r\n\r\n"
        req = {"method": method, "path": ("/" + api if api else "") + path if not raw_target else raw_target,
               "query": query if query else None, "headers": {k: v for k, v in h.items() if k not in ("Content-Length",)} or None, "body": shown}
        args = (name, api, req, note, as_, stat, kind, slim)
        if bg:
            return Bg(self, args, method, target, h, rawbody, until, timeout, hijack)
        x = Exchange(self.sock, method, target, h, rawbody, timeout)
        return self._finish(x, args, until, hijack)

    def _finish(self, x, args, until, hijack):
        x.sent = []
        try:
            x.read_head()
        except (TimeoutError, socket.timeout):
            x.status_line, x.headers, x.hd, x.status, x.headers_ms = "", [], {}, 0, None
            x.framing = "no answer within the time limit"; x.duration_ms = int((time.time() - x.t0) * 1000); x.c.s.close()
            return self.write(x, args)
        if hijack is not None and x.status in (101, 200):
            for step in hijack:
                if isinstance(step, bytes):
                    try: x.c.s.sendall(step)
                    except OSError: x.sent.append({"send_failed": True})
                    x.sent.append(text_or_b64(step)[0])
                elif step == "half-close": x.c.s.shutdown(socket.SHUT_WR); x.sent.append("<half-close>")
                elif isinstance(step, (int, float)): time.sleep(step)
                elif callable(step): step()
        x.read_body(until)
        return self.write(x, args)

    def write(self, x, args):
        name, api, req, note, as_, stat, kind, slim = args
        n = self.norm
        r = {"status": x.status}
        reason = x.status_line.split(" ", 2)[2:] if x.status_line else []
        r["reason"] = reason[0] if reason else ""
        hs = {}
        for k, v in x.headers:
            if k in ("Date",): continue
            if k == "Content-Length" and x.framing == "content-length": continue
            if k == "X-Docker-Container-Path-Stat":
                r["path_stat"] = n.j(json.loads(base64.b64decode(v))); v = "<base64 of path_stat>"
            hs[k] = v
        r["headers"] = hs
        r["framing"] = x.framing
        body = x.body; val = None
        ct = x.hd.get("content-type", "")
        stripped = body.strip()
        if as_ and not (as_ == "json-lines" and x.status >= 400): enc = as_
        elif not body: enc = "empty"
        elif "x-tar" in ct or body[257:262] == b"ustar": enc = "tar"
        elif x.status == 101 or "raw-stream" in ct or "multiplexed" in ct: enc = "frames" if frames(body) else "raw"
        elif stripped[:1] in (b"{", b"[", b"\x1e") or stripped in (b"null", b"true"): enc = "json"
        else: enc = "text"
        if enc == "json":
            try: val = json.loads(stripped)
            except ValueError:
                try:
                    val = [json.loads(l.lstrip(b"\x1e")) for l in stripped.splitlines() if l.strip()]; enc = "json-lines"
                except ValueError: val, enc = text_or_b64(body)
        elif enc == "json-lines":
            try: val = [json.loads(l.lstrip(b"\x1e")) for l in stripped.splitlines() if l.strip()]
            except ValueError: val, enc = text_or_b64(body)
        elif enc == "tar":
            val = tar_listing(body)
            if val is None: val, enc = text_or_b64(body[:3000])
        elif enc == "frames":
            val = [{"stream": s, "len": len(d), "text": text_or_b64(d)[0]} for s, d in frames(body) or []]
            if len(val) > 40: val = val[:40] + [{"more": len(val) - 40}]
        elif enc == "ws":
            val = ws_frames(body)
        elif enc == "raw": val, enc2 = text_or_b64(body)
        elif enc == "text": val, enc = text_or_b64(body)
        if slim:
            try: val = slim(val)
            except (KeyError, IndexError, TypeError, AttributeError): pass  # the answer has another shape: it is kept whole
        if req["path"].endswith("/info") and isinstance(val, dict) and "KernelVersion" in val:
            for k in ("Name", "OperatingSystem", "OSVersion"): val[k] = "<host:%s>" % k
        if enc == "json-lines": val = collapse(val)
        time.sleep(self.settle if req["method"] not in ("GET", "HEAD") else 0)
        evs0 = list(self.ev.items[self.ev.taken:])
        for m in re.finditer(rb'"ID":"sha256:([0-9a-f]{64})"', body): n.reg("image", m.group(1).decode())
        for e in evs0:
            if e["Type"] == "volume" and HEX64.fullmatch(e["Actor"]["ID"]): n.reg("volume", e["Actor"]["ID"])
            if e["Type"] == "image" and e["Actor"]["ID"].startswith("sha256:"): n.reg("image", e["Actor"]["ID"])
            if e["Type"] == "container" and e["Action"] == "create" and not req["path"].endswith("/containers/create"): n.reg("container", e["Actor"]["ID"])
        for m in re.finditer(rb"/volumes/([0-9a-f]{64})/_data", body): n.reg("volume", m.group(1).decode())
        # learn the new object's id
        pid = req["path"]
        if isinstance(val, dict) and isinstance(val.get("Id"), str) and x.status == 201:
            if pid.endswith("/containers/create"):
                nm = (req["query"] or {}).get("name") if isinstance(req["query"], dict) else None
                if nm: n.reg("container", val["Id"], "<container:%s>" % nm)
                else:
                    n.reg("container", val["Id"])
                    st, ins = self.q("GET", "/containers/%s/json" % val["Id"])
                    if st == 200: n.literals.insert(0, (ins["Name"][1:], n.new("random-name", ins["Name"])))
            elif pid.endswith("/networks/create"): n.reg("network", val["Id"], "<network:%s>" % (req["body"] or {}).get("Name", "?"))
            elif pid.endswith("/exec"): n.reg("exec", val["Id"])
            elif pid.endswith("/commit"): n.reg("image", val["Id"])
        if isinstance(val, dict) and pid.endswith("/volumes/create") and HEX64.fullmatch(str(val.get("Name"))): n.reg("volume", val["Name"])
        n.statmode = stat
        if enc not in ("empty",):
            r["encoding"] = enc
            if enc in ("json", "json-lines"):
                if not body.endswith(b"\n"): r["eol"] = "none"
                elif body.endswith(b"\r\n"): r["eol"] = "\r\n"
                else: r["eol"] = "\n"
                if re.search(rb"\\u00(3c|3e|26)", body): r["html_escaped"] = True
                if body[:1] == b"\x1e": r["record_separator"] = "\x1e"
            if x.framing.startswith("chunked"): r["chunks"] = x.chunks
            if enc == "json-lines" and x.chunk_list: r["lines"] = len(stripped.splitlines())
            r["bytes"] = len(body)
            r["body"] = n.j(val)
        n.statmode = False
        if x.timed_out: r["open"] = "the client stopped reading; the daemon had not ended the body"
        if getattr(x, "sent", None): r["client_sent"] = n.j(x.sent)
        r["headers_ms"], r["duration_ms"] = x.headers_ms, x.duration_ms
        evs = self.ev.take()
        n.statmode = False
        out = {"name": name, "api_version": api or None, "request": {k: v for k, v in n.j(req).items() if v is not None}, "response": r}
        if isinstance(out["response"]["headers"], dict): out["response"]["headers"] = n.j(out["response"]["headers"])
        for e in evs:
            if e["Type"] == "volume" and HEX64.fullmatch(e["Actor"]["ID"]): n.reg("volume", e["Actor"]["ID"])
        if evs: out["events"] = [("%s %s %s" % (e["Type"], n.s(e["Action"]), n.s((e["Actor"].get("Attributes") or {}).get("name") or e["Actor"]["ID"], "name"))).strip() for e in evs]
        if note: out["note"] = note
        self.f.write(json.dumps(out, ensure_ascii=False) + "\n"); self.f.flush(); self.n += 1
        x.value = val
        return x

    def seq(self, name, fn, wait=0.4, note=None):
        """runs fn (not recorded) and writes the full events it made"""
        self.drain(); fn(); time.sleep(wait)
        evs = self.ev.take()
        for e in evs:
            a = e["Actor"].get("Attributes") or {}
            if e["Type"] == "container" and e["Action"] == "create" and a.get("name"): self.norm.reg("container", e["Actor"]["ID"], "<container:%s>" % a["name"])
            if e["Type"] == "volume" and HEX64.fullmatch(e["Actor"]["ID"]): self.norm.reg("volume", e["Actor"]["ID"])
        out = {"name": name, "kind": "sequence", "events": [self.norm.j(e) for e in evs]}
        if note: out["note"] = note
        self.f.write(json.dumps(out, ensure_ascii=False) + "\n"); self.f.flush(); self.n += 1

    def versions(self, name, method, path, versions=ALL, **kw):
        for v in versions:
            x = self.call("%s [%s]" % (name, v or "no version"), method, path, api=v, **kw)
        return x

    def finish(self):
        time.sleep(0.3)
        ev = [self.norm.j(e) for e in self.ev.items]
        self.f.write(json.dumps({"name": "all events of this scenario", "kind": "events", "note": "one /v1.51/events stream, opened before the first exchange; set-up calls that are not recorded show up too", "events": ev}, ensure_ascii=False) + "\n")
        self.f.close(); self.ev.close()


class Bg(threading.Thread):
    """A recorded call that runs beside others; .done() writes its record."""
    def __init__(self, rec, args, method, target, h, rawbody, until, timeout, hijack):
        super().__init__(daemon=True)
        self.rec, self.args, self.until, self.hijack = rec, args, until, hijack
        self.x = Exchange(rec.sock, method, target, h, rawbody, timeout); self.x.sent = []; self.start(); time.sleep(0.15)

    def run(self):
        x = self.x
        try:
            x.read_head()
            for step in self.hijack or []:
                if isinstance(step, bytes): x.c.s.sendall(step); x.sent.append(text_or_b64(step)[0])
                elif step == "half-close": x.c.s.shutdown(socket.SHUT_WR); x.sent.append("<half-close>")
                elif isinstance(step, (int, float)): time.sleep(step)
            x.read_body(self.until)
        except (OSError, ValueError) as e:
            x.framing = "error %s" % e; x.duration_ms = int((time.time() - x.t0) * 1000)
            if not hasattr(x, "status"): x.status_line, x.headers, x.hd, x.status, x.headers_ms = "", [], {}, 0, None

    def cut(self):
        """the client closes its side"""
        try: self.x.c.s.shutdown(2)
        except OSError: pass
        return self.done()

    def done(self, timeout=30):
        self.join(timeout)
        if self.is_alive():
            try: self.x.c.s.shutdown(2)
            except OSError: pass
            self.join(3)
        return self.rec.write(self.x, self.args)


def ws_frames(b):
    out, i = [], 0
    while i + 2 <= len(b):
        op, ln, fin = b[i] & 15, b[i + 1] & 127, bool(b[i] & 128); masked = bool(b[i + 1] & 128); i += 2
        if ln == 126: ln = struct.unpack(">H", b[i:i + 2])[0]; i += 2
        elif ln == 127: ln = struct.unpack(">Q", b[i:i + 8])[0]; i += 8
        out.append({"opcode": op, "fin": fin, "masked": masked, "text": text_or_b64(b[i:i + ln])[0]}); i += ln
    return out


def ws_send(data, op=1):
    m = b"\1\2\3\4"
    return bytes([0x80 | op, 0x80 | len(data)]) + m + bytes(c ^ m[i % 4] for i, c in enumerate(data))


def collapse(lines):
    """progress lines repeat: keep the first of a run with the same id and status"""
    out, last, n = [], None, 0
    for l in lines:
        k = (l.get("id"), l.get("status")) if isinstance(l, dict) and l.get("status") in ("Downloading", "Extracting", "Pushing", "Loading layer", "Importing") and l.get("progressDetail") else None
        if k and k == last:
            out[-1]["(repeated)"] = "more lines like this"; continue
        last = k
        out.append(dict(l) if isinstance(l, dict) else l)
    return out


def main():
    sock, outdir = sys.argv[1], sys.argv[2]
    lits = [tuple(p.split("=>")) for p in os.environ.get("PLACEHOLDERS", "").split(";") if p] + [(sock, "<socket>")]
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    for f in sys.argv[3:]:
        name = os.path.basename(f)[:-3]
        spec = importlib.util.spec_from_file_location(name, f); m = importlib.util.module_from_spec(spec); spec.loader.exec_module(m)
        r = Recorder(sock, os.path.join(outdir, getattr(m, "OUT", name) + ".jsonl"), lits)
        t = time.time()
        try:
            if getattr(m, "CLEAN", True): r.clean()
            m.run(r)
        except Exception:
            import traceback; traceback.print_exc()
        finally:
            if getattr(m, "CLEAN", True): r.clean()
            r.finish()
        print("%-28s %4d exchanges %6.1f s" % (name, r.n, time.time() - t), flush=True)


if __name__ == "__main__":
    sys.modules["recorder"] = sys.modules["__main__"]
    main()
