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
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
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

  /// The manual pages' folders stay, though empty: packages put links into them. Services are not
  /// started by their installation, as in every Debian image for containers, and apt keeps no copy
  /// of what it has installed.
  private static final List<String> MMDEBSTRAP =
      List.of(
          "mmdebstrap",
          "--mode=root",
          "--skip=chroot/policy-rc.d",
          "--variant=minbase",
          "--include=ca-certificates",
          "--dpkgopt=path-exclude=/usr/share/doc/*",
          "--dpkgopt=path-include=/usr/share/doc/*/copyright",
          "--dpkgopt=path-exclude=/usr/share/man/*",
          "--customize-hook=for i in 1 2 3 4 5 6 7 8; do mkdir -p \"$1/usr/share/man/man$i\"; done",
          "--customize-hook=printf '#!/bin/sh\\nexit 101\\n' >\"$1/usr/sbin/policy-rc.d\""
              + " && chmod 755 \"$1/usr/sbin/policy-rc.d\"",
          "--customize-hook=printf '%s\\n'"
              + " 'Binary::apt::APT::Keep-Downloaded-Packages \"false\";'"
              + " 'Dir::Cache::pkgcache \"\";' 'Dir::Cache::srcpkgcache \"\";'"
              + " 'Acquire::Languages \"none\";'"
              + " >\"$1/etc/apt/apt.conf.d/container\"",
          "--customize-hook=echo force-unsafe-io >\"$1/etc/dpkg/dpkg.cfg.d/container\"");

  private static final Pattern URIS = Pattern.compile("^URIs:\\s*(\\S+)", Pattern.MULTILINE);
  private static final Pattern SUITES = Pattern.compile("^Suites:\\s*(.+)$", Pattern.MULTILINE);
  private static final Pattern ONE_LINE =
      Pattern.compile("^deb\\s+(?:\\[[^]]*\\]\\s+)?(\\S+)\\s+(\\S+)", Pattern.MULTILINE);

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
    List<String> sources = sources(suite);
    progress.accept("Making debian:" + tag + " from the packages of " + suite);
    Path log = Files.createTempFile("gantry-bootstrap", ".log");
    List<String> command = new ArrayList<>(MMDEBSTRAP);
    command.addAll(List.of(suite, "-"));
    command.addAll(sources);
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.PIPE).start();
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

  /// The packages' sources for a suite: the first mirror in this machine's own apt configuration,
  /// with the suite's updates and security fixes where the machine takes its own from there too.
  private static List<String> sources(String suite) throws IOException {
    String mirror = null;
    String updates = null;
    String security = null;
    for (AptSource source : aptSources()) {
      boolean fixes = source.suites().contains("-security") || source.uri().endsWith("-security");
      if (fixes) {
        security = security == null ? source.uri() : security;
      } else {
        mirror = mirror == null ? source.uri() : mirror;
        if (source.suites().contains("-updates") && updates == null) {
          updates = source.uri();
        }
      }
    }
    if (mirror == null) {
      throw new Failure.Unsupported("this machine's apt names no Debian mirror");
    }
    List<String> lines = new ArrayList<>();
    lines.add("deb " + mirror + " " + suite + " main");
    boolean rolling = Set.of("sid", "unstable", "experimental").contains(suite);
    if (updates != null && !rolling) {
      lines.add("deb " + updates + " " + suite + "-updates main");
    }
    if (security != null && !rolling) {
      lines.add("deb " + security + " " + suite + "-security main");
    }
    return lines;
  }

  private record AptSource(String uri, String suites) {}

  /// Debian's own entries of this machine's apt, in both formats of apt's sources.
  private static List<AptSource> aptSources() throws IOException {
    List<AptSource> found = new ArrayList<>();
    Path folder = Path.of("/etc/apt/sources.list.d");
    List<Path> lists = new ArrayList<>(List.of(Path.of("/etc/apt/sources.list")));
    if (Files.isDirectory(folder)) {
      try (var files = Files.list(folder)) {
        List<Path> sorted = files.sorted().toList();
        for (Path file : sorted) {
          if (file.toString().endsWith(".list")) {
            lists.add(file);
          } else if (file.toString().endsWith(".sources")) {
            for (String stanza : Files.readString(file).split("\n\\s*\n")) {
              Matcher uri = URIS.matcher(stanza);
              Matcher suites = SUITES.matcher(stanza);
              if (stanza.contains("debian-archive-keyring") && uri.find() && suites.find()) {
                found.add(new AptSource(uri.group(1), suites.group(1)));
              }
            }
          }
        }
      }
    }
    for (Path list : lists) {
      if (Files.isReadable(list)) {
        Matcher line = ONE_LINE.matcher(Files.readString(list));
        while (line.find()) {
          if (line.group(1).contains("debian")) {
            found.add(new AptSource(line.group(1), line.group(2)));
          }
        }
      }
    }
    return found;
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
