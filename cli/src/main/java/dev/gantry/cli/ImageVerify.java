package dev.gantry.cli;

import dev.gantry.cli.tar.Entry;
import dev.gantry.cli.tar.TarReader;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/// `image verify NAME PATH`: builds again without any cache what an image is said to be made from,
/// and names the first difference. The same inputs make the same image, so there should be none.
final class ImageVerify {
  private static final Listed NONE = new Listed("not there", 0);

  private final Session session;

  ImageVerify(Session session) {
    this.session = session;
  }

  /// The flags of a build that decide what comes out.
  static Flag[] flags() {
    return new Flag[] {
      Flag.list("build-arg", ' ', "A value for an ARG: NAME=VALUE"),
      Flag.text("file", 'f', "The Dockerfile, PATH/Dockerfile if not said"),
      Flag.list("label", ' ', "A label of the image: NAME=VALUE"),
      Flag.list("secret", ' ', "A secret for RUN: id=NAME,src=FILE"),
      Flag.text("target", ' ', "The stage to build")
    };
  }

  /// Whether nothing differs.
  boolean run(Words words) throws Exception {
    String name = words.argument(0);
    Json.JsonObject wanted = image(name);
    Json.JsonObject made = image(again(words, wanted));
    String id = made.string("Id", "");
    try {
      String difference = difference(wanted, made);
      session
          .out()
          .println(
              difference.isEmpty()
                  ? name + " is what " + words.argument(1) + " makes: " + id
                  : name + " is not what " + words.argument(1) + " makes: " + difference);
      return difference.isEmpty();
    } finally {
      forget(made, wanted);
    }
  }

  private Json.JsonObject image(String name) {
    return Session.object(session.engine().get(Query.of("/images/{}/json", name)));
  }

  /// Builds; the new image's id.
  private String again(Words words, Json.JsonObject wanted) throws Exception {
    Path file = Files.createTempFile("gantry-verify-", ".id");
    try {
      List<String> build =
          new ArrayList<>(List.of("--no-cache", "--iidfile", file.toString(), "--platform"));
      String variant = wanted.string("Variant", "");
      build.add(
          wanted.string("Os", "linux")
              + "/"
              + wanted.string("Architecture", "")
              + (variant.isEmpty() ? "" : "/" + variant));
      for (String flag : List.of("build-arg", "label", "secret")) {
        words.list(flag).forEach(value -> build.addAll(List.of("--" + flag, value)));
      }
      for (String flag : List.of("file", "target")) {
        words.text(flag).ifPresent(value -> build.addAll(List.of("--" + flag, value)));
      }
      build.add(words.argument(1));
      Command command = Builds.command();
      int code = command.action().run(session, Words.parse(command.flags(), build, true));
      if (code != 0) {
        throw new Exit(code, "it could not be built again");
      }
      return Files.readString(file).strip();
    } finally {
      Files.deleteIfExists(file);
    }
  }

  private void forget(Json.JsonObject made, Json.JsonObject wanted) {
    boolean other = !made.string("Id", "").equals(wanted.string("Id", ""));
    if (other && made.strings("RepoTags").isEmpty()) {
      Json ignored = session.engine().delete(Query.of("/images/{}", made.string("Id", "")));
    }
  }

  // ---- what differs

  private String difference(Json.JsonObject wanted, Json.JsonObject made) throws IOException {
    if (wanted.string("Id", "").equals(made.string("Id", ""))) {
      return "";
    }
    for (String field : List.of("Os", "Architecture", "Variant", "Author")) {
      if (!wanted.string(field, "").equals(made.string(field, ""))) {
        return said(field, wanted.string(field, ""), made.string(field, ""));
      }
    }
    Json.JsonObject before = wanted.object("Config").orElseGet(Json::object);
    Json.JsonObject after = made.object("Config").orElseGet(Json::object);
    TreeSet<String> keys = new TreeSet<>(before.members().keySet());
    keys.addAll(after.members().keySet());
    for (String key : keys) {
      String one = String.valueOf(before.get(key));
      String other = String.valueOf(after.get(key));
      if (!one.equals(other)) {
        return said("Config." + key, one, other);
      }
    }
    String files = files(wanted.string("Id", ""), made.string("Id", ""));
    if (!files.isEmpty()) {
      return files;
    }
    List<String> layers = layers(wanted);
    List<String> others = layers(made);
    for (int i = 0; i < Math.max(layers.size(), others.size()); i++) {
      String one = i < layers.size() ? layers.get(i) : "none";
      String other = i < others.size() ? others.get(i) : "none";
      if (!one.equals(other)) {
        return said("layer " + (i + 1) + " (the files are the same in the end)", one, other);
      }
    }
    if (!wanted.string("Created", "").equals(made.string("Created", ""))) {
      return said("Created", wanted.string("Created", ""), made.string("Created", ""));
    }
    return "the history";
  }

  private static List<String> layers(Json.JsonObject image) {
    return image.object("RootFS").map(r -> r.strings("Layers")).orElse(List.of());
  }

  private static String said(String what, String one, String other) {
    return what + " is " + one + ", built again it is " + other;
  }

  /// What a file is, on one line, and its time.
  private record Listed(String what, long seconds) {}

  /// The first file that differs, in the order of paths; of those that differ in their times alone
  /// the first if there are no others; empty if none does.
  private String files(String wanted, String made) throws IOException {
    Map<String, Listed> before = listing(wanted);
    Map<String, Listed> after = listing(made);
    TreeSet<String> paths = new TreeSet<>(before.keySet());
    paths.addAll(after.keySet());
    String older = "";
    for (String path : paths) {
      Listed one = before.getOrDefault(path, NONE);
      Listed other = after.getOrDefault(path, NONE);
      if (!one.what().equals(other.what())) {
        return said("/" + path, one.what(), other.what());
      }
      if (one.seconds() != other.seconds() && older.isEmpty()) {
        older =
            said("the time of /" + path, time(one), time(other) + "; what it holds is the same");
      }
    }
    return older;
  }

  private static String time(Listed file) {
    return Instant.ofEpochSecond(file.seconds()).toString();
  }

  private Map<String, Listed> listing(String id) throws IOException {
    Map<String, Listed> all = new TreeMap<>();
    Query query = Query.of("/build/files").with("image", id);
    try (InputStream archive = session.engine().open("GET", query, null)) {
      TarReader tar = new TarReader(archive);
      for (Optional<Entry> next = tar.next(); next.isPresent(); next = tar.next()) {
        Entry e = next.get();
        all.put(e.name(), new Listed(line(tar, e), e.seconds()));
      }
    }
    return all;
  }

  private static String line(TarReader tar, Entry e) throws IOException {
    String kind =
        switch (e.type()) {
          case '0' -> "a file";
          case '1', '2' -> "a link to " + e.link();
          case '5' -> "a folder";
          default -> "a special file";
        };
    return kind
        + " of "
        + e.user()
        + ":"
        + e.group()
        + " with mode "
        + Integer.toOctalString(e.mode() & 07777)
        + (e.isFile() ? ", " + e.size() + " bytes, sha256 " + digest(tar.content()) : "");
  }

  private static String digest(InputStream content) throws IOException {
    try {
      MessageDigest hasher = MessageDigest.getInstance("SHA-256");
      byte[] buffer = new byte[64 * 1024];
      for (int n = content.read(buffer); n > 0; n = content.read(buffer)) {
        hasher.update(buffer, 0, n);
      }
      return HexFormat.of().formatHex(hasher.digest()).substring(0, 12);
    } catch (NoSuchAlgorithmException e) {
      throw new IOException(e);
    }
  }
}
