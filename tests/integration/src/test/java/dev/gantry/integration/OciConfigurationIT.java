package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// What an OCI configuration may ask for, on the real kernel (runtime-spec config.md and
/// config-linux.md); what the plan unit tests cannot show.
class OciConfigurationIT {
  private static final String USER =
      """
      {"linux":{
        "namespaces":[{"type":"mount"},{"type":"pid"},{"type":"network"},{"type":"ipc"},
          {"type":"uts"},{"type":"cgroup"},{"type":"user"}],
        "uidMappings":[{"containerID":0,"hostID":100000,"size":65536}],
        "gidMappings":[{"containerID":0,"hostID":100000,"size":65536}]}}
      """;

  private OciBundle box;

  @BeforeEach
  void make() throws IOException {
    box = new OciBundle();
  }

  @AfterEach
  void remove() throws IOException {
    if (box != null) {
      box.close();
    }
  }

  private static String with(String patch, String more) {
    return OciBundle.patch(Json.parseObject(patch), Json.parseObject(more)).text();
  }

  // ---- hooks

  @Test
  void runsHooksOfEveryKindWithTheStateOnTheirInput() throws IOException {
    Path log = box.folder.resolve("log");
    Path hook = box.folder.resolve("hook");
    Files.writeString(
        hook,
        """
        #!/bin/sh
        echo "$1 $A $(readlink /proc/self/ns/mnt) $(cat)" >>%s
        """
            .formatted(log));
    Files.writeString(
        box.root.resolve("bin/inside"),
        """
        #!/bin/sh
        echo "$1 $A $(grep CapEff /proc/self/status) $(cat)" >/tmp/log
        """);
    Command.of("chmod", "755", hook.toString(), box.root.resolve("bin/inside").toString())
        .run()
        .succeeded();
    StringBuilder hooks = new StringBuilder();
    for (String kind :
        List.of("prestart", "createRuntime", "createContainer", "poststart", "poststop")) {
      hooks.append(
          """
          "%1$s":[{"path":"%2$s","args":["hook","%1$s"],"env":["A=1","PATH=/usr/bin:/bin"],"timeout":60}],
          """
              .formatted(kind, hook));
    }
    Outcome done =
        box.run(
            """
            {"hooks":{%s "startContainer":[
               {"path":"/bin/inside","args":["inside","in"],"env":["A=2","PATH=/bin"]}]},
             "annotations":{"a.b":"c"}}
            """
                .formatted(hooks),
            "cat /tmp/log");
    List<String> lines = Files.readAllLines(log);
    String ours = Files.readSymbolicLink(Path.of("/proc/self/ns/mnt")).toString();
    String[] kinds = {"prestart", "createRuntime", "createContainer", "poststart", "poststop"};
    String[] states = {"creating", "creating", "creating", "running", "stopped"};
    assertEquals(kinds.length, lines.size(), lines.toString());
    for (int i = 0; i < kinds.length; i++) {
      String[] words = lines.get(i).split(" ", 4);
      assertEquals(kinds[i], words[0]);
      assertEquals("1", words[1]);
      assertEquals(!kinds[i].equals("createContainer"), ours.equals(words[2]), lines.get(i));
      Json.JsonObject state = Json.parseObject(words[3]);
      assertEquals("box", state.string("id", ""));
      assertEquals(states[i], state.string("status", ""), lines.get(i));
      assertEquals(box.bundle(), state.string("bundle", ""));
      assertEquals(!states[i].equals("stopped"), state.number("pid", 0) > 0, lines.get(i));
      assertEquals("c", state.stringMap("annotations").get("a.b"));
    }
    // the hook that comes from the image has no more rights than the program
    String inside = done.succeeded().line();
    assertTrue(inside.startsWith("in 2 CapEff:\t00000000a80425fb {"), inside);
    assertTrue(inside.contains("\"status\":\"created\""), inside);
  }

  @Test
  void aFailingHookEndsTheCreation() {
    String[][] table = {
      {"prestart", "/bin/false", "error running prestart hook /bin/false: exit status 1"},
      {"createRuntime", "/bin/false", "error running createRuntime hook /bin/false: exit status 1"},
      {"createContainer", "/bin/false", "createContainer hook /bin/false: it did not succeed"},
      {"startContainer", "/bin/false", "startContainer hook /bin/false: it did not succeed"},
      {"startContainer", "/bin/none", "startContainer hook /bin/none: no such file or directory"}
    };
    for (String[] row : table) {
      Outcome failed =
          box.run("{\"hooks\":{\"%s\":[{\"path\":\"%s\"}]}}".formatted(row[0], row[1]), "echo ran")
              .exited(1);
      assertTrue(failed.err().contains(row[2]), failed.toString());
      assertEquals("", failed.out());
    }
    Outcome late =
        box.run(
                """
                {"hooks":{"createContainer":[
                  {"path":"/bin/sleep","args":["sleep","1000"],"timeout":1}]}}
                """,
                "echo ran")
            .exited(1);
    assertTrue(late.err().contains("/bin/sleep: it did not end in time"), late.toString());
  }

