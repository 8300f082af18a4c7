package dev.gantry.images;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.oci.ImageReference;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;

/// Makes base images without a registry, from the package mirror that this machine uses already:
/// `debian:SUITE` by mmdebstrap, `busybox` from the package busybox-static.
public final class BootstrapImage {
  private static final String PATH =
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  private static final Path BUSYBOX = Path.of("/bin/busybox");

  private final Images images;

  public BootstrapImage(Images images) {
    this.images = images;
  }

  /// Makes the image that `name` calls, reporting each step.
  public Image make(String name, Consumer<String> progress) {
    ImageReference reference = ImageReference.parse(name).withDefaultTag();
    String repository = reference.familiarName();
    try {
      return switch (repository) {
        case "busybox" -> busybox(reference, progress);
        case "debian" -> debian(reference, progress);
        default ->
            throw new Failure.InvalidRequest(
                "\"" + name + "\" cannot be made from packages: busybox and debian:SUITE can");
      };
    } catch (IOException e) {
      throw new Failure.Internal("could not make " + name + ": " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("interrupted while making " + name);
    }
  }

  // ---- Debian

  private Image debian(ImageReference reference, Consumer<String> progress)
      throws IOException, InterruptedException {
    String tag = reference.tagIfAny().orElse("latest");
    String suite = tag.equals("latest") ? "stable" : tag.replaceFirst("-slim$", "");
    if (!suite.matches("[a-z][a-z0-9-]{1,30}")) {
      throw new Failure.InvalidRequest("\"" + suite + "\" is no name of a Debian suite");
    }
    if (!onPath("mmdebstrap")) {
      throw new Failure.Unsupported(
          "debian images are made by mmdebstrap, which is not installed: apt-get install mmdebstrap");
    }
    String mirror = mirror();
    progress.accept("Making debian:" + tag + " from the packages of " + suite);
    Path log = Files.createTempFile("gantry-bootstrap", ".log");
    Process process =
        new ProcessBuilder(
                "mmdebstrap",
                "--mode=root",
                "--variant=minbase",
                "--include=ca-certificates",
                "--dpkgopt=path-exclude=/usr/share/doc/*",
                "--dpkgopt=path-include=/usr/share/doc/*/copyright",
                "--dpkgopt=path-exclude=/usr/share/man/*",
                suite,
                "-",
                mirror)
            .redirectError(ProcessBuilder.Redirect.PIPE)
            .start();
    Thread reader = Thread.ofVirtual().start(() -> report(process, log, progress));
    Image image;
    try (InputStream tar = process.getInputStream()) {
      image =
          images.importRoot(
              tar, config("bash"), "made from Debian packages of " + suite, now(), null);
    } finally {
      process.getOutputStream().close();
    }
    boolean ended = process.waitFor(60, TimeUnit.SECONDS);
    reader.join();
    if (!ended || process.exitValue() != 0) {
      process.destroy();
      images.remove(image);
      throw new Failure.Internal("mmdebstrap failed: " + lastLine(log));
    }
    Files.deleteIfExists(log);
    images.tag(image.id(), reference);
    return image;
  }

  private static void report(Process process, Path log, Consumer<String> progress) {
    try (BufferedReader lines =
            new BufferedReader(
                new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8));
        var copy = Files.newBufferedWriter(log)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        copy.write(line);
        copy.newLine();
        if (line.startsWith("I: ")) {
          progress.accept(line.substring(3));
        }
      }
    } catch (IOException e) {
      return; // the exit code tells the rest
    }
  }

  private static String lastLine(Path log) throws IOException {
    List<String> lines = Files.readAllLines(log);
    Files.deleteIfExists(log);
    return lines.reversed().stream().filter(l -> !l.isBlank()).findFirst().orElse("no message");
  }

  private static boolean onPath(String program) {
    for (String folder : System.getenv().getOrDefault("PATH", "/usr/bin").split(":")) {
      if (Files.isExecutable(Path.of(folder, program))) {
        return true;
      }
    }
    return Files.isExecutable(Path.of("/usr/bin", program));
  }

  /// The first mirror in this machine's own apt configuration.
  private static String mirror() throws IOException {
    Pattern uris = Pattern.compile("^URIs:\\s*(\\S+)", Pattern.MULTILINE);
    Path folder = Path.of("/etc/apt/sources.list.d");
    if (Files.isDirectory(folder)) {
      try (var files = Files.list(folder)) {
        for (Path file : files.filter(f -> f.toString().endsWith(".sources")).sorted().toList()) {
          String text = Files.readString(file);
          Matcher m = uris.matcher(text);
          if (text.contains("debian-archive-keyring") && m.find()) {
            return m.group(1);
          }
        }
      }
    }
    Path old = Path.of("/etc/apt/sources.list");
    if (Files.exists(old)) {
      Matcher m =
          Pattern.compile("^deb (?:\\[[^]]*\\] )?(\\S+)", Pattern.MULTILINE)
              .matcher(Files.readString(old));
      if (m.find()) {
        return m.group(1);
      }
    }
    throw new Failure.Unsupported("this machine's apt names no Debian mirror");
  }

  private static Json.JsonObject config(String command) {
    return Json.object().put("Env", Json.array().add(PATH)).put("Cmd", Json.array().add(command));
  }

  private static String now() {
    return Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
  }

  // ---- busybox

  private Image busybox(ImageReference reference, Consumer<String> progress)
      throws IOException, InterruptedException {
    if (!Files.exists(BUSYBOX)) {
      throw new Failure.Unsupported(
          "the busybox image is made from the package busybox-static, which is not installed:"
              + " apt-get install busybox-static");
    }
    progress.accept("Making busybox from the package busybox-static");
    Path file = Files.createTempFile("gantry-busybox", ".tar");
    try {
      try (OutputStream out = Files.newOutputStream(file)) {
        writeBusybox(out);
      }
      try (InputStream in = Files.newInputStream(file)) {
        return images.importRoot(in, config("sh"), "made from busybox-static", now(), reference);
      }
    } finally {
      Files.deleteIfExists(file);
    }
  }

  private static void writeBusybox(OutputStream out) throws IOException, InterruptedException {
    TarArchiveOutputStream tar = new TarArchiveOutputStream(out, "UTF-8");
    for (String folder :
        List.of(
            "bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "usr", "var", "var/www")) {
      TarArchiveEntry entry = new TarArchiveEntry(folder + "/");
      entry.setMode(folder.equals("tmp") ? 041777 : folder.equals("root") ? 040700 : 040755);
      entry.setModTime(0);
      tar.putArchiveEntry(entry);
      tar.closeArchiveEntry();
    }
    file(tar, "bin/busybox", Files.readAllBytes(BUSYBOX), 0100755);
    file(
        tar,
        "etc/passwd",
        text(
            "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/false\n"
                + "nobody:x:65534:65534:nobody:/home:/bin/false\n"),
        0100644);
    file(tar, "etc/group", text("root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n"), 0100644);
    for (String applet : applets()) {
      TarArchiveEntry link = new TarArchiveEntry("bin/" + applet, TarConstants.LF_SYMLINK);
      link.setLinkName("busybox");
      link.setModTime(0);
      tar.putArchiveEntry(link);
      tar.closeArchiveEntry();
    }
    tar.finish();
  }

  private static List<String> applets() throws IOException, InterruptedException {
    Process process = new ProcessBuilder(BUSYBOX.toString(), "--list").start();
    List<String> names =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
            .lines()
            .filter(n -> !n.equals("busybox"))
            .sorted()
            .toList();
    process.waitFor();
    return names;
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static void file(TarArchiveOutputStream tar, String name, byte[] content, int mode)
      throws IOException {
    TarArchiveEntry entry = new TarArchiveEntry(name);
    entry.setSize(content.length);
    entry.setMode(mode);
    entry.setModTime(0);
    tar.putArchiveEntry(entry);
    tar.write(content);
    tar.closeArchiveEntry();
  }
}
