package dev.gantry.conformance.rows;

import dev.gantry.json.Json;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;

/// A plain archive of small files (POSIX.1-1988 ustar).
final class Tar {
  private static final int BLOCK = 512;

  private Tar() {}

  static byte[] of(Map<String, Json> files) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    files.forEach(
        (name, text) -> {
          byte[] content = ((Json.JsonString) text).value().getBytes(StandardCharsets.UTF_8);
          byte[] head = new byte[BLOCK];
          put(head, 0, name);
          put(head, 100, "0000644");
          put(head, 108, "0000000");
          put(head, 116, "0000000");
          put(head, 124, String.format(Locale.ROOT, "%011o", content.length));
          put(head, 136, "00000000000");
          put(head, 148, "        ");
          head[156] = '0';
          put(head, 257, "ustar\00000");
          int sum = 0;
          for (byte b : head) {
            sum += b & 0xff;
          }
          put(head, 148, String.format(Locale.ROOT, "%06o\0", sum));
          out.writeBytes(head);
          out.writeBytes(Arrays.copyOf(content, (content.length + BLOCK - 1) / BLOCK * BLOCK));
        });
    out.writeBytes(new byte[2 * BLOCK]);
    return out.toByteArray();
  }

  private static void put(byte[] head, int at, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(bytes, 0, head, at, bytes.length);
  }
}