  // ---- namespaces

  @Test
  void mapsUsersInANamespaceOfTheContainers() {
    Outcome done =
        box.run(
                with(
                    USER,
                    """
                    {"process":{"oomScoreAdj":77,"user":{"uid":1000,"gid":1000}},
                     "linux":{"sysctl":{"net.ipv4.ip_forward":"1"}}}
                    """),
                "id -u; tr -s ' ' </proc/self/uid_map; cat /proc/self/oom_score_adj"
                    + " /proc/sys/net/ipv4/ip_forward; echo x >/dev/null; echo out >/dev/stdout;"
                    + " grep CapBnd /proc/self/status; mknod /tmp/d c 1 3 || echo no")
            .succeeded();
    assertEquals("1000\n 0 100000 65536\n77\n1\nout\nCapBnd:\t00000000a80425fb\nno", done.line());
  }

  @Test
  void joinsNamespacesByPath() {
    for (String namespaces : List.of("{}", USER)) {
      boolean user = namespaces.equals(USER);
      box.configure(with(namespaces, "{\"hostname\":\"first\"}"), "sleep 1000");
      box.runDetached("first");
      try {
        int pid = box.pid("first");
        String joined =
            """
            {"linux":{"cgroupsPath":"/%2$s/second","devices":[],"namespaces":[{"type":"mount"},
               {"type":"pid","path":"/proc/%1$d/ns/pid"},{"type":"network","path":"/proc/%1$d/ns/net"},
               {"type":"ipc","path":"/proc/%1$d/ns/ipc"},{"type":"uts","path":"/proc/%1$d/ns/uts"}%3$s]},
             "hostname":null}
            """
                .formatted(
                    pid,
                    box.group,
                    user
                        ? ",{\"type\":\"user\",\"path\":\"/proc/%d/ns/user\"}".formatted(pid)
                        : "");
        box.configure(
            joined,
            "hostname; ps -o args | grep -c '[s]leep 1000'; readlink /proc/1/ns/net | cmp -"
                + " /dev/fd/3 3<<E\n$(readlink /proc/self/ns/net)\nE\ntr -s ' ' </proc/self/uid_map");
        Outcome second = box.call("run", "-b", box.bundle(), "second").succeeded();
        assertEquals("first\n1\n" + (user ? " 0 100000 65536" : " 0 0 4294967295"), second.line());
        // and an exec enters them all
        assertEquals(
            "first\n" + (user ? " 0 100000 65536" : " 0 0 4294967295"),
            box.call("exec", "first", "sh", "-c", "hostname; tr -s ' ' </proc/self/uid_map")
                .succeeded()
                .line());
      } finally {
        box.call("delete", "-f", "first").succeeded();
      }
    }
    Outcome wrong =
        box.run(
                """
                {"linux":{"namespaces":[{"type":"mount"},{"type":"uts","path":"/etc/hostname"}]}}
                """,
                "true")
            .exited(1);
    assertTrue(wrong.err().contains("could not open the uts namespace /etc/hostname"), wrong.err());
  }

