package dev.gantry.build;

import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.engine.LayerFiles;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.kernel.Tree;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipInputStream;

/// Looks for packages in a tree of files. What cannot be read is passed over: the files are the
/// image's and may be anything. Everything that is read is bounded.
final class PackageScan {
  private static final int MOST_PACKAGES = 50_000;
  private static final int MOST_TEXT = 64 << 20;
  private static final int MOST_DESCRIPTION = 1 << 20;
  private static final long MOST_ARCHIVE = 1L << 30;
  private static final long MOST_INFLATED = 4L << 30; // of one archive
  private static final int DEEPEST = 2; // archives in an archive, as applications are packed

  private final Tree tree;
  private final List<FoundPackage> found = new ArrayList<>();
  private final byte[] buffer = new byte[64 * 1024];
  private String distribution = "";
  private long inflated;

  PackageScan(Tree tree) {
    this.tree = tree;
  }

  /// Everything, sorted by package URL and place.
  List<FoundPackage> run() throws IOException {
    Map<String, String> release = release();
    String system = release.getOrDefault("ID", "");
    String version = release.getOrDefault("VERSION_ID", "");
    distribution = system.isEmpty() ? "" : "distro=" + system + "-" + version;
    debian(system.isEmpty() ? "debian" : system);
    alpine(system.isEmpty() ? "alpine" : system);
    new Walk(tree, IgnoreFile.NONE, "/").from("/", this::look);
    return found.stream()
        .distinct()
        .sorted(Comparator.comparing(FoundPackage::purl).thenComparing(FoundPackage::path))
        .toList();
  }

  private void add(
      String kind,
      String namespace,
      String name,
      String version,
      String supplier,
      String path,
      String qualifiers) {
    if (!name.isEmpty() && found.size() < MOST_PACKAGES) {
      found.add(new FoundPackage(kind, namespace, name, version, supplier, path, qualifiers));
    }
  }

  // ---- package managers

  private Map<String, String> release() throws IOException {
    Map<String, String> values = new HashMap<>();
    for (String path : new String[] {"/etc/os-release", "/usr/lib/os-release"}) {
      for (String line : text(path).lines().toList()) {
        int equals = line.indexOf('=');
        if (equals > 0) {
          values.putIfAbsent(
              line.substring(0, equals), line.substring(equals + 1).replace("\"", "").strip());
        }
      }
    }
    return values;
  }

  private void debian(String system) throws IOException {
    List<String> files = new ArrayList<>(List.of("/var/lib/dpkg/status"));
    String folder = LayerFiles.resolve(tree, "/var/lib/dpkg/status.d"); // images without dpkg
    if (tree.status(folder).map(Tree.Status::isDirectory).orElse(false)) {
      tree.list(folder).stream()
          .filter(n -> !n.endsWith(".md5sums"))
          .forEach(n -> files.add(folder + "/" + n));
    }
    for (String file : files) {
      for (Map<String, String> p : records(text(file), ": ")) {
        String state = p.getOrDefault("Status", "install ok installed");
        if (state.endsWith(" installed")) {
          String maintainer = p.getOrDefault("Maintainer", "").replaceAll(" *<.*", "");
          add(
              "deb",
              system,
              p.getOrDefault("Package", ""),
              p.getOrDefault("Version", ""),
              maintainer.isEmpty() ? "" : "Organization: " + maintainer,
              file,
              joined("arch=" + p.getOrDefault("Architecture", ""), distribution));
        }
      }
    }
  }

  private void alpine(String system) throws IOException {
    String file = "/lib/apk/db/installed";
    for (Map<String, String> p : records(text(file), ":")) {
      String architecture = p.getOrDefault("A", "");
      add(
          "apk",
          system,
          p.getOrDefault("P", ""),
          p.getOrDefault("V", ""),
          "",
          file,
          joined("arch=" + architecture, distribution));
    }
  }

  private static String joined(String first, String second) {
    return second.isEmpty() ? first : first + "&" + second;
  }

  /// Paragraphs of `Name: value` lines with an empty line between them.
  private static List<Map<String, String>> records(String text, String separator) {
    List<Map<String, String>> all = new ArrayList<>();
    Map<String, String> one = new HashMap<>();
    for (String line : text.lines().toList()) {
      int at = line.indexOf(separator);
      if (line.isEmpty()) {
        all.add(one);
        one = new HashMap<>();
      } else if (at > 0 && line.charAt(0) != ' ') {
        one.putIfAbsent(line.substring(0, at), line.substring(at + separator.length()).strip());
      }
    }
    all.add(one);
    all.removeIf(Map::isEmpty);
    return all;
  }

  // ---- packages of languages

