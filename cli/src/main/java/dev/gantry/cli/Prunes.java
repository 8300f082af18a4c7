package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The `prune` of each kind of things, and of all of them.
final class Prunes {
  private Prunes() {}

  static Command command(String kind) {
    List<Flag> flags = new ArrayList<>();
    flags.add(Flag.filter(' '));
    flags.add(Flag.bool("force", 'f', "Do not ask first"));
    if (kind.equals("image") || kind.equals("system")) {
      flags.add(Flag.bool("all", 'a', "All unused images, not only those without a name"));
    }
    if (kind.equals("volume")) {
      flags.add(Flag.bool("all", 'a', "Those with a name too"));
    }
    if (kind.equals("builder")) {
      flags.add(Flag.bool("all", 'a', "What images still use, too"));
      flags.add(Flag.bytes("keep-storage", ' ', "Keep so much of what was used last"));
    }
    if (kind.equals("system")) {
      flags.add(Flag.bool("volumes", ' ', "Volumes without a name too"));
    }
    return new Command("", "[OPTIONS]", "", flags, 0, 0, true, (s, w) -> run(s, w, kind));
  }

  private static int run(Session session, Words words, String kind) throws IOException {
    if (kind.equals("system")
        && words.on("volumes")
        && words.list("filter").stream().anyMatch(f -> f.startsWith("until="))) {
      throw new Exit(1, "ERROR: The \"until\" filter is not supported with \"--volumes\"");
    }
    if (!words.on("force") && !agreed(session, warning(words, kind))) {
      return 0;
    }
    if (kind.equals("builder")) {
      session.out().println("Total:\t" + Humans.size(builds(session, words), 4));
      return 0;
    }
    if (!kind.equals("system")) {
      long freed = one(session, words, kind);
      if (!kind.equals("network")) {
        session.out().println("Total reclaimed space: " + Humans.size(freed, 4));
      }
      return 0;
    }
    long freed = one(session, words, "container") + one(session, words, "network");
    if (words.on("volumes")) {
      freed += one(session, words, "volume");
    }
    freed += one(session, words, "image") + builds(session, words);
    session.out().println("Total reclaimed space: " + Humans.size(freed, 4));
    return 0;
  }

  /// Empties the cache of builds; the bytes that it gave back.
  private static long builds(Session session, Words words) {
    List<String> filters =
        words.list("filter").stream().filter(f -> !f.startsWith("label")).toList();
    Query query =
        Query.of("/build/prune")
            .with("all", words.on("all"))
            .withText(
                "keep-storage",
                words.text("keep-storage").map(Humans::bytes).map(b -> Long.toString(b)).orElse(""))
            .withText("filters", Filters.of(filters));
    Json.JsonObject answer = Session.object(session.engine().post(query, null));
    List<String> gone = answer.strings("CachesDeleted");
    if (!gone.isEmpty()) {
      session.out().println("Deleted build cache objects:");
      gone.forEach(session.out()::println);
      session.out().println();
    }
    return answer.number("SpaceReclaimed", 0);
  }

  private static String warning(Words words, String kind) {
    String images =
        words.on("all")
            ? "all images without at least one container associated to them"
            : "all dangling images";
    return switch (kind) {
      case "container" -> "WARNING! This will remove all stopped containers.\n";
      case "network" ->
          "WARNING! This will remove all custom networks not used by at least one container.\n";
      case "volume" ->
          "WARNING! This will remove "
              + (words.on("all") ? "all" : "anonymous")
              + " local volumes not used by at least one container.\n";
      case "image" -> "WARNING! This will remove " + images + ".\n";
      case "builder" ->
          "WARNING! This will remove all "
              + (words.on("all") ? "build cache" : "dangling build cache")
              + ".\n";
      default ->
          "WARNING! This will remove:\n"
              + "  - all stopped containers\n"
              + "  - all networks not used by at least one container\n"
              + (words.on("volumes")
                  ? "  - all anonymous volumes not used by at least one container\n"
                  : "")
              + "  - "
              + images
              + "\n  - unused build cache\n\n"
              + filtered(words);
    };
  }

  private static String filtered(Words words) {
    return words.list("filter").isEmpty()
        ? ""
        : "  Items to be pruned will be filtered with:\n  - "
            + String.join("\n  - ", words.list("filter"))
            + "\n\n";
  }

  /// Asks; no answer is a no.
  private static boolean agreed(Session session, String warning) throws IOException {
    session.out().print(warning + "Are you sure you want to continue? [y/N] ");
    session.out().flush();
    String answer =
        Optional.ofNullable(
                new BufferedReader(new InputStreamReader(session.in(), StandardCharsets.UTF_8))
                    .readLine())
            .orElse("");
    return answer.strip().toLowerCase(Locale.ROOT).equals("y");
  }

  /// Prunes one kind and lists what went; the bytes that it gave back.
  private static long one(Session session, Words words, String kind) {
    List<String> filters = new ArrayList<>(words.list("filter"));
    if (kind.equals("image")) {
      filters.add("dangling=" + !words.on("all"));
    }
    if (kind.equals("volume") && words.on("all")) {
      filters.add("all=true");
    }
    Query query = Query.of("/" + kind + "s/prune").withText("filters", Filters.of(filters));
    Json.JsonObject answer = Session.object(session.engine().post(query, null));
    List<String> gone = new ArrayList<>();
    switch (kind) {
      case "container" -> gone.addAll(answer.strings("ContainersDeleted"));
      case "network" -> gone.addAll(answer.strings("NetworksDeleted"));
      case "volume" -> gone.addAll(answer.strings("VolumesDeleted"));
      default ->
          answer
              .objects("ImagesDeleted")
              .forEach(
                  step -> {
                    step.string("Untagged").ifPresent(t -> gone.add("untagged: " + t));
                    step.string("Deleted").ifPresent(d -> gone.add("deleted: " + d));
                  });
    }
    if (!gone.isEmpty()) {
      String title = kind.substring(0, 1).toUpperCase(Locale.ROOT) + kind.substring(1);
      session.out().println("Deleted " + title + "s:");
      gone.forEach(session.out()::println);
      session.out().println();
    }
    return answer.number("SpaceReclaimed", 0);
  }
}