  @Test
  void shiftsClocksAndShowsAnotherMachine() throws IOException {
    double uptime = Double.parseDouble(Files.readString(Path.of("/proc/uptime")).split(" ", 2)[0]);
    String patch =
        """
        {"linux":{"namespaces":[{"type":"mount"},{"type":"pid"},{"type":"time"}%s],
          "timeOffsets":{"boottime":{"secs":1000000,"nanosecs":5},"monotonic":{"secs":7}},
          "personality":{"domain":"LINUX32"},
          "memoryPolicy":{"mode":"MPOL_BIND","nodes":"0","flags":["MPOL_F_STATIC_NODES"]}}}
        """;
    String arch = System.getProperty("os.arch").equals("amd64") ? "i686" : "armv8l";
    for (String user : List.of("", ",{\"type\":\"user\"}")) {
      String all = patch.formatted(user);
      Outcome done =
          box.run(
                  user.isEmpty()
                      ? all
                      : with(
                          all,
                          "{\"linux\":"
                              + Json.parseObject(USER)
                                  .object("linux")
                                  .orElseThrow()
                                  .remove("namespaces")
                                  .text()
                              + ",\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\"},"
                              + "{\"destination\":\"/dev\",\"type\":\"tmpfs\"}]}"),
                  "cut -d' ' -f1 /proc/uptime; uname -m; head -1 /proc/self/numa_maps")
              .succeeded();
      List<String> lines = done.out().lines().toList();
      assertTrue(Double.parseDouble(lines.get(0)) >= uptime + 1_000_000, done.out());
      assertEquals(arch, lines.get(1));
      // a kernel without NUMA has no such file
      assertTrue(lines.size() < 3 || lines.get(2).contains(" bind=static:0 "), done.out());
    }
  }

  // ---- mounts

  @Test
  void shiftsOwnersOfMounts() throws IOException {
    Path source = Files.createDirectories(box.folder.resolve("source"));
    Path file = Files.writeString(source.resolve("file"), "x");
    Command.of("chown", "5:6", file.toString()).run().succeeded();
    String mapped =
        """
        {"mounts":[{"destination":"/proc","type":"proc"},{"destination":"/dev","type":"tmpfs"},
          {"destination":"/data","type":"bind","source":"%s","options":["rbind","idmap"],
          "uidMappings":[{"containerID":5,"hostID":1234,"size":1}],
          "gidMappings":[{"containerID":6,"hostID":4321,"size":1}]}]}
        """;
    assertEquals(
        "1234:4321",
        box.run(mapped.formatted(source), "stat -c %u:%g /data/file").succeeded().line());
    String byContainer =
        """
        {"mounts":[{"destination":"/proc","type":"proc"},{"destination":"/dev","type":"tmpfs"},
          {"destination":"/data","type":"bind","source":"%s","options":["rbind","ridmap"]}]}
        """;
    assertEquals(
        "5:6 0:0",
        box.run(
                with(USER, byContainer.formatted(source)),
                "touch /data/new; echo $(stat -c %u:%g /data/file /data/new)")
            .succeeded()
            .line());
    assertEquals(0, Files.getAttribute(source.resolve("new"), "unix:uid"));
  }

  @Test
  void takesMountOptionsAtTheirWord() throws IOException {
    Path source = Files.createDirectories(box.folder.resolve("source"));
    Files.writeString(box.root.resolve("tmp/kept"), "x");
    String table =
        box.run(
                """
                {"mounts":[{"destination":"/proc","type":"proc"},{"destination":"/dev","type":"tmpfs"},
                  {"destination":"/a","type":"bind","source":"%1$s",
                   "options":["rbind","rro","noexec","nodev","nosuid","noatime","nodiratime"]},
                  {"destination":"/b","type":"bind","source":"%1$s","options":["bind","nosymfollow"]},
                  {"destination":"/b","type":"bind","options":["bind","remount","symfollow","ro"]},
                  {"destination":"/tmp","type":"tmpfs","source":"t","options":["lazytime","size=1m","tmpcopyup"]},
                  {"destination":"/tmp","source":"t","options":["remount","size=2m","strictatime"]},
                  {"destination":"/c","type":"tmpfs","source":"t","options":["shared"]},
                  {"destination":"/d","type":"tmpfs","source":"t","options":["unbindable"]}]}
                """
                    .formatted(source),
                "cat /tmp/kept; echo; cat /proc/self/mountinfo; touch /a/x /b/x 2>&1; :")
            .succeeded()
            .out();
    assertTrue(table.startsWith("x\n"), table);
    assertEquals("ro,nosuid,nodev,noexec,noatime,nodiratime", options(table, "/a"));
    assertEquals("ro,relatime", options(table, "/b"));
    assertEquals("rw", options(table, "/tmp"));
    assertTrue(table.contains("size=2048k"), table);
    assertTrue(line(table, "/c").contains(" shared:"), table);
    assertTrue(line(table, "/d").contains(" unbindable "), table);
    assertFalse(Files.exists(source.resolve("x")));
  }

  private static String line(String table, String point) {
    return table
        .lines()
        .filter(l -> l.split(" ").length > 5 && l.split(" ")[4].equals(point))
        .reduce((first, last) -> last)
        .orElseThrow(() -> new AssertionError(point + " is not mounted:\n" + table));
  }

  private static String options(String table, String point) {
    return line(table, point).split(" ")[5];
  }

