package dev.gantry.build;

import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.engine.LayerFiles;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.kernel.Tree;
import java.io.ByteArrayInputStream;
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
  private static final int MOST_FOUND = 32 << 20; // characters of all packages
  private static final int LONGEST = 512; // of a name, a version and their like
  private static final int MOST_DESCRIPTION = 1 << 20;
  private static final long MOST_ARCHIVE = 1L << 30;
  private static final long MOST_INFLATED = 4L << 30; // of one archive
  private static final long MOST_ARCHIVES = 16L << 30; // of all together
  private static final int ENTRY = 64; // what an entry counts, be it empty
  private static final int DEEPEST = 2; // archives in an archive, as applications are packed

  private final Tree tree;
  private final List<FoundPackage> found = new ArrayList<>();
  private final byte[] buffer = new byte[64 * 1024];
  private String distribution = "";
  private long inflated;
  private long inflatedBefore;
  private long characters;

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
    long length = (long) namespace.length() + name.length() + version.length() + supplier.length();
    if (name.isEmpty() || length > LONGEST || found.size() == MOST_PACKAGES) {
      return;
    }
    characters += length + path.length() + qualifiers.length();
    if (characters <= MOST_FOUND) {
      found.add(new FoundPackage(kind, namespace, name, version, supplier, path, qualifiers));
    }
  }

  // ---- package managers

  private Map<String, String> release() throws IOException {
    Map<String, String> values = new HashMap<>();
    for (String path : new String[] {"/etc/os-release", "/usr/lib/os-release"}) {
      try (Paragraphs lines = paragraphs(path, "=")) {
        for (Map<String, String> some = lines.next(); !some.isEmpty(); some = lines.next()) {
          some.forEach((name, value) -> values.putIfAbsent(name, value.replace("\"", "").strip()));
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
      try (Paragraphs all = paragraphs(file, ": ")) {
        for (Map<String, String> p = all.next(); !p.isEmpty(); p = all.next()) {
          debian(system, p, file);
        }
      }
    }
  }

  private void debian(String system, Map<String, String> p, String file) {
    if (!p.getOrDefault("Status", "install ok installed").endsWith(" installed")) {
      return;
    }
    String maintainer = p.getOrDefault("Maintainer", "").split("<", 2)[0].strip();
    add(
        "deb",
        system,
        p.getOrDefault("Package", ""),
        p.getOrDefault("Version", ""),
        maintainer.isEmpty() ? "" : "Organization: " + maintainer,
        file,
        joined("arch=" + p.getOrDefault("Architecture", ""), distribution));
  }

  private void alpine(String system) throws IOException {
    String file = "/lib/apk/db/installed";
    try (Paragraphs all = paragraphs(file, ":")) {
      for (Map<String, String> p = all.next(); !p.isEmpty(); p = all.next()) {
        add(
            "apk",
            system,
            p.getOrDefault("P", ""),
            p.getOrDefault("V", ""),
            "",
            file,
            joined("arch=" + p.getOrDefault("A", ""), distribution));
      }
    }
  }

  private static String joined(String first, String second) {
    return second.isEmpty() ? first : first + "&" + second;
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
      inflatedBefore += inflated;
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
      Json.JsonObject json = Json.parseObject(text(path, MOST_DESCRIPTION));
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
    Map<String, String> head;
    try (Paragraphs all = paragraphs(path, ": ")) {
      head = all.next();
    }
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
        own.load(new StringReader(new String(described(zip), StandardCharsets.UTF_8)));
        add(
            "maven",
            own.getProperty("groupId", ""),
            own.getProperty("artifactId", ""),
            own.getProperty("version", ""),
            "",
            path,
            "");
      } else if (entry.equals("META-INF/MANIFEST.MF")) {
        manifest.putAll(new Paragraphs(new ByteArrayInputStream(described(zip)), ": ").next());
      } else if (isArchive(last) && depth < DEEPEST && entry.length() <= LONGEST) {
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
    inflated += ENTRY;
    for (int n = in.read(buffer); n > 0 && mayInflate(); n = in.read(buffer)) {
      inflated += n;
    }
    return mayInflate();
  }

  private boolean mayInflate() {
    return inflated < MOST_INFLATED && inflatedBefore + inflated < MOST_ARCHIVES;
  }

  private void byName(String base, Map<String, String> manifest, String path) {
    if (base.length() > LONGEST) {
      return;
    }
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

  private static byte[] described(InputStream in) throws IOException {
    return in.readNBytes(MOST_DESCRIPTION);
  }

  private Paragraphs paragraphs(String path, String separator) throws IOException {
    return new Paragraphs(open(path), separator);
  }

  /// A file's bytes, links followed inside the image; none if it is no file.
  private InputStream open(String path) throws IOException {
    String real = LayerFiles.resolve(tree, path);
    Optional<Tree.Status> status = tree.status(real);
    return status.isPresent() && status.get().isRegular()
        ? Walk.content(tree, real)
        : InputStream.nullInputStream();
  }

  private String text(String path, int most) throws IOException {
    try (InputStream in = open(path)) {
      return new String(in.readNBytes(most), StandardCharsets.UTF_8);
    }
  }
}
