package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Answer;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.RegistryServer;
import dev.gantry.testkit.TarBytes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// [HostileArchives] by every way on which an archive comes into the engine: nothing outside
/// changes, what has to be refused is refused with a sentence, the engine's memory stays bounded
/// (it would end without), and nothing is left.
@ExtendWith(EngineExtension.class)
class HostileArchivesIT {
  private static final Pattern MESSAGE =
      Pattern.compile("\"(?:message|error)\":\"((?:[^\"\\\\]++|\\\\.)*+)\"");
  private static final long SECONDS = 1_234_567_890;

  /// A way in.
  enum Way {
    PULL,
    LOAD_DOCKER_LAYOUT,
    LOAD_OCI_LAYOUT,
    LOAD_AS_IT_IS,
    IMPORT,
    COPY_INTO_RUNNING,
    COPY_INTO_STOPPED,
    VOLUME,
    BUILD_CONTEXT,
    ADD;

    /// Whether what has to be refused is an error here. ADD takes what is no archive at all as an
    /// ordinary file.
    boolean refuses() {
      return this != ADD;
    }
  }

  // ---- what shall stay as it is

  private static Path outside(Engine engine) throws IOException {
    Path outside = Files.createTempDirectory(engine.folder(), "outside");
    Path secret = Files.writeString(outside.resolve("secret"), "untouched");
    Command.of("chmod", "0640", secret.toString()).run().succeeded();
    Command.of("touch", "-d", "@" + SECONDS, secret.toString(), outside.toString())
        .run()
        .succeeded();
    return outside;
  }

  private static void assertUntouched(Engine engine, Path outside, String by) throws IOException {
    try (Stream<Path> files = Files.list(outside)) {
      assertEquals(List.of(outside.resolve("secret")), files.toList(), by);
    }
    assertEquals("untouched", Files.readString(outside.resolve("secret")), by);
    assertEquals(
        "640 0:0 " + SECONDS + " 1\n700 0:0 " + SECONDS + " 2\n",
        Command.of("stat", "-c", "%a %u:%g %Y %h", outside + "/secret", outside.toString())
            .run()
            .succeeded()
            .out(),
        by);
    // the only places where one may be: the name in full, inside, and where ADD was to put it
    String found =
        Command.of("find", engine.folder().toString(), "-name", "escaped")
            .run()
            .out()
            .lines()
            .filter(
                p ->
                    !p.endsWith(outside + "/escaped")
                        && !p.matches(".*/[dlc]/escaped|.*/layers/[0-9a-f]+/in/escaped"))
            .reduce("", (x, y) -> x + y + "\n");
    assertEquals("", found, by);
    for (String place : List.of("/escaped", "/tmp/escaped", "/var/escaped", "/var/tmp/escaped")) {
      assertFalse(Files.exists(Path.of(place)), by + " made " + place);
    }
  }

  // ---- the corpus

  @ParameterizedTest
  @EnumSource
  void corpusDoesNoHarm(Way way, Engine engine) throws IOException {
    Path outside = outside(engine);
    List<String> wrong = new ArrayList<>();
    try (Sender sender = new Sender(engine, way)) {
      for (HostileArchives.Case c : HostileArchives.against(outside)) {
        Answer answer = sender.send(c);
        String problem = problem(answer, c.refused() && way.refuses());
        if (!problem.isEmpty()) {
          wrong.add(c + ": " + problem);
        }
      }
      assertUntouched(engine, outside, way.name());
    }
    assertEquals(List.of(), wrong, "by " + way);
    assertEquals("OK", engine.get("/_ping").text());
    assertTrue(peakMemory(engine) < 700L << 20, "the engine took " + peakMemory(engine) + " bytes");
    assertNothingIsLeft(engine);
  }

  /// What is wrong with an answer; empty if nothing is.
  private static String problem(Answer answer, boolean mustFail) {
    String text = answer.text();
    boolean failed = answer.status() >= 400 || text.contains("\"errorDetail\"");
    if (!failed) {
      return mustFail ? "was taken: " + cut(text) : "";
    }
    var message = MESSAGE.matcher(text);
    if (!message.find() || message.group(1).isBlank()) {
      return "no message: " + answer.status() + " " + cut(text);
    }
    boolean clumsy =
        message
            .group(1)
            .matches("(?s).*(Exception|java\\.|: null$|^null|OutOfMemory|StackOverflow).*");
    return clumsy ? "unclear: " + cut(message.group(1)) : "";
  }

