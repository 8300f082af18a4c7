package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Dockerfiles that want the engine's memory and time, and secrets while a step has them.
class BuildHostileIT extends BuildTest {
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final String SECRET = "seen-by-nobody-7f3a91c2";

  @Override
  Command command(Engine engine, String... words) {
    return super.command(engine, words).within(LIMIT);
  }

  @Test
  void valuesThatDoubleEndTheBuildAndNotTheEngine(Engine engine) throws IOException {
    file("Dockerfile", "FROM busybox\nENV A=xxxxxxxxxxxxxxxx\n" + "ENV A=$A$A\n".repeat(40));
    Outcome refused = build(engine).exited(1);
    assertTrue(refused.err().contains("a value is longer than"), refused.err());
    file(
        "Dockerfile",
        "FROM busybox\nENV A=" + "x".repeat(60_000) + "\n" + "LABEL a=$A$A b=$A\n".repeat(200));
    Outcome large = build(engine).exited(1);
    assertTrue(large.err().contains("MiB of configuration"), large.err());
    engine.docker("version").succeeded();
  }

  private static String list(int count, String form) {
    return IntStream.range(0, count).mapToObj(form::formatted).collect(Collectors.joining(" "));
  }

  /// Dockerfiles that would fill the engine's memory, and what is said of them.
  private static Map<String, String> greedy() {
    String large = "FROM scratch\nARG A=" + "x".repeat(60_000) + "\nARG B=$A$A$A$A\n";
    Map<String, String> all = new LinkedHashMap<>();
    all.put("FROM scratch\nEXPOSE " + "1-65535/tcp ".repeat(5000), "more than 196605 ports");
    all.put(large + "LABEL " + list(6000, "a%d=$B"), "come to more than 4 MiB");
    all.put(large + "VOLUME " + list(5000, "$B/%d"), "come to more than 4 MiB");
    all.put(large + "COPY " + "$B ".repeat(15_000) + "/x/", "come to more than 4 MiB");
    all.put(large + list(9000, "\nARG a%d=$B"), "MiB of configuration");
    all.put(
        "ARG A=" + "x".repeat(60_000) + "\nARG " + list(20, "a%d=$A$A$A$A") + "\nFROM scratch",
        "come to more than 4 MiB");
    all.put(
        "FROM scratch\nENV " + list(6000, "x%d=1") + "\nENV " + list(6000, "y%d=1"),
        "more than 10000 variables");
    // each stage has what the one below has
    all.put(
        large.replace("scratch", "scratch AS a")
            + "LABEL a=$B\n".repeat(30)
            + "\nFROM a AS a".repeat(9),
        "MiB of configuration");
    all.put("FROM scratch\nCOPY <<../../../../x /a/\n../../../../x\n", "leads out of it");
    return all;
  }

  @Test
  void dockerfilesThatWantAllMemoryAreRefused(Engine engine) throws IOException {
    for (Map.Entry<String, String> one : greedy().entrySet()) {
      file("Dockerfile", one.getKey());
      Outcome refused = build(engine).exited(1);
      assertTrue(
          refused.err().contains(one.getValue()),
          () -> one.getKey().substring(0, 80) + "… said " + refused.err());
    }
    engine.docker("version").succeeded();
  }

  /// Links of a stage lead where they do in the stage, and nowhere else; whatever stands there can
  /// be copied without being opened.
  @Test
  void linksAndNodesOfStagesStayInside(Engine engine) throws IOException {
    Path outside = folder.resolve("outside");
    file(
        "Dockerfile",
        """
        FROM busybox AS s
        RUN mkdir /x /f && cd /x && echo inside > /f/passwd && ln -s /f/passwd absolute \\
            && ln -s ../../../../../../f up && ln -s loop loop && ln -s /nothing dangling \\
            && ln -s /proc/1/root/etc/passwd proc && mkfifo fifo && mknod zero c 1 5 \\
            && touch "$(printf 'a\\nb')" "$(printf '\\377\\376')" -- -rf "$(printf '%%0255d' 1)"
        FROM busybox
        RUN ln -s /f /d && ln -s ../../../../%1$s /e
        COPY --from=s /x/absolute /a
        COPY --from=s /x/up/passwd /d/b
        COPY --from=s /x/up/ /e/
        COPY --from=s /x/ /all/
        COPY --from=s /x/fifo /x/zero /nodes/
        RUN --mount=from=s,source=/x/up,target=/m cat /a /f/b %1$s/passwd /m/passwd > /out; \\
            ls /all | wc -l >> /out; test -p /nodes/fifo && test -c /nodes/zero && echo nodes >> /out
        """
            .formatted(outside));
    build(engine, "-t", "inside:1").succeeded();
    assertEquals("inside\n".repeat(4) + "11\nnodes\n", sh(engine, "inside:1", "cat /out"));
    assertFalse(Files.exists(outside), "a link of an image has led out of it");
    String head = Files.readString(context.resolve("Dockerfile")).split("FROM busybox\n")[0];
    for (String link : List.of("loop", "dangling", "proc")) {
      file("Dockerfile", head + "FROM scratch\nCOPY --from=s /x/" + link + " /l\n");
      build(engine).exited(1);
    }
    file("Dockerfile", head + "FROM busybox\nRUN --mount=from=s,source=/x/proc,target=/m cat /m\n");
    build(engine).exited(1);
  }

