package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Steps that do not wait for one another, and how all of them end when one fails or the client
/// gives the build up. Nothing is timed: a RUN waits until the server that it asks has been asked
/// for what the other steps bring.
class BuildParallelIT extends BuildxTest {
  private static final Duration LIMIT = Duration.ofSeconds(90);
  private static final List<String> HOST = List.of("--allow=network.host", "--network=host");
  private static final String WAIT = "RUN wget -q -O - http://%s/wait/%s\n";

  private Gate gate;
  private final List<Process> clients = new ArrayList<>();

  @BeforeEach
  void open() throws IOException {
    gate = new Gate();
  }

  @AfterEach
  void close() throws IOException {
    clients.forEach(Process::destroyForcibly);
    gate.close();
  }

  private String wait(String... names) {
    return WAIT.formatted(gate.address(), String.join("+", names));
  }

  private Outcome inHost(Engine engine, String... words) throws IOException {
    List<String> all = new ArrayList<>(HOST);
    all.addAll(List.of(words));
    return build(engine, all.toArray(String[]::new));
  }

  // ---- side by side

  @Test
  void whatNeedsNoStepBeforeItBeginsAtOnce(Engine engine) throws IOException {
    String from = "http://" + gate.address();
    file("f", "of the context\n");
    file(
        "Dockerfile",
        "FROM busybox AS side\nADD "
            + from
            + "/side /\n"
            + "FROM busybox\n"
            + wait("linked", "plain", "late", "side")
            + "RUN echo then > /then\n"
            + "ADD --link "
            + from
            + "/linked /way/\n"
            + "COPY --link f /way/f\n"
            + "ADD "
            + from
            + "/plain /\n"
            + "COPY --from=side /side /\n"
            + "RUN cat /way/linked /way/f /plain /side /then\n"
            + "ADD --link "
            + from
            + "/late /way/\n");
    // in one order after the other, the first RUN would wait for ever
    Outcome built = inHost(engine, "-tparallel").succeeded();
    assertTrue(built.err().contains("DONE"), built.err());
    assertEquals(
        "/linkedof the context\n/plain/side/late",
        sh(engine, "parallel", "cat /way/linked /way/f /plain /side /way/late"));
    String again = inHost(engine, "-tparallel").succeeded().err();
    assertEquals(8, again.lines().filter(l -> l.endsWith(" CACHED")).count(), again);
  }

  private static List<String> layers(Engine engine, String image) {
    String all =
        engine
            .docker("inspect", "-f", "{{range .RootFS.Layers}}{{println .}}{{end}}", image)
            .succeeded()
            .out();
    return all.lines().filter(l -> !l.isBlank()).toList();
  }

  private String linkedOn(Engine engine, String base, boolean cached) throws IOException {
    Outcome built = build(engine, "--build-arg=BASE=" + base, "-tlinked").succeeded();
    List<String> lines = built.err().lines().toList();
    String step = lines.stream().filter(l -> l.contains("COPY --link")).findFirst().orElseThrow();
    String number = step.substring(0, step.indexOf(' '));
    assertEquals(cached, lines.contains(number + " CACHED"), base + ": " + built.err());
    assertEquals("one\n", sh(engine, "linked", "cat /way/f"));
    return layers(engine, "linked").getLast();
  }

  @Test
  void aLinkedLayerIsUsedOnAnotherBase(Engine engine) throws IOException {
    file("f", "one\n");
    for (String base : List.of("a", "b", "other")) {
      String way = base.equals("other") ? "mkdir -m 700 /way; " : "mkdir /real; ln -s /real /way; ";
      file("Dockerfile", "FROM busybox\nRUN " + way + "echo " + base + " > /base\n");
      build(engine, "-tbase-" + base).succeeded();
    }
    // the way runs through a link of the base, which a copy follows as without --link
    file("Dockerfile", "ARG BASE\nFROM $BASE\nCOPY --link f /way/f\n");
    String first = linkedOn(engine, "base-a", false);
    assertEquals(first, linkedOn(engine, "base-b", true));
    assertNotEquals(first, linkedOn(engine, "base-other", false));
    assertEquals("700\n", sh(engine, "linked", "stat -c %a /way"));
  }

  // ---- the first failure

  private void failing() throws IOException {
    file(
        "Dockerfile",
        "FROM busybox\n" + wait("never") + "ADD --link http://" + gate.address() + "/none /\n");
  }

  @Test
  void theFirstFailureEndsTheOthers(Engine engine) throws IOException {
    failing();
    String buildx = inHost(engine).exited(1).err();
    assertTrue(buildx.contains(">>> ADD --link"), buildx);
    assertTrue(buildx.contains("404"), buildx);
    String[] words = {"build", HOST.getFirst(), HOST.getLast(), context.toString()};
    String ours = engine.gantry(words).exited(1).err();
    assertTrue(ours.contains(">>> ADD --link"), ours);
    Outcome classic =
        engine
            .dockerCommand("build", "--network=host", context.toString())
            .with("DOCKER_BUILDKIT", "0")
            .run();
    assertEquals(1, classic.code());
    assertTrue(classic.err().contains("404") || classic.err().contains("host"), classic.err());
    nothingIsLeft(engine);
  }

  // ---- cancelled

