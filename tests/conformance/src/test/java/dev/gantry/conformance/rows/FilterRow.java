package dev.gantry.conformance.rows;

import dev.gantry.testkit.Answer;
import dev.gantry.testkit.Engine;
import java.util.ArrayList;
import java.util.List;

/// A filter of a list: with one value it finds something, with another it doesn't.
///
/// @param hit the filters, JSON
/// @param miss the filters, JSON
/// @param found what is in the answer of the first and not in that of the second
record FilterRow(String path, String filter, String hit, String miss, String found) {
  static List<FilterRow> all() {
    return Table.lines("filters.tsv", 5).stream()
        .map(c -> new FilterRow(c[0], c[1], c[2], c[3], c[4]))
        .toList();
  }

  List<String> faults(Engine engine, Player player) {
    List<String> faults = new ArrayList<>();
    ask(engine, player, hit, true, faults);
    ask(engine, player, miss, false, faults);
    return faults;
  }

  private void ask(
      Engine engine, Player player, String filters, boolean wanted, List<String> faults) {
    String target = path + (path.contains("?") ? "&" : "?") + "filters=" + filters;
    Answer answer = engine.get(Player.encoded(player.filled(target)));
    if (answer.status() != 200 || answer.text().contains(found) != wanted) {
      faults.add(
          target
              + (wanted ? " lacks " : " has ")
              + found
              + ": "
              + answer.status()
              + " "
              + answer.text());
    }
  }
}
