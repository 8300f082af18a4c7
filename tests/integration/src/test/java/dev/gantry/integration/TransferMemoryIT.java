package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.oci.Digest;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.RegistryServer;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/// What the engine's memory grows to while images come, go and are made: the peak of its resident
/// memory stays under 300 MB, whatever their size.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TransferMemoryIT {
  private static final Duration LIMIT = Duration.ofMinutes(5);
  private static final long MOST = 300;
  private static final int LAYERS = 20;
  private static final int LAYER = 16 << 20;
  private static final long SPARSE = 8L << 30;

  private Path folder;
  private Engine engine;
  private RegistryServer registry;
  private final TreeMap<String, Long> peaks = new TreeMap<>();

  @BeforeAll
  void start(@TempDir Path temporary) {
    folder = temporary;
    Needs.dockerClient();
    engine = Engine.start("--max-concurrent-downloads", "10");
    registry = RegistryServer.gantry();
  }

  @AfterAll
  void stop() {
    System.out.println("TransferMemoryIT: peaks in MB " + peaks);
    if (registry != null) {
      registry.close();
    }
    if (engine != null) {
      engine.close();
    }
  }

  // ---- an archive of many layers, the last of them with a huge file of holes

  private static byte[] content() {
    byte[] content = new byte[LAYER];
    Random random = new Random(3);
    for (int i = 0; i < LAYER; i++) {
      content[i] = (byte) (random.nextInt() & 0x1f); // packs to two thirds
    }
    return content;
  }

  private Path archive() throws IOException {
    Path parts = Files.createDirectories(folder.resolve("parts"));
    Files.write(parts.resolve("content"), content());
    Command.of("truncate", "-s", Long.toString(SPARSE), parts.resolve("holes").toString())
        .run()
        .succeeded();
    List<Digest> diffIds = new ArrayList<>();
    List<String> layers = new ArrayList<>();
    List<String> names = new ArrayList<>(List.of("config", "manifest.json"));
    for (int i = 0; i <= LAYERS; i++) {
      boolean last = i == LAYERS;
      Path tar = parts.resolve("tar");
      Command.of(
              "tar",
              "-C",
              parts.toString(),
              "--sparse",
              "--transform=s/$/" + i + "/",
              "-cf",
              tar.toString(),
              last ? "holes" : "content")
          .within(LIMIT)
          .run()
          .succeeded();
      byte[] plain = Files.readAllBytes(tar);
      diffIds.add(Digest.of(plain));
      String name = "layer" + i;
      try (OutputStream out =
          new Gzip(new BufferedOutputStream(Files.newOutputStream(parts.resolve(name))))) {
        out.write(plain);
      }
      layers.add(name);
    }
    names.addAll(layers);
    Files.writeString(parts.resolve("config"), TestImage.config(diffIds));
    Files.writeString(parts.resolve("manifest.json"), TestImage.archived(name(), layers));
    Path archive = folder.resolve("archive.tar");
    List<String> words =
        new ArrayList<>(List.of("tar", "-C", parts.toString(), "-cf", archive.toString()));
    words.addAll(names);
    Command.of(words).within(LIMIT).run().succeeded();
    return archive;
  }

  private static final class Gzip extends GZIPOutputStream {
    Gzip(OutputStream out) throws IOException {
      super(out, 64 * 1024);
      def.setLevel(Deflater.BEST_SPEED);
    }
  }

  private String name() {
    return registry.address() + "/many:1";
  }

  // ---- measuring

  /// Runs Docker's client; the peak of the engine's resident memory meanwhile.
  private void measured(String what, String... words) throws IOException {
    Path process = Path.of("/proc/" + engine.pid());
    Files.writeString(process.resolve("clear_refs"), "5"); // the peak begins anew
    engine.dockerCommand(words).within(LIMIT).run().succeeded();
    long peak =
        Files.readAllLines(process.resolve("status")).stream()
                .filter(line -> line.startsWith("VmHWM:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .sum()
            / 1024;
    peaks.put(what, peak);
    assertTrue(peak < MOST, what + " took " + peak + " MB; all: " + peaks);
  }

  @Test
  void peaksStayBelowTheLimit() throws IOException {
    Path archive = archive();
    measured("load", "load", "-q", "-i", archive.toString());
    measured("push", "push", "-q", name());
    measured("save", "save", "-o", folder.resolve("saved.tar").toString(), name());
    engine.docker("rmi", name()).succeeded();
    measured("pull", "pull", "-q", name());
    String busybox = engine.busybox();
    String script = "for i in 1 2 3 4; do dd if=/dev/urandom of=/f$i bs=1M count=48; done";
    engine.docker("run", "--name", "writer", busybox, "sh", "-c", script).succeeded();
    measured("commit", "commit", "writer", "written:1");
    engine.docker("tag", "written:1", registry.address() + "/written:1").succeeded();
    measured("push of a commit", "push", "-q", registry.address() + "/written:1");
    Path context = Files.createDirectories(folder.resolve("context"));
    for (int i = 0; i < 10; i++) {
      Files.write(context.resolve("f" + i), content());
    }
    Files.writeString(
        context.resolve("Dockerfile"),
        "FROM " + busybox + "\nCOPY . /files\nRUN cat /files/* >/all\nCOPY --chown=1 . /again\n");
    measured("build", "build", "-q", "-t", "built:1", context.toString());
  }
}