  private void nothingIsLeft(Engine engine) {
    Eventually.within(
        LIMIT, () -> "connections are left: " + gate.waiting(""), () -> gate.waiting("") == 0);
    Eventually.within(LIMIT, () -> "left: " + left(engine), () -> left(engine).isEmpty());
  }

  /// Containers, files and mounts of builds; what a next build may use is none of them.
  private static List<String> left(Engine engine) {
    List<String> all =
        new ArrayList<>(engine.docker("ps", "-aq").succeeded().out().lines().toList());
    Path data = engine.folder().resolve("data");
    try {
      for (String folder : List.of("build", "content/incoming")) {
        if (Files.isDirectory(data.resolve(folder))) {
          try (Stream<Path> files = Files.list(data.resolve(folder))) {
            files
                .map(p -> p.getFileName().toString())
                .filter(n -> !List.of("caches", "contexts", "history").contains(n))
                .filter(n -> !n.endsWith(".part"))
                .forEach(all::add);
          }
        }
      }
      Files.readAllLines(Path.of("/proc/mounts")).stream()
          .filter(m -> m.contains(data + "/build/"))
          .forEach(all::add);
    } catch (IOException e) {
      all.add(e.toString());
    }
    return all;
  }

  private void start(Command command) {
    clients.add(command.start());
  }

  private static void end(Process client, boolean killed) throws Exception {
    if (killed) {
      client.descendants().forEach(ProcessHandle::destroyForcibly);
      client.destroyForcibly();
    } else {
      client.destroy();
    }
    assertTrue(client.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS), "the client goes on");
    assertNotEquals(0, client.exitValue());
  }

  /// All clients build it at once; when each has come to `path`, all are ended.
  private void cancelled(Engine engine, String dockerfile, String path, String... words)
      throws Exception {
    file("Dockerfile", dockerfile.replace("GATE", gate.address()));
    int began = clients.size();
    List<String> more = new ArrayList<>();
    for (String word : words) {
      more.add(word.replace("GATE", gate.address()));
    }
    List<String> buildx = new ArrayList<>(HOST);
    buildx.add("--build-arg=WHO=b");
    more.forEach(w -> buildx.add(w.replace("WHO", "b")));
    start(command(engine, buildx.toArray(String[]::new)));
    List<String> ours = new ArrayList<>(List.of("build"));
    ours.addAll(HOST);
    ours.add("--build-arg=WHO=o");
    more.forEach(w -> ours.add(w.replace("WHO", "o")));
    ours.add(context.toString());
    start(engine.gantryCommand(ours.toArray(String[]::new)));
    if (words.length == 0) {
      start(
          engine
              .dockerCommand("build", "--network=host", "--build-arg=WHO=c", context.toString())
              .with("DOCKER_BUILDKIT", "0"));
    }
    int number = clients.size() - began;
    Eventually.within(
        LIMIT,
        () -> gate.waiting(path) + " of " + number + " have come to " + path,
        () -> gate.waiting(path) >= number);
    for (Process client : clients.subList(began, clients.size())) {
      end(client, client == clients.getLast());
    }
    nothingIsLeft(engine);
  }

  @Test
  void aBuildThatIsGivenUpEndsWhereverItIs(Engine engine) throws Exception {
    String head = "FROM busybox\nARG WHO\n";
    String run = "RUN wget -q -O - http://GATE/hang/run-$WHO\n";
    cancelled(engine, head + run, "/hang/run");
    cancelled(engine, head + run + "ADD --link http://GATE/hang/linked-$WHO /\n", "/hang/linked");
    cancelled(engine, head + "ADD http://GATE/hang/add-$WHO /\n", "/hang/add");
    cancelled(engine, head + "ADD http://GATE/hang/$WHO.git /r\n", ".git");
  }

  @Test
  void aBuildThatIsGivenUpLeavesTheRegistry(Engine engine) throws Exception {
    String head = "FROM busybox\nARG WHO\n";
    cancelled(engine, "ARG WHO\nFROM GATE/hang-from-$WHO\n", "/v2/");
    cancelled(engine, head + "COPY --from=GATE/hang-copied /f /\n", "/v2/");
    // what is done with the result
    cancelled(engine, head, "/v2/", "--push", "-tGATE/hang-push-WHO");
    cancelled(engine, head, "/v2/", "--cache-to=type=registry,ref=GATE/hang-to-WHO");
    cancelled(
        engine,
        head + "RUN echo $WHO\n",
        "/v2/",
        "--cache-from=type=registry,ref=GATE/hang-cache-WHO");
  }

  @Test
  void aBuildThatSharesTheStepGoesOn(Engine engine) throws Exception {
    file("Dockerfile", "FROM busybox\n" + wait("open") + "RUN echo fine\n");
    Process first = command(engine, HOST.toArray(String[]::new)).start();
    clients.add(first);
    Eventually.within(LIMIT, "the step does not run", () -> gate.waiting("/wait/open") == 1);
    Process second = command(engine, HOST.toArray(String[]::new)).start();
    clients.add(second);
    end(first, true);
    // the other, if it has waited for the first one's step, takes it up
    Eventually.within(
        LIMIT,
        () -> "containers: " + engine.docker("ps", "-q").out(),
        () -> engine.docker("ps", "-q").out().lines().count() == 1 && gate.waiting("/wait/") == 1);
    gate.ask("open");
    assertTrue(second.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS), "the client goes on");
    assertEquals(0, second.exitValue());
    nothingIsLeft(engine);
  }
}