  private static String cut(String text) {
    return text.substring(0, Math.min(text.length(), 400));
  }

  private static long peakMemory(Engine engine) throws IOException {
    return Files.readAllLines(Path.of("/proc/" + engine.pid() + "/status")).stream()
        .filter(l -> l.startsWith("VmHWM:"))
        .mapToLong(l -> Long.parseLong(l.replaceAll("[^0-9]", "")) << 10)
        .findFirst()
        .orElseThrow();
  }

  /// No half layer, no image without a name, nothing that is still being removed.
  private static void assertNothingIsLeft(Engine engine) {
    Eventually.within(
        Duration.ofSeconds(60), () -> "left: " + left(engine), () -> left(engine).isEmpty());
  }

  private static String left(Engine engine) {
    return Command.of(
            "find",
            engine.folder().resolve("data").toString(),
            "(",
            "-path",
            "*/trash/*",
            "-o",
            "-name",
            "new-*",
            "-o",
            "-path",
            "*/incoming/*",
            ")",
            "-prune")
        .run()
        .out();
  }

  // ---- random damage

  @ParameterizedTest
  @EnumSource(
      names = {"LOAD_DOCKER_LAYOUT", "LOAD_AS_IT_IS", "IMPORT", "COPY_INTO_STOPPED", "VOLUME"})
  void damagedArchivesDoNoHarm(Way way, Engine engine) throws IOException {
    Path outside = outside(engine);
    String out = outside.toString().substring(1);
    byte[] good =
        new TarBytes()
            .folder("d/")
            .file("d/f", "content")
            .symlink("l", "../".repeat(20) + out)
            .file("l/secret", "through")
            .hardLink("h", "d/f")
            .pax("path", "d/long", "SCHILY.xattr.user.x", "y")
            .file("x", "pax")
            .pax("GNU.sparse.map", "0,2,64,2", "GNU.sparse.size", "100")
            .file("s", "abcd")
            .longName("d/gnu")
            .file("cut", "gnu")
            .device('3', "dev", 1, 3)
            .file("d/.wh.f", "")
            .bytes();
    Random random = new Random(11);
    try (Sender sender = new Sender(engine, way)) {
      for (int round = 0; round < 150; round++) {
        byte[] bad = damaged(good, random);
        Answer answer = sender.send(new HostileArchives.Case("damaged" + round, false, bad));
        assertEquals("", problem(answer, false), "round " + round + " by " + way);
      }
      assertUntouched(engine, outside, way.name());
    }
    assertNothingIsLeft(engine);
  }

  private static byte[] damaged(byte[] good, Random random) {
    byte[] bad = good.clone();
    for (int i = 0; i <= random.nextInt(4); i++) {
      int at = random.nextInt(bad.length - 1024);
      bad[at] = (byte) random.nextInt(256);
      int header = at & ~511;
      if (random.nextInt(4) > 0) { // mostly with a right checksum, to get behind it
        byte[] h = Arrays.copyOfRange(bad, header, header + 512);
        TarBytes.sum(h);
        System.arraycopy(h, 0, bad, header, 512);
      }
    }
    return random.nextInt(8) == 0 ? Arrays.copyOf(bad, random.nextInt(bad.length)) : bad;
  }

  // ---- races

  /// A folder and a file, in turn themselves and links out, as fast as a thread can.
  private static final class Swapping implements AutoCloseable {
    private final AtomicBoolean on = new AtomicBoolean(true);
    private final AtomicReference<IOException> failed = new AtomicReference<>();
    private final List<Thread> threads;

    Swapping(Path folder, Path outside) throws IOException {
      Path up = Path.of("../".repeat(24) + outside.toString().substring(1));
      Files.createDirectories(folder.resolve("x"));
      threads =
          List.of(
              Thread.ofPlatform().start(() -> swap(folder, "x", outside, true)),
              Thread.ofPlatform().start(() -> swap(folder, "y", up, true)),
              Thread.ofPlatform().start(() -> swap(folder, "f", outside.resolve("secret"), false)));
    }

