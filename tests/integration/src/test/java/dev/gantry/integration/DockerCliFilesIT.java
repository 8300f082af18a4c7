package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Files of containers by the real Docker CLI: cp, export, diff, commit.
@ExtendWith(EngineExtension.class)
class DockerCliFilesIT {
  private static final String FILES =
      "mkdir -p /d/sub; echo hello >/d/f; chmod 4755 /d/f; ln -s /d/f /d/l; ln -s /nope /d/dangling;"
          + " ln -s /d /dl; ln -s ../../../../etc/passwd /d/out; rm /bin/yes; echo x >>/etc/group;"
          + " chown 7:8 /d/sub; touch /ready; exec sleep 1000";

  @AfterEach
  void removeAll(Engine engine) {
    engine.containers().forEach(id -> engine.docker("rm", "-fv", id));
  }

  private static void start(Engine engine, String name, String... flags) {
    java.util.List<String> words =
        new java.util.ArrayList<>(java.util.List.of("run", "-d", "--name", name));
    words.addAll(java.util.List.of(flags));
    words.addAll(java.util.List.of(engine.busybox(), "sh", "-c", FILES));
    engine.docker(words.toArray(String[]::new)).succeeded();
    Eventually.within(
        Duration.ofSeconds(20),
        "the files of " + name,
        () -> engine.docker("exec", name, "test", "-e", "/ready").code() == 0);
  }

  private static Path scratch(Engine engine) throws IOException {
    return Files.createTempDirectory(engine.folder(), "files");
  }

  /// Names, kinds, modes and owners in an archive.
  private static String listed(Outcome archive) {
    return Command.of("tar", "--numeric-owner", "-tvf", "-")
        .input(archive.succeeded().bytes())
        .run()
        .succeeded()
        .out()
        .replaceAll(" +[0-9]+ [0-9-]+ [0-9:]+ ", " ");
  }

  @ParameterizedTest
  @CsvSource({"running,false", "stopped,true"})
  void copiesOut(String name, boolean stopped, Engine engine) throws IOException {
    start(engine, name, "-v", "/vol");
    if (stopped) {
      engine.docker("stop", "-t", "0", name).succeeded();
    }
    assertEquals(
        """
        drwxr-xr-x 0/0 d/
        lrwxrwxrwx 0/0 d/dangling -> /nope
        -rwsr-xr-x 0/0 d/f
        lrwxrwxrwx 0/0 d/l -> /d/f
        lrwxrwxrwx 0/0 d/out -> ../../../../etc/passwd
        drwxr-xr-x 7/8 d/sub/
        """,
        listed(engine.docker("cp", name + ":/d", "-")));
    assertEquals("lrwxrwxrwx 0/0 dl -> /d\n", listed(engine.docker("cp", name + ":/dl", "-")));
    Path to = scratch(engine);
    engine.docker("cp", name + ":/d/f", to.resolve("g").toString()).succeeded();
    assertEquals("hello\n", Files.readString(to.resolve("g")));
    engine.docker("cp", "-L", name + ":/d/out", to.resolve("passwd").toString()).succeeded();
    assertTrue(Files.readString(to.resolve("passwd")).startsWith("root:x:0"));
    engine.docker("cp", name + ":/dl/.", to.resolve("all").toString()).succeeded();
    assertTrue(Files.isSymbolicLink(to.resolve("all/dangling")));
    Outcome missing = engine.docker("cp", name + ":/nope", to.toString()).exited(1);
    assertTrue(
        missing.err().contains("Could not find the file /nope in container " + name),
        missing.err());
    engine.docker("cp", name + ":/proc/1/status", to.toString()).exited(1);
  }

  @ParameterizedTest
  @CsvSource({"running,false", "stopped,true"})
  void copiesIn(String name, boolean stopped, Engine engine) throws IOException {
    start(engine, name, "-v", "/vol", "--tmpfs", "/scratch");
    Path from = scratch(engine);
    Files.writeString(from.resolve("one"), "1\n");
    Files.createDirectories(from.resolve("tree/deep"));
    Files.writeString(from.resolve("tree/deep/two"), "2\n");
    if (stopped) {
      engine.docker("stop", "-t", "0", name).succeeded();
    } else {
      engine.docker("cp", from.resolve("one").toString(), name + ":/scratch/").succeeded();
      assertEquals("1", engine.docker("exec", name, "cat", "/scratch/one").succeeded().line());
    }
    engine.docker("cp", from.resolve("one").toString(), name + ":/d/named").succeeded();
    engine.docker("cp", from.resolve("one").toString(), name + ":/vol/").succeeded();
    engine.docker("cp", from.resolve("tree").toString(), name + ":/dl/").succeeded();
    engine.docker("cp", from.resolve("one").toString(), name + ":/nope/").exited(1);
    if (stopped) {
      engine.docker("start", name).succeeded();
    }
    Outcome seen =
        engine.docker("exec", name, "cat", "/d/named", "/vol/one", "/d/tree/deep/two").succeeded();
    assertEquals("1\n1\n2\n", seen.out());
  }

