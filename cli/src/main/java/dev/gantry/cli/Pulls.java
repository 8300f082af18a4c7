package dev.gantry.cli;

import dev.gantry.client.Query;
import java.io.IOException;
import java.io.InputStream;

/// `pull` and `push`.
final class Pulls {
  private static final int STDOUT = 1;
  private static final int STDERR = 2;

  private Pulls() {}

  static Command pull() {
    return command("[OPTIONS] NAME[:TAG|@DIGEST]", Pulls::pull);
  }

  static Command push() {
    return command("[OPTIONS] NAME[:TAG]", Pulls::push);
  }

  private static Command command(String usage, Command.Action action) {
    return Command.of(
        usage,
        1,
        1,
        action,
        Flag.bool("all-tags", 'a', "All images of the repository"),
        Flag.bool("disable-content-trust", ' ', "Has no effect").standard("true").hide(),
        platform(),
        Flag.bool("quiet", 'q', "Without the progress"));
  }

  static Flag platform() {
    return Flag.text("platform", ' ', "The platform of the image, e.g. linux/amd64");
  }

  private static int pull(Session session, Words words) throws IOException {
    ImageName name = name(session, words);
    Query query = query(name).withText("platform", words.text("platform", ""));
    Progress.show(open(session, query, name), session.out(), STDOUT, words.on("quiet"));
    session.out().println(name.full());
    return 0;
  }

  /// The name that the words mean: a tag that they leave out is said, unless all are meant.
  private static ImageName name(Session session, Words words) {
    ImageName name = ImageName.parse(words.argument(0));
    if (words.on("all-tags")) {
      if (!name.isPlain()) {
        throw new Exit(1, "tag can't be used with --all-tags/-a");
      }
      return name;
    }
    if (!name.isPlain()) {
      return name;
    }
    ImageName tagged = name.withDefaultTag();
    if (!words.on("quiet")) {
      session.out().println("Using default tag: " + tagged.tag());
      session.out().flush();
    }
    return tagged;
  }

  private static Query query(ImageName name) {
    // of a name with tag and digest, the digest says which image is meant
    String version = name.digest().isEmpty() ? name.tag() : name.digest();
    return Query.of("/images/create")
        .with("fromImage", name.fullRepository())
        .withText("tag", version);
  }

  /// Fetches what `run` and `create` miss; all that is said goes to standard error.
  static void forRun(Session session, String image, Words words) throws IOException {
    ImageName name = ImageName.parse(image).withDefaultTag();
    Query query = query(name).withText("platform", words.text("platform", ""));
    Progress.show(open(session, query, name), session.err(), STDERR, words.on("quiet"));
  }

  private static int push(Session session, Words words) throws IOException {
    ImageName name = name(session, words);
    boolean quiet = words.on("quiet");
    Query query =
        Query.of("/images/{}/push", name.familiarRepository())
            .withText("tag", name.tag())
            .withText("platform", words.text("platform", ""));
    Progress.show(open(session, query, name), session.out(), STDOUT, quiet);
    if (quiet) {
      session.out().println(name.full());
    }
    return 0;
  }

  private static InputStream open(Session session, Query query, ImageName name) {
    return session
        .engine()
        .reply("POST", query, "X-Registry-Auth", Logins.header(session, name.registry()))
        .body();
  }
}