    private void swap(Path folder, String name, Path target, boolean isFolder) {
      Path place = folder.resolve(name);
      Path aside = folder.resolve("aside-" + name);
      Path link = folder.resolve("link-" + name);
      Random random = new Random(name.hashCode());
      try {
        Files.createSymbolicLink(link, target);
        if (isFolder) {
          Files.createDirectories(place);
        }
        while (on.get()) {
          move(place, aside);
          move(link, place);
          move(place, link);
          if (Files.isSymbolicLink(aside) || !Files.exists(aside)) {
            continue; // what was unpacked meanwhile has come between
          }
          move(aside, place);
          LockSupport.parkNanos(random.nextInt(400_000)); // sometimes an archive gets through
        }
      } catch (IOException e) {
        failed.set(e);
      }
    }

    private static void move(Path from, Path to) throws IOException {
      try {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
      } catch (java.nio.file.FileSystemException e) {
        return; // somebody was faster
      }
    }

    @Override
    public void close() {
      on.set(false);
      for (Thread thread : threads) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
    }
  }

  /// The names that are swapped get files, folders, modes, owners and times; and are read.
  @Test
  void linksThatComeMeanwhileAreNotFollowed(Engine engine) throws IOException {
    Path outside = outside(engine);
    Path shared = Files.createTempDirectory(engine.folder(), "shared");
    Path layer = Files.createDirectories(shared.resolve("in"));
    engine
        .docker(
            "run",
            "-d",
            "--name",
            "raced",
            "-v",
            shared + ":/shared",
            engine.busybox(),
            "sleep",
            "1000")
        .succeeded();
    byte[] archive =
        new TarBytes()
            .mode(0777)
            .uid(7)
            .folder("x/")
            .mode(06777)
            .uid(7)
            .file("x/inside", "x")
            .mode(0777)
            .uid(7)
            .folder("y/")
            .file("y/secret", "overwritten")
            .hardLink("y/link", "y/secret")
            .mode(06777)
            .uid(7)
            .file("f", "overwritten")
            .mode(0666)
            .device('6', "f", 0, 0)
            .mode(0777)
            .uid(7)
            .folder("x/")
            .bytes();
    try (Swapping swapping = new Swapping(layer, outside)) {
      List<String> read = List.of("x", "y", "x/secret", "y/secret", "f");
      for (int round = 0; round < 150; round++) {
        Answer put = engine.request("PUT", "/containers/raced/archive?path=/shared/in", archive);
        assertEquals("", problem(put, false), "round " + round);
        String path = read.get(round % read.size());
        Answer got = engine.get("/containers/raced/archive?path=/shared/in/" + path);
        assertFalse(got.text().contains("untouched"), "round " + round + " read " + path);
      }
      assertEquals(null, swapping.failed.get());
    } finally {
      engine.docker("rm", "-f", "raced");
    }
    assertUntouched(engine, outside, "the race");
  }

  // ---- bombs

  /// A gigabyte that comes as a megabyte, on a disk that has no room for it.
  @Test
  void bombsAreStoppedBeforeTheDiskIsFull(Engine plain) throws IOException {
    Path small = Files.createDirectories(plain.folder().resolve("small"));
    Command.of("mount", "-t", "tmpfs", "-o", "size=384m", "none", small.toString())
        .run()
        .succeeded();
    try (Engine cramped = Engine.start("--data-root", small.resolve("data").toString())) {
      cramped.busybox();
      HostileArchives.Case bomb = new HostileArchives.Case("bomb", true, bomb(1 << 30));
      long before = used(small);
      for (Way way : Way.values()) {
        Answer answer;
        try (Sender sender = new Sender(cramped, way)) {
          answer = sender.send(bomb);
        }
        assertEquals("", problem(answer, true), way.name());
        assertTrue(
            answer.text().matches("(?s).*(does not fit on the disk|no space left).*"),
            way + ": " + cut(answer.text()));
        Eventually.within(
            Duration.ofSeconds(60),
            () -> way + " leaves " + (used(small) - before) + " bytes: " + left(cramped),
            () -> used(small) < before + (8 << 20));
      }
    } finally {
      Command.of("umount", "-l", small.toString()).run().succeeded();
    }
  }

