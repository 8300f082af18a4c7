package dev.gantry.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/// Where `cp` puts what: every kind of source on every kind of target, into a container and out of
/// it, by the real Docker CLI on a real dockerd, and by both command lines on our engine.
///
/// Each row has a place of its own, so that one look at the end shows what became of all.
class CopyRulesIT {
  private static final List<String> SOURCES =
      List.of("f", "d", "d/", "d/.", "lf", "ld", "ld/", "dangling", "missing", "-L lf", "-L ld");
  private static final List<String> TARGETS =
      List.of(
          "new",
          "new/",
          "file",
          "file/",
          "dir",
          "dir/",
          "lfile",
          "ldir",
          "ldangling",
          "missing/new");
  private static final int MAX_SHOWN = 5;
  private static final String TREES =
      """
      cd "$1" && mkdir -p s/d/sub && echo new >s/f && echo x >s/d/x && chmod 4751 s/d/x
      echo y >s/d/sub/y && chmod 700 s/d/sub && ln -s f s/lf && ln -s d s/ld && ln -s nowhere s/dangling
      i=0; while [ $i -lt $2 ]; do
        mkdir -p t/$i/dir && cd t/$i && echo old >file && echo old >dir/old && mkdir dir/d
        ln -s file lfile && ln -s dir ldir && ln -s nowhere ldangling && cd ../.. && i=$((i+1))
      done
      """;
  private static final String LISTING =
      """
      cd "$1/t" && find . | sort | while read -r p; do
        if [ -L "$p" ]; then echo "$p -> $(readlink "$p")"
        elif [ -d "$p" ]; then echo "$p/ $(stat -c %a "$p")"
        else echo "$p $(stat -c %a "$p") $(cat "$p")"; fi
      done
      """;

  private record Row(String source, String target) {
    List<String> flags() {
      return source.startsWith("-L ") ? List.of("-L") : List.of();
    }

    String path() {
      return source.replace("-L ", "");
    }

    @Override
    public String toString() {
      return source + " to " + target;
    }
  }

  private static List<Row> rows() {
    List<Row> rows = new ArrayList<>();
    for (String source : SOURCES) {
      for (String target : TARGETS) {
        rows.add(new Row(source, target));
      }
    }
    return rows;
  }

  /// What became of each row: whether it worked, and the files of its place.
  private static Map<String, String> results(List<Boolean> worked, String listing) {
    Map<String, String> results = new LinkedHashMap<>();
    List<Row> rows = rows();
    for (int i = 0; i < rows.size(); i++) {
      String place = "./" + i + "/";
      StringBuilder files = new StringBuilder(worked.get(i) ? "worked" : "failed");
      listing
          .lines()
          .filter(l -> l.startsWith(place))
          .forEach(l -> files.append("\n    ").append(l.substring(place.length())));
      results.put(rows.get(i).toString(), files.toString());
    }
    return results;
  }

  private static String sh(Function<List<String>, Outcome> run, String script, Object... words) {
    List<String> all = new ArrayList<>(List.of("sh", "-c", script, "sh"));
    for (Object word : words) {
      all.add(word.toString());
    }
    return run.apply(all).succeeded().out();
  }

  private static Outcome here(List<String> words) {
    return Command.of(words).run();
  }

  private interface Client {
    Command command(List<String> words);

    default Outcome run(List<String> words) {
      return command(words).run();
    }
  }

  private static void start(Client client) {
    client
        .command(List.of("import", "-c", "CMD [\"sleep\",\"1000\"]", "-", "box:1"))
        .input(Busybox.tar())
        .run()
        .succeeded();
  }

  private static Map<String, String> into(Client container, Client copying, String name)
      throws IOException {
    Path folder = Files.createTempDirectory("gantry-copies");
    container.run(List.of("run", "-d", "--name", name, "box:1")).succeeded();
    Function<List<String>, Outcome> inside =
        words -> {
          List<String> all = new ArrayList<>(List.of("exec", name));
          all.addAll(words);
          return container.run(all);
        };
    try {
      sh(CopyRulesIT::here, TREES, folder, 0);
      inside.apply(List.of("mkdir", "/w")).succeeded();
      sh(inside, TREES, "/w", rows().size());
      List<Boolean> worked = new ArrayList<>();
      for (Row row : rows()) {
        List<String> words = new ArrayList<>(List.of("cp"));
        words.addAll(row.flags());
        words.add(folder + "/s/" + row.path());
        words.add(name + ":/w/t/" + worked.size() + "/" + row.target());
        worked.add(said(copying.run(words)));
      }
      return results(worked, sh(inside, LISTING, "/w"));
    } finally {
      Command.of("rm", "-rf", folder.toString()).run();
      container.run(List.of("rm", "-f", name));
    }
  }

  private static Map<String, String> outOf(Client container, Client copying, String name)
      throws IOException {
    Path folder = Files.createTempDirectory("gantry-copies");
    container.run(List.of("run", "-d", "--name", name, "box:1")).succeeded();
    try {
      sh(CopyRulesIT::here, TREES, folder, rows().size());
      container
          .run(List.of("exec", name, "sh", "-c", "mkdir /w;" + TREES, "sh", "/w", "0"))
          .succeeded();
      List<Boolean> worked = new ArrayList<>();
      for (Row row : rows()) {
        List<String> words = new ArrayList<>(List.of("cp"));
        words.addAll(row.flags());
        words.add(name + ":/w/s/" + row.path());
        words.add(folder + "/t/" + worked.size() + "/" + row.target());
        worked.add(said(copying.run(words)));
      }
      return results(worked, sh(CopyRulesIT::here, LISTING, folder));
    } finally {
      Command.of("rm", "-rf", folder.toString()).run();
      container.run(List.of("rm", "-f", name));
    }
  }

  /// Whether it worked; a failure is said in a line.
  private static boolean said(Outcome outcome) {
    assertTrue(outcome.code() == 0 || !outcome.err().isBlank(), outcome.toString());
    return outcome.code() == 0;
  }

  private static void assertSame(Map<String, String> real, Map<String, String> ours, String by) {
    List<String> faults = new ArrayList<>();
    real.forEach(
        (row, expected) -> {
          if (!expected.equals(ours.get(row)) && faults.size() < MAX_SHOWN) {
            faults.add(row + "\n  dockerd: " + expected + "\n  ours:    " + ours.get(row));
          }
        });
    assertEquals("", String.join("\n", faults), by);
  }

  @Test
  void everySourceOnEveryTarget() throws IOException {
    Needs.root();
    Needs.peers();
    String docker = Needs.dockerClient().toString();
    try (Engine engine = Engine.start();
        Dockerd dockerd = new Dockerd("copies")) {
      Client real =
          words -> {
            List<String> all = new ArrayList<>(List.of(docker, "-H", dockerd.host()));
            all.addAll(words);
            return Command.of(all);
          };
      Client ours = words -> engine.dockerCommand(words.toArray(String[]::new));
      Client gantry = words -> engine.gantryCommand(words.toArray(String[]::new));
      start(real);
      start(ours);
      Map<String, String> into = into(real, real, "copies");
      assertSame(into, into(ours, ours, "copies"), "into a container by docker");
      assertSame(into, into(ours, gantry, "copies"), "into a container by gantry");
      Map<String, String> outOf = outOf(real, real, "copies");
      assertSame(outOf, outOf(ours, ours, "copies"), "out of a container by docker");
      assertSame(outOf, outOf(ours, gantry, "copies"), "out of a container by gantry");
    }
  }
}
