package dev.gantry.recipes;

import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The line `web: COMMAND` of a `Procfile`: how hosting services start a program.
final class Procfile {
  private static final Pattern WEB = Pattern.compile("(?m)^web:[ \\t]*(\\S[^\\r\\n]{0,1000})$");

  private Procfile() {}

  static Optional<String> web(SourceTree tree) {
    return tree.text("Procfile").map(WEB::matcher).filter(Matcher::find).map(m -> m.group(1));
  }

  /// The words that start it.
  static Optional<List<String>> start(SourceTree tree) {
    return web(tree).map(Commands::words);
  }
}
