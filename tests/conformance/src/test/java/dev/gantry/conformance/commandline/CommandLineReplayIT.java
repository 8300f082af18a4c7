package dev.gantry.conformance.commandline;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.json.Json;
import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Needs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/// Runs the recorded commands with the real Docker CLI and with our own on our engine; see the
/// README beside the recordings.
@ExtendWith(EngineExtension.class)
class CommandLineReplayIT {
  private static final List<String> GROUPS =
      List.of(
          "help-and-usage",
          "run",
          "ps",
          "lifecycle",
          "logs-exec-cp",
          "inspect",
          "images",
          "network",
          "volume",
          "system");
  private static final Differences DIFFERENCES = Differences.read();

  @BeforeAll
  static void importImages(Engine engine) {
    byte[] root = Busybox.tar();
    for (String image :
        List.of("alpine:latest", "alpine:3.10", "busybox:glibc", "busybox:latest")) {
      load(engine, image, root, "Imported%20from%20-");
    }
    engine.request("DELETE", "/images/hello-world:latest?force=1", "");
    byte[] none = new byte[1024];
    for (String image :
        List.of("debian:bookworm-slim", "arm32v7/hello-world:latest", "hello-world:arm64")) {
      load(engine, image, none, image);
    }
    load(engine, "hello-world:amd64", none, "amd64");
    engine
        .request("POST", "/images/hello-world:amd64/tag?repo=hello-world&tag=frozen", "")
        .expect(201);
  }

  private static void load(Engine engine, String image, byte[] root, String message) {
    String[] name = image.split(":");
    engine
        .request(
            "POST",
            "/images/create?fromSrc=-&repo="
                + name[0]
                + "&tag="
                + name[1]
                + "&message="
                + message
                + "&changes=CMD%20%5B%22sh%22%5D&changes=ENV%20PATH%3D/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            root)
        .expect(200);
  }

  @ParameterizedTest
  @FieldSource("GROUPS")
  void dockerPrintsWhatWasRecorded(String group, Engine engine) {
    String program = Needs.dockerClient().toString();
    replay(engine, group, "docker", List.of(program));
  }

  @ParameterizedTest
  @FieldSource("GROUPS")
  void gantryPrintsWhatDockerDoes(String group, Engine engine) {
    Path home = Needs.distribution();
    replay(
        engine,
        group,
        "gantry",
        List.of(
            home.resolve("jdk/bin/java").toAbsolutePath().toString(),
            "@" + home.resolve("lib/cli.args").toAbsolutePath()));
  }

  @Test
  void everyListedDifferenceIsOfARecordedCommand() {
    List<String> keys = new ArrayList<>();
    GROUPS.forEach(group -> Recording.read(group).steps().forEach(step -> keys.add(step.key())));
    for (String key : DIFFERENCES.keys()) {
      if (!keys.contains(key)) {
        throw new AssertionError("differences.txt names no recorded command: " + key);
      }
    }
  }

  private static void replay(Engine engine, String group, String who, List<String> program) {
    StringBuilder report = new StringBuilder();
    try (Player player = new Player(engine.socket(), who.equals("gantry"), program)) {
      Map<String, String> literals = new LinkedHashMap<>();
      literals.put(player.work().toString(), "<work-dir>");
      literals.put(engine.folder().resolve("data").toString(), "<data-root>");
      literals.put(engine.socket().toString(), "<socket>");
      Normaliser normaliser = new Normaliser(literals);
      player.run("docker image inspect -f '{{.Id}}' busybox:latest > busy.id");
      for (Recording.Step step : Recording.read(group).steps()) {
        Recording.Printed printed = player.run(step.command());
        if (step.prepares() || DIFFERENCES.open(step.key(), who)) {
          continue;
        }
        String expected = text(normaliser.normalise(step, step.expected()));
        String actual = text(normaliser.normalise(step, printed));
        int cut = expected.indexOf(Recording.CUT);
        if (cut >= 0 && actual.length() > cut) {
          expected = expected.substring(0, cut);
          actual = actual.substring(0, cut);
        }
        boolean listed = DIFFERENCES.listed(step.key(), who);
        if (listed && expected.equals(actual)) {
          report
              .append(step.key())
              .append("\nno longer differs: take it out of differences.txt\n\n");
        } else if (!listed && !expected.equals(actual)) {
          report
              .append(step.key())
              .append("\n--- Docker:\n")
              .append(expected)
              .append("--- here:\n")
              .append(actual)
              .append('\n');
        }
      }
    } finally {
      clean(engine);
    }
    keep(who + "-" + group + ".txt", report.toString());
    assertEquals("", report.toString(), () -> "differs from the recording of " + group);
  }

  /// The reports stay in `target/command-line` to be read.
  private static void keep(String name, String report) {
    try {
      Path folder = Files.createDirectories(Path.of("target", "command-line"));
      Files.writeString(folder.resolve(name), report);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void clean(Engine engine) {
    engine
        .containers()
        .forEach(id -> engine.request("DELETE", "/containers/" + id + "?force=1&v=1", ""));
    engine.request("POST", "/networks/prune", "");
    Json.JsonObject volumes = (Json.JsonObject) engine.json("/volumes");
    volumes
        .objects("Volumes")
        .forEach(v -> engine.request("DELETE", "/volumes/" + v.string("Name", ""), ""));
  }

  private static String text(Recording.Printed printed) {
    return "exit "
        + printed.exit()
        + "\n"
        + printed.out()
        + (printed.err().isEmpty() ? "" : "(stderr)\n" + printed.err());
  }
}
