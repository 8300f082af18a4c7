package dev.gantry.build;

import dev.gantry.dockerfile.Origin;
import java.util.List;

/// The lines of a Dockerfile around an instruction, the instruction marked.
public final class Excerpt {
  private static final int AROUND = 2;
  private static final String RULE = "--------------------\n";

  private Excerpt() {}

  /// @param name of the file
  /// @param text what is in it
  public static String of(String name, String text, Origin origin) {
    List<String> lines = text.lines().toList();
    StringBuilder out = new StringBuilder();
    out.append(name).append(':').append(origin.first()).append('\n').append(RULE);
    int last = Math.min(lines.size(), origin.last() + AROUND);
    for (int n = Math.max(1, origin.first() - AROUND); n <= last; n++) {
      boolean marked = n >= origin.first() && n <= origin.last();
      out.append(String.format("%4d | %s %s%n", n, marked ? ">>>" : "   ", lines.get(n - 1)));
    }
    return out.append(RULE).toString();
  }
}
