package dev.gantry.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/// One table of commands, run by the real Docker CLI on a real dockerd and on our engine.
class DockerdBesideIT {
  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|(\\S+)");

  /// @param reason why it differs; empty if it must not
  private record Row(List<String> words, String reason) {}

  @Test
  void bothEnginesAnswerTheRealClientAlike() {
    Needs.root();
    Needs.peers();
    String client = Needs.dockerClient().toString();
    try (Engine ours = Engine.start();
        Dockerd dockerd = new Dockerd("beside")) {
      compare(client, dockerd.host(), "unix://" + ours.socket());
    }
  }

  private static void compare(String client, String dockerd, String ours) {
    byte[] root = Busybox.tar();
    for (String host : List.of(dockerd, ours)) {
      Command.of(client, "-H", host, "import", "-c", "CMD [\"sh\"]", "-", "box:1")
          .input(root)
          .run()
          .succeeded();
    }
    List<String> faults = new ArrayList<>();
    for (Row row : rows()) {
      String one = said(client, dockerd, row.words());
      String other = said(client, ours, row.words());
      if (one.equals(other) != row.reason().isEmpty()) {
        faults.add(
            String.join(" ", row.words())
                + (one.equals(other)
                    ? "\n  no longer differs: " + row.reason()
                    : "\n  dockerd: " + one + "\n  ours:    " + other));
      }
    }
    assertEquals("", String.join("\n", faults));
  }

  private static String said(String client, String host, List<String> words) {
    List<String> all = new ArrayList<>(List.of(client, "-H", host));
    all.addAll(words);
    Outcome outcome = Command.of(all).within(LIMIT).run();
    return outcome.code() + " " + plain(outcome.out()) + " | " + plain(outcome.err());
  }

  /// Without what differs by nature.
  private static String plain(String text) {
    return text.replaceAll("\\b[0-9a-f]{64}\\b", "<id>")
        .replaceAll("\\b[0-9a-f]{12}\\b", "<short>")
        .replaceAll("\\b\\d+(\\.\\d+)?\\s?[kMG]?i?B\\b", "<size>")
        .replaceAll("\\d{4}-\\d\\d-\\d\\dT[0-9:.]+Z", "<time>")
        .replaceAll("\\b(Up|Exited \\(\\d+\\)) [\\w ]+?(ago)?\\b", "$1")
        .replaceAll("\\b\\d{1,3}(\\.\\d{1,3}){3}\\b", "<address>")
        .strip()
        .replace("\n", "\\n");
  }

  private static List<Row> rows() {
    List<Row> rows = new ArrayList<>();
    String reason = "";
    for (String line : FuzzIT.resource("/beside/commands.txt").lines().toList()) {
      if (line.startsWith("~ ")) {
        reason = line.substring(2);
      } else if (!line.isBlank() && !line.startsWith("#")) {
        List<String> words = new ArrayList<>();
        Matcher m = WORD.matcher(line);
        while (m.find()) {
          String word = m.group(1) == null ? m.group(2) : m.group(1);
          words.add(word.equals("IMAGE") ? "box:1" : word);
        }
        rows.add(new Row(words, reason));
        reason = "";
      }
    }
    return rows;
  }
}
