package dev.gantry.buildkit;

import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Blots secrets out of what a build's programs have printed, before it is kept. What a program
/// makes of a secret (its base64, a part of it) is not recognised.
final class SecretMask {
  /// What is shorter stands in many texts by chance.
  private static final int SHORTEST = 4;

  /// Of a secret of several lines, each that is as long as this is one by itself.
  private static final int LINE = 12;

  private final List<byte[]> secrets = new ArrayList<>();

  SecretMask(Collection<byte[]> values) {
    for (byte[] value : values) {
      String text = new String(value, StandardCharsets.ISO_8859_1).strip();
      if (text.length() >= SHORTEST) {
        secrets.add(text.getBytes(StandardCharsets.ISO_8859_1));
        text.lines()
            .map(String::strip)
            .filter(line -> line.length() >= LINE)
            .forEach(line -> secrets.add(line.getBytes(StandardCharsets.ISO_8859_1)));
      }
    }
  }

  /// A piece of output: which message it came in, and its bytes.
  private record Piece(int message, byte[] bytes) {}

  /// The same statuses (`StatusResponse`) without secrets in their logs, in which each byte of one
  /// has become a `*`; also where a secret came in several pieces.
  List<byte[]> without(List<byte[]> statuses) throws GrpcException {
    if (secrets.isEmpty()) {
      return statuses;
    }
    Map<String, List<Piece>> streams = new LinkedHashMap<>();
    List<byte[]> all = new ArrayList<>(statuses);
    for (int i = 0; i < all.size(); i++) {
      Message status = Message.decode(all.get(i)); // an empty one is output that is gone
      if (status.has(3)) {
        Message log = status.message(3).orElseThrow();
        streams
            .computeIfAbsent(log.text(1) + " " + log.number(3), s -> new ArrayList<>())
            .add(new Piece(i, log.bytes(4)));
      }
    }
    for (List<Piece> pieces : streams.values()) {
      ByteArrayOutputStream whole = new ByteArrayOutputStream();
      pieces.forEach(p -> whole.writeBytes(p.bytes()));
      byte[] text = whole.toByteArray();
      if (blot(text)) {
        int at = 0;
        for (Piece piece : pieces) {
          int end = at + piece.bytes().length;
          all.set(
              piece.message(), with(all.get(piece.message()), Arrays.copyOfRange(text, at, end)));
          at = end;
        }
      }
    }
    return all;
  }

  private boolean blot(byte[] text) {
    boolean found = false;
    for (byte[] secret : secrets) {
      for (int at = 0; at + secret.length <= text.length; at++) {
        if (text[at] == secret[0]
            && Arrays.equals(text, at, at + secret.length, secret, 0, secret.length)) {
          Arrays.fill(text, at, at + secret.length, (byte) '*');
          found = true;
        }
      }
    }
    return found;
  }

  private static byte[] with(byte[] status, byte[] text) throws GrpcException {
    Message log = Message.decode(status).message(3).orElseThrow();
    Message blotted =
        new Message()
            .text(1, log.text(1))
            .message(2, log.message(2).orElseGet(Message::new))
            .number(3, log.number(3))
            .bytes(4, text);
    return new Message().message(3, blotted).encode();
  }
}
