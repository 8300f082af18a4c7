package dev.gantry.cli;

import dev.gantry.base.Failure;
import dev.gantry.client.ApiError;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import dev.gantry.recipes.Base;
import dev.gantry.recipes.Part;
import dev.gantry.recipes.Recipe;
import dev.gantry.recipes.Recipes;
import dev.gantry.recipes.SourceTree;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Folders without a Dockerfile: `build` makes one as it goes, `init` writes it down.
final class SourceBuilds {
  private SourceBuilds() {}

  static Command init() {
    return Command.of(
        "[OPTIONS] [PATH]",
        0,
        1,
        SourceBuilds::write,
        Flag.text("base", ' ', "An image with apt to build and run on, as debian:bookworm"),
        Flag.text("recipe", ' ', "What to take of several, as node, go:cmd/server, maven:web"),
        Flag.bool("force", ' ', "Write over files that are there"));
  }

  /// The recipe that takes the place of a Dockerfile, said on standard error; empty if there is
  /// one, or if nothing in the folder tells what it is.
  static Optional<Recipe> recipe(Session session, Path folder, Words words) {
    if (Files.exists(folder.resolve("Dockerfile")) || Files.exists(folder.resolve("dockerfile"))) {
      return Optional.empty();
    }
    Optional<Recipe> recipe = find(session, folder, words);
    if (recipe.isPresent() && !words.on("quiet")) {
      say(session.err(), recipe.get());
      session.err().println("To change how it is built: gantry init writes its Dockerfile.");
      session.err().println();
    }
    return recipe;
  }

  private static Optional<Recipe> find(Session session, Path folder, Words words) {
    boolean certificates = !MachineCertificates.text().isEmpty();
    SourceTree tree = new SourceTree(Surroundings.ours().absolute(folder));
    try {
      Part part = words.text("recipe").map(Part::parse).orElse(Part.ANY);
      Optional<String> wanted = words.text("base");
      if (wanted.isPresent()) {
        return Recipes.of(tree, Base.debian(wanted.get(), certificates), part);
      }
      Optional<Recipe> official = Recipes.of(tree, Base.official(certificates), part);
      Optional<String> bootstrapped =
          official.isEmpty() ? Optional.empty() : bootstrapped(session, official.get().bases());
      return bootstrapped.isEmpty()
          ? official
          : Recipes.of(tree, Base.debian(bootstrapped.get(), certificates), part);
    } catch (Failure e) {
      throw new Exit(1, e.text());
    }
  }

  private static void say(PrintStream out, Recipe recipe) {
    out.println("Recognised " + recipe.title());
    recipe.recognised().forEach(line -> out.println("  " + line));
    out.println("The image, on " + String.join(", ", recipe.bases()));
    recipe.holds().forEach(line -> out.println("  " + line));
    out.println("  runs as user 10001, port " + recipe.port());
  }

  /// A Debian that was made by `image bootstrap`, if the engine has one and none of `bases`: then
  /// there was no registry to be reached.
  private static Optional<String> bootstrapped(Session session, List<String> bases) {
    try {
      List<Json.JsonObject> images =
          Session.objects(session.engine().get(Query.of("/images/json")));
      List<String> names =
          images.stream().flatMap(image -> image.strings("RepoTags").stream()).toList();
      if (bases.stream().anyMatch(names::contains)) {
        return Optional.empty();
      }
      return names.stream()
          .filter(name -> name.startsWith("debian:"))
          .sorted()
          .filter(name -> isBootstrapped(session, name))
          .findFirst();
    } catch (ApiError e) {
      return Optional.empty(); // the build itself will say what is wrong
    }
  }

  private static boolean isBootstrapped(Session session, String name) {
    Json.JsonObject image = Session.object(session.engine().get(Query.of("/images/{}/json", name)));
    return image.string("Comment", "").startsWith("made from Debian packages");
  }

  /// What to say of a folder that nothing is known of, with what could be meant instead.
  static String nothing(Path folder) {
    List<String> below = Recipes.below(new SourceTree(folder));
    return "nothing in "
        + folder
        + " tells what it is; "
        + (below.isEmpty()
            ? "looked for " + Recipes.looksFor()
            : "but there are projects below it: "
                + String.join(
                    ", ", below.stream().map(f -> folder.resolve(f).toString()).toList()));
  }

  // ---- init

  private static int write(Session session, Words words) throws IOException {
    Path folder = Path.of(words.arguments().isEmpty() ? "." : words.argument(0));
    if (!Files.isDirectory(folder)) {
      throw new Exit(1, "no such folder: " + folder);
    }
    Recipe recipe = find(session, folder, words).orElseThrow(() -> new Exit(1, nothing(folder)));
    say(session.out(), recipe);
    Map<String, String> files = new LinkedHashMap<>();
    files.put("Dockerfile", recipe.dockerfile());
    files.put(".dockerignore", recipe.dockerignore());
    files.put("compose.yaml", recipe.compose());
    for (Map.Entry<String, String> file : files.entrySet()) {
      Path place = folder.resolve(file.getKey());
      boolean there = Files.exists(place, java.nio.file.LinkOption.NOFOLLOW_LINKS);
      if (there && !words.on("force")) {
        session.out().println("Kept " + place + ", which is there already (--force)");
        continue;
      }
      Files.deleteIfExists(place); // a link is replaced, not followed
      Files.writeString(place, file.getValue());
      session.out().println("Wrote " + place);
    }
    if (recipe.dockerfile().contains("id=certificates")) {
      session
          .out()
          .println(
              "Its downloads trust what this machine trusts beside its distribution's certificates:"
                  + " gantry build gives them, other clients by --secret id=certificates,src=FILE");
    }
    session.out().flush();
    return 0;
  }
}