  @Test
  void leavesTheHostsMountsAloneWhateverThePropagation() throws IOException {
    // all in a mount namespace of the test's own, whose mounts are shared as a host's are
    Path shared = Files.createDirectories(box.folder.resolve("shared"));
    for (String propagation : List.of("shared", "slave", "private", "unbindable")) {
      box.configure(
          """
          {"linux":{"rootfsPropagation":"%s"},
           "mounts":[{"destination":"/proc","type":"proc"},{"destination":"/dev","type":"tmpfs"},
             {"destination":"/data","type":"bind","source":"%s","options":["rbind","rslave"]}]}
          """
              .formatted(propagation, shared),
          "cat /proc/self/mountinfo");
      String script =
          """
          set -e
          mount --make-rshared /
          mount -t tmpfs t %1$s
          before=$(wc -l </proc/self/mountinfo)
          "$@"
          echo "mounts $before $(wc -l </proc/self/mountinfo)"
          """
              .formatted(shared);
      List<String> words =
          new ArrayList<>(
              List.of("unshare", "-m", "--propagation", "private", "bash", "-c", script, "sh"));
      words.addAll(box.program());
      words.addAll(List.of("run", "-b", box.bundle(), "box"));
      Outcome done = Command.of(words).within(Duration.ofMinutes(2)).run().succeeded();
      String[] counts = done.line().substring(done.line().lastIndexOf("mounts")).split(" ");
      assertEquals(counts[1], counts[2], done.out());
      String root = line(done.out(), "/");
      assertEquals(propagation.equals("shared"), root.contains(" shared:"), root);
      assertEquals(propagation.equals("unbindable"), root.contains(" unbindable "), root);
    }
  }

  // ---- network devices

  @Test
  void movesNetworkDevicesWithTheirAddresses() {
    String name = "gt" + ProcessHandle.current().pid() % 100_000_000;
    Command.of("ip", "link", "add", name + "a", "type", "veth", "peer", "name", name + "b")
        .run()
        .succeeded();
    try {
      Command.of("ip", "addr", "add", "192.0.2.5/24", "dev", name + "a").run().succeeded();
      Command.of("ip", "addr", "add", "2001:db8::5/64", "dev", name + "a").run().succeeded();
      Outcome done =
          box.run(
                  """
                  {"linux":{"netDevices":{"%sa":{"name":"lan7"}}}}
                  """
                      .formatted(name),
                  "ip addr show lan7")
              .succeeded();
      assertTrue(done.out().contains("inet 192.0.2.5/24 scope global lan7"), done.out());
      assertTrue(done.out().contains("inet6 2001:db8::5/64 scope global"), done.out());
      assertTrue(done.out().contains("UP"), done.out());
    } finally {
      Command.of("ip", "link", "del", name + "b").run();
    }
  }

  // ---- seccomp

  @Test
  void sendsTheListenerOfAFilterBeforeTheProgramRuns() throws Exception {
    Path path = box.folder.resolve("listener");
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(path));
      // whoever takes the message without its descriptor has closed the listener: "no such call"
      CompletableFuture<String> heard = new CompletableFuture<>();
      Thread.ofVirtual().start(() -> listen(server, heard));
      Outcome done =
          box.run(
              """
              {"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"%s",
                "listenerMetadata":"about",
                "syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_NOTIFY"}]}}}
              """
                  .formatted(path),
              "mkdir /tmp/x 2>&1; echo done");
      assertTrue(done.out().contains("Function not implemented\ndone"), done.toString());
      Json.JsonObject state = Json.parseObject(heard.get());
      assertEquals("about", state.string("metadata", ""));
      assertEquals(List.of("seccompFd"), state.strings("fds"));
      assertTrue(state.number("pid", 0) > 0);
      assertEquals("box", state.object("state").orElseThrow().string("id", ""));
    }
    Outcome deaf =
        box.run(
                """
                {"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"%s.none",
                  "syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}]}}}
                """
                    .formatted(path),
                "echo ran")
            .exited(1);
    assertTrue(deaf.err().contains("could not send the seccomp listener"), deaf.err());
    assertEquals("", deaf.out());
  }

  private static void listen(ServerSocketChannel server, CompletableFuture<String> heard) {
    try (SocketChannel connection = server.accept()) {
      ByteBuffer text = ByteBuffer.allocate(65536);
      connection.read(text);
      heard.complete(new String(text.array(), 0, text.position(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      heard.completeExceptionally(e);
    }
  }
}