  @Test
  void linksDoNotLeadOutOfTheContainer(Engine engine) throws IOException {
    start(engine, "trap");
    Path outside = scratch(engine);
    engine.docker("exec", "trap", "ln", "-s", outside.toString(), "/d/escape").succeeded();
    Path from = Files.writeString(scratch(engine).resolve("file"), "x");
    // inside the container the link leads to a folder that is not there
    engine.docker("cp", from.toString(), "trap:/d/escape/file").exited(1);
    try (var files = Files.list(outside)) {
      assertEquals(0, files.count());
    }
    byte[] up = tarWith("../../escaped");
    assertEquals(
        "{\"message\":\"invalid entry name \\\"../../escaped\\\"\"}\n",
        engine.request("PUT", "/containers/trap/archive?path=/d", up).expect(400).text());
  }

  private static byte[] tarWith(String name) {
    byte[] header = new byte[1536];
    byte[] text = name.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(text, 0, header, 0, text.length);
    put(header, 100, "0000644\0");
    put(header, 108, "0000000\0");
    put(header, 116, "0000000\0");
    put(header, 124, "00000000000\0");
    put(header, 136, "00000000000\0");
    put(header, 156, "0");
    put(header, 257, "ustar\00000");
    put(header, 148, "        ");
    int sum = 0;
    for (int i = 0; i < 512; i++) {
      sum += header[i];
    }
    put(header, 148, String.format("%06o\0 ", sum));
    return header;
  }

  private static void put(byte[] to, int at, String text) {
    System.arraycopy(text.getBytes(StandardCharsets.US_ASCII), 0, to, at, text.length());
  }

  @ParameterizedTest
  @CsvSource({
    "/d/f, f, 8389101, ''",
    "/d, d, 2147484141, ''",
    "/d/., ., 2147484141, ''",
    "/d/l, l, 134218239, /d/f",
    "/d/dangling, dangling, 134218239, /nope",
    "/dl, dl, 134218239, /d",
    "/dl/, dl, 2147484141, ''",
    "../../d/f, f, 8389101, ''",
    "/, /, 2147484141, ''"
  })
  void tellsWhatAPathIs(String path, String name, long mode, String target, Engine engine) {
    if (engine.docker("inspect", "asked").code() != 0) {
      start(engine, "asked");
    }
    String header =
        engine
            .request("HEAD", "/containers/asked/archive?path=" + path, "")
            .expect(200)
            .headers()
            .getOrDefault("x-docker-container-path-stat", "");
    String stat = new String(Base64.getDecoder().decode(header), StandardCharsets.UTF_8);
    assertTrue(stat.startsWith("{\"name\":\"" + name + "\","), stat);
    assertTrue(stat.contains("\"mode\":" + mode + ","), stat);
    assertTrue(stat.endsWith("\"linkTarget\":\"" + target + "\"}"), stat);
  }

  @Test
  void diffListsWhatChanged(Engine engine) {
    start(engine, "changed", "-v", "/vol");
    String changes = engine.docker("diff", "changed").succeeded().out();
    assertEquals(
        """
        C /bin
        D /bin/yes
        A /d
        A /d/dangling
        A /d/f
        A /d/l
        A /d/out
        A /d/sub
        A /dl
        C /etc
        C /etc/group
        A /ready
        A /vol
        """,
        changes);
    engine.docker("create", "--name", "fresh", engine.busybox()).succeeded();
    assertEquals("", engine.docker("diff", "fresh").succeeded().out());
  }

  @Test
  void exportPacksTheRootWithoutVolumes(Engine engine) {
    start(engine, "exported", "-v", "/vol");
    engine.docker("exec", "exported", "touch", "/vol/mine").succeeded();
    String names = listed(engine.docker("export", "exported"));
    assertTrue(names.contains(" d/f\n") && names.contains(" bin/busybox\n"), names);
    assertFalse(names.contains("vol/mine") || names.contains("proc/1"), names);
  }

  @Test
  void commitMakesAnImageOfTheChanges(Engine engine) {
    start(engine, "source", "-e", "A=1");
    String id =
        engine
            .docker(
                "commit",
                "-m",
                "why",
                "-a",
                "who",
                "-c",
                "CMD [\"cat\", \"/d/f\"]",
                "-c",
                "LABEL z=1",
                "source",
                "made:1")
            .succeeded()
            .line();
    assertTrue(id.matches("sha256:[0-9a-f]{64}"), id);
    assertEquals("hello", engine.docker("run", "--rm", "made:1").succeeded().line());
    engine.docker("run", "--rm", "made:1", "ls", "/bin/yes").exited(1);
    assertEquals(
        "who why [A=1] 1",
        engine
            .docker(
                "image",
                "inspect",
                "--format",
                "{{.Author}} {{.Comment}} {{.Config.Env}} {{index .Config.Labels \"z\"}}",
                "made:1")
            .succeeded()
            .line());
    assertEquals("running", engine.docker("inspect", "-f", "{{.State.Status}}", "source").line());
    engine.docker("rmi", "-f", "made:1").succeeded();
  }
}
