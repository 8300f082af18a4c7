package dev.gantry.buildkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.oci.Digest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HistoryStoreTest {
  private static final HistoryStore.Limits FEW =
      new HistoryStore.Limits(4, 1 << 20, Duration.ofDays(30));
  private static final byte[] LOGS = "what it said".getBytes(StandardCharsets.UTF_8);
  private static final String DIGEST = Digest.of(LOGS).toString();

  @TempDir Path folder;

  private HistoryStore store() throws IOException {
    return new HistoryStore(folder, FEW);
  }

  private static Message record(String ref, Instant completed) {
    return new Message().text(1, ref).time(6, completed.minusSeconds(2)).time(7, completed);
  }

  private static void put(HistoryStore store, String ref, Instant completed) throws IOException {
    store.put(record(ref, completed), Map.of(DIGEST, LOGS));
  }

  private static List<String> refs(HistoryStore store) {
    return store.list().stream().map(HistoryStore.Kept::ref).toList();
  }

  @Test
  void buildsOutliveTheEngine() throws Exception {
    Instant now = Instant.now();
    HistoryStore first = store();
    put(first, "two", now);
    put(first, "one", now.minusSeconds(60));
    HistoryStore again = store();
    assertEquals(List.of("one", "two"), refs(again));
    assertEquals(now, again.find("two").orElseThrow().completed());
    assertArrayEquals(LOGS, again.content(DIGEST));
    assertEquals(LOGS.length, again.size(DIGEST).orElseThrow());
  }

  @Test
  void whatIsNotWholeIsRemoved() throws Exception {
    HistoryStore first = store();
    put(first, "whole", Instant.now());
    put(first, "cut", Instant.now());
    Path cut = first.find("cut").orElseThrow().file();
    byte[] bytes = Files.readAllBytes(cut);
    Files.write(cut, java.util.Arrays.copyOf(bytes, bytes.length - 1));
    Files.write(folder.resolve("empty.build"), new byte[0]);
    Files.writeString(folder.resolve("half.build.new"), "GBR1");
    byte[] damaged = Files.readAllBytes(first.find("whole").orElseThrow().file());
    damaged[14] ^= 1; // in the head, whose sum tells
    Files.write(folder.resolve("damaged.build"), damaged);
    assertEquals(List.of("whole"), refs(store()));
    try (var left = Files.list(folder)) {
      assertEquals(1, left.count());
    }
  }

  @Test
  void theOldestGoWhenThereAreTooMany() throws Exception {
    HistoryStore store = store();
    Instant now = Instant.now();
    put(store, "0", now.minusSeconds(100));
    store.pin("0", true);
    for (int i = 1; i < 7; i++) {
      put(store, Integer.toString(i), now.minusSeconds(50 - i));
    }
    assertEquals(List.of("0", "4", "5", "6"), refs(store));
    assertEquals(List.of("0", "4", "5", "6"), refs(store()));
  }

  @Test
  void whatIsTooOldOrTooLargeGoes() throws Exception {
    HistoryStore store = store();
    put(store, "old", Instant.now().minus(Duration.ofDays(31)));
    put(store, "new", Instant.now());
    assertEquals(List.of("new"), refs(store));
    byte[] large = new byte[2 << 20];
    new java.util.Random(1).nextBytes(large); // does not become smaller
    store.put(record("large", Instant.now()), Map.of(Digest.of(large).toString(), large));
    assertEquals(List.of("large"), refs(store)); // the last one stays in any case
  }

  @Test
  void pinnedBuildsStayAndAreFew() throws Exception {
    HistoryStore store = store();
    for (String ref : List.of("a", "b", "c")) {
      put(store, ref, Instant.now());
    }
    store.pin("a", true);
    store.pin("b", true);
    assertThrows(GrpcException.class, () -> store.pin("c", true));
    HistoryStore again = store();
    assertTrue(again.find("a").orElseThrow().record().flag(14));
    assertArrayEquals(LOGS, again.content(DIGEST));
    again.pin("a", false);
    assertFalse(store().find("a").orElseThrow().record().flag(14));
    assertThrows(GrpcException.class, () -> again.pin("nobody", true));
  }

  @Test
  void removedBuildsAreGone() throws Exception {
    HistoryStore store = store();
    put(store, "../gone", Instant.now()); // a client chooses it
    assertTrue(store.remove("../gone"));
    assertFalse(store.remove("../gone"));
    assertThrows(GrpcException.class, () -> store.content(DIGEST));
    assertEquals(List.of(), refs(store()));
  }

  private static byte[] output(String vertex, int stream, String text) {
    Message log =
        new Message()
            .text(1, vertex)
            .time(2, Instant.EPOCH)
            .number(3, stream)
            .bytes(4, text.getBytes(StandardCharsets.UTF_8));
    return new Message().message(3, log).encode();
  }

  private static String text(byte[] status) throws GrpcException {
    return Message.decode(status).message(3).orElseThrow().text(4);
  }

  @Test
  void secretsAreBlottedAlsoWhereTheyComeInPieces() throws Exception {
    byte[] vertex = new Message().message(1, new Message().text(3, "RUN x")).encode();
    List<byte[]> said =
        List.of(
            vertex,
            output("a", 1, "before hun"),
            output("b", 1, "not ter2 here"),
            output("a", 1, "ter2\nafter"),
            output("a", 2, "a-line-of-a-key"),
            new byte[0]);
    SecretMask mask =
        new SecretMask(
            List.of(
                "hunter2\n".getBytes(StandardCharsets.UTF_8),
                "first-line-of-it\na-line-of-a-key\n".getBytes(StandardCharsets.UTF_8),
                "x".getBytes(StandardCharsets.UTF_8)));
    List<byte[]> kept = mask.without(said);
    assertArrayEquals(vertex, kept.get(0));
    assertEquals("before ***", text(kept.get(1)));
    assertEquals("not ter2 here", text(kept.get(2)));
    assertEquals("****\nafter", text(kept.get(3)));
    assertEquals("*".repeat(15), text(kept.get(4)));
  }

  @Test
  void filtersChoose() throws Exception {
    Instant now = Instant.now();
    Message good = record("good", now);
    Message bad =
        record("bad", now.minus(Duration.ofHours(3)))
            .message(5, new Message().number(1, 2).text(2, "process failed"));
    Message running =
        new Message()
            .text(1, "running")
            .time(6, now)
            .map(3, Map.of("context", "https://example.com/x.git"));
    for (String[] row :
        new String[][] {
          {"status==error", "bad"},
          {"status!=error", "good running"},
          {"ref==good", "good"},
          {"duration>1s", "good bad"},
          {"duration>1s,status==error", "bad"},
          {"startedAt<1h", "bad"},
          {"startedAt>2000-01-01T00:00:00Z", "good bad running"},
          {"completedAt>1h", "good"},
          {"repository~=example", "running"}
        }) {
      HistoryFilter filter = new HistoryFilter(List.of(row[0]));
      StringBuilder found = new StringBuilder();
      for (Message record : List.of(good, bad, running)) {
        found.append(filter.wants(record) ? " " + record.text(1) : "");
      }
      assertEquals(row[1], found.toString().strip(), row[0]);
    }
    for (String wrong : List.of("status>error", "color==red", "duration>long", "startedAt<never")) {
      assertThrows(GrpcException.class, () -> new HistoryFilter(List.of(wrong)), wrong);
    }
  }
}