  private void look(String path, String below, Tree.Status status) throws IOException {
    if (!status.isRegular()) {
      return;
    }
    String name = path.substring(path.lastIndexOf('/') + 1);
    if (name.equals("package.json") && path.contains("/node_modules/")) {
      node(path);
    } else if (name.equals("METADATA") && path.contains(".dist-info/")) {
      python(path);
    } else if (isArchive(name) && status.size() <= MOST_ARCHIVE) {
      inflated = 0;
      try (InputStream in = Walk.content(tree, path)) {
        java(in, path, name, 0);
      } catch (ZipException | EOFException | IllegalArgumentException e) {
        return; // it is called like one but is none
      }
    }
  }

  private static boolean isArchive(String name) {
    return name.endsWith(".jar") || name.endsWith(".war") || name.endsWith(".ear");
  }

  private void node(String path) throws IOException {
    try {
      Json.JsonObject json = Json.parseObject(text(path));
      String whole = json.string("name", "");
      int slash = whole.startsWith("@") ? whole.indexOf('/') : -1;
      if (json.string("version").isPresent()) {
        add(
            "npm",
            slash < 0 ? "" : whole.substring(0, slash),
            whole.substring(slash + 1),
            json.string("version", ""),
            "",
            path,
            "");
      }
    } catch (JsonException e) {
      return; // a file of this name that no package has
    }
  }

  private void python(String path) throws IOException {
    Map<String, String> head = records(text(path), ": ").stream().findFirst().orElseGet(Map::of);
    add(
        "pypi",
        "",
        head.getOrDefault("Name", "").toLowerCase(java.util.Locale.ROOT),
        head.getOrDefault("Version", ""),
        "",
        path,
        "");
  }

  /// What Maven has left in an archive, else what the manifest says, else what the name says.
  private void java(InputStream in, String path, String name, int depth) throws IOException {
    Properties own = new Properties();
    Map<String, String> manifest = new HashMap<>();
    String base = name.replaceAll("\\.[jwe]ar$", "");
    int before = found.size();
    ZipInputStream zip = new ZipInputStream(in);
    for (ZipEntry e = zip.getNextEntry(); e != null; e = zip.getNextEntry()) {
      String entry = e.getName();
      String last = entry.substring(entry.lastIndexOf('/') + 1);
      if (entry.startsWith("META-INF/maven/") && last.equals("pom.properties")) {
        own = new Properties();
        own.load(new StringReader(limited(zip)));
        add(
            "maven",
            own.getProperty("groupId", ""),
            own.getProperty("artifactId", ""),
            own.getProperty("version", ""),
            "",
            path,
            "");
      } else if (entry.equals("META-INF/MANIFEST.MF")) {
        records(limited(zip), ": ").stream().findFirst().ifPresent(manifest::putAll);
      } else if (isArchive(last) && depth < DEEPEST) {
        try {
          java(zip, path + "!/" + entry, last, depth + 1);
        } catch (ZipException | IllegalArgumentException inner) {
          continue; // called like an archive but is none
        }
      }
      if (!drained(zip)) {
        return; // it blows up to more than anybody would pack
      }
    }
    boolean said = found.stream().skip(before).anyMatch(p -> p.path().equals(path));
    if (!said) {
      byName(base, manifest, path);
    }
  }

  /// Reads an entry to its end, which finding the next one needs; false if that is too much.
  private boolean drained(InputStream in) throws IOException {
    for (int n = in.read(buffer); n > 0 && inflated < MOST_INFLATED; n = in.read(buffer)) {
      inflated += n;
    }
    return inflated < MOST_INFLATED;
  }

  private void byName(String base, Map<String, String> manifest, String path) {
    var split = java.util.regex.Pattern.compile("(.+?)-(\\d[\\w.+-]*)").matcher(base);
    boolean versioned = split.matches();
    String version =
        manifest.getOrDefault(
            "Implementation-Version",
            manifest.getOrDefault("Bundle-Version", versioned ? split.group(2) : ""));
    add(
        "maven",
        manifest.getOrDefault("Implementation-Vendor-Id", ""),
        versioned ? split.group(1) : base,
        version,
        "",
        path,
        "");
  }

  private static String limited(InputStream in) throws IOException {
    return new String(in.readNBytes(MOST_DESCRIPTION), StandardCharsets.UTF_8);
  }

  /// A file's text, links followed inside the image; empty if it is none.
  private String text(String path) throws IOException {
    String real = LayerFiles.resolve(tree, path);
    Optional<Tree.Status> status = tree.status(real);
    if (status.isEmpty() || !status.get().isRegular()) {
      return "";
    }
    try (InputStream in = Walk.content(tree, real)) {
      return new String(in.readNBytes(MOST_TEXT), StandardCharsets.UTF_8);
    }
  }
}