  private static byte[] bomb(int size) throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream out =
        new GZIPOutputStream(packed) {
          {
            def.setLevel(java.util.zip.Deflater.BEST_SPEED);
          }
        }) {
      out.write(Arrays.copyOf(new TarBytes().header('0', new byte[] {'b'}, size).cut(), 512));
      byte[] zeros = new byte[1 << 20];
      for (int i = 0; i < size / zeros.length; i++) {
        out.write(zeros);
      }
      out.write(new byte[1024]);
    }
    return packed.toByteArray();
  }

  private static long used(Path disk) {
    String[] words =
        Command.of("stat", "-f", "-c", "%b %f %S", disk.toString())
            .run()
            .succeeded()
            .line()
            .split(" ");
    return (Long.parseLong(words[0]) - Long.parseLong(words[1])) * Long.parseLong(words[2]);
  }

  // ---- the ways in

  /// Brings an archive into the engine by one way, and takes away what became of it.
  private static final class Sender implements AutoCloseable {
    private final Engine engine;
    private final Way way;
    private final HttpClient client = HttpClient.newHttpClient();
    private final RegistryServer registry;

    Sender(Engine engine, Way way) {
      this.engine = engine;
      this.way = way;
      this.registry = way == Way.PULL ? RegistryServer.gantry() : null;
      if (way == Way.COPY_INTO_RUNNING || way == Way.COPY_INTO_STOPPED) {
        engine.docker("create", "--name", "target", engine.busybox(), "sleep", "1000").succeeded();
        if (way == Way.COPY_INTO_RUNNING) {
          engine.docker("start", "target").succeeded();
        }
      }
    }

    @Override
    public void close() {
      if (registry != null) {
        registry.close();
      }
      client.close();
      engine.request("DELETE", "/containers/target?force=1", "");
      engine.request("POST", "/images/prune", "").expect(200);
      engine.request("POST", "/build/prune?all=1", "").expect(200);
    }

    Answer send(HostileArchives.Case c) throws IOException {
      byte[] bytes = c.bytes();
      return switch (way) {
        case PULL -> {
          HostileImage.of(bytes).push(client, registry.address(), "hostile/image");
          yield image(
              "/images/create?tag=1&fromImage=" + registry.address() + "/hostile/image",
              new byte[0]);
        }
        case LOAD_DOCKER_LAYOUT ->
            image("/images/load", HostileImage.of(bytes).dockerLayout("hostile:1"));
        case LOAD_OCI_LAYOUT ->
            image("/images/load", HostileImage.of(bytes).ociLayout("hostile:1"));
        case LOAD_AS_IT_IS -> image("/images/load", bytes);
        case IMPORT -> image("/images/create?fromSrc=-&repo=hostile&tag=1", bytes);
        case COPY_INTO_RUNNING, COPY_INTO_STOPPED -> {
          byte[] folder = new TarBytes().folder("case/").bytes();
          engine.request("PUT", "/containers/target/archive?path=/", folder).expect(200);
          Answer answer = engine.request("PUT", "/containers/target/archive?path=/case", bytes);
          // a file in the place of the folder takes all of that away
          byte[] file = new TarBytes().file("case", "").bytes();
          engine.request("PUT", "/containers/target/archive?path=/", file).expect(200);
          yield answer;
        }
        case VOLUME -> {
          Answer answer = engine.request("PUT", "/gantry/volumes/hostile/archive", bytes);
          engine.request("DELETE", "/volumes/hostile?force=1", "");
          yield answer;
        }
        case BUILD_CONTEXT -> {
          byte[] file = new TarBytes().file("Dockerfile", "FROM scratch\nLABEL a=b\n").cut();
          yield image(
              "/build?t=hostile:1",
              c.isPacked() ? joined(HostileArchives.gzip(file), bytes) : joined(file, bytes));
        }
        case ADD -> {
          byte[] context =
              new TarBytes()
                  .file("Dockerfile", "FROM scratch\nADD archive.tar /in/\n")
                  .entry('0', "archive.tar", bytes)
                  .bytes();
          yield image("/build?t=hostile:1&nocache=1", context);
        }
      };
    }

    private Answer image(String target, byte[] body) {
      Answer answer = engine.request("POST", target, body);
      engine.request("DELETE", "/images/hostile:1?force=1", "");
      if (registry != null) {
        engine.request("DELETE", "/images/" + registry.address() + "/hostile/image:1?force=1", "");
      }
      return answer;
    }

    private static byte[] joined(byte[] a, byte[] b) {
      byte[] all = Arrays.copyOf(a, a.length + b.length);
      System.arraycopy(b, 0, all, a.length, b.length);
      return all;
    }
  }
}
