package dev.gantry.dockerfile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.dockerfile.ContextEntry.Listed;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ContextEntryTest {
  private static final ContextEntry FILE =
      new ContextEntry("src/main/ü.txt", 0100644, 12, 1_700_000_000_123_456_789L, 5, 77, "");
  private static final ContextEntry LINK =
      new ContextEntry("link", 0120777, 0, 1, 2, 3, "src/main");

  private static byte[] written(List<Listed> all) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ContextEntry.write(new DataOutputStream(bytes), all);
    return bytes.toByteArray();
  }

  private static List<Listed> read(byte[] bytes) throws IOException {
    return ContextEntry.read(new DataInputStream(new ByteArrayInputStream(bytes)));
  }

  @Test
  void readsWhatItWrites() throws IOException {
    List<Listed> all = List.of(new Listed(FILE, true), new Listed(LINK, false));
    assertEquals(all, read(written(all)));
    assertEquals(List.of(), read(written(List.of())));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/", "a\0b"})
  void refusesPathsThatLeadElsewhere(String path) throws IOException {
    byte[] bytes =
        written(List.of(new Listed(new ContextEntry(path, 0100644, 0, 0, 0, 0, ""), true)));
    assertThrows(IOException.class, () -> read(bytes));
  }

  @ParameterizedTest
  @ValueSource(strings = {".a", "a.", "..a", "a..", "a/.b/c", "...", "a/..."})
  void takesDotsInNames(String path) throws IOException {
    List<Listed> all = List.of(new Listed(new ContextEntry(path, 0100644, 0, 0, 0, 0, ""), true));
    assertEquals(all, read(written(all)));
  }

  @Test
  void boundsWhatNamesTake() throws IOException {
    List<Listed> all = new ArrayList<>();
    for (int i = 0; i < 17_000; i++) {
      String path = i + "/" + "x".repeat(4000);
      all.add(new Listed(new ContextEntry(path, 0100644, 0, 0, 0, 0, ""), false));
    }
    byte[] bytes = written(all);
    IOException e = assertThrows(IOException.class, () -> read(bytes));
    assertTrue(e.getMessage().contains("64 MiB"), e::getMessage);
  }

  @Test
  void refusesWhatIsNoList() throws IOException {
    assertThrows(IOException.class, () -> read(new byte[] {7}));
    byte[] cut = written(List.of(new Listed(FILE, true)));
    assertThrows(IOException.class, () -> read(java.util.Arrays.copyOf(cut, cut.length - 3)));
    ContextEntry device = new ContextEntry("dev", 0060644, 0, 0, 0, 0, "");
    byte[] bytes = written(List.of(new Listed(device, false)));
    assertThrows(IOException.class, () -> read(bytes));
  }
}
