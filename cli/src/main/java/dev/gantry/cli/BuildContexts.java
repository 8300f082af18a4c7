package dev.gantry.cli;

import dev.gantry.cli.tar.TarWriter;
import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// `--build-context NAME=WHAT`: an image, a folder or an OCI layout of ours, which travel to the
/// engine in the context, or a URL, which the engine fetches.
final class BuildContexts {
  private static final String IMAGE = "docker-image://";
  private static final String LAYOUT = "oci-layout://";

  /// A folder of ours, and what it is called in the context.
  private record Sent(Path folder, String name, IgnoreFile ignored) {}

  private final Json.JsonObject images = Json.object();
  private final Json.JsonObject others = Json.object();
  private final List<Sent> sent = new ArrayList<>();

  BuildContexts(List<String> flags) throws IOException {
    for (String text : flags) {
      String[] pair = text.split("=", 2);
      if (pair.length < 2 || pair[0].isEmpty() || pair[1].isEmpty()) {
        throw new Exit(1, "invalid build context value: " + text + ", expected key=value");
      }
      add(pair[0], pair[1]);
    }
  }

  private void add(String name, String value) throws IOException {
    if (value.startsWith(IMAGE)) {
      images.put(name, value.substring(IMAGE.length()));
    } else if (value.matches("(?i)(https?|git|ssh)://.+|git@.+|github\\.com/.+")) {
      others.put(name, Json.object().put("Url", value));
    } else if (value.startsWith(LAYOUT)) {
      layout(name, value.substring(LAYOUT.length()));
    } else if (Files.isDirectory(Path.of(value))) {
      Path folder = Path.of(value);
      String own = ".gantry-context-" + sent.size();
      sent.add(new Sent(folder, own, ignored(folder)));
      others.put(name, Json.object().put("Folder", own));
    } else {
      throw new Exit(1, "failed to get build context " + name + ": no folder " + value);
    }
  }

  /// An image in a layout.
  ///
  /// @param value `FOLDER[:TAG][@DIGEST]`
  private void layout(String name, String value) {
    String[] digest = value.split("@", 2);
    String[] tag = digest[0].split(":", 2);
    Path folder = Path.of(tag[0]);
    if (!Files.isRegularFile(folder.resolve("index.json"))) {
      throw new Exit(
          1, "failed to get build context " + name + ": " + tag[0] + " is no OCI layout");
    }
    String own = ".gantry-context-" + sent.size();
    sent.add(new Sent(folder, own, IgnoreFile.NONE));
    String which = digest.length > 1 ? digest[1] : tag.length > 1 ? tag[1] : "";
    others.put(name, Json.object().put("Layout", own).put("Which", which));
  }

  private static IgnoreFile ignored(Path folder) throws IOException {
    Path file = folder.resolve(".dockerignore");
    try {
      return Files.isRegularFile(file) ? IgnoreFile.parse(Files.readString(file)) : IgnoreFile.NONE;
    } catch (ParseFailure e) {
      throw new Exit(1, "could not read " + file + ": " + e.text());
    }
  }

  /// Says in the request what is wanted.
  void ask(Json.JsonObject extras) {
    extras.put("Images", images).put("Contexts", others);
  }

  /// Whether folders of ours have to go to the engine.
  boolean sends() {
    return !sent.isEmpty();
  }

  /// Adds those folders to the context.
  void send(TarWriter tar) throws IOException {
    for (Sent one : sent) {
      int top = one.name().length() + 1;
      new Packing(
              name -> name.length() > top && one.ignored().ignores(name.substring(top)),
              one.ignored().isFinal())
          .add(tar, one.folder(), one.name());
    }
  }
}
