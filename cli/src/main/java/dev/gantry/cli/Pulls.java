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
    return Command.of(
        "[OPTIONS] NAME[:TAG|@DIGEST]",
        1,
        1,
        Pulls::pull,
        Flag.bool("all-tags", 'a', "All images of the repository"),
        trust(),
        platform(),
        Flag.bool("quiet", 'q', "Without the progress"));
  }

  static Command push() {
    return Command.of(
        "[OPTIONS] NAME[:TAG]",
        1,
        1,
        Pulls::push,
        Flag.bool("all-tags", 'a', "All images of the repository"),
        trust(),
        platform(),
        Flag.bool("quiet", 'q', "Without the progress"));
  }

  static Flag platform() {
    return Flag.text("platform", ' ', "The platform of the image, e.g. linux/amd64");
  }

  private static Flag trust() {
    return Flag.bool("disable-content-trust", ' ', "Has no effect").standard("true").hide();
  }

  private static int pull(Session session, Words words) throws IOException {
    ImageName name = ImageName.parse(words.argument(0));
    boolean all = words.on("all-tags");
    boolean quiet = words.on("quiet");
    if (all && !name.isPlain()) {
      throw new Exit(1, "tag can't be used with --all-tags/-a");
    }
    if (!all && name.isPlain()) {
      name = name.withDefaultTag();
      if (!quiet) {
        session.out().println("Using default tag: " + name.tag());
        session.out().flush();
      }
    }
    Query query = query(name).withText("platform", words.text("platform", ""));
    Progress.show(open(session, query, name), session.out(), STDOUT, quiet);
    session.out().println(name.full());
    return 0;
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
    ImageName name = ImageName.parse(words.argument(0));
    boolean all = words.on("all-tags");
    boolean quiet = words.on("quiet");
    if (all && !name.isPlain()) {
      throw new Exit(1, "tag can't be used with --all-tags/-a");
    }
    if (!all && name.isPlain()) {
      name = name.withDefaultTag();
      if (!quiet) {
        session.out().println("Using default tag: " + name.tag());
        session.out().flush();
      }
    }
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