  /// Who a stage says that its users are may be anything.
  @Test
  void usersOfStagesMayBeAnything(Engine engine) throws IOException {
    for (String how :
        List.of(
            "rm /etc/passwd; mkfifo /etc/passwd",
            "ln -sf /dev/zero /etc/passwd",
            "rm /etc/passwd; mknod /etc/passwd c 1 5",
            "ln -sf passwd /etc/passwd",
            "printf 'y:x:-1:99999999999999999999:::\\nx:::::\\n:::' > /etc/passwd")) {
      file("Dockerfile", "FROM busybox\nRUN " + how + "\nUSER nobody-here\nRUN id\n");
      Outcome refused = build(engine).exited(1);
      has(refused, "unable to find user nobody-here");
    }
  }

  /// A step's programs end with it, and what it mounts over stays its own.
  @Test
  void stepsLeaveNoPrograms(Engine engine) throws IOException {
    file(
        "Dockerfile",
        """
        FROM busybox
        RUN (setsid sleep 4711 &) ; (setsid sh -c 'trap "" TERM HUP; sleep 4712' &) ; echo begun
        RUN --mount=type=cache,id=../../../../escaped,target=/c touch /c/f
        RUN --mount=type=tmpfs,target=/etc touch /etc/f
        RUN test ! -e /etc/f
        """);
    build(engine).succeeded();
    Eventually.within(
        LIMIT,
        () -> "programs of a step go on",
        () ->
            ProcessHandle.allProcesses()
                    .noneMatch(p -> p.info().commandLine().orElse("").endsWith("sleep 4711"))
                && ProcessHandle.allProcesses()
                    .noneMatch(p -> p.info().commandLine().orElse("").endsWith("sleep 4712")));
    assertFalse(Files.exists(engine.folder().resolve("escaped")));
    for (String[] refused :
        new String[][] {
          {"--security=insecure", "security.insecure is not allowed"},
          {"--network=host", "network.host is not allowed"},
          {"--mount=type=tmpfs,target=/", "destination can't be '/'"},
          {"--mount=type=cache,from=busybox,source=/bin/busybox,target=/c", "must be a folder"}
        }) {
      file("Dockerfile", "FROM busybox\nRUN " + refused[0] + " true\n");
      has(build(engine).exited(1), refused[1]);
    }
  }

  @Test
  void patternsTakeNoTime(Engine engine) throws IOException {
    file("a".repeat(200), "");
    file("a/".repeat(60) + "f", "");
    file(".dockerignore", "*a".repeat(40) + "b\n" + "**/".repeat(60) + "x*y*z\n");
    file(
        "Dockerfile",
        "FROM busybox\nARG A="
            + "a".repeat(5000)
            + "\nENV B=${A##"
            + "*a".repeat(50)
            + "b}\nCOPY "
            + "*a".repeat(40)
            + "b /c/\nCOPY . /d/\n");
    build(engine).succeeded();
  }

  /// The process ids whose command line or environment has the secret.
  private static List<String> showing(String what) throws IOException {
    List<String> found = new ArrayList<>();
    try (Stream<Path> all = Files.list(Path.of("/proc"))) {
      for (Path process : all.filter(p -> p.getFileName().toString().matches("\\d+")).toList()) {
        try {
          byte[] bytes = Files.readAllBytes(process.resolve(what));
          if (new String(bytes, StandardCharsets.ISO_8859_1).contains(SECRET)) {
            found.add(process.getFileName().toString());
          }
        } catch (IOException e) {
          continue; // it has ended
        }
      }
    }
    return found;
  }

  @Test
  void noProcessShowsASecretWhileAStepHasIt(Engine engine) throws Exception {
    Path secret = Files.writeString(folder.resolve("secret"), SECRET);
    file(
        "Dockerfile",
        "FROM busybox\nRUN --mount=type=secret,id=s test -s /run/secrets/s && sleep 1000\n");
    Process client = command(engine, "--secret=id=s,src=" + secret).start();
    try {
      awaitSleep(engine);
      assertEquals(List.of(), showing("cmdline"));
      assertEquals(List.of(), showing("environ"));
    } finally {
      client.destroyForcibly().waitFor();
    }
    Eventually.within(
        LIMIT, () -> "the step goes on", () -> engine.docker("ps", "-aq").out().isBlank());
    String kept = Command.of("grep", "-rlaF", SECRET, engine.folder().toString()).run().out();
    assertEquals("", kept);
    assertFalse(engine.docker("events", "--since=1h", "--until=0s").out().contains(SECRET));
  }
}
