package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Contexts of many files, of which `gantry build` sends what has changed: the image is always the
/// one that comes of sending everything.
@ExtendWith(EngineExtension.class)
class LargeContextIT {
  private static final int FILES = 700;

  @TempDir Path context;

  @BeforeEach
  void files(Engine engine) throws IOException {
    engine.busybox();
    for (int i = 0; i < FILES; i++) {
      write("src/" + i % 7 + "/f" + i, "file " + i + "\n");
    }
    // a layer of another test with the same content would have its times
    write("unique", "" + System.nanoTime());
    write("Dockerfile", "FROM busybox\nCOPY . /all\n");
    write("skipped/x", "not to be seen");
    write(".dockerignore", "skipped\nDockerfile\n");
    Files.createSymbolicLink(context.resolve("link"), Path.of("src/3"));
  }

  private void write(String name, String content) throws IOException {
    Path file = context.resolve(name);
    Files.createDirectories(file.resolveSibling("."));
    Files.writeString(file, content);
  }

  private String built(Engine engine) {
    return engine.gantry("build", "-q", context.toString()).succeeded().line();
  }

  /// The image that comes of all files in one archive.
  private String whole(Engine engine, String... leave) {
    List<String> tar = new ArrayList<>(List.of("tar", "-C", context.toString(), "-c"));
    tar.addAll(List.of(leave));
    tar.add(".");
    byte[] archive = Command.of(tar).run().bytes();
    return engine
        .gantryCommand("build", "-q", "--no-cache", "-")
        .input(archive)
        .run()
        .succeeded()
        .line();
  }

  /// The engine's folder that was used last.
  private static Path kept(Engine engine) throws IOException {
    try (Stream<Path> all = Files.list(engine.folder().resolve("data/build/contexts"))) {
      return all.filter(Files::isDirectory)
          .max(Comparator.comparing(p -> p.toFile().lastModified()))
          .orElseThrow();
    }
  }

  /// What was changed in the last two seconds travels anyway: waits until it is older.
  private static void settle() {
    long changed = System.currentTimeMillis();
    Eventually.within(
        Duration.ofSeconds(30),
        "the clock stands",
        () -> System.currentTimeMillis() > changed + 2500);
  }

  private static Object inode(Path file) throws IOException {
    return Files.getAttribute(file, "unix:ino");
  }

  @Test
  void onlyWhatHasChangedTravels(Engine engine) throws IOException {
    settle();
    String first = built(engine);
    assertEquals(whole(engine), first);
    Path same = kept(engine).resolve("src/1/f1");
    Object before = inode(same);
    assertEquals(first, built(engine));

    write("src/2/f2", "another\n");
    Files.delete(context.resolve("src/4/f4"));
    write("added/deep/down", "new\n");
    String second = built(engine);
    assertNotEquals(first, second);
    assertEquals(whole(engine), second);
    assertEquals(before, inode(same), "a file that is as it was has been written again");
  }

  @Test
  void filesAndFoldersTakeEachOthersPlace(Engine engine) throws IOException {
    String first = built(engine);
    Command.of("rm", "-r", context.resolve("src/3").toString()).run().succeeded();
    write("src/3", "no folder any more\n");
    Files.delete(context.resolve("src/2/f2"));
    write("src/2/f2/inside", "no file any more\n");
    Files.delete(context.resolve("link"));
    write("link/a", "a folder now\n");
    Path program = context.resolve("src/1/f1");
    Command.of("chmod", "755", program.toString(), context.resolve("src/5").toString())
        .run()
        .succeeded();
    String second = built(engine);
    assertNotEquals(first, second);
    assertEquals(whole(engine), second);
  }

  @Test
  void contentCountsWhenSizeAndTimeAreTheSame(Engine engine) throws IOException {
    Path file = context.resolve("src/0/f0");
    String first = built(engine);
    var time = Files.getLastModifiedTime(file);
    Files.writeString(file, "FILE 0\n");
    Files.setLastModifiedTime(file, time);
    settle();
    String second = built(engine);
    assertNotEquals(first, second);
    assertEquals(whole(engine), second);
  }

  @Test
  void whatIsIgnoredMayChangeItsMind(Engine engine) throws IOException {
    String first = built(engine);
    write(".dockerignore", "src/*\n!src/1\nDockerfile\n.dockerignore\n");
    String second = built(engine);
    assertNotEquals(first, second);
    assertEquals(whole(engine, "--exclude=./src/[02-6]"), second);
  }

  @Test
  void aKilledEngineBelievesNothingThatIsNotSo(Engine engine) throws IOException {
    String first = built(engine);
    engine.kill();
    engine.restart();
    assertEquals(first, built(engine));
    write("src/6/f6", "after the restart\n");
    Process client = engine.gantryCommand("build", "-q", context.toString()).start();
    engine.kill();
    client.destroyForcibly();
    engine.restart();
    assertEquals(whole(engine), built(engine));
  }

  @Test
  void buildsOfOneFolderAtOnceAreAllRight(Engine engine) throws Exception {
    write("slow", "FROM busybox\nCOPY . /all\nRUN sleep 2\n");
    Process slow =
        engine
            .gantryCommand("build", "-q", "-f", context.resolve("slow").toString(), context + "")
            .start();
    List<Process> others = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      write("src/5/f5", "change " + i + "\n");
      others.add(engine.gantryCommand("build", "-q", context.toString()).start());
    }
    for (Process one : others) {
      assertEquals(0, one.waitFor(), () -> engine.log());
    }
    assertEquals(0, slow.waitFor());
    assertEquals(whole(engine), built(engine));
  }

  @Test
  void anotherContextsNameLeadsNowhere(Engine engine) {
    for (String name : List.of("", "../../etc", "x".repeat(64), "0".repeat(63))) {
      assertEquals(
          400,
          engine.request("POST", "/build/context?name=" + name, new byte[] {0}).status(),
          name);
    }
    String good = "0".repeat(64);
    assertEquals(
        400, engine.request("POST", "/build/context?name=" + good, new byte[] {9}).status());
  }
}
