package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// The processes of a container as `ps` shows them.
final class Top {
  private Top() {}

  static Json list(List<Integer> pids, String arguments) {
    if (!arguments.matches("[a-zA-Z0-9 ,=%:+-]*")) {
      throw new Failure.InvalidRequest("ps arguments may not hold \"" + arguments + "\"");
    }
    List<String> lines = ps(arguments);
    List<String> titles = List.of(lines.getFirst().trim().split("\\s+"));
    int column = titles.indexOf("PID");
    if (column < 0) {
      throw new Failure.InvalidRequest("Couldn't find PID field in ps output");
    }
    Json.JsonArray processes = Json.array();
    for (String line : lines.subList(1, lines.size())) {
      List<String> cells = new ArrayList<>(List.of(line.trim().split("\\s+", titles.size())));
      if (cells.size() == titles.size()
          && cells.get(column).matches("[0-9]{1,9}")
          && pids.contains(Integer.valueOf(cells.get(column)))) {
        processes.add(Json.strings(cells));
      }
    }
    return Json.object().put("Processes", processes).put("Titles", Json.strings(titles));
  }

  private static List<String> ps(String arguments) {
    List<String> command = new ArrayList<>(List.of("ps"));
    for (String a : arguments.trim().split(" +")) {
      if (!a.isEmpty()) {
        command.add(a);
      }
    }
    try {
      Process process = new ProcessBuilder(command).start();
      String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0 || out.isBlank()) {
        throw new Failure.InvalidRequest("ps: " + err.lines().findFirst().orElse("no output"));
      }
      return out.lines().toList();
    } catch (IOException e) {
      throw new Failure.Internal("ps: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("interrupted");
    }
  }
}
